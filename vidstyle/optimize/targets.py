"""What the pixels should become: the content's features, the style's statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.style_statistics import Gram, make_statistic
from vidstyle.optimize.tiles import View

FLOOR = 0.1
"""Least energy that an error is divided by, as a share of a photograph's median energy.

A relative error of a black frame or a one-colour painting would divide by nothing. The
floor is a tenth and not the whole median, so that a pale painting still counts fully.
"""


MOST_ATTENTION = 4.0  # that the densest detail gets, relative to the average place


@dataclass(frozen=True, slots=True)
class StyleTarget:
    """What a painting, or a mix of them, has as its style."""

    statistics: Mapping[str, Tensor]
    """Layer -> (1, ...), such as the Gram matrix (1, C, C)."""
    energies: Mapping[str, float]
    """Layer -> what an error is divided by: the sum of squares, floored, or the
    paper's constant."""


@dataclass(frozen=True, slots=True)
class ContentTarget:
    """What one frame shows."""

    features: Mapping[str, Tensor]  # layer -> (1, C, h, w)
    energies: Mapping[str, float]
    """Layer -> what an error is divided by: the sum of squares, one for a whole shot,
    or the paper's constant."""
    attention: Mapping[str, Tensor] = field(default_factory=dict)
    """Layer -> (1, 1, h, w), how much an error counts at each place, 1 on average;
    empty: the same everywhere."""


def style_target(
    network: FeatureNetwork, style_image: Tensor, config: StyleConfig
) -> StyleTarget:
    """Measure one painting (1, 3, H, W) in [0, 1], of any size."""
    measured = measure_style(network, style_image, config)
    return mix_styles(network, [measured], [1.0], config)


def measure_style(
    network: FeatureNetwork, style_image: Tensor, config: StyleConfig
) -> dict[str, Tensor]:
    """Measure the style on each layer, ready to be mixed: layer -> (1, ...)."""
    layers = [layer for layer, _ in config.style_layers]
    statistic = make_statistic(config)
    if isinstance(statistic, Gram):
        return View(network=network, layers=layers, grams=layers).look(style_image)
    seen = View(network=network, layers=layers).look(style_image)
    return {
        layer: statistic.measure(features, network.feature_energy[layer])
        for layer, features in seen.items()
    }


@torch.no_grad()
def mix_styles(
    network: FeatureNetwork,
    measured: Sequence[Mapping[str, Tensor]],
    weights: Sequence[float],
    config: StyleConfig,
) -> StyleTarget:
    """Mix paintings into one target; only the ratios of weights, 0 or more, count.

    A painting of weight 0 leaves no trace. The statistics are mixed, not the losses.
    For Gram matrices it is the same, but for a constant: ``sum w |G - A|^2 = |G - sum w
    A|^2 + const``; and a loss that can reach 0 keeps its weight against the content,
    and the rule for stopping early.
    """
    statistic = make_statistic(config)
    total = sum(weights)
    used = [
        (weight / total, one)
        for weight, one in zip(weights, measured, strict=True)
        if weight > 0
    ]
    targets = {
        layer: statistic.as_target(
            torch.stack([share * one[layer] for share, one in used]).sum(dim=0)
        )
        for layer, _ in config.style_layers
    }
    if config.loss_scale == "gatys":
        # Eq. 4 divides sums over M = h*w positions by 4 C^2 M^2; our Gram matrices are
        # already divided by M.
        energies = {
            layer: 4.0 * target.shape[-1] ** 2 for layer, target in targets.items()
        }
    else:
        energies = {
            layer: max(
                float(target.double().square().sum()),
                FLOOR * statistic.reference_norm(network, layer, target.shape[-1]),
            )
            for layer, target in targets.items()
        }
    return StyleTarget(targets, energies)


@torch.no_grad()
def content_target(
    network: FeatureNetwork,
    content_image: Tensor,
    config: StyleConfig,
    energies: Mapping[str, float] | None = None,
) -> ContentTarget:
    """Measure what one frame (1, 3, H, W) in [0, 1] shows.

    ``energies`` are those of the shot's first frame; None: this is the first. One
    constant a shot keeps a fade from changing the balance of content and style.
    """
    layers = [layer for layer, _ in config.content_layers]
    features = View(network=network, layers=layers).look(content_image)
    if config.loss_scale == "gatys":
        energies = dict.fromkeys(layers, 2.0)  # Gatys et al. 2016, eq. 1
    elif energies is None:
        energies = {
            layer: max(
                float(values.double().square().sum()),
                FLOOR * network.feature_energy[layer] * values.numel(),
            )
            for layer, values in features.items()
        }
    attention: dict[str, Tensor] = {}
    if config.weighs_detail:
        for layer, values in features.items():
            *_, height, width = values.shape
            attention[layer] = detail_weights(
                content_image, (height, width), power=config.content_detail
            )
    return ContentTarget(features, energies, attention)


def detail_weights(image: Tensor, shape: tuple[int, int], *, power: float) -> Tensor:
    """Weigh the places of a picture by the detail in it: (1, 1, h, w).

    Faces and other small things are dense with edges, and are lost first under bold
    paint; skies and walls have none, and can be painted freely. A power of 0 weighs all
    places alike, 1 in proportion to the differences of neighbouring pixels. They are 1
    on average before the largest are cut to ``MOST_ATTENTION``.
    """
    gray = image.mean(1, keepdim=True)
    across = functional.pad(gray.diff(dim=-1).abs(), (0, 1))
    down = functional.pad(gray.diff(dim=-2).abs(), (0, 0, 0, 1))
    density = functional.adaptive_avg_pool2d(across + down, shape)
    around = functional.pad(density, (1, 1, 1, 1), mode="replicate")
    density = functional.avg_pool2d(around, 3, 1)  # (1, 1, h, w)
    relative = density / density.mean().clamp_min(torch.finfo(density.dtype).tiny)
    weights = relative.clamp(0.1, 6) ** power
    return (weights / weights.mean()).clamp(max=MOST_ATTENTION)


def normalized_weights(layers: tuple[LayerWeight, ...]) -> dict[str, float]:
    """Scale layer weights so that they sum to 1, and leave out those of weight 0."""
    total = sum(weight for _, weight in layers)
    return {layer: weight / total for layer, weight in layers if weight > 0}
