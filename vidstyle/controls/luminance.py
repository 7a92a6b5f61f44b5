"""A frame's luminance apart from its chroma, and the two together again.

Luminance is the Y of YIQ, a weighted sum of R, G and B; chroma is what a colour has
beside it, RGB - Y.
"""

import numpy as np
import numpy.typing as npt

from vidstyle.controls.palette import ColorStatistics
from vidstyle.records import Frame

WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of R, G and B in the luminance (ITU-R BT.601, as in YIQ)."""


def luminance(frame: Frame) -> Frame:
    """Turn a frame grey: its luminance in each channel, rounded."""
    gray = _luma(frame).round().astype(np.uint8)  # (H, W)
    return np.repeat(gray[..., None], 3, axis=2)


def with_chroma(painted: Frame, source: Frame) -> Frame:
    """Give a painted frame the chroma of its source, and keep its own luminance.

    Where no screen can show both, the luminance stays and the chroma shrinks toward
    grey, its hue kept: so the luminance can be read back, to within a level.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer",
    section 3.2; they clip.
    """
    luma = _luma(painted)[..., None]  # (H, W, 1)
    chroma = source - _luma(source)[..., None]  # (H, W, 3)
    room = np.where(chroma > 0, 255 - luma, luma)
    size = np.abs(chroma)
    share = np.divide(room, size, out=np.ones_like(size), where=size > room)
    colored = luma + chroma * share.min(axis=2, keepdims=True)
    return np.asarray(colored.round().clip(0, 255).astype(np.uint8))


def luminance_statistics(colors: ColorStatistics) -> ColorStatistics:
    """Say what colours a picture would have if it were grey."""
    mean = float(WEIGHTS @ colors.mean)
    variance = float(WEIGHTS @ colors.covariance @ WEIGHTS)
    return ColorStatistics(np.full(3, mean), np.full((3, 3), variance))


def _luma(frame: Frame) -> npt.NDArray[np.float32]:
    """Weigh the channels: (H, W) in [0, 255]."""
    return np.asarray(frame @ WEIGHTS, np.float32)
