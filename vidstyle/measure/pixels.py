"""Frames come in, what their pixels say without a network goes out."""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.records import Frame

LUMA: Final = 0.2126, 0.7152, 0.0722
"""Weights of red, green and blue, as BT.709 has them."""
WINDOW: Final = 11
SIGMA: Final = 1.5
"""Side and standard deviation of the window of SSIM, in pixels."""
K1: Final = 0.01
K2: Final = 0.03
"""Shares of the full range that keep the fractions of SSIM stable."""


def mean_squared_error(one: Frame, other: Frame) -> float:
    """Average the squared difference of values in [0, 1], over pixels and colors."""
    _check_shapes(one, other)
    difference = one.astype(np.int32) - other
    return float(np.square(difference).mean()) / 255**2


def structural_similarity(one: Frame, other: Frame) -> float:
    """Compare the luma of two frames window by window: SSIM, at most 1.

    The mean is over all windows of 11x11 pixels that lie inside of the frame.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment", eq. 13
    and section III-C. Luma is BT.709's; the frame is not made smaller first, as their
    later program does with large ones.
    """
    _check_shapes(one, other)
    if min(one.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs at least {WINDOW} pixels a side.")
    x, y = (torch.from_numpy(luma(frame)) for frame in (one, other))  # (H, W)
    mean_x, mean_y, xx, yy, xy = _blur(torch.stack([x, y, x * x, y * y, x * y]))
    between = xy - mean_x * mean_y
    variances = xx - mean_x**2 + yy - mean_y**2
    lightness = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * between + K2**2) / (variances + K2**2)
    return float((lightness * structure).mean())


def mean_luminance(frame: Frame) -> float:
    """Average the luma of a frame, in [0, 1]."""
    return float(luma(frame).mean())


def mean_squared_gradient(frame: Frame) -> float:
    """Average the squared differences of neighbours down and across, added up.

    Over pixels and colors, in squared full ranges a pixel: what a picture misses itself
    by when it is moved by one pixel down and, as a second picture, across.
    """
    values = frame.astype(np.float32) / 255
    down, across = np.diff(values, axis=0), np.diff(values, axis=1)
    return float(np.square(down).mean() + np.square(across).mean())


def mean_gradient(frame: Frame) -> float:
    """Average the length of luma's gradient, in full ranges a pixel.

    From one pixel to its right and to its lower neighbor, so without the last row and
    column.
    """
    levels = luma(frame)  # (H, W)
    right = np.diff(levels, axis=1)[:-1]
    down = np.diff(levels, axis=0)[:, :-1]
    return float(np.hypot(right, down).mean())


def luma(frame: Frame) -> npt.NDArray[np.float64]:
    """Weigh the colors: (H, W) in [0, 1]."""
    return np.asarray(frame @ np.array(LUMA) / 255)


def _check_shapes(one: Frame, other: Frame) -> None:
    if one.shape != other.shape:
        raise ValueError(f"{one.shape} and {other.shape} differ; resize one of them.")


def _blur(maps: Tensor) -> Tensor:
    """Weigh each window of (K, H, W) by a Gaussian: (K, H - 10, W - 10)."""
    places = torch.arange(WINDOW, dtype=maps.dtype) - WINDOW // 2
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    weights = weights / weights.sum()
    rows = F.conv2d(maps.unsqueeze(1), weights.view(1, 1, 1, -1))
    return F.conv2d(rows, weights.view(1, 1, -1, 1)).squeeze(1)
