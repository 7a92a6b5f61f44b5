"""Adam for a batch of independent samples."""

import torch
from torch import Tensor

from vidstyle.optimizers.best import rms, spread
from vidstyle.optimizers.first_order import FirstOrder
from vidstyle.optimizers.step_size import StepSize

DECAY_MEAN, DECAY_SQUARE = 0.9, 0.999
"""The paper's beta1 and beta2."""
EPSILON = 1e-8
"""Added to the denominator, as a share of the sample's own mean gradient."""


class Adam(FirstOrder):
    """Per-sample Adam.

    Source: Kingma and Ba 2015, algorithm 1. We depart in epsilon, which is relative to
    the sample's gradient: an absolute one would make pixels depend on the loss's scale.
    """

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
            step_size: In units of the full pixel range.
        """
        super().__init__(images, step_size=step_size)
        self._mean = torch.zeros_like(images)
        self._square = torch.zeros_like(images)
        self._ages = [0] * len(images)  # steps since the moments were cleared

    def _forget(self, sample: int) -> None:
        self._mean[sample] = 0
        self._square[sample] = 0
        self._ages[sample] = 0

    def _changes(self, gradients: Tensor) -> Tensor:
        self._mean = self._mean.lerp(gradients, 1 - DECAY_MEAN)
        self._square = self._square.lerp(gradients.square(), 1 - DECAY_SQUARE)
        self._ages = [age + 1 for age in self._ages]
        return -spread(self._sizes(gradients), gradients) * self._normalized(gradients)

    def _normalized(self, like: Tensor) -> Tensor:
        """Return the mean gradient over its root mean square, (N, ...), about 1."""
        ages = torch.tensor(self._ages, dtype=torch.float64)
        mean = self._mean / spread((1 - DECAY_MEAN**ages).to(like), like)
        square = self._square / spread((1 - DECAY_SQUARE**ages).to(like), like)
        root = square.sqrt()
        floor = (EPSILON * rms(root)).clamp(min=torch.finfo(like.dtype).tiny)
        return mean / (root + spread(floor, like))
