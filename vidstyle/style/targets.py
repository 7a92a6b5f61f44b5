"""What the pixels should become: the content's features, the style's Grams."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.style.losses import gram_matrix

FLOOR = 0.1
"""Least energy that an error is divided by, as a share of a photograph's median energy.

A relative error of a black frame or a one-colour painting would divide by nothing. The
floor is a tenth and not the whole median, so that a pale painting still counts fully.
"""


@dataclass(frozen=True, slots=True)
class StyleTarget:
    """How the painting's channels correlate; shared by every frame."""

    grams: Mapping[str, Tensor]
    """Layer -> (1, C, C)."""
    energies: Mapping[str, float]
    """Layer -> the sum of squares that an error is divided by, floored."""


@dataclass(frozen=True, slots=True)
class ContentTarget:
    """What one frame shows."""

    features: Mapping[str, Tensor]
    """Layer -> (1, C, h, w)."""
    energies: Mapping[str, float]
    """Layer -> the sum of squares that an error is divided by; one for a whole shot."""


@torch.no_grad()
def style_target(
    network: FeatureNetwork, style_image: Tensor, config: StyleConfig
) -> StyleTarget:
    """Measure a painting.

    Args:
        network: On the device of the image.
        style_image: (1, 3, H, W) in [0, 1], of any size.
        config: Its style layers are measured.
    """
    layers = [layer for layer, _ in config.style_layers]
    grams = {
        layer: gram_matrix(features)
        for layer, features in network(style_image, layers).items()
    }
    energies = {
        layer: max(
            float(gram.double().square().sum()), FLOOR * network.gram_energy[layer]
        )
        for layer, gram in grams.items()
    }
    return StyleTarget(grams, energies)


@torch.no_grad()
def content_target(
    network: FeatureNetwork,
    content_image: Tensor,
    config: StyleConfig,
    energies: Mapping[str, float] | None = None,
) -> ContentTarget:
    """Measure what one frame shows.

    Args:
        network: On the device of the image.
        content_image: (1, 3, H, W) in [0, 1].
        config: Its content layers are measured.
        energies: Those of the shot's first frame; None: this is the first. One constant
            a shot keeps a fade from changing the balance of content and style.
    """
    layers = [layer for layer, _ in config.content_layers]
    features = network(content_image, layers)
    if energies is None:
        energies = {
            layer: max(
                float(values.double().square().sum()),
                FLOOR * network.feature_energy[layer] * values.numel(),
            )
            for layer, values in features.items()
        }
    return ContentTarget(features, energies)


def shares(layers: tuple[LayerWeight, ...]) -> dict[str, float]:
    """Scale layer weights so that they sum to 1, and leave out those of weight 0."""
    total = sum(weight for _, weight in layers)
    return {layer: weight / total for layer, weight in layers if weight > 0}
