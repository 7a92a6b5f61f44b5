"""The objective: the weighted sum of the loss terms, and its gradient, per sample."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.networks.vgg import FeatureNetwork, convolutions_in
from vidstyle.optimize.losses import range_loss, squared_error, temporal_loss, tv_loss
from vidstyle.optimize.optimizer import expand_to, rms
from vidstyle.optimize.style_statistics import Gram, guide_for, make_statistic
from vidstyle.optimize.targets import ContentTarget, StyleTarget, normalized_weights
from vidstyle.optimize.tiles import Extractor


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The objective at one point per sample."""

    losses: Tensor  # (N,), the weighted sums
    terms: Mapping[str, Tensor]  # name -> (N,), each with its weight
    gradients: Tensor  # (N, 3, H, W), of each sample's loss, or balanced


class Objective:
    """The objective of a batch of frames; each slot has its own targets.

    Tensor shapes stay the same as frames enter and leave, so that a frame's result does
    not depend on when others in the batch finish.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        style: StyleTarget,
        config: StyleConfig,
        *,
        temporal_weight: float = 0.0,
        in_tiles: bool = False,
    ) -> None:
        """Prepare an objective without frames.

        ``style`` is used by slots whose frame has no style of its own; ``in_tiles``:
        compute features tile by tile, with less memory. On a CPU, large frames are
        tiled in any case.
        """
        self._network, self._style, self._config = network, style, config
        self._statistic = make_statistic(config)
        self._style_shares = normalized_weights(config.style_layers)
        self._content_shares = normalized_weights(config.content_layers)
        self._metrics = self._deferred_metrics()
        self._guides: dict[str, Tensor] = {}
        self._extractor = Extractor(
            network=network,
            layers={*self._style_shares, *self._content_shares},
            grams=self._metrics,
            unmapped=self._metrics,
            guides=self._guides,
        )
        self._in_tiles, self._most_pixels = in_tiles, math.inf
        self._temporal_weight = temporal_weight
        factors = {
            "style": config.style_weight,
            "content": config.content_weight,
            "tv": config.tv_weight,
        }
        self._balanced = {name: factor for name, factor in factors.items() if factor}
        self._features: dict[str, Tensor] = {}
        self._content_scales = self._style_scales = torch.empty(0)
        self._attention: dict[str, Tensor] = {}
        self._styles: dict[str, Tensor] = {}
        self._warped: Tensor | None = None
        self._consistency: Tensor | None = None

    def allocate(self, images: Tensor) -> None:
        """Allocate a slot for each of the images (N, 3, H, W)."""
        self._most_pixels = self._extractor.most_pixels(images, in_tiles=self._in_tiles)
        count, shape_of = len(images), self._network.layer_shape
        self._shape = images.shape
        for layer in self._content_shares:
            shape = shape_of(layer, images.shape)
            self._features[layer] = images.new_zeros(shape)
            if self._config.weighs_detail:
                self._attention[layer] = images.new_ones(count, 1, *shape[2:])
        for layer in self._style_shares:
            target = self._style.statistics[layer]
            self._styles[layer] = target.repeat(count, *[1] * (target.dim() - 1))
        self._content_scales = images.new_zeros(count, len(self._content_shares))
        self._style_scales = images.new_zeros(count, len(self._style_shares))
        if self._temporal_weight > 0:
            self._warped = torch.zeros_like(images)
            self._consistency = torch.zeros_like(images[:, :1])

    def set_slot(
        self,
        slot: int,
        content: ContentTarget,
        *,
        style: StyleTarget | None = None,
        mask: Tensor | None = None,
        warped: Tensor | None = None,
        consistency: Tensor | None = None,
    ) -> None:
        """Set the targets of one slot; a style of None is the objective's own.

        A mask (1, 1, H, W) in [0, 1] restricts the style to a region. ``warped``
        (1, 3, H, W) is the previous stylized frame, warped onto this one, and
        ``consistency`` (1, 1, H, W) in [0, 1] the weights of the temporal loss.
        """
        for layer in self._content_shares:
            self._features[layer][slot] = content.features[layer][0]
        for layer, attention in self._attention.items():
            weights = content.attention.get(layer)
            attention[slot] = 1 if weights is None else weights[0]
        style = style or self._style
        for layer in self._style_shares:
            self._styles[layer][slot] = style.statistics[layer][0]
        config = self._config
        self._content_scales[slot] = _scales(
            config.content_weight, self._content_shares, content.energies
        )
        self._style_scales[slot] = _scales(
            config.style_weight, self._style_shares, style.energies
        )
        if mask is not None and not self._guides:  # until then, no frame has a mask
            like, count = self._style_scales, self._shape[0]
            for layer in self._style_shares:
                size = self._network.layer_shape(layer, self._shape)[2:]
                self._guides[layer] = like.new_ones(count, 1, *size)
        for guides in self._guides.values():
            guides[slot] = 1 if mask is None else guide_for(mask, guides)[0]
        if self._warped is None or self._consistency is None:
            return
        self._consistency[slot] = 0
        if warped is not None and consistency is not None:
            self._warped[slot] = warped[0]
            self._consistency[slot] = consistency[0]

    def evaluate(self, images: Tensor) -> Evaluation:
        """Compute losses, terms and gradients at images (N, 3, H, W)."""
        images = images.detach().requires_grad_()
        with torch.enable_grad(), convolutions_in(self._network.precision):
            terms = self._terms(images, self._most_pixels)
            losses = torch.stack(list(terms.values())).sum(dim=0)
            if self._config.balance == "gradients":
                gradients = balanced_gradient(terms, self._balanced, images)
            else:
                # Samples are independent: this is the gradient of each one's own loss.
                (gradients,) = torch.autograd.grad(losses.sum(), images)
        detached = {name: term.detach() for name, term in terms.items()}
        return Evaluation(losses.detach(), detached, gradients)

    def hessian(self, images: Tensor) -> Callable[[Tensor], Tensor]:
        """Return a function that multiplies by the Hessian at images (N, 3, H, W).

        It maps vectors (N, 3, H, W) to each sample's Hessian-vector product. The second
        derivative of ReLU counts as 0; where a loss is not smooth, products may not be
        finite.
        """
        images = images.detach().requires_grad_()
        precision = self._network.precision
        with torch.enable_grad(), convolutions_in(precision):
            losses = torch.stack(list(self._terms(images).values())).sum(dim=0)
            (slopes,) = torch.autograd.grad(losses.sum(), images, create_graph=True)

        def product(vectors: Tensor) -> Tensor:
            with convolutions_in(precision):
                (products,) = torch.autograd.grad(
                    slopes, images, vectors, retain_graph=True
                )
            return products

        return product

    def _terms(self, images: Tensor, most: float = math.inf) -> dict[str, Tensor]:
        config = self._config
        features = self._extractor.extract(images, most)
        terms = {
            "content": self._content(features),
            "style": self._style_error(features),
            "tv": config.tv_weight * tv_loss(images, config.tv_beta),
            "range": config.range_weight * range_loss(images),
        }
        if self._warped is not None and self._consistency is not None:
            terms["temporal"] = self._temporal_weight * temporal_loss(
                images, self._warped, self._consistency
            )
        return terms

    def _deferred_metrics(self) -> dict[str, Tensor | None]:
        """Find the layers whose map M is applied to the Gram matrix, not to each pixel.

        (M F)(M F)^T = M (F F^T) M^T, and the right side is far cheaper. Layers without
        a map (None) are included because their features keep their dtype, too.
        """
        if not isinstance(self._statistic, Gram):
            return {}
        layers = self._style_shares.keys() - self._content_shares.keys()
        return {layer: self._network.metric(layer) for layer in layers}

    def _content(self, features: Mapping[str, Tensor]) -> Tensor:
        errors = [
            squared_error(
                features[layer], self._features[layer], self._attention.get(layer)
            )
            for layer in self._content_shares
        ]
        return (torch.stack(errors, dim=1) * self._content_scales).sum(dim=1)

    def _style_error(self, features: Mapping[str, Tensor]) -> Tensor:
        errors = []
        for layer in self._style_shares:
            measured = features[layer]
            if layer not in self._metrics:
                energy = self._network.feature_energy[layer]
                guide = self._guides.get(layer)
                measured = self._statistic.measure(measured, energy, guide)
            elif (metric := self._metrics[layer]) is not None:
                measured = metric @ measured @ metric.T
            errors.append(self._statistic.error(measured, self._styles[layer]))
        return (torch.stack(errors, dim=1) * self._style_scales).sum(dim=1)


def _scales(
    weight: float, shares: Mapping[str, float], energies: Mapping[str, float]
) -> Tensor:
    """Return what each layer's error is multiplied by: (layers,)."""
    return torch.tensor(
        [weight * share / energies[layer] for layer, share in shares.items()]
    )


