"""The colors of a picture, and masks: which part of it belongs to which region.

The content gets the painting's palette before anything is optimised. The style loss
compares sums over whole feature maps, in which hues weigh little beside brightness and
edges: from a start in its own colors, a photograph keeps hues that the painting does
not have. Matching mean and covariance first takes them away at once.

Luminance is the Y of YIQ, a weighted sum of R, G and B; chroma is what a color has
beside it, RGB - Y.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vidstyle.images import resize_frame
from vidstyle.records import Frame

FLOOR = 0.03**2  # added to each variance, so that a one-color picture has a map
LARGEST_GAIN = 3.0  # in any direction of color: more would show the source's noise
PACE = 0.1  # share of a clip's next frame in its running statistics

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColorStatistics:
    """Mean (3,) and covariance (3, 3) of a picture's RGB in [0, 1]."""

    mean: Floats
    covariance: Floats

    def toward(self, other: "ColorStatistics", pace: float = PACE) -> "ColorStatistics":
        """Move a share of the way to another picture's."""
        return ColorStatistics(
            (1 - pace) * self.mean + pace * other.mean,
            (1 - pace) * self.covariance + pace * other.covariance,
        )


@dataclass(frozen=True, slots=True)
class PaletteMap:
    """An affine map of colors: ``matrix @ rgb + offset``, RGB in [0, 1]."""

    matrix: Floats  # (3, 3), symmetric and positive: no hue turns into its opposite
    offset: Floats  # (3,)

    def apply(self, frame: Frame) -> Frame:
        """Recolor a frame; colors that leave [0, 255] are clamped."""
        affine = np.hstack([self.matrix, 255 * self.offset[:, None]])  # (3, 4)
        mapped = cv2.transform(frame.astype(np.float32), affine.astype(np.float32))
        return np.asarray(mapped).round().clip(0, 255).astype(np.uint8)


def color_statistics(
    frame: Frame, mask: npt.NDArray[np.float32] | None = None
) -> ColorStatistics:
    """Measure a frame's colors; a mask (H, W) in [0, 1], not empty, weighs pixels."""
    pixels = frame.reshape(-1, 3).astype(np.float64) / 255  # (H*W, 3)
    if mask is None:
        mean = pixels.mean(axis=0)
        centered = pixels - mean
        return ColorStatistics(mean, centered.T @ centered / len(pixels))
    shares = (mask.reshape(-1) / mask.sum(dtype=np.float64))[:, None]  # (H*W, 1)
    mean = (shares * pixels).sum(axis=0)
    centered = pixels - mean
    return ColorStatistics(mean, centered.T @ (shares * centered))


def mix_colors(
    colors: Sequence[ColorStatistics], weights: Sequence[float]
) -> ColorStatistics:
    """Mix the statistics of several pictures; only the weights' ratios count.

    A picture of weight 0 leaves no trace.
    """
    shares = np.array(weights, np.float64) / sum(weights)
    used = [(share, one) for share, one in zip(shares, colors, strict=True) if share]
    return ColorStatistics(
        np.sum([share * one.mean for share, one in used], axis=0),
        np.sum([share * one.covariance for share, one in used], axis=0),
    )


def palette_map(content: ColorStatistics, style: ColorStatistics) -> PaletteMap:
    """Find the map that gives the content the painting's mean and covariance.

    Source: the optimal transport map between Gaussians (Monge-Kantorovich), as Pitie
    and Kokaram 2007 use it. We depart in flooring variances and capping gains. No
    linear map moves colors less, and since it is symmetric, it turns no hue into its
    opposite. Gatys et al. 2016 ("Preserving color", section 3.1) name two others, by
    Cholesky's factors and by PCA: on nine pairs from ``samples`` they moved colors by
    79.2 (88.0 as B, G, R) and 76.9 levels RMS, ours by 76.7
    (``tests/color/test_palette_variants.py``), and Cholesky's turns white stones pink.
    """
    floor = FLOOR * np.eye(3)
    root = _power(content.covariance + floor, 0.5)
    inverse = _power(content.covariance + floor, -0.5)
    between = _power(root @ (style.covariance + floor) @ root, 0.5)
    values, vectors = np.linalg.eigh(inverse @ between @ inverse)
    matrix = (vectors * values.clip(max=LARGEST_GAIN)) @ vectors.T
    return PaletteMap(matrix, style.mean - matrix @ content.mean)


def _power(symmetric: Floats, exponent: float) -> Floats:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * values**exponent) @ vectors.T)


WEIGHTS = np.array([0.299, 0.587, 0.114])  # of RGB in luminance (BT.601, YIQ)


def luminance(frame: Frame) -> Frame:
    """Turn a frame grey: its luminance in each channel, rounded."""
    gray = _luma(frame).round().astype(np.uint8)  # (H, W)
    return np.repeat(gray[..., None], 3, axis=2)


