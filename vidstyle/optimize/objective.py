"""The weighted sum of the loss terms over a batch, with each sample's own gradient."""

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
from vidstyle.optimize.tiles import View


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The objective at one point of every sample."""

    losses: Tensor  # (N,), the weighted sums
    terms: Mapping[str, Tensor]  # name -> (N,), each with its weight
    gradients: Tensor  # (N, 3, H, W), of each sample's own loss, or balanced


class Objective:
    """What a batch of frames is optimised for; each slot has its own targets.

    The slots keep their tensors' shapes when frames come and go, so a frame's result
    cannot depend on when its neighbours were finished.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        style: StyleTarget,
        config: StyleConfig,
        *,
        temporal_weight: float = 0.0,
        guided: bool = False,
        in_tiles: bool = False,
    ) -> None:
        """Prepare an objective without any frame in it.

        ``style`` is of all slots whose frame has none of its own; ``guided``: there are
        frames of which only a region gets the style; ``in_tiles``: they are seen in
        tiles, with less memory. On a CPU they are in any case if they would take much
        of it.
        """
        self._network, self._style, self._config = network, style, config
        self._statistic = make_statistic(config)
        self._style_shares = normalized_weights(config.style_layers)
        self._content_shares = normalized_weights(config.content_layers)
        self._metrics = self._deferred_metrics()
        self._guides: dict[str, Tensor] = {}
        self._view = View(
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
        self._guided = guided
        self._styles: dict[str, Tensor] = {}
        self._warped: Tensor | None = None
        self._consistency: Tensor | None = None

    def allocate(self, images: Tensor) -> None:
        """Make room for as many slots as there are images (N, 3, H, W)."""
        self._most_pixels = self._view.most_pixels(images, in_tiles=self._in_tiles)
        count, shape_of = len(images), self._network.layer_shape
        for layer in self._content_shares:
            shape = shape_of(layer, images.shape)
            self._features[layer] = images.new_zeros(shape)
            if self._config.weighs_detail:
                self._attention[layer] = images.new_ones(count, 1, *shape[2:])
        for layer in self._style_shares:
            one = self._style.statistics[layer]
            self._styles[layer] = one.repeat(count, *[1] * (one.dim() - 1))
            if self._guided:
                shape = shape_of(layer, images.shape)
                self._guides[layer] = images.new_ones(count, 1, *shape[2:])
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
        """Give one slot the targets of a frame.

        ``style`` is None where it is that of the others; a mask (1, 1, H, W) in [0, 1]
        is of the region that gets it. ``warped`` is the previous stylized frame brought
        onto this one, (1, 3, H, W), to be trusted where ``consistency``, (1, 1, H, W),
        says.
        """
        for layer in self._content_shares:
            self._features[layer][slot] = content.features[layer][0]
        for layer, attention in self._attention.items():
            places = content.attention.get(layer)
            attention[slot] = 1 if places is None else places[0]
        style = style or self._style
        for layer in self._style_shares:
            self._styles[layer][slot] = style.statistics[layer][0]
        self._content_scales[slot] = _scales(self._content_shares, content.energies)
        self._style_scales[slot] = _scales(self._style_shares, style.energies)
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
                # No loss depends on another's pixels: the sum's gradient holds each's.
                (gradients,) = torch.autograd.grad(losses.sum(), images)
        detached = {name: term.detach() for name, term in terms.items()}
        return Evaluation(losses.detach(), detached, gradients)

    def hessian(self, images: Tensor) -> Callable[[Tensor], Tensor]:
        """Prepare second derivatives at images (N, 3, H, W).

        Returns a function from vectors like these to each sample's Hessian times its
        vector. A ReLU's kink counts as flat. It may not be finite where a loss is not
        smooth.
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
        seen = self._view.see(images, most)
        terms = {
            "content": config.content_weight * self._content(seen),
            "style": config.style_weight * self._style_error(seen),
            "tv": config.tv_weight * tv_loss(images, config.tv_beta),
            "range": config.range_weight * range_loss(images),
        }
        if self._warped is not None and self._consistency is not None:
            terms["temporal"] = self._temporal_weight * temporal_loss(
                images, self._warped, self._consistency
            )
        return terms

    def _deferred_metrics(self) -> dict[str, Tensor | None]:
        """Find the layers whose map M is applied to the Gram matrix, not each pixel.

        (M F)(M F)^T = M (F F^T) M^T, and the right side costs as good as nothing. None:
        the layer has no map, but its features are taken as they were computed, too.
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

    def _style_error(self, seen: Mapping[str, Tensor]) -> Tensor:
        errors = []
        for layer in self._style_shares:
            measured = seen[layer]
            if layer not in self._metrics:
                usual = self._network.feature_energy[layer]
                guide = self._guides.get(layer)
                measured = self._statistic.measure(measured, usual, guide)
            elif (metric := self._metrics[layer]) is not None:
                measured = metric @ measured @ metric.T
            errors.append(self._statistic.error(measured, self._styles[layer]))
        return (torch.stack(errors, dim=1) * self._style_scales).sum(dim=1)


def _scales(shares: Mapping[str, float], energies: Mapping[str, float]) -> Tensor:
    return torch.tensor([share / energies[layer] for layer, share in shares.items()])


FLOOR = 1e-3
"""Least length that a term's gradient is divided by, as a share of the longest one's.

At the content itself the content's gradient is nothing but rounding; blown up to its
full length it would be noise, and another in a batch of another size.
"""


def balanced_gradient(
    terms: Mapping[str, Tensor], weights: Mapping[str, float], images: Tensor
) -> Tensor:
    """Add up the terms' gradients, those with a weight in the ratio of their weights.

    The first of them keeps its length, and so says how long the others become. Terms
    ((N,) each, functions of the images) without a weight are added as they are. Each
    sample is balanced for itself; it is the gradient of no function: what one would be
    changes with every step.

    Source: the "Weight Adj." of Tella's TensorFlow project, which sets the factors of
    content, style and denoising at each step so that the gradients of the three have a
    fixed ratio. We take the root mean square over a frame as their length. A gradient
    does not become shorter as its term becomes smaller here: as long as the style's,
    the content's holds the picture at the content and leaves a fine grain, whichever
    optimiser follows; at a third of it both are gone. That of squared total variation
    (a power of 2) goes too far in each step at the same length, and leaves a grid.
    """
    named = {name: terms[name] for name in weights}
    gradients = {
        name: torch.autograd.grad(term.sum(), images, retain_graph=True)[0]
        for name, term in named.items()
    }
    plain = {name: rms(gradients[name]) / weights[name] for name in weights}
    longest = torch.stack(list(plain.values())).amax(dim=0)  # (N,)
    tiny = torch.finfo(images.dtype).tiny
    unit = next(iter(plain.values()))
    total = torch.zeros_like(images)
    for name, gradient in gradients.items():
        least = (FLOOR * longest).clamp(min=tiny)
        factor = unit / torch.maximum(plain[name], least)
        total = total + expand_to(factor, images) * gradient
    others = [term.sum() for name, term in terms.items() if name not in weights]
    if others:
        total = total + torch.autograd.grad(torch.stack(others).sum(), images)[0]
    return total