FLOOR = 1e-3
"""Smallest norm that a gradient is divided by, relative to the largest of all terms.

At the content image, the content gradient is mere rounding error; scaled to full length
it would be noise that depends on the batch size.
"""


def balanced_gradient(
    terms: Mapping[str, Tensor], weights: Mapping[str, float], images: Tensor
) -> Tensor:
    """Sum the terms' gradients, scaled so that their norms are in the ratio of weights.

    The first weighted term keeps its norm; the others are scaled relative to it. Terms,
    (N,) each, without a weight are added unscaled. Samples are balanced independently.
    The result is not the gradient of any function, as the factors change in each step.

    Source: the "Weight Adj." of Tella's TensorFlow project, which adjusts the factors
    of content, style and denoising at each step so that their gradients have a fixed
    ratio. We use the root mean square over a frame as the norm. Note that a gradient
    does not shrink here as its term does: with the norm of the style's, the content's
    keeps the image at the content and leaves a fine grain with any optimizer; with a
    third of it, neither happens. At that norm, squared total variation (a power of 2)
    overshoots in each step and leaves a grid.
    """
    named = {name: terms[name] for name in weights}
    gradients = {
        name: torch.autograd.grad(term.sum(), images, retain_graph=True)[0]
        for name, term in named.items()
    }
    norms = {name: rms(gradients[name]) / weights[name] for name in weights}
    largest = torch.stack(list(norms.values())).amax(dim=0)  # (N,)
    tiny = torch.finfo(images.dtype).tiny
    unit = next(iter(norms.values()))
    total = torch.zeros_like(images)
    for name, gradient in gradients.items():
        floor = (FLOOR * largest).clamp(min=tiny)
        factor = unit / torch.maximum(norms[name], floor)
        total = total + expand_to(factor, images) * gradient
    others = [term.sum() for name, term in terms.items() if name not in weights]
    if others:
        total = total + torch.autograd.grad(torch.stack(others).sum(), images)[0]
    return total
