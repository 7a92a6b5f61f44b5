"""Conversions, against each source's objective as it is written, on a Caffe-like VGG.

The network is one of ReLUs without biases, so that its features of pixels in 0..255 are
exactly ``1 / FEATURES`` times ours of the same picture.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vidstyle.config import LayerWeight, StyleConfig, equal_layers
from vidstyle.networks.published import published_weights
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.presets.sources import (
    GATYS_LAYERS,
    KERAS_LAYERS,
    gatys_ratio,
    keras_sums,
    neural_style_sums,
)
from vidstyle.presets.units import (
    CHANNELS,
    FEATURES,
    NETWORK_STD,
    Weights,
    block,
    converted,
    positions,
)
from vidstyle.style.objective import Objective
from vidstyle.style.targets import content_target, style_target

HEIGHT, WIDTH = 32, 48
LAYERS = {*GATYS_LAYERS, *KERAS_LAYERS, "relu4_2"}


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    topology = replace(published_weights("vgg16").topology, std=(NETWORK_STD,) * 3)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in topology.weight_shapes.items():
        weights[name] = torch.zeros(shape)
        if len(shape) > 1:
            scale = (2 / (9 * shape[1])) ** 0.5
            weights[name].normal_(0, scale, generator=generator)
    return FeatureNetwork(topology, weights)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """The picture, its content, its painting, and the warped picture before it."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(4, 3, HEIGHT, WIDTH, generator=generator)


def our_terms(
    network: FeatureNetwork, pictures: Tensor, weights: Weights, content: str
) -> dict[str, float]:
    """Evaluate our objective with the weights of a preset."""
    config = StyleConfig(
        loss_scale="gatys",
        content_layers=equal_layers(content),
        content_weight=weights.content,
        style_layers=weights.layers,
        tv_weight=weights.tv,
    )
    image, before, painting, warped = (each.unsqueeze(0) for each in pictures)
    objective = Objective(
        network,
        style_target(network, painting, config),
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


def caffe(network: FeatureNetwork, picture: Tensor) -> dict[str, Tensor]:
    """Compute Caffe's features, layer -> (C, M)."""
    features = network(picture.unsqueeze(0), LAYERS)
    return {layer: maps[0].flatten(1) / FEATURES for layer, maps in features.items()}


def squares(values: Tensor) -> float:
    return float(values.double().square().sum())


def test_features_of_0_to_255_are_so_many_times_ours(network: FeatureNetwork) -> None:
    generator = torch.Generator().manual_seed(2)
    raw = (torch.rand(1, 3, 16, 16, generator=generator) - network.mean) * 255
    convolved = torch.conv2d(raw, network.get_parameter("conv1_1_weight"), padding=1)
    image = raw / 255 + network.mean
    ours = network(image, ["relu1_1"])["relu1_1"]
    # Features of about 100, rounded to seven digits.
    torch.testing.assert_close(ours / FEATURES, convolved.relu(), rtol=1e-5, atol=1e-3)


def test_gatys_equations_need_the_scale_of_the_features_only(
    network: FeatureNetwork, pictures: Tensor
) -> None:
    ratio = 1e-3
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    content = ratio / 2 * squares(f["relu4_2"] - p["relu4_2"])
    style = 0.0
    for layer in GATYS_LAYERS:
        channels, size = f[layer].shape
        error = squares(f[layer] @ f[layer].T - a[layer] @ a[layer].T)
        style += error / 5 / (4 * channels**2 * size**2)
    weights = Weights(
        content=gatys_ratio(ratio),
        layers=equal_layers(*GATYS_LAYERS),
        tv=0,
        temporal=0,
    )
    ours = our_terms(network, pictures, weights, "relu4_2")
    assert ours["content"] / ours["style"] == pytest.approx(content / style, rel=1e-4)


def test_neural_style_means_become_sums(
    network: FeatureNetwork, pictures: Tensor
) -> None:
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    levels = 255 * pictures
    content = 5 * squares(f["relu4_2"] - p["relu4_2"]) / f["relu4_2"].numel()
    style = 0.0
    for layer in GATYS_LAYERS:
        grams = [each[layer] @ each[layer].T / each[layer].numel() for each in (f, a)]
        style += 100 * squares(grams[0] - grams[1]) / grams[0].numel()
    across = squares(levels[0].diff(dim=2))
    down = squares(levels[0].diff(dim=1))
    temporal = 1e3 * squares(levels[0] - levels[3]) / levels[0].numel()
    sums = neural_style_sums(
        content=5, style=100, tv=1e-3, temporal=1e3, height=HEIGHT, width=WIDTH
    )
    ours = our_terms(
        network, pictures, converted(sums, height=HEIGHT, width=WIDTH), "relu4_2"
    )
    unit = ours["style"] / style
    assert ours["content"] == pytest.approx(unit * content, rel=1e-4)
    assert ours["temporal"] == pytest.approx(unit * temporal, rel=1e-4)
    # We average over pairs of neighbours, of which a line has one less than pixels.
    tv = 1e-3 / 2 * (across * WIDTH / (WIDTH - 1) + down * HEIGHT / (HEIGHT - 1))
    assert ours["tv"] == pytest.approx(unit * tv, rel=1e-4)


def test_keras_sums_become_gatys_sums(
    network: FeatureNetwork, pictures: Tensor
) -> None:
    # Stripes with steps of ten levels, where its total variation is matched.
    stripes = torch.arange(WIDTH).remainder(2) * 10 / 255 + 0.4
    pictures = pictures.clone()
    pictures[0] = stripes
    f, p, a, _ = (caffe(network, picture) for picture in pictures)
    content = 0.025 * squares(f["relu2_2"] - p["relu2_2"])
    style = 0.0
    for layer in KERAS_LAYERS:
        error = squares(f[layer] @ f[layer].T - a[layer] @ a[layer].T)
        style += 5 / 5 * error / (4 * 3**2 * (HEIGHT * WIDTH) ** 2)
    steps = (255 * pictures[0]).diff(dim=2)
    tv = float(steps.square().pow(1.25).sum()) * WIDTH / (WIDTH - 1)
    weights = converted(
        keras_sums(content=0.025, style=5, tv=1), height=HEIGHT, width=WIDTH
    )
    ours = our_terms(network, pictures, weights, "relu2_2")
    unit = ours["style"] / style
    assert ours["content"] == pytest.approx(unit * content, rel=1e-4)
    assert ours["tv"] == pytest.approx(unit * tv, rel=1e-3)


def test_shapes_are_those_of_the_network(network: FeatureNetwork) -> None:
    features = network(torch.rand(1, 3, 35, 50), LAYERS)
    for layer, maps in features.items():
        assert maps.shape[1] == CHANNELS[block(layer)]
        size = maps.shape[2] * maps.shape[3]
        assert positions(layer, height=35, width=50) == size


def test_shares_are_told_by_the_least_of_them() -> None:
    sums = neural_style_sums(
        content=5, style=100, tv=0, temporal=0, height=350, width=450
    )
    shares = zip(GATYS_LAYERS, (64, 16, 4, 1, 1), strict=True)
    expected = tuple(LayerWeight(layer, share) for layer, share in shares)
    assert converted(sums, height=350, width=450).layers == expected
