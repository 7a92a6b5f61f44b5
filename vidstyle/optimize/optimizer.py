"""The interface of all optimizers: a batch of samples, optimized independently."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import ClassVar, Self

import torch
from torch import Tensor

HessianProduct = Callable[[Tensor], Tensor]
"""Multiplies vectors (N, ...) by each sample's Hessian: (N, ...)."""
Hessian = Callable[[Tensor], HessianProduct]
"""Maps points (N, ...) to the products with the Hessians there."""


class Optimizer(ABC):
    """Updates each sample of a batch from its own losses and gradients alone.

    Images and gradients are (N, ...), losses (N,). No threshold is absolute: scaling
    the losses gives the same points up to rounding. ``best`` is the best point of each
    sample; ``products`` counts the Hessian-vector products of its last step.
    """

    remembered: ClassVar = ["best.images", "best.gradients", "best.losses"]
    """Names of the per-sample state: tensors (N, ...) or lists of N ints."""

    def __init__(self, images: Tensor) -> None:
        self.best = Best(images)
        self.products = [0] * len(images)

    def reset(self, sample: int, image: Tensor, *, frame: int = 0) -> None:
        """Start a new sample; ``frame`` seeds the noise, if there is any."""
        self.best.reset(sample, image)
        self._restart(sample, frame)

    def warm_start(self, sample: int, image: Tensor, coarser: Self) -> None:
        """Continue a sample from a coarser pyramid level.

        Only what is independent of the size is carried over: step length and step
        count. Upsampled L-BFGS pairs, Adam moments or momentum velocities do not fit
        the finer detail: with them, the loss after the same number of steps was higher.
        """
        self.best.reset(sample, image)
        self._warm_start(sample, coarser)

    def state(self, sample: int) -> dict[str, Tensor]:
        """Return the state of one sample by name, as views."""
        held = {name: attrgetter(name)(self) for name in self.remembered}
        return {name: torch.as_tensor(values[sample]) for name, values in held.items()}

    def load_state(self, sample: int, state: Mapping[str, Tensor]) -> None:
        """Restore such a state of one sample, which has just been reset."""
        for name in self.remembered:
            values, value = attrgetter(name)(self), state[name]
            values[sample] = value if isinstance(values, Tensor) else int(value)

    def begin_gently(self, sample: int) -> None:  # noqa: B027  # most need nothing
        """Shorten the first step of one sample, which has just been reset."""

    @abstractmethod
    def shorten(self, sample: int, factor: float) -> None:
        """Scale the step length of a sample that has just been reset."""

    @abstractmethod
    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        """Update every sample from the point evaluated; return a new tensor."""

    @abstractmethod
    def _warm_start(self, sample: int, coarser: Self) -> None:
        """Reset a sample's state, except ``best``, and carry over the coarser's."""

    @abstractmethod
    def _restart(self, sample: int, frame: int) -> None:
        """Reset a sample's state, except ``best``."""


class Best:
    """The point with the lowest loss of each sample, and its gradient.

    With ``track_latest`` the latest point with a finite loss counts as the best; for
    updates that do not minimize a fixed function.
    """

    def __init__(self, images: Tensor) -> None:
        self.track_latest = False
        self.images = images.detach().clone()
        self.gradients = torch.zeros_like(self.images)
        self.losses = torch.full(
            images.shape[:1], float("inf"), dtype=images.dtype, device=images.device
        )

    def update(self, images: Tensor, losses: Tensor, gradients: Tensor) -> None:
        """Store each sample whose loss is lower than its best; nan never is."""
        bound = torch.inf if self.track_latest else self.losses
        better = losses < bound  # (N,)
        mask = expand_to(better, images)
        self.images = torch.where(mask, images, self.images)
        self.gradients = torch.where(mask, gradients, self.gradients)
        self.losses = torch.where(better, losses, self.losses)

    def restore_nonfinite(
        self, images: Tensor, losses: Tensor, gradients: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Update, and restore the best point of samples that are not finite.

        Returns points and gradients, and (N,) whether a sample's loss or gradient was
        not finite.
        """
        nonfinite = ~(losses.isfinite() & gradients.flatten(1).isfinite().all(dim=1))
        self.update(images, losses.masked_fill(nonfinite, torch.inf), gradients)
        mask = expand_to(nonfinite, images)
        images = torch.where(mask, self.images, images)
        gradients = torch.where(mask, self.gradients, gradients)
        return images, gradients, nonfinite

    def reset(self, sample: int, image: Tensor) -> None:
        self.images[sample] = image
        self.gradients[sample] = 0
        self.losses[sample] = float("inf")


def expand_to(per_sample: Tensor, like: Tensor) -> Tensor:
    """Reshape (N,) to broadcast over ``like`` (N, ...)."""
    return per_sample.reshape(-1, *[1] * (like.dim() - 1))


def upload(values: Tensor, like: Tensor) -> Tensor:
    """Copy to another tensor's device, in its dtype, without waiting for CUDA."""
    return values.to(like, non_blocking=like.is_cuda)


def rms(samples: Tensor) -> Tensor:
    """Compute the root mean square of each sample: (N, ...) -> (N,)."""
    return samples.flatten(1).square().mean(dim=1).sqrt()
