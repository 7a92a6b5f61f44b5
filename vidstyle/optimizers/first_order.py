"""What optimisers share that know gradients only, and are told how long a step is."""

from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor

from vidstyle.optimizers.optimizer import Optimizer
from vidstyle.optimizers.step_size import StepSize


class FirstOrder(Optimizer):
    """Moves each sample by a step of a given size, which shrinks as steps are taken.

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

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._forget(sample)
        self._taken[sample] = 0
        self._trust[sample] = 1.0

    def _take_up(self, sample: int, coarser: Self) -> None:
        self._forget(sample)
        self._taken[sample] = coarser._taken[sample]
        self._trust[sample] = coarser._trust[sample]

    def _step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        images, gradients, lost = self.best.recovered(images, losses, gradients)
        for sample, is_lost in enumerate(lost):
            if is_lost:
                self._forget(sample)
                self._trust[sample] /= 2
        changes = self._changes(gradients)
        self._taken = [taken + 1 for taken in self._taken]
        return images + changes

    def _sizes(self, like: Tensor) -> Tensor:
        """Return each sample's present step size, (N,), in the type of ``like``."""
        sizes = [
            trust * self._step_size.after(taken)
            for taken, trust in zip(self._taken, self._trust, strict=True)
        ]
        return torch.tensor(sizes, dtype=torch.float64).to(like)

    @abstractmethod
    def _forget(self, sample: int) -> None:
        """Forget what was learned of one sample's gradients."""

    @abstractmethod
    def _changes(self, gradients: Tensor) -> Tensor:
        """Take in the gradients and return each sample's change; both are (N, ...)."""
