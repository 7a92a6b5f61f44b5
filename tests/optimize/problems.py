"""Problems with known minima, for the optimizers to solve."""

from collections.abc import Callable

import torch
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.optimize.optimizer import Best
from vidstyle.optimize.slots import make_optimizer

SHAPE = (3, 6, 7)
Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]


class Quadratics:
    """Per-sample diagonal quadratics of very different scales."""

    def __init__(
        self,
        samples: int,
        *,
        condition: float = 50.0,
        dtype: torch.dtype = torch.float64,
        factor: float = 1.0,
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        shape = samples, *SHAPE
        self.minima = torch.rand(shape, generator=generator, dtype=dtype)
        drawn = torch.rand(shape, generator=generator, dtype=dtype)
        scales = factor * torch.logspace(-3, 3, samples, dtype=dtype)
        self.curves = scales.reshape(-1, 1, 1, 1) * (1 + (condition - 1) * drawn)
        # Like a style loss, it does not end at 0.
        self.floors = 10 * scales

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses and gradients."""
        errors = images - self.minima
        losses = (self.curves * errors.square()).flatten(1).sum(1) / 2
        return losses + self.floors, self.curves * errors

    def hessian(self, _: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the products with the Hessians, the same everywhere."""
        return lambda vectors: self.curves * vectors

    def only(self, sample: int) -> "Quadratics":
        """Return one sample's problem alone."""
        alone = Quadratics(1)
        for name in ("minima", "curves", "floors"):
            setattr(alone, name, getattr(self, name)[sample : sample + 1])
        return alone

    @property
    def start(self) -> Tensor:
        return torch.full_like(self.minima, 0.5)


def run(
    config: StyleConfig, problem: Quadratics, steps: int, start: Tensor | None = None
) -> Best:
    """Optimize, and return the best points."""
    images = problem.start if start is None else start
    optimizer = make_optimizer(images, config, problem.hessian)
    for _ in range(steps):
        losses, gradients = problem(images)
        images = optimizer.step(images, losses, gradients)
    return optimizer.best
