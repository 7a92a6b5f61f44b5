"""Our VGG with real weights against activations that another program computed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.networks import load_network
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import packaged_vgg19

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the reference weights are not on this machine"
)

BGR_MEAN = (103.939, 116.779, 123.68)


class MirroredNetwork(FeatureNetwork):
    """Pads by reflection, as the normalized VGG-19 does."""

    def _convolve(self, signal: Tensor, layer: str) -> Tensor:
        mirrored = F.pad(signal, (1, 1, 1, 1), mode="reflect")
        return super()._convolve(mirrored, layer)[..., 1:-1, 1:-1]


def arrays(name: str) -> dict[str, Tensor]:
    with np.load(REFERENCE / name, allow_pickle=False) as file:
        return {
            key: torch.from_numpy(np.asarray(values, np.float32))
            for key, values in file.items()
        }


def caffe(blocks: tuple[tuple[int, ...], ...]) -> Topology:
    """Take RGB in [0, 1] for weights that were made for BGR in [0, 255]."""
    red_first = BGR_MEAN[::-1]
    return Topology(
        name="caffe",
        blocks=blocks,
        mean=tuple(value / 255 for value in red_first),
        std=(1 / 255, 1 / 255, 1 / 255),
    )


def check(network: FeatureNetwork, prefix: str) -> None:
    expected = arrays("reference_activations_tubingen_128x96.npz")
    photograph = expected["input_rgb_uint8"].permute(2, 0, 1).unsqueeze(0) / 255
    features = network(photograph, network.layers)
    for layer in network.layers:
        maps, known = features[layer][0], expected[f"{prefix}_{layer}"]
        # Most are stored in half precision: 11 bits, and float32 sums before that.
        torch.testing.assert_close(
            maps, known, rtol=1e-3, atol=1e-3 * float(known.mean())
        )
        flat = maps.flatten(1)  # (C, h*w)
        torch.testing.assert_close(
            flat @ flat.T / flat.numel(),
            expected[f"{prefix}_gram_over_chw_{layer}"],
            rtol=1e-5,
            atol=1e-5 * float(flat.square().mean()),
        )


def test_vgg16_reproduces_the_real_activations() -> None:
    weights = arrays("vgg16_imagenet_bgr_conv1_1-conv2_2.npz")
    weights["conv1_1_weight"] = weights["conv1_1_weight"].flip(1)
    topology = caffe(((64, 64), (128, 128)))
    check(FeatureNetwork(topology, weights, pooling="max"), "vgg16")


def test_vgg19_reproduces_the_real_activations() -> None:
    weights = arrays("vgg19_normalised_conv1_1-conv3_1.npz")
    # conv0 takes RGB to BGR minus the mean; Topology.mean and .std do that instead.
    assert torch.allclose(
        weights["conv0_1x1_weight"][..., 0, 0], 255 * torch.eye(3).flip(0)
    )
    assert torch.allclose(weights["conv0_1x1_bias"], -torch.tensor(BGR_MEAN))
    weights["conv1_1_weight"] = weights["conv1_1_weight"].flip(1)
    topology = caffe(((64, 64), (128, 128), (256,)))
    check(MirroredNetwork(topology, weights, pooling="max"), "vgg19n")


def test_the_packaged_vgg19_is_the_real_one_but_for_its_8_bits() -> None:
    path = packaged_vgg19()
    assert path is not None
    network = load_network(
        "vgg19", device=torch.device("cpu"), pooling="max", weights=path
    )
    weights = arrays("vgg19_normalised_conv1_1-conv3_1.npz")
    weights["conv1_1_weight"] = weights["conv1_1_weight"].flip(1)
    real = FeatureNetwork(caffe(((64, 64), (128, 128), (256,))), weights, pooling="max")
    photograph = arrays("reference_activations_tubingen_128x96.npz")["input_rgb_uint8"]
    photograph = photograph.permute(2, 0, 1).unsqueeze(0) / 255
    ours, theirs = (one(photograph, real.layers) for one in (network, real))
    for layer in real.layers:  # each channel of theirs is rescaled by a factor
        a, b = ours[layer][0].flatten(1), theirs[layer][0].flatten(1)
        factors = (a * b).sum(1) / b.square().sum(1).clamp(min=1e-9)
        error = (a - factors[:, None] * b).square().sum() / a.square().sum()
        assert error < 1e-3
