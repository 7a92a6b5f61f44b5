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
ALIKE: Final = 20
"""Levels of 255 by which a pixel may differ from its source and be the same thing."""
UNLIKE: Final = 40
"""Levels by which it is certainly another."""


def find_again(earlier: Frame, later: Frame, motion: Motion) -> Consistency:
    """Say where the later frame looks like the earlier one moved onto it.

    Along a moving outline a flow can be consistent and wrong, and would leave a trail
    of the thing's paint behind it. Here the two sources disagree in colour. A change of
    light that concerns the whole picture is no disagreement: mean and spread of each
    channel are matched first.

    Returns:
        (H, W) in [0, 1], 1 = looks alike.
    """
    moved = _move(earlier, motion, cv2.INTER_LINEAR).astype(np.float32)
    wanted = later.astype(np.float32)
    weight = motion.consistency[..., None] + 1e-6
    means = [
        np.average(f, axis=(0, 1), weights=weight[..., 0]) for f in (moved, wanted)
    ]
    spreads = [
        np.sqrt(np.average((f - mean) ** 2, axis=(0, 1), weights=weight[..., 0]))
        for f, mean in zip((moved, wanted), means, strict=True)
    ]
    gain = ((spreads[1] + 1) / (spreads[0] + 1)).clip(0.5, 2)
    difference = np.abs((moved - means[0]) * gain + means[1] - wanted).mean(axis=2)
    smooth = np.asarray(cv2.blur(difference, (3, 3)), np.float32)
    return ((UNLIKE - smooth) / (UNLIKE - ALIKE)).clip(0, 1).astype(np.float32)


def widen_distrust(consistency: Consistency) -> Consistency:
    """Lower each pixel's trust to the least within ``EDGE`` pixels."""
    square = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    return np.asarray(cv2.erode(consistency, square), np.float32)


def grow(age: Age, trusted: Consistency, motion: Motion) -> Age:
    """Move the ages along the flow and add a frame; distrusted pixels are new: 0."""
    moved = _move(age, motion, cv2.INTER_NEAREST)
    grown = np.minimum(moved.astype(np.int16) + 1, DRY)
    return np.where(trusted > 0.5, grown, 0).astype(np.uint8)


def _move(plane: Frame, motion: Motion, interpolation: int) -> Frame:
    """Bring what belongs to the earlier frame onto the later one: (H, W[, 3])."""
    height, width = plane.shape[:2]
    across, down = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    moved = cv2.remap(
        plane,
        across + motion.flow_backward[..., 0],
        down + motion.flow_backward[..., 1],
        interpolation,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.uint8)
