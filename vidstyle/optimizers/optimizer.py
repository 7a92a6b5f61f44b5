"""What every optimiser can do; it has a batch of samples that never feel each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from torch import Tensor

from vidstyle.optimizers.best import Best

HessianProduct = Callable[[Tensor], Tensor]
"""Vectors (N, ...) to each sample's own Hessian times its vector, (N, ...)."""
Hessian = Callable[[Tensor], HessianProduct]
"""Points (N, ...) to the products with the Hessians there."""


class Optimizer(ABC):
    """Moves the samples of a batch, each by its own losses and gradients alone.

    No threshold in an optimiser is absolute: losses times a thousand give the same
    points, but for rounding.

    Attributes:
        best: The best point that each sample has visited.
        products: For each sample, the Hessian-vector products of its last step.
    """

    def __init__(self, images: Tensor) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
        """
        self.best = Best(images)
        self.products = [0] * len(images)

    def reset(self, sample: int, image: Tensor, *, frame: int = 0) -> None:
        """Start one sample anew, with nothing remembered.

        Args:
            sample: Which one.
            image: (...), its start.
            frame: The index of its frame, for noise if the optimiser makes any.
        """
        self.best.reset(sample, image)
        self._restart(sample, frame)

    def take_up(self, sample: int, image: Tensor, coarser: Self) -> None:
        """Start one sample where it was left at a smaller size.

        What holds at any size is carried up: how long steps are by now, and how many
        were taken. What was learned of the gradients is not: the finer detail has
        others. With L-BFGS's pairs, Adam's moments or the velocities of momentum
        enlarged, the loss after as many steps was higher than without.

        Args:
            sample: Which one, in both.
            image: (...), its start.
            coarser: The optimiser of the smaller images.
        """
        self.best.reset(sample, image)
        self._take_up(sample, coarser)

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Move every sample once.

        Args:
            images: (N, ...), where the losses were evaluated.
            losses: (N,).
            gradients: (N, ...), of each sample's own loss.

        Returns:
            (N, ...), the next points; a new tensor.
        """
        return self._step(images, losses, gradients)

    @abstractmethod
    def _step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Do what ``step`` says."""

    @abstractmethod
    def _take_up(self, sample: int, coarser: Self) -> None:
        """Forget all of one sample but ``best``, and take over what is carried up."""

    @abstractmethod
    def _restart(self, sample: int, frame: int) -> None:
        """Forget all of one sample but ``best``."""
