from pathlib import Path

import pytest
import torch
from torchvision.models import resnet50

from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.resnet import (
    RESNET50,
    ResNetFeatures,
    find_resnet,
    random_resnet,
    read_resnet,
)

IMAGE = natural_pictures()[:2, :, :40, :48]


@pytest.fixture(scope="module")
def plain() -> ResNetFeatures:
    return random_resnet(seed=0, smoothed=False)


@pytest.fixture(scope="module")
def smoothed(plain: ResNetFeatures) -> ResNetFeatures:
    return ResNetFeatures(plain.body, smoothed=True)


def test_layers_are_the_stem_and_the_blocks(plain: ResNetFeatures) -> None:
    layers = ["relu1_1", "relu2_3", "relu3_4", "relu4_6", "relu5_3"]
    features = plain(IMAGE, layers)
    assert [tuple(maps.shape) for maps in features.values()] == [
        *((2, 64, 20, 24), (2, 256, 10, 12), (2, 512, 5, 6)),
        *((2, 1024, 3, 3), (2, 2048, 2, 2)),
    ]
    assert len(RESNET50.layers) == 17


def test_the_deepest_layer_is_what_torchvision_pools(plain: ResNetFeatures) -> None:
    normal = (IMAGE - torch.tensor(RESNET50.mean).view(3, 1, 1)) / torch.tensor(
        RESNET50.std
    ).view(3, 1, 1)
    deep = plain(IMAGE, ["relu5_3"])["relu5_3"]
    logits = plain.body.fc(deep.mean((2, 3)))
    assert torch.allclose(logits, plain.body(normal), rtol=1e-4, atol=1e-4)


def test_activations_stay_in_bounds_without_training(plain: ResNetFeatures) -> None:
    features = plain(IMAGE, plain.layers)
    assert all(0.1 < maps.std() < 10 for maps in features.values())


def test_smoothing_keeps_the_order_and_has_a_mean_of_one(
    plain: ResNetFeatures, smoothed: ResNetFeatures
) -> None:
    before = plain(IMAGE, ["relu4_2"])["relu4_2"]
    after = smoothed(IMAGE, ["relu4_2"])["relu4_2"]
    assert torch.allclose(after.mean((1, 2, 3)), torch.ones(2), rtol=1e-4)
    ratio = after[0, 0, 0, 0] / after[0, 5, 1, 2]
    assert ratio.item() == pytest.approx(
        (before[0, 0, 0, 0] - before[0, 5, 1, 2]).exp().item(), rel=1e-3
    )


def test_no_sample_feels_another(smoothed: ResNetFeatures) -> None:
    both = smoothed(IMAGE, ["relu3_1"])["relu3_1"]
    alone = smoothed(IMAGE[:1], ["relu3_1"])["relu3_1"]
    assert torch.allclose(both[:1], alone, rtol=1e-4, atol=1e-6)


def test_gradients_reach_the_images_and_no_weight(smoothed: ResNetFeatures) -> None:
    images = IMAGE.clone().requires_grad_()
    smoothed(images, ["relu2_1"])["relu2_1"].square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in smoothed.parameters())


def test_a_seed_says_which_random_weights(plain: ResNetFeatures) -> None:
    again = random_resnet(seed=0, smoothed=False)
    assert torch.equal(again.body.conv1.weight, plain.body.conv1.weight)
    assert torch.equal(again.body.bn1.running_var, plain.body.bn1.running_var)


def test_unknown_layers_are_named(plain: ResNetFeatures) -> None:
    with pytest.raises(ConfigError, match="resnet50 has no layer relu1_2"):
        plain(IMAGE, ["relu1_2"])


def test_weights_come_from_torchvisions_file(tmp_path: Path) -> None:
    body = resnet50(weights=None)
    torch.save(body.state_dict(), tmp_path / "resnet.pth")
    network = read_resnet(tmp_path / "resnet.pth", smoothed=True)
    assert torch.equal(network.body.conv1.weight, body.conv1.weight)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"broken\.pth: they are damaged"):
        read_resnet(tmp_path / "broken.pth", smoothed=True)
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth: they are damaged, or not"):
        read_resnet(tmp_path / "other.pth", smoothed=True)
    with pytest.raises(WeightsError, match=r"gone\.pth: No such file"):
        read_resnet(tmp_path / "gone.pth", smoothed=True)


def test_what_torch_has_downloaded_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_resnet() is None
    path = tmp_path / "checkpoints" / "resnet50-0676ba61.pth"
    path.parent.mkdir()
    path.touch()
    assert find_resnet() == path
