"""Where paint on an earlier frame may be used again on a later one, and how old it is.

Frames and their motion in, planes (H, W) out; what is done with them is not decided
here.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import Consistency, Frame, Motion

Age = npt.NDArray[np.uint8]
"""For how many frames each pixel's paint has been there: (H, W), at most ``DRY``."""

DRY: Final = 8
"""Frames after which paint is finished; until then it is bound only in part."""
EDGE: Final = 2
"""Pixels around distrusted ones that are distrusted too: a moving thing's outline is a
mixture with what lay behind it, and would leave specks where the thing has been."""
ALIKE_TRUSTED: Final = 16
"""Levels of 255 by which a pixel may miss its source where the flow is trusted."""
ALIKE_DOUBTED: Final = 6
"""The same where it is not."""


def find_again(earlier: Frame, later: Frame, motion: Motion) -> Consistency:
    """Say where the later frame looks like the earlier one moved onto it.

    Consistency alone is no guide to what may be used again. Its test for motion edges
    doubts many pixels that look just as before; and along a moving outline a flow can
    be consistent and wrong, and would leave a trail of the thing's paint behind it. So
    the sources themselves are compared: a pixel must lie between the darkest and the
    brightest of the moved frame's pixels around it, which forgives a flow that is off
    by a fraction of a pixel. A change of light that concerns the whole picture is no
    difference: mean and spread of each channel are matched first.

    Returns:
        (H, W) in [0, 1], 1 = looks alike, 0 = does not, or was not in the picture.
    """
    moved = _same_light(_move(earlier, motion, cv2.INTER_LINEAR), later, motion)
    wanted = later.astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    above = wanted - cv2.dilate(moved, square)
    below = cv2.erode(moved, square) - wanted
    missed = np.maximum(np.maximum(above, below), 0).max(axis=2)
    smooth = np.asarray(cv2.blur(missed, (3, 3)), np.float32)
    limit = np.where(motion.consistency > 0.5, ALIKE_TRUSTED, ALIKE_DOUBTED)
    alike = (2 - smooth / limit).clip(0, 1)
    return (alike * _came_from_inside(motion)).astype(np.float32)


def _same_light(moved: Frame, later: Frame, motion: Motion) -> npt.NDArray[np.float32]:
    """Give the moved frame the later one's mean and spread, measured where trusted."""
    weight = motion.consistency + 1e-6
    pair = [frame.astype(np.float32) for frame in (moved, later)]
    means = [np.average(each, axis=(0, 1), weights=weight) for each in pair]
    spreads = [
        np.sqrt(np.average((each - mean) ** 2, axis=(0, 1), weights=weight))
        for each, mean in zip(pair, means, strict=True)
    ]
    gain = ((spreads[1] + 1) / (spreads[0] + 1)).clip(0.5, 2)
    return np.asarray((pair[0] - means[0]) * gain + means[1], np.float32)


def _came_from_inside(motion: Motion) -> npt.NDArray[np.bool_]:
    """Say which pixels' flow begins in the picture, to within half a pixel."""
    height, width = motion.flow_backward.shape[:2]
    across, down = _origins(motion)
    inside = (across > -0.5) & (across < width - 0.5)
    return np.asarray(inside & (down > -0.5) & (down < height - 0.5))


def widen_distrust(consistency: Consistency) -> Consistency:
    """Lower each pixel's trust to the least within ``EDGE`` pixels."""
    square = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    return np.asarray(cv2.erode(consistency, square), np.float32)


def grow(age: Age, trusted: Consistency, motion: Motion) -> Age:
    """Move the ages along the flow and add a frame; what is not trusted is new: 0."""
    moved = _move(age, motion, cv2.INTER_NEAREST)
    grown = np.minimum(moved.astype(np.int16) + 1, DRY)
    return np.where(trusted > 0.5, grown, 0).astype(np.uint8)


def within(age: Age, painted: npt.NDArray[np.bool_]) -> Age:
    """Leave the ages where there is paint (H, W); what comes from elsewhere is new."""
    return np.where(painted, age, 0).astype(np.uint8)


def _move(plane: Frame, motion: Motion, interpolation: int) -> Frame:
    """Bring what belongs to the earlier frame onto the later one: (H, W[, 3])."""
    across, down = _origins(motion)
    border = cv2.BORDER_REPLICATE
    moved = cv2.remap(plane, across, down, interpolation, borderMode=border)
    return np.asarray(moved, np.uint8)


def _origins(
    motion: Motion,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Say where in the earlier frame each pixel was: x and y, (H, W) each."""
    height, width = motion.flow_backward.shape[:2]
    across, down = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return across + motion.flow_backward[..., 0], down + motion.flow_backward[..., 1]
