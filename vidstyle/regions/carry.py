"""Masks of a clip's first frame -> where they are in each later one, up to a cut."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from vidstyle.config import FlowQuality
from vidstyle.controls.masks import Mask, carried, soften
from vidstyle.images import resize_frame
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.reuse import find_again
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame, TimedFrame


class Cut(NamedTuple):
    """Where a shot ends."""

    frame: int
    """The index of the next one's first."""
    time_s: float
    """When that is shown, on the source's clock."""


def carry(
    masks: Sequence[Mask],
    frames: Iterable[TimedFrame],
    *,
    flow: FlowQuality,
    keep: Callable[[int, Sequence[Mask]], None],
) -> Cut | None:
    """Move masks along with what they lie on, as far as the shot goes.

    After a cut nobody knows where they would be, so they end with it.

    Args:
        masks: Of the first frame, (H, W) each.
        frames: Of the clip, in order, from there on.
        flow: How carefully motion is measured.
        keep: Is given each frame's index and the masks that it has; also for a few
            frames after the cut, until it is certain.

    Returns:
        The cut that they end with. None: there is none.
    """
    height, width = masks[0].shape
    # Only the borders of what is kept are soft; of what is moved, they would fray.
    moved = [np.asarray(mask > 0.5, np.float32) for mask in masks]
    detector, seen = ShotDetector(), list[Cut]()
    before: Frame | None = None
    for timed in frames:
        frame = resize_frame(timed.frame, height=height, width=width)
        seen.append(Cut(timed.index, timed.time_s))
        if cuts := detector.push(frame):
            return seen[cuts[0]]
        if before is not None:
            motion = estimate_motion(before, frame, quality=flow)
            trusted = motion.consistency * find_again(before, frame, motion)
            flows = motion.flow_backward
            moved = [carried(mask, flows, trusted) for mask in moved]
        keep(timed.index, [soften(mask) for mask in moved])
        before = frame
    cuts = detector.finish()
    return seen[cuts[0]] if cuts else None
