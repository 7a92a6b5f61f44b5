"""What the pixels start from."""

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.devices import seeded_generator

NOISE_DEVIATION = 0.15
"""Of white noise around mid-grey; wide enough to leave no colour out of reach."""


def random_image(like: Tensor, *, seed: int, index: int) -> Tensor:
    """Draw noise for one frame, the same on every device and in every run.

    Args:
        like: (1, 3, H, W), says shape, type and device.
        seed: The run's.
        index: The frame's.

    Returns:
        (1, 3, H, W), normal around 0.5, clamped to [0, 1].
    """
    generator = seeded_generator(seed, index)
    noise = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    return (0.5 + NOISE_DEVIATION * noise).clamp(0, 1).to(like)


def fitted_image(image: Tensor, like: Tensor) -> Tensor:
    """Resample a picture so that it covers another's shape, and cut out its middle.

    Args:
        image: (1, 3, h, w).
        like: (1, 3, H, W), says shape, type and device.

    Returns:
        (1, 3, H, W) in [0, 1], aspect ratio kept.
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
