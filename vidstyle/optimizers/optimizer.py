"""What every optimiser can do; it has a batch of samples that never feel each other."""

from abc import ABC, abstractmethod

from torch import Tensor

from vidstyle.optimizers.best import Best


class Optimizer(ABC):
    """Moves the samples of a batch, each by its own losses and gradients alone.

    No threshold in an optimiser is absolute: losses times a thousand give the same
    points, but for rounding.

    Attributes:
        best: The best point that each sample has visited.
    """

    def __init__(self, images: Tensor) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
        """
        self.best = Best(images)

    @abstractmethod
    def reset(self, sample: int, image: Tensor) -> None:
        """Start one sample anew, with nothing remembered.

        Args:
            sample: Which one.
            image: (...), its start.
        """

    @abstractmethod
    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Move every sample once.

        Args:
            images: (N, ...), where the losses were evaluated.
            losses: (N,).
            gradients: (N, ...), of each sample's own loss.

        Returns:
            (N, ...), the next points; a new tensor.
        """