def with_chroma(stylized: Frame, source: Frame) -> Frame:
    """Give a stylized frame the chroma of its source, and keep its own luminance.

    Where no screen can show both, the luminance stays and the chroma shrinks toward
    grey, its hue kept: so the luminance can be read back, to within a level.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer",
    section 3.2; they clip.
    """
    luma = _luma(stylized)[..., None]  # (H, W, 1)
    chroma = source - _luma(source)[..., None]  # (H, W, 3)
    room = np.where(chroma > 0, 255 - luma, luma)
    size = np.abs(chroma)
    share = np.divide(room, size, out=np.ones_like(size), where=size > room)
    colored = luma + chroma * share.min(axis=2, keepdims=True)
    return np.asarray(colored.round().clip(0, 255).astype(np.uint8))


def luminance_statistics(colors: ColorStatistics) -> ColorStatistics:
    mean = float(WEIGHTS @ colors.mean)
    variance = float(WEIGHTS @ colors.covariance @ WEIGHTS)
    return ColorStatistics(np.full(3, mean), np.full((3, 3), variance))


def _luma(frame: Frame) -> npt.NDArray[np.float32]:
    return np.asarray(frame @ WEIGHTS, np.float32)


BORDER = 0.01  # standard deviation of a border's blur, as a share of the longest side
REACH = 4.0  # standard deviations that a border reaches to either side
SEEN = np.float32(1 / 8)  # of a region in a pixel for it to be painted there fully

AROUND = 0.02  # the same of the neighbourhood that says what new pixels belong to
TRACE = np.float32(1e-3)  # weight of what cannot be trusted
SHARPEN = 1.5  # factor of a moved mask's contrast

Mask = npt.NDArray[np.float32]  # (H, W) in [0, 1], 1 inside the region


def soft_mask(picture: Frame, *, height: int, width: int) -> Mask:
    """Turn a picture of any size into a frame's mask: white is inside, black outside.

    Its borders are soft over a few pixels, further on it is exactly 0 or 1.
    """
    small = resize_frame(luminance(picture), height=height, width=width)
    return soften(np.asarray(small[..., 0] / 255, np.float32))


def soften(mask: Mask) -> Mask:
    blurred = _blurred(mask, BORDER)
    # The blur rounds: a float that is nearly 1 would let a trace of others through.
    return np.asarray(np.where(blurred > 1 - 1e-5, 1, blurred), np.float32).clip(0, 1)


def _blurred(values: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
    deviation = share * max(values.shape)
    side = 2 * round(REACH * deviation) + 1
    return np.asarray(
        cv2.GaussianBlur(
            values, (side, side), deviation, borderType=cv2.BORDER_REPLICATE
        )
    )


def fitted_mask(mask: Mask, *, height: int, width: int) -> Mask:
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def guide_image(mask: Mask, *, device: torch.device) -> Tensor:
    """Turn a mask into the guide of a region: (1, 1, H, W) in [0, 1].

    That is farther out than it can be seen well: in a soft border two pictures lie over
    one another, and both have to be painted there, or it is duller than its sides.
    """
    guide = (mask / SEEN).clip(0, 1).astype(np.float32)
    return torch.from_numpy(guide).to(device)[None, None]


def is_painted(mask: Mask) -> npt.NDArray[np.bool_]:
    """Return the pixels (H, W) that are fully painted for a region."""
    return np.asarray(mask >= SEEN)


def flatten_masks(masks: Sequence[Mask]) -> list[Mask]:
    """Return what can be seen of each mask, together at most 1: the later one wins."""
    if not masks:
        return []
    visible: list[Mask] = []
    free = np.ones_like(masks[0])
    for mask in reversed(masks):
        visible.insert(0, mask * free)
        free = free * (1 - mask)
    return visible


def moved_mask(
    mask: Mask, flow: npt.NDArray[np.float32], trusted: npt.NDArray[np.float32]
) -> Mask:
    """Move a mask (H, W) along a backward flow: ``out[p] = mask[p + flow[p]]``.

    What comes from outside the frame is in no region; what comes into sight within it
    goes with the pixels around it that are trusted, (H, W) in [0, 1]. The mask is
    sharpened again, for each move blurs it a little.
    """
    height, width = mask.shape
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    there = (here + flow).astype(np.float32)
    remapped = cv2.remap(
        mask,
        there[..., 0],
        there[..., 1],
        interpolation=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    is_new = ((there < -1) | (there > np.array([width, height]))).any(axis=2)
    moved = np.where(is_new, np.float32(0), np.asarray(remapped))
    trusted = np.where(is_new, np.float32(1), trusted)
    weights = trusted + TRACE
    around = _blurred(moved * weights, AROUND) / _blurred(weights, AROUND)
    filled = around + trusted * (moved - around)
    return np.asarray((SHARPEN * (filled - 0.5) + 0.5).clip(0, 1), np.float32)


def complement(masks: Sequence[Mask]) -> Mask:
    """Return what is in none of the masks, which are together at most 1."""
    return np.asarray(1 - np.sum(masks, axis=0), np.float32).clip(0, 1)


def composite(
    background: Frame, pictures: Sequence[Frame], masks: Sequence[Mask]
) -> Frame:
    """Compose pictures, each where its mask is, over a background of their shape.

    The masks are together at most 1. A pixel that is all of one picture's is that
    picture's, exactly.
    """
    made = background * complement(masks)[..., None]
    for picture, mask in zip(pictures, masks, strict=True):
        made += picture * mask[..., None]
    return np.asarray(made.round().clip(0, 255).astype(np.uint8))
