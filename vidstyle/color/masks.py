"""Masks: which part of a frame belongs to which region, with soft borders."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vidstyle.color.palette import luminance
from vidstyle.images import resize_frame
from vidstyle.records import Frame

BORDER = 0.01
"""Standard deviation of a border's blur, as a share of the longest side."""
REACH = 4.0
"""Standard deviations that a border reaches to either side."""
SEEN = np.float32(1 / 8)
"""How much of a region must be seen in a pixel for it to be painted there fully."""

AROUND = 0.02
"""The same of the neighbourhood that says what new pixels belong to."""
TRACE = np.float32(1e-3)
"""Weight of what cannot be trusted, where there is nothing else around."""
SHARPEN = 1.5
"""Factor of a moved mask's contrast."""

Mask = npt.NDArray[np.float32]
"""(H, W) in [0, 1], 1 inside the region."""


def soft_mask(picture: Frame, *, height: int, width: int) -> Mask:
    """Turn a picture of any size into a frame's mask: white is inside, black outside.

    Its borders are soft over a few pixels, further on it is exactly 0 or 1.
    """
    small = resize_frame(luminance(picture), height=height, width=width)
    return soften(np.asarray(small[..., 0] / 255, np.float32))


def soften(mask: Mask) -> Mask:
    """Blur the borders of a mask."""
    blurred = _blurred(mask, BORDER)
    # The blur rounds: a float that is nearly 1 would let a trace of others through.
    return np.asarray(np.where(blurred > 1 - 1e-5, 1, blurred), np.float32).clip(0, 1)


def _blurred(values: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
    """Blur by a share of the longest side."""
    deviation = share * max(values.shape)
    side = 2 * round(REACH * deviation) + 1
    return np.asarray(
        cv2.GaussianBlur(
            values, (side, side), deviation, borderType=cv2.BORDER_REPLICATE
        )
    )


def fitted_mask(mask: Mask, *, height: int, width: int) -> Mask:
    """Reduce a mask (H, W) to a smaller frame."""
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
    """Move a mask along a backward flow: ``out[p] = mask[p + flow[p]]``.

    What comes from outside the frame is in no region; what comes into sight within it
    goes with the trusted pixels around it. The mask is sharpened again, for each move
    blurs it a little.

    Args:
        mask: (H, W), of the earlier frame.
        flow: (H, W, 2) pixels, from the later frame back to the earlier.
        trusted: (H, W) in [0, 1], where the flow may be trusted.
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
