"""Seeded pictures with a photograph's statistics, to learn a network's usual range."""

from typing import Final

import torch
from torch import Tensor

PICTURES: Final = 8
SIDE: Final = 128
SLOPE: Final = 1.4
CONTRAST: Final = 0.23
CHROMA: Final = 0.4


def natural_noise() -> Tensor:
    """Draw noise whose amplitude falls with frequency as a photograph's does.

    Returns:
        (8, 3, 128, 128) float32 in [0, 1] on the CPU, always the same.
    """
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(PICTURES, 4, SIDE, SIDE, generator=generator)
    across = torch.fft.rfftfreq(SIDE)
    down = torch.fft.fftfreq(SIDE).unsqueeze(1)
    frequency = torch.hypot(down, across)  # (H, W // 2 + 1)
    frequency[0, 0] = torch.inf
    spectrum = torch.fft.rfft2(white) * frequency**-SLOPE
    planes = torch.fft.irfft2(spectrum, s=(SIDE, SIDE))  # (N, 4, H, W)
    planes = planes / planes.std((2, 3), keepdim=True)
    luminance, color = planes[:, :1], planes[:, 1:]
    pictures: Tensor = 0.45 + CONTRAST * (luminance + CHROMA * color)  # (N, 3, H, W)
    return pictures.clamp(0, 1)
