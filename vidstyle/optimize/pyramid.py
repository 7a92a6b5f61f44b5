"""Which sizes a picture is painted in, coarse to fine, and how they share the steps.

Source: Gatys et al. 2017, "Controlling perceptual factors in neural style transfer",
section 6, where two sizes are painted one after the other; in steps of the root of 2
it is Katherine Crowson's style-transfer-pytorch. We depart in what goes from one size
to the next: what the optimisation has changed, added to the next size's own start. So
the detail of a photograph comes back at once, and need not be found again.

At equal cost the loss of the largest size ends about where it does without the others,
with more of the style in it and less of the content: larger strokes, which no weight
of the content gives in one size.
"""

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.devices import seeded_generator

RATIO = 2**0.5  # of the sides of one size to those of the next smaller one
LEAST_WORK = 0.2  # of a step at any size, by one in full size; measured on a CPU
LEAST_SIDE = 64  # pixels; less has too little of the deepest features to measure


def factors(levels: int, shortest: int) -> list[float]:
    """List the factors of the smaller sizes, coarsest first; sides are in pixels."""
    wanted = [RATIO**-level for level in range(1, levels)]
    return [each for each in reversed(wanted) if round(shortest * each) >= LEAST_SIDE]


def shared_steps(total: int, levels: int) -> list[int]:
    """Share out steps among sizes, coarsest first, fewer from each to the next.

    The coarsest gets three times as many as the largest, which costs the most and has
    the least left to do: at 512 pixels the picture is as good as with equal shares, in
    three quarters of the time.
    """
    weights = [3 - 2 * level / max(1, levels - 1) for level in range(levels)]
    shares = [max(1, round(total * each / sum(weights))) for each in weights[1:]]
    return [total - sum(shares), *shares]


def step_work(share: float) -> float:
    """Return a step's time at a share of the pixels, by that of one in full size."""
    return LEAST_WORK + (1 - LEAST_WORK) * share


def picture_work(steps: int, levels: int, shortest: int) -> float:
    """Return the time of all steps in all sizes, by that of one in full size."""
    sizes = [*factors(min(levels, steps), shortest), 1.0]
    shared = zip(sizes, shared_steps(steps, len(sizes)), strict=True)
    return sum(share * step_work(size**2) for size, share in shared)


def enlarged(image: Tensor, like: Tensor) -> Tensor:
    """Resample an image (1, 3, h, w) to the size of another: (1, 3, H, W), a copy."""
    if image.shape == like.shape:
        return image.clone()
    return functional.interpolate(
        image, size=like.shape[-2:], mode="bicubic", align_corners=False
    )


NOISE_DEVIATION = 0.15  # around mid-grey; wide enough to reach every color


def random_image(like: Tensor, *, seed: int, index: int) -> Tensor:
    """Draw noise for one frame, the same on every device and in every run.

    Normal around 0.5, clamped to [0, 1]; shape (1, 3, H, W), type and device as
    ``like``.
    """
    generator = seeded_generator(seed, index)
    noise = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    return (0.5 + NOISE_DEVIATION * noise).clamp(0, 1).to(like)


def fitted_image(image: Tensor, like: Tensor) -> Tensor:
    """Resample a picture so that it covers another's shape, and cut out its middle.

    Aspect ratio kept; (1, 3, h, w) -> (1, 3, H, W) in [0, 1].
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
