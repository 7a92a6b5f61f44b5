"""Gradient descent with momentum for a batch of independent samples."""

from typing import Self

import torch
from torch import Tensor

from vidstyle.optimizers.best import rms, spread
from vidstyle.optimizers.optimizer import Optimizer
from vidstyle.optimizers.step_size import StepSize

MOMENTUM = 0.9
"""Share of the last step that goes on in the next."""


class Momentum(Optimizer):
    """Per-sample gradient descent with momentum.

    Each gradient is divided by its own root mean square, so that the step's length does
    not depend on the loss's scale: ``lr`` is the change of the pixels, RMS, by
    gradients that all point the same way. Such steps do not shrink near the minimum;
    the best point is kept, and a decay of the step comes nearer.

    Source: Polyak 1964, the heavy ball; normalised as in Cutkosky and Mehta 2020,
    "Momentum improves normalized SGD", who average before they normalise where we
    normalise before: so one steep gradient does not outweigh those around it.
    A sample whose loss is not finite goes back to its best with half the step.
    """

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
            step_size: In units of the full pixel range.
        """
        super().__init__(images)
        self._step_size = step_size
        self._velocities = torch.zeros_like(images)
        self._taken = [0] * len(images)
        self._trust = [1.0] * len(images)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._velocities[sample] = 0
        self._taken[sample] = 0
        self._trust[sample] = 1.0

    def _take_up(self, sample: int, coarser: Self) -> None:
        self._velocities[sample] = 0
        self._taken[sample] = coarser._taken[sample]
        self._trust[sample] = coarser._trust[sample]

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Move every sample once.

        Args:
            images: (N, ...), where the losses were evaluated.
            losses: (N,).
            gradients: (N, ...), of each sample's own loss.

        Returns:
            (N, ...), the next points; a new tensor.
        """
        images, gradients, lost = self.best.recovered(images, losses, gradients)
        for sample, is_lost in enumerate(lost):
            if is_lost:
                self._velocities[sample] = 0
                self._trust[sample] /= 2
        self._velocities = MOMENTUM * self._velocities + (1 - MOMENTUM) * (
            self._pushes(gradients)
        )
        self._taken = [taken + 1 for taken in self._taken]
        return images + self._velocities

    def _pushes(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample if it had no momentum, (N, ...)."""
        slopes = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        sizes = self._sizes().to(gradients)
        return -spread(sizes / slopes, gradients) * gradients

    def _sizes(self) -> Tensor:
        """Return each sample's present step size, (N,)."""
        return torch.tensor(
            [
                trust * self._step_size.after(taken)
                for taken, trust in zip(self._taken, self._trust, strict=True)
            ],
            dtype=torch.float64,
        )
