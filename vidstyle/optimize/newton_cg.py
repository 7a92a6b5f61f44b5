"""Newton's method by conjugate gradients, for a batch of independent samples."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from vidstyle.optimize.optimizer import Hessian, HessianProduct, Optimizer

FIRST_RADIUS = 0.01
"""RMS change of the pixels, in [0, 1], by which the first step is limited."""
LARGEST_RADIUS = 0.1  # that by which any step is
MOST_PRODUCTS = 10  # Hessian-vector products in a step
RESIDUAL = 0.1  # share of the gradient at which its linear system counts as solved
POOR, GOOD = 0.25, 0.75
"""Gains, as shares of the predicted, below and above which the radius changes."""


@dataclass(slots=True)
class _Region:
    """How far each sample's quadratic model is trusted; all (N,)."""

    radii: Tensor  # RMS change of the pixels
    lengths: Tensor  # RMS of the last step; 0 before the first
    gains: Tensor  # fall of the loss that the model promised for it


class NewtonCG(Optimizer):
    """Per-sample truncated Newton method in a trust region.

    Each step minimises the sample's quadratic model, as far as some products with its
    Hessian go. A step that does not lower the loss is taken back, and the region made
    smaller. So a step costs one evaluation and up to ``MOST_PRODUCTS`` products, each
    of which costs about as much as two evaluations.

    Source: Steihaug 1983, "The conjugate gradient method and trust regions in large
    scale optimization"; the constants of the radius are Nocedal and Wright 2006,
    algorithm 4.1. We depart in measuring the radius as the RMS change of the pixels.
    """

    def __init__(self, images: Tensor, *, hessian: Hessian) -> None:
        super().__init__(images)
        self._hessian = hessian
        zeros = images.new_zeros(len(images))
        self._region = _Region(zeros + FIRST_RADIUS, zeros.clone(), zeros.clone())

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._region.radii[sample] = FIRST_RADIUS
        self._region.lengths[sample] = self._region.gains[sample] = 0

    def _warm_start(self, sample: int, coarser: Self) -> None:
        # The radius is an RMS over pixels, the same at any size; there is no last step
        # that it could be judged by.
        self._region.radii[sample] = coarser._region.radii[sample]
        self._region.lengths[sample] = self._region.gains[sample] = 0

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        gained = self.best.losses - losses  # (N,); inf at first, nan if it is lost
        self.best.restore_nonfinite(images, losses, gradients)
        self._adapt(gained)
        images, gradients = self.best.images, self.best.gradients
        steps = self._solve(gradients, self._hessian(images))
        return images + steps.reshape(images.shape)

    def _adapt(self, gained: Tensor) -> None:
        """Change each radius by how well the model foretold the last step."""
        region = self._region
        poor = ~(gained > POOR * region.gains)
        at_border = region.lengths > 0.99 * region.radii
        good = (gained > GOOD * region.gains) & at_border
        radii = torch.where(good, 2 * region.radii, region.radii)
        radii = torch.where(poor, region.lengths / 4, radii)
        radii = radii.clamp(max=LARGEST_RADIUS)
        region.radii = torch.where(region.lengths > 0, radii, region.radii)

    def _solve(self, gradients: Tensor, product: HessianProduct) -> Tensor:
        """Minimise the model of each sample within its region: (N, D)."""
        slopes = gradients.flatten(1)  # (N, D)
        border = self._region.radii * slopes.shape[1] ** 0.5
        point, curved = torch.zeros_like(slopes), torch.zeros_like(slopes)
        residual, direction = slopes, -slopes
        square = first = _dot(slopes, slopes)
        active = first > 0
        used = torch.zeros_like(first)
        for _ in range(MOST_PRODUCTS):
            if not active.any():
                break
            used += active
            image = product(direction.reshape(gradients.shape)).flatten(1)
            active &= image.isfinite().all(dim=1)
            curvature = _dot(direction, image)
            length = square / curvature
            outermost = _to_border(point, direction, border)
            leaves = ~((curvature > 0) & (length < outermost))
            length = torch.where(leaves, outermost, length)
            goes = torch.where(active, length, 0).unsqueeze(1)
            point = point + goes * direction
            curved = torch.where(active.unsqueeze(1), curved + goes * image, curved)
            residual = residual + length.unsqueeze(1) * image
            before, square = square, _dot(residual, residual)
            active = active & ~leaves & (square > RESIDUAL**2 * first)
            turned = -residual + (square / before).unsqueeze(1) * direction
            direction = torch.where(active.unsqueeze(1), turned, direction)
        # Without a Hessian, as where the loss is not smooth, go straight downhill.
        blind = ((first > 0) & (_dot(point, point) == 0)).unsqueeze(1)
        downhill = (border / first.sqrt()).unsqueeze(1) * -slopes
        point = torch.where(blind, downhill, point)
        self.products = used.int().tolist()
        self._region.lengths = _dot(point, point).sqrt() / slopes.shape[1] ** 0.5
        self._region.gains = -_dot(point, slopes + curved / 2)
        return point


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Multiply each sample's vectors: (N, D) and (N, D) -> (N,)."""
    return (one * other).sum(dim=1)


def _to_border(point: Tensor, direction: Tensor, border: Tensor) -> Tensor:
    """Return how many directions (N, D) lead from the points to |x| = border: (N,)."""
    along, square = _dot(point, direction), _dot(direction, direction)
    room = (border.square() - _dot(point, point)).clamp(min=0)
    return room / (along + (along.square() + square * room).sqrt())
