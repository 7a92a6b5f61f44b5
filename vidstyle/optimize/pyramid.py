"""Coarse-to-fine pyramid: its sizes, their shares of the steps, and initial images.

Source: Gatys et al. 2017, "Controlling perceptual factors in neural style transfer",
section 6, with two sizes; with a ratio of sqrt(2), Katherine Crowson's
style-transfer-pytorch. We depart in what is passed to the next size: the change made by
the optimization, added to the next size's initial image. So the detail of a photograph
is there from the start and need not be recovered.

At equal cost the loss at the largest size ends about where it does without a pyramid,
with a lower style and a higher content loss: larger strokes, which no content weight
gives at a single size.
"""

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.devices import seeded_generator

RATIO = 2**0.5  # between the sides of neighboring levels
LEAST_WORK = 0.2  # of a step at any size, relative to full size; measured on a CPU
LEAST_SIDE = 64  # pixels; below, the deepest features have too few positions


def factors(levels: int, shortest: int) -> list[float]:
    """List the scale factors of the coarser levels, coarsest first.

    Levels whose shortest side would be under ``LEAST_SIDE`` are omitted; ``shortest``
    is that of the full size, in pixels.
    """
    scales = [RATIO**-level for level in range(levels - 1, 0, -1)]
    return [scale for scale in scales if round(shortest * scale) >= LEAST_SIDE]


def shared_steps(total: int, levels: int) -> list[int]:
    """Distribute steps over the levels, coarsest first, decreasing linearly.

    The coarsest level gets three times as many as the finest, which is the most
    expensive and has the least left to do: at 512 pixels the result is as good as with
    equal shares, in three quarters of the time.
    """
    weights = [3 - 2 * level / max(1, levels - 1) for level in range(levels)]
    shares = [max(1, round(total * weight / sum(weights))) for weight in weights[1:]]
    return [total - sum(shares), *shares]


def step_work(share: float) -> float:
    """Return the time of a step on a share of the pixels, relative to full size."""
    return LEAST_WORK + (1 - LEAST_WORK) * share


def picture_work(steps: int, levels: int, shortest: int) -> float:
    """Return the time of all steps at all sizes, in steps at full size."""
    sizes = [*factors(min(levels, steps), shortest), 1.0]
    shared = zip(sizes, shared_steps(steps, len(sizes)), strict=True)
    return sum(share * step_work(size**2) for size, share in shared)


def enlarged(image: Tensor, like: Tensor) -> Tensor:
    """Resize an image (1, 3, h, w) to the size of another: (1, 3, H, W), a copy."""
    if image.shape == like.shape:
        return image.clone()
    return functional.interpolate(
        image, size=like.shape[-2:], mode="bicubic", align_corners=False
    )


NOISE_DEVIATION = 0.15  # around mid-gray; wide enough to reach every color


def random_image(like: Tensor, *, seed: int, index: int) -> Tensor:
    """Draw a frame's noise image, identical on every device and in every run.

    Normally distributed around 0.5 and clamped to [0, 1]; shape (1, 3, H, W), dtype and
    device as ``like``.
    """
    generator = seeded_generator(seed, index)
    noise = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    return (0.5 + NOISE_DEVIATION * noise).clamp(0, 1).to(like)


def fitted_image(image: Tensor, like: Tensor) -> Tensor:
    """Resize an image to cover another's shape, keeping its aspect ratio; center-crop.

    (1, 3, h, w) -> (1, 3, H, W) in [0, 1].
    """
    height, width = like.shape[-2:]
    scale = max(height / image.shape[-2], width / image.shape[-1])
    covering = (
        max(height, round(image.shape[-2] * scale)),
        max(width, round(image.shape[-1] * scale)),
    )
    resized = functional.interpolate(
        image, size=covering, mode="bicubic", antialias=True, align_corners=False
    ).clamp(0, 1)
    top, left = (covering[0] - height) // 2, (covering[1] - width) // 2
    return resized[..., top : top + height, left : left + width].to(like)
