"""Sums and conversions, against each source's objective as it is written."""

import pytest
import torch
from conversions import (
    CAFFE_ENERGIES,
    NETWORK_STD,
    PIXELS,
    Energies,
    Sums,
    channels,
    converted,
    positions,
)
from loss_conventions import (
    GATYS_LAYERS,
    KERAS_LAYERS,
    gatys_sums,
    keras_sums,
    neural_style_sums,
)
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import content_target, style_target

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 32, 48
LAYERS = {*GATYS_LAYERS, *KERAS_LAYERS, "relu4_2"}
Features = dict[str, Tensor]


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """The picture, its content, its painting, and the warped picture before it."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(4, 3, HEIGHT, WIDTH, generator=generator)


def our_terms(
    network: FeatureNetwork, pictures: Tensor, sums: Sums
) -> dict[str, float]:
    """Evaluate our objective with the weights of a preset."""
    _, content, painting, _ = (caffe(network, picture) for picture in pictures)
    energies = Energies(
        feature={layer: mean_square(maps) for layer, maps in content.items()},
        gram={layer: mean_square(gram(maps)) for layer, maps in painting.items()},
    )
    weights = converted(sums, height=HEIGHT, width=WIDTH, energies=energies)
    config = StyleConfig(
        content_layers=parse_layers(",".join(sums.content)),
        content_weight=weights.content,
        style_layers=weights.layers,
        tv_weight=weights.tv,
        tv_beta=weights.tv_beta,
    )
    image, before, style, warped = (each.unsqueeze(0) for each in pictures)
    objective = Objective(
        network,
        style_target(network, style, config),
        config,
        temporal_weight=weights.temporal,
    )
    objective.allocate(image)
    objective.set_slot(
        0,
        content_target(network, before, config),
        warped=warped,
        consistency=torch.ones_like(warped[:, :1]),
    )
    return {name: float(term) for name, term in objective.evaluate(image).terms.items()}


def caffe(network: FeatureNetwork, picture: Tensor) -> Features:
    """Compute Caffe's features, layer -> (C, M)."""
    features = network(picture.unsqueeze(0), LAYERS)
    scale = PIXELS * NETWORK_STD
    return {layer: maps[0].flatten(1) * scale for layer, maps in features.items()}


def gram(maps: Tensor) -> Tensor:
    return maps @ maps.T / maps.shape[1]


def squares(values: Tensor) -> float:
    return float(values.double().square().sum())


def mean_square(values: Tensor) -> float:
    return squares(values) / values.numel()


def test_features_of_0_to_255_are_so_many_times_ours(network: FeatureNetwork) -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, 3, 16, 16, generator=generator)
    raw = 255 * (image - network.mean)
    convolved = torch.conv2d(raw, network.get_parameter("conv1_1_weight"), padding=1)
    ours = caffe(network, image[0])["relu1_1"].view_as(convolved)
    # Features of about 100, rounded to seven digits.
    torch.testing.assert_close(ours, convolved.relu(), rtol=1e-5, atol=1e-3)


def test_gatys_equations(network: FeatureNetwork, pictures: Tensor) -> None:
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    content = 1e-3 / 2 * squares(f["relu4_2"] - p["relu4_2"])
    style = 0.0
    for layer in GATYS_LAYERS:
        count, size = f[layer].shape
        error = squares(f[layer] @ f[layer].T - a[layer] @ a[layer].T)
        style += error / 5 / (4 * count**2 * size**2)
    ours = our_terms(network, pictures, gatys_sums(content=1e-3, style=1))
    assert ours["content"] / ours["style"] == pytest.approx(content / style, rel=0.01)


def test_neural_style_means(network: FeatureNetwork, pictures: Tensor) -> None:
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    levels = 255 * pictures
    content = 5 * mean_square(f["relu4_2"] - p["relu4_2"])
    style = 0.0
    for layer in GATYS_LAYERS:
        grams = [each[layer] @ each[layer].T / each[layer].numel() for each in (f, a)]
        style += 100 * mean_square(grams[0] - grams[1])
    temporal = 1e3 * mean_square(levels[0] - levels[3])
    across, down = squares(levels[0].diff(dim=2)), squares(levels[0].diff(dim=1))
    sums = neural_style_sums(
        content=5, style=100, tv=1e-3, temporal=1e3, height=HEIGHT, width=WIDTH
    )
    ours = our_terms(network, pictures, sums)
    unit = ours["style"] / style
    assert ours["content"] == pytest.approx(unit * content, rel=0.01)
    assert ours["temporal"] == pytest.approx(unit * temporal, rel=0.01)
    assert ours["tv"] == pytest.approx(unit * 1e-3 / 2 * (across + down), rel=0.01)


def test_keras_sums(network: FeatureNetwork, pictures: Tensor) -> None:
    # Gray, for its total variation is of each color by itself, and ours of all three.
    pictures = pictures.clone()
    pictures[0] = pictures[0].mean(dim=0)
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    content = 0.025 * squares(f["relu2_2"] - p["relu2_2"])
    style = 0.0
    for layer in KERAS_LAYERS:
        error = squares(f[layer] @ f[layer].T - a[layer] @ a[layer].T)
        style += 5 / 5 * error / (4 * 3**2 * (HEIGHT * WIDTH) ** 2)
    levels = 255 * pictures[0]
    steps = levels[:, :-1].diff(dim=2).square() + levels[..., :-1].diff(dim=1).square()
    tv = float(steps.pow(1.25).sum())
    ours = our_terms(network, pictures, keras_sums(content=0.025, style=5, tv=1))
    unit = ours["style"] / style
    assert ours["content"] == pytest.approx(unit * content, rel=0.01)
    # It leaves the last row and column out; ours counts them along the border.
    border = levels[:, -1].diff(dim=-1).abs().pow(2.5).sum()
    border += levels[..., -1].diff(dim=-1).abs().pow(2.5).sum()
    assert ours["tv"] == pytest.approx(unit * (tv + float(border)), rel=0.01)


def test_a_blank_loses_what_neural_style_prints_first() -> None:
    sums = neural_style_sums(
        content=5, style=100, tv=0, temporal=0, height=350, width=450
    )
    size = channels("relu4_2") * positions("relu4_2", height=350, width=450)
    blank = sums.content["relu4_2"] * size * CAFFE_ENERGIES.feature["relu4_2"]
    assert blank == pytest.approx(2.091e6)
    entries = channels("relu4_1") ** 2
    blank = sums.style["relu4_1"] * entries * CAFFE_ENERGIES.gram["relu4_1"]
    assert blank == pytest.approx(1.240e7)
