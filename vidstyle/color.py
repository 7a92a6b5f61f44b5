"""Color transfer between pictures, and masks of regions.

The content is recolored to the painting's palette before the optimization. The style
loss compares statistics of whole feature maps, in which hue weighs little compared with
brightness and edges, so that a photograph would keep hues that the painting lacks.
Matching mean and covariance of RGB first removes them.

Luminance is the Y of YIQ, a weighted sum of R, G and B; chroma is the rest, RGB - Y.
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

FLOOR = 0.03**2  # added to the variances, so that one-color pictures have a map
LARGEST_GAIN = 3.0  # along any axis of RGB space; more would amplify noise
PACE = 0.1  # weight of the newest frame in a clip's moving average

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColorStatistics:
    """Mean (3,) and covariance (3, 3) of a picture's RGB in [0, 1]."""

    mean: Floats
    covariance: Floats

    def toward(self, other: "ColorStatistics", pace: float = PACE) -> "ColorStatistics":
        """Interpolate between these statistics (0) and another picture's (1)."""
        return ColorStatistics(
            (1 - pace) * self.mean + pace * other.mean,
            (1 - pace) * self.covariance + pace * other.covariance,
        )


@dataclass(frozen=True, slots=True)
class PaletteMap:
    """An affine color transform: ``matrix @ rgb + offset``, RGB in [0, 1]."""

    matrix: Floats  # (3, 3), symmetric positive definite: no hue is inverted
    offset: Floats  # (3,)

    def apply(self, frame: Frame) -> Frame:
        """Recolor a frame; values outside [0, 255] are clamped."""
        affine = np.hstack([self.matrix, 255 * self.offset[:, None]])  # (3, 4)
        mapped = cv2.transform(frame.astype(np.float32), affine.astype(np.float32))
        return np.asarray(mapped).round().clip(0, 255).astype(np.uint8)


def color_statistics(
    frame: Frame, mask: npt.NDArray[np.float32] | None = None
) -> ColorStatistics:
    """Compute a frame's statistics, weighted by a nonempty mask (H, W) in [0, 1]."""
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
    """Average the statistics of several pictures, by weights of any positive sum.

    Pictures of weight 0 are ignored, even if their statistics are not finite.
    """
    shares = np.array(weights, np.float64) / sum(weights)
    used = [pair for pair in zip(shares, colors, strict=True) if pair[0] > 0]
    return ColorStatistics(
        np.sum([share * picture.mean for share, picture in used], axis=0),
        np.sum([share * picture.covariance for share, picture in used], axis=0),
    )


def palette_map(content: ColorStatistics, style: ColorStatistics) -> PaletteMap:
    """Compute the map that gives the content the style's mean and covariance.

    Source: the optimal transport map between Gaussians (Monge-Kantorovich), as used by
    Pitie and Kokaram 2007. We depart in flooring variances and capping gains. No linear
    map moves colors less and, being symmetric, it inverts no hue. Gatys et al. 2016
    ("Preserving color", section 3.1) propose two others, by Cholesky factors and by
    PCA: on nine pairs from ``samples`` they moved colors by 79.2 (88.0 in BGR order)
    and 76.9 levels RMS, ours by 76.7 (``tests/color/test_palette_variants.py``), and
    the Cholesky map turns white stones pink.
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


WEIGHTS = np.array([0.299, 0.587, 0.114])  # luminance weights of RGB (BT.601, YIQ)


def luminance(frame: Frame) -> Frame:
    """Convert a frame to grayscale: its rounded luminance in all three channels."""
    gray = _luma(frame).round().astype(np.uint8)  # (H, W)
    return np.repeat(gray[..., None], 3, axis=2)


def with_chroma(stylized: Frame, source: Frame) -> Frame:
    """Combine a stylized frame's luminance with its source's chroma.

    Where the result would leave the RGB gamut, the chroma is desaturated at constant
    hue; so the luminance is preserved to within one level.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer",
    section 3.2; they clip instead.
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


