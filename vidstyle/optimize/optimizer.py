"""What every optimiser can do; it has a batch of samples that never feel each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import ClassVar, Self

import torch
from torch import Tensor

HessianProduct = Callable[[Tensor], Tensor]
"""Vectors (N, ...) to each sample's own Hessian times its vector, (N, ...)."""
Hessian = Callable[[Tensor], HessianProduct]
"""Points (N, ...) to the products with the Hessians there."""


class Optimizer(ABC):
    """Moves the samples of a batch, each by its own losses and gradients alone.

    Images and gradients are (N, ...), losses (N,). No threshold is absolute: losses
    times a thousand give the same points, but for rounding. ``best`` is the best point
    of each sample; ``products`` are the Hessian-vector products of its last step.
    """

    remembered: ClassVar = ["best.images", "best.gradients", "best.losses"]
    """Names of all that is known of each sample: tensors (N, ...), lists of N ints."""

    def __init__(self, images: Tensor) -> None:
        self.best = Best(images)
        self.products = [0] * len(images)

    def reset(self, sample: int, image: Tensor, *, frame: int = 0) -> None:
        """Start one sample anew; ``frame`` says which noise, where any is made."""
        self.best.reset(sample, image)
        self._restart(sample, frame)

    def warm_start(self, sample: int, image: Tensor, coarser: Self) -> None:
        """Start one sample where it was left at a smaller size.

        What holds at any size is carried up: how long steps are by now, and how many
        were taken. What was learned of the gradients is not: the finer detail has
        others. With L-BFGS's pairs, Adam's moments or the velocities of momentum
        enlarged, the loss after as many steps was higher than without.
        """
        self.best.reset(sample, image)
        self._warm_start(sample, coarser)

    def state(self, sample: int) -> dict[str, Tensor]:
        """Return all that is remembered of one sample, by name; views, no copies."""
        held = {name: attrgetter(name)(self) for name in self.remembered}
        return {name: torch.as_tensor(values[sample]) for name, values in held.items()}

    def load_state(self, sample: int, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state with one sample, which has just been reset."""
        for name in self.remembered:
            values, value = attrgetter(name)(self), state[name]
            values[sample] = value if isinstance(values, Tensor) else int(value)

    def begin_gently(self, sample: int) -> None:  # noqa: B027  # most need nothing
        """Expect little change of one sample, which has just been reset."""

    @abstractmethod
    def shorten(self, sample: int, factor: float) -> None:
        """Shorten the steps of one sample, which has just been reset."""

    @abstractmethod
    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Move every sample once from where it was evaluated; returns a new tensor."""

    @abstractmethod
    def _warm_start(self, sample: int, coarser: Self) -> None:
        """Forget all of one sample but ``best``, and take over what is carried up."""

    @abstractmethod
    def _restart(self, sample: int, frame: int) -> None:
        """Forget all of one sample but ``best``."""


class Best:
    """Remember, for each sample, the point with the lowest loss and its gradient.

    With ``track_latest`` the newest point with a finite loss counts as the best, where
    no function of the points is minimised.
    """

    def __init__(self, images: Tensor) -> None:
        self.track_latest = False
        self.images = images.detach().clone()
        self.gradients = torch.zeros_like(self.images)
        self.losses = torch.full(
            images.shape[:1], float("inf"), dtype=images.dtype, device=images.device
        )

    def update(self, images: Tensor, losses: Tensor, gradients: Tensor) -> None:
        """Take over each sample whose loss is lower than its best; nan never is."""
        least = torch.inf if self.track_latest else self.losses
        better = losses < least  # (N,)
        wide = expand_to(better, images)
        self.images = torch.where(wide, images, self.images)
        self.gradients = torch.where(wide, gradients, self.gradients)
        self.losses = torch.where(better, losses, self.losses)

    def restore_nonfinite(
        self, images: Tensor, losses: Tensor, gradients: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take over what is better, and bring back samples whose loss is lost.

        Returns points and gradients, the best where loss or gradient is not finite; and
        (N,) for each sample whether that was so.
        """
        lost = ~(losses.isfinite() & gradients.flatten(1).isfinite().all(dim=1))
        self.update(images, losses.where(~lost, torch.inf), gradients)
        wide = expand_to(lost, images)
        images = torch.where(wide, self.images, images)
        gradients = torch.where(wide, self.gradients, gradients)
        return images, gradients, lost

    def reset(self, sample: int, image: Tensor) -> None:
        self.images[sample] = image
        self.gradients[sample] = 0
        self.losses[sample] = float("inf")


def expand_to(per_sample: Tensor, like: Tensor) -> Tensor:
    """Shape (N,) so that it broadcasts over the pixels of ``like`` (N, ...)."""
    return per_sample.reshape(-1, *[1] * (like.dim() - 1))


def rms(samples: Tensor) -> Tensor:
    """Root mean square of each sample: (N, ...) -> (N,)."""
    return samples.flatten(1).square().mean(dim=1).sqrt()
