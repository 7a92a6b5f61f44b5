from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from vidstyle import networks as module
from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks import slim


def test_slim_has_vgg16s_layers_up_to_relu5_1() -> None:
    assert slim().layers == (
        *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2"),
        *("relu3_3", "relu4_1", "relu4_2", "relu4_3", "relu5_1"),
    )


def test_slim_is_the_file_in_the_package_step_by_step() -> None:
    network = slim()
    images = torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(0))
    features = network(images, network.layers)
    signal = (images - 0.45) / 0.26
    with np.load(str(files("vidstyle.networks") / "slim.npz")) as arrays:
        for layer in network.layers:
            name = layer.replace("relu", "conv")
            if layer in {"relu2_1", "relu3_1", "relu4_1", "relu5_1"}:
                signal = F.avg_pool2d(signal, 2)
            weight, bias = (
                torch.from_numpy(arrays[f"{name}_{part}"]).float()
                for part in ("weight", "bias")
            )
            signal = F.pad(signal, (1, 1, 1, 1), mode="replicate")
            signal = F.conv2d(signal, weight, bias).relu()
            matrix = torch.from_numpy(arrays[f"{layer}_map"]).float()
            mapped = torch.einsum("dc,nchw->ndhw", matrix, signal)
            torch.testing.assert_close(features[layer], mapped, rtol=1e-4, atol=1e-4)
        assert list(network.gram_energy.values()) == arrays["gram_energy"].tolist()
        assert (
            list(network.feature_energy.values()) == arrays["feature_energy"].tolist()
        )


def test_gradients_reach_the_images_and_not_the_weights() -> None:
    network = slim()
    images = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    network(images, ["relu5_1"])["relu5_1"].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in network.parameters())


def test_a_flat_picture_has_flat_features() -> None:
    # Zero padding would show the border; replicate padding has none.
    features = slim()(torch.full((1, 3, 48, 48), 0.7), ["relu4_2"])["relu4_2"]
    torch.testing.assert_close(features, features[..., :1, :1].expand_as(features))


def test_max_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="slim supports only average pooling"):
        slim(pooling="max")


@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_a_damaged_package_says_to_install_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "slim.npz").write_bytes(content)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(WeightsError, match=r"slim\.npz.*\. Reinstall vidstyle\."):
        slim()
