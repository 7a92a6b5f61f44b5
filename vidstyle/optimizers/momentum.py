"""Gradient descent with momentum for a batch of independent samples."""

import torch
from torch import Tensor

from vidstyle.optimizers.best import rms, spread
from vidstyle.optimizers.first_order import FirstOrder
from vidstyle.optimizers.step_size import StepSize

MOMENTUM = 0.9
"""Share of the last step that goes on in the next."""


class Momentum(FirstOrder):
    """Per-sample gradient descent with momentum.

    Each gradient is divided by its own root mean square, so that the step's length does
    not depend on the loss's scale: ``lr`` is the change of the pixels, RMS, by
    gradients that all point the same way. Such steps do not shrink near the minimum;
    the best point is kept, and a decay of the step comes nearer.

    Source: Polyak 1964, the heavy ball; normalised as in Cutkosky and Mehta 2020,
    "Momentum improves normalized SGD", who average before they normalise where we
    normalise before: so one steep gradient does not outweigh those around it.
    """

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
            step_size: In units of the full pixel range.
        """
        super().__init__(images, step_size=step_size)
        self._velocities = torch.zeros_like(images)

    def _forget(self, sample: int) -> None:
        self._velocities[sample] = 0

    def _changes(self, gradients: Tensor) -> Tensor:
        self._velocities = MOMENTUM * self._velocities + (1 - MOMENTUM) * (
            self._pushes(gradients)
        )
        return self._velocities

    def _pushes(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample if it had no momentum, (N, ...)."""
        slopes = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        return -spread(self._sizes(gradients) / slopes, gradients) * gradients
