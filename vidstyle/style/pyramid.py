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

from torch import Tensor
from torch.nn import functional

RATIO = 2**0.5
"""Of the sides of one size to those of the next smaller one."""
LEAST_SIDE = 64
"""Pixels; a smaller picture has too little of its deepest features to measure."""


def factors(levels: int, shortest: int) -> list[float]:
    """Say by which factors a picture is reduced, coarsest first, without its own size.

    Args:
        levels: How many sizes there are to be, with its own.
        shortest: The picture's shorter side, in pixels.
    """
    wanted = [RATIO**-level for level in range(1, levels)]
    return [each for each in reversed(wanted) if round(shortest * each) >= LEAST_SIDE]


def shared_steps(total: int, levels: int) -> list[int]:
    """Share out steps among sizes, coarsest first: alike, the rest to the largest."""
    each = total // levels
    return [each] * (levels - 1) + [total - each * (levels - 1)]


def enlarged(image: Tensor, like: Tensor) -> Tensor:
    """Resample an image (1, 3, h, w) to the size of another: (1, 3, H, W), a copy."""
    if image.shape == like.shape:
        return image.clone()
    return functional.interpolate(
        image, size=like.shape[-2:], mode="bicubic", align_corners=False
    )
