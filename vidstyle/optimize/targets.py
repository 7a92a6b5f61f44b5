"""Optimization targets: the content's features and the style's statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.style_statistics import Gram, exact, make_statistic
from vidstyle.optimize.tiles import Extractor

FLOOR = 0.1
"""Smallest divisor of relative errors, as a fraction of a photograph's median energy.

It avoids division by zero for a black frame or a uniform painting. A tenth of the
median leaves the weight of a pale painting unchanged.
"""


SALIENT = "relu5_1"
"""The layer whose energy tells faces, animals and objects from skies and walls."""
MOST_ATTENTION = 4.0  # relative to the mean

Size = tuple[int, int]  # height and width


@dataclass(frozen=True, slots=True)
class StyleTarget:
    """The style of a painting, or of a mix of paintings."""

    statistics: Mapping[str, Tensor]
    """Layer -> (1, ...), such as the Gram matrix (1, C, C)."""
    energies: Mapping[str, float]
    """Layer -> divisor of the error: the floored sum of squares, or the paper's
    constant."""


@dataclass(frozen=True, slots=True)
class ContentTarget:
    """The content of one frame."""

    features: Mapping[str, Tensor]  # layer -> (1, C, h, w)
    energies: Mapping[str, float]
    """Layer -> divisor of the error: the floored sum of squares, constant over a shot,
    or the paper's constant."""
    attention: Mapping[str, Tensor] = field(default_factory=dict)
    """Layer -> (1, 1, h, w), weights of the errors, 1 on average; empty: uniform."""


def style_target(
    network: FeatureNetwork, style_image: Tensor, config: StyleConfig
) -> StyleTarget:
    """Compute the target of one painting (1, 3, H, W) in [0, 1], of any size."""
    measured = measure_style(network, style_image, config)
    return mix_styles(network, [measured], [1.0], config)


def measure_style(
    network: FeatureNetwork, style_image: Tensor, config: StyleConfig
) -> dict[str, Tensor]:
    """Compute the statistics of a painting, ready to be mixed: layer -> (1, ...)."""
    layers = [layer for layer, _ in config.style_layers]
    statistic = make_statistic(config)
    grams = layers if isinstance(statistic, Gram) else []
    extractor = Extractor(network=network, layers=layers, grams=grams)
    features = extractor.extract_detached(style_image)
    if grams:
        return features
    return {
        layer: statistic.measure(values, network.feature_energy[layer])
        for layer, values in features.items()
    }


@torch.no_grad()
def mix_styles(
    network: FeatureNetwork,
    measured: Sequence[Mapping[str, Tensor]],
    weights: Sequence[float],
    config: StyleConfig,
) -> StyleTarget:
    """Mix paintings into one target; weights are non-negative and normalized here.

    The statistics are mixed, not the losses. For Gram matrices that is equivalent up to
    a constant, ``sum w |G - A|^2 = |G - sum w A|^2 + const``; but a loss that can reach
    0 keeps the balance with the content and the early-stopping rule valid.
    """
    statistic = make_statistic(config)
    total = sum(weights)
    used = [
        (weight / total, statistics)
        for weight, statistics in zip(weights, measured, strict=True)
        if weight > 0
    ]
    targets = {
        layer: statistic.as_target(
            torch.stack([weight * values[layer] for weight, values in used]).sum(dim=0)
        )
        for layer, _ in config.style_layers
    }
    if config.loss_scale == "gatys":
        # Gatys et al. 2016, eq. 4, divide sums over M = h*w positions by 4 C^2 M^2; our
        # Gram matrices are already divided by M.
        energies = {
            layer: 4.0 * target.shape[-1] ** 2 for layer, target in targets.items()
        }
    else:
        energies = {
            layer: max(
                float(exact(target).square().sum()),
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
    """Compute the target of one frame (1, 3, H, W) in [0, 1].

    ``energies`` are those of the shot's first frame; None: this is the first. Being
    constant over a shot, they keep a fade from shifting the balance with the style.
    """
    layers = [layer for layer, _ in config.content_layers]
    salient = SALIENT if SALIENT in network.layers else network.layers[-1]
    wanted = {*layers, salient} if config.weighs_detail else layers
    extractor = Extractor(network=network, layers=wanted)
    extracted = extractor.extract_detached(content_image)
    features = {layer: extracted[layer] for layer in layers}
    if config.loss_scale == "gatys":
        energies = dict.fromkeys(layers, 2.0)  # Gatys et al. 2016, eq. 1
    elif energies is None:
        energies = {
            layer: max(
                float(exact(values).square().sum()),
                FLOOR * network.feature_energy[layer] * values.numel(),
            )
            for layer, values in features.items()
        }
    attention: dict[str, Tensor] = {}
    if config.weighs_detail:
        shapes: dict[str, Size] = {}
        for layer, values in features.items():
            shapes[layer] = values.shape[-2], values.shape[-1]
        power = config.content_detail
        attention = attention_weights(
            content_image, extracted[salient], shapes, power=power
        )
    return ContentTarget(features, energies, attention)


def attention_weights(
    image: Tensor, salient: Tensor, shapes: Mapping[str, Size], *, power: float
) -> dict[str, Tensor]:
    """Weight each layer's positions by local detail and by what is there: (1, 1, h, w).

    Faces and other small objects are the first to disappear under bold strokes; skies
    and walls can be painted freely. Objects are dense with edges, and their deep
    features are strong even where they are dark or soft. With a power of 0 the weights
    are uniform; with 1 they are proportional to the differences of neighboring pixels
    of ``image`` (1, 3, H, W) and to the energy of ``salient``, its deep features
    (1, C, k, l). Their mean is 1 before clamping to ``MOST_ATTENTION``.
    """
    gray = image.mean(1, keepdim=True)
    dx = functional.pad(gray.diff(dim=-1).abs(), (0, 1))
    dy = functional.pad(gray.diff(dim=-2).abs(), (0, 0, 0, 1))
    edges = dx + dy
    energy = _smooth(salient.float().square().sum(1, keepdim=True))
    attention = {}
    for layer, shape in shapes.items():
        detail = _smooth(functional.adaptive_avg_pool2d(edges, shape))
        shown = functional.interpolate(energy, shape, mode="bilinear")
        weights = (_relative(detail) * _relative(shown)) ** power
        attention[layer] = (weights / weights.mean()).clamp(max=MOST_ATTENTION)
    return attention


def _smooth(values: Tensor) -> Tensor:
    padded = functional.pad(values, (1, 1, 1, 1), mode="replicate")
    return functional.avg_pool2d(padded, 3, 1)


def _relative(values: Tensor) -> Tensor:
    """Divide by the mean, and limit outliers."""
    mean = values.mean().clamp_min(torch.finfo(values.dtype).tiny)
    return (values / mean).clamp(0.1, 10)


def normalized_weights(layers: tuple[LayerWeight, ...]) -> dict[str, float]:
    """Scale layer weights so that they sum to 1, and omit those of weight 0."""
    total = sum(weight for _, weight in layers)
    return {layer: weight / total for layer, weight in layers if weight > 0}