BORDER = 0.01  # sigma of a soft border's Gaussian blur, relative to the longer side
REACH = 4.0  # radius of the blur's kernel, in sigmas
SEEN = np.float32(1 / 8)  # mask value from which a pixel fully counts for its region

AROUND = 0.02  # sigma of the blur that fills disoccluded pixels, relative likewise
TRACE = np.float32(1e-3)  # weight of untrusted pixels in that fill
SHARPEN = 1.5  # contrast factor that counters the blur of warping

Mask = npt.NDArray[np.float32]  # (H, W) in [0, 1], 1 inside the region


def soft_mask(picture: Frame, *, height: int, width: int) -> Mask:
    """Convert a picture of any size to a mask of (height, width); white is inside.

    Borders are soft over a few pixels; beyond them the mask is exactly 0 or 1.
    """
    small = resize_frame(luminance(picture), height=height, width=width)
    return soften(np.asarray(small[..., 0] / 255, np.float32))


def soften(mask: Mask) -> Mask:
    blurred = _blurred(mask, BORDER)
    # Rounding leaves values just below 1, which would let other regions shine through.
    return np.asarray(np.where(blurred > 1 - 1e-5, 1, blurred), np.float32).clip(0, 1)


def _blurred(values: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
    """Blur (H, W) by a Gaussian; sigma is a ``share`` of the longer side."""
    sigma = share * max(values.shape)
    side = 2 * round(REACH * sigma) + 1
    border = cv2.BORDER_REPLICATE
    blurred = cv2.GaussianBlur(values, (side, side), sigma, borderType=border)
    return np.asarray(blurred)


def fitted_mask(mask: Mask, *, height: int, width: int) -> Mask:
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def guide_image(mask: Mask, *, device: torch.device) -> Tensor:
    """Convert a mask to the spatial guide of a region's style: (1, 1, H, W) in [0, 1].

    The guide covers the soft border, too: there two stylized pictures are blended, and
    unless both are fully stylized, the border looks duller than either side.
    """
    guide = (mask / SEEN).clip(0, 1).astype(np.float32)
    return torch.from_numpy(guide).to(device)[None, None]


def is_painted(mask: Mask) -> npt.NDArray[np.bool_]:
    """Return the pixels (H, W) that are fully stylized for a region."""
    return np.asarray(mask >= SEEN)


def flatten_masks(masks: Sequence[Mask]) -> list[Mask]:
    """Composite masks so that later ones cover earlier ones; their sum is at most 1."""
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
    """Warp a mask (H, W) along a backward flow: ``out[p] = mask[p + flow[p]]``.

    Pixels from outside the frame belong to no region. Disoccluded ones, where
    ``trusted`` (H, W) in [0, 1] is low, follow the trusted pixels around them. The
    contrast is raised, since each warp blurs the mask a little.
    """
    height, width = mask.shape
    target = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    source = (target + flow).astype(np.float32)
    remapped = cv2.remap(
        mask,
        source[..., 0],
        source[..., 1],
        interpolation=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    is_new = ((source < -1) | (source > np.array([width, height]))).any(axis=2)
    moved = np.where(is_new, np.float32(0), np.asarray(remapped))
    trusted = np.where(is_new, np.float32(1), trusted)
    weights = trusted + TRACE
    around = _blurred(moved * weights, AROUND) / _blurred(weights, AROUND)
    filled = around + trusted * (moved - around)
    return np.asarray((SHARPEN * (filled - 0.5) + 0.5).clip(0, 1), np.float32)


def complement(masks: Sequence[Mask]) -> Mask:
    """Return the mask of what is in none of the masks, whose sum is at most 1."""
    return np.asarray(1 - np.sum(masks, axis=0), np.float32).clip(0, 1)


def composite(
    background: Frame, pictures: Sequence[Frame], masks: Sequence[Mask]
) -> Frame:
    """Blend pictures by their masks over a background of the same shape.

    The masks sum to at most 1. Where a mask is 1, its picture's pixels are exact.
    """
    blended = background * complement(masks)[..., None]
    for picture, mask in zip(pictures, masks, strict=True):
        blended += picture * mask[..., None]
    return np.asarray(blended.round().clip(0, 255).astype(np.uint8))
