"""Adam for a batch of independent samples."""

from typing import Self

import torch
from torch import Tensor

from vidstyle.optimizers.best import rms, spread
from vidstyle.optimizers.optimizer import Optimizer
from vidstyle.optimizers.step_size import StepSize

DECAY_MEAN, DECAY_SQUARE = 0.9, 0.999
"""The paper's beta1 and beta2."""
EPSILON = 1e-8
"""Added to the denominator, as a share of the sample's own mean gradient."""


class Adam(Optimizer):
    """Per-sample Adam.

    Source: Kingma and Ba 2015, algorithm 1. We depart in epsilon, which is relative to
    the sample's gradient: an absolute one would make pixels depend on the loss's scale.
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
        self._taken = [0] * len(images)
        self._trust = [1.0] * len(images)
        self._mean = torch.zeros_like(images)
        self._square = torch.zeros_like(images)
        self._ages = [0] * len(images)  # steps since the moments were cleared

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._taken[sample] = 0
        self._trust[sample] = 1.0
        self._forget(sample)

    def _take_up(self, sample: int, coarser: Self) -> None:
        self._forget(sample)
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
                self._forget(sample)
                self._trust[sample] /= 2
        self._mean = self._mean.lerp(gradients, 1 - DECAY_MEAN)
        self._square = self._square.lerp(gradients.square(), 1 - DECAY_SQUARE)
        self._ages = [age + 1 for age in self._ages]
        step = self._step_sizes(images)
        self._taken = [taken + 1 for taken in self._taken]
        return images - step * self._normalized(images)

    def _forget(self, sample: int) -> None:
        self._mean[sample] = 0
        self._square[sample] = 0
        self._ages[sample] = 0

    def _step_sizes(self, like: Tensor) -> Tensor:
        sizes = [
            trust * self._step_size.after(taken)
            for taken, trust in zip(self._taken, self._trust, strict=True)
        ]
        return spread(torch.tensor(sizes).to(like), like)

    def _normalized(self, like: Tensor) -> Tensor:
        """Return the mean gradient over its root mean square, (N, ...), about 1."""
        ages = torch.tensor(self._ages, dtype=torch.float64)
        mean = self._mean / spread((1 - DECAY_MEAN**ages).to(like), like)
        square = self._square / spread((1 - DECAY_SQUARE**ages).to(like), like)
        root = square.sqrt()
        floor = (EPSILON * rms(root)).clamp(min=torch.finfo(like.dtype).tiny)
        return mean / (root + spread(floor, like))
