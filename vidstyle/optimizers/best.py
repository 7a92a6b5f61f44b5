"""The best point that each sample has visited, so that no optimiser can lose it."""

import torch
from torch import Tensor


class Best:
    """Remember, for each sample, the point with the lowest loss and its gradient.

    Tensors are (N, ...) as given, on their own device; losses are (N,).

    Attributes:
        keeps_newest: Whether the newest point with a finite loss counts as the best,
            where no function of the points is minimised.
    """

    def __init__(self, images: Tensor) -> None:
        """Start with nothing visited: every loss is infinite.

        Args:
            images: (N, ...); copied.
        """
        self.keeps_newest = False
        self.images = images.detach().clone()
        self.gradients = torch.zeros_like(self.images)
        self.losses = torch.full(
            images.shape[:1], float("inf"), dtype=images.dtype, device=images.device
        )

    def update(self, images: Tensor, losses: Tensor, gradients: Tensor) -> None:
        """Take over each sample whose loss is lower than its best; nan never is."""
        least = torch.inf if self.keeps_newest else self.losses
        better = losses < least  # (N,)
        wide = spread(better, images)
        self.images = torch.where(wide, images, self.images)
        self.gradients = torch.where(wide, gradients, self.gradients)
        self.losses = torch.where(better, losses, self.losses)

    def recovered(
        self, images: Tensor, losses: Tensor, gradients: Tensor
    ) -> tuple[Tensor, Tensor, list[bool]]:
        """Take over what is better, and bring back each sample whose loss is lost.

        Args:
            images: (N, ...), where the losses were evaluated.
            losses: (N,).
            gradients: (N, ...), of each sample's own loss.

        Returns:
            Points and gradients (N, ...), the best where loss or gradient is not
            finite; and for each sample whether that was so.
        """
        lost = ~(losses.isfinite() & gradients.flatten(1).isfinite().all(dim=1))
        self.update(images, losses.where(~lost, torch.inf), gradients)
        wide = spread(lost, images)
        images = torch.where(wide, self.images, images)
        gradients = torch.where(wide, self.gradients, gradients)
        return images, gradients, lost.tolist()

    def reset(self, sample: int, image: Tensor) -> None:
        """Forget one sample and start it from ``image`` (...)."""
        self.images[sample] = image
        self.gradients[sample] = 0
        self.losses[sample] = float("inf")


def spread(per_sample: Tensor, like: Tensor) -> Tensor:
    """Shape (N,) so that it broadcasts over the pixels of ``like`` (N, ...)."""
    return per_sample.reshape(-1, *[1] * (like.dim() - 1))


def rms(samples: Tensor) -> Tensor:
    """Root mean square of each sample: (N, ...) -> (N,)."""
    return samples.flatten(1).square().mean(dim=1).sqrt()
