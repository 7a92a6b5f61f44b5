"""Shots: frames in one after another, the cuts between them out, a few frames late.

Finds hard cuts only. A dissolve has no first frame of a new shot, and is left to the
flow, which can be trusted little there; ``motion/fades`` finds fades.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.images import fit_long_side, resize_frame
from vidstyle.motion.consistency import move_along
from vidstyle.motion.flow import estimate_flow
from vidstyle.records import Frame

LOOK_AHEAD: Final = 3
"""Frames after a sudden change that are awaited: a flash may be that long."""

THUMBNAIL_SIDE: Final = 128
"""Longest side in pixels of the pictures that are compared."""

UNLIKE: Final = 0.3
"""Unlikeness from which a frame may begin a shot. Measured on camera clips: frames that
follow one another stay under 0.19, frames of different clips begin at 0.58."""

CALM: Final = 0.5
"""Share of a cut's difference that those before and after it do not exceed: where all
changes all the time, the camera swings or the light fades, and nothing is cut."""

WINDOW: Final = 7
"""Side of the squares in which thumbnails are compared, in pixels."""

FLOORS: Final = 2.5**2, 3.0**2
"""SSIM's constants, for light and for structure, in levels squared: what is less is
noise. Its authors' are for pictures to look at; night scenes have cuts as well."""

Plane = npt.NDArray[np.float32]


class _Change(NamedTuple):
    """What is left between two thumbnails once the earlier is warped onto the later."""

    unlikeness: float
    """1 - SSIM (Wang et al. 2004), mean over places and colors: 1 for other things."""
    difference: float
    """Mean absolute difference in levels."""


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A frame that may begin a shot."""

    index: int
    thumbnail: Frame
    change: _Change


class ShotDetector:
    """Finds the cuts in a stream of frames, in constant memory.

    A frame that is unlike its predecessor becomes a suspect, and so do the frames after
    it, until one of them is like the last frame before the suspects (they were a flash)
    or there are more than ``LOOK_AHEAD`` of them (which are then judged).
    """

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._count = 0
        self._last: Frame | None = None  # thumbnail of the last frame but suspects
        self._differences: deque[float] = deque(maxlen=LOOK_AHEAD + 1)  # in this shot
        self._suspects: list[_Suspect] = []

    @property
    def certain(self) -> int:
        """Number of first frames of which it is decided whether they begin a shot."""
        return self._suspects[0].index if self._suspects else self._count

    def push(self, frame: Frame) -> list[int]:
        """Take the next frame.

        Args:
            frame: Of any shape, but the same for all.

        Returns:
            The cuts that are certain now and were not before: for each the index of the
            first frame of the new shot, counted from 0 at the first push. That first
            frame itself is no cut.
        """
        thumbnail = _make_thumbnail(frame)
        index, self._count = self._count, self._count + 1
        if self._last is None:
            self._last = thumbnail
            return []
        change = _compare(self._last, thumbnail)
        if not self._is_sudden(change):
            # Whatever was suspected was a flash, or went on from what was before.
            self._suspects.clear()
            self._last = thumbnail
            self._differences.append(change.difference)
            return []
        if self._suspects:
            change = _compare(self._suspects[-1].thumbnail, thumbnail)
        self._suspects.append(_Suspect(index, thumbnail, change))
        return self._judge() if len(self._suspects) > LOOK_AHEAD else []

    def finish(self) -> list[int]:
        """Decide the last frames, after the last push.

        Returns:
            As ``push``.
        """
        cut = _find_cut(self._suspects)
        self._suspects.clear()
        return [] if cut is None else [cut.index]

    def _is_sudden(self, change: _Change) -> bool:
        limit = CALM * change.difference
        is_isolated = all(difference <= limit for difference in self._differences)
        return change.unlikeness >= UNLIKE and is_isolated

    def _judge(self) -> list[int]:
        """Decide about as many suspects as can be decided."""
        cut = _find_cut(self._suspects)
        newest = self._suspects[-1]
        if cut is newest:  # only what comes next can tell whether it is calm
            self._suspects = [newest]
            return []
        self._last = newest.thumbnail
        self._differences.extend(s.change.difference for s in self._suspects)
        self._suspects.clear()
        if cut is None:
            return []
        self._differences.clear()
        return [cut.index]


def _find_cut(suspects: list[_Suspect]) -> _Suspect | None:
    """Find the suspect from which on they are one calm shot.

    A cut is one sudden change, or two with a flash on it; more are a swinging camera.
    """
    sudden = [s for s in suspects if s.change.unlikeness >= UNLIKE]
    if not 1 <= len(sudden) <= 2:
        return None
    cut = sudden[-1]
    after = suspects[suspects.index(cut) + 1 :]
    limit = CALM * cut.change.difference
    return cut if all(s.change.difference <= limit for s in after) else None


def _make_thumbnail(frame: Frame) -> Frame:
    height, width = fit_long_side(
        height=frame.shape[0], width=frame.shape[1], long_side=THUMBNAIL_SIDE
    )
    return resize_frame(frame, height=height, width=width)


def _compare(earlier: Frame, later: Frame) -> _Change:
    """Warp the earlier thumbnail onto the later one and compare them."""
    flow = estimate_flow(later, earlier, quality="medium")
    one, other = move_along(earlier, flow).astype(np.float32), later.astype(np.float32)
    return _Change(1 - _mean_ssim(one, other), float(np.abs(one - other).mean()))


def _mean_ssim(one: Plane, other: Plane) -> float:
    """Compare light, contrast and structure in small squares."""
    mean_one, mean_other = _blur(one), _blur(other)
    means = mean_one * mean_other
    squares = np.square(mean_one) + np.square(mean_other)
    covariance = _blur(one * other) - means
    variances = _blur(np.square(one) + np.square(other)) - squares
    light, structure = FLOORS
    ssim = (2 * means + light) / (squares + light)
    ssim *= (2 * covariance + structure) / (variances + structure)
    return float(ssim.mean())


def _blur(plane: Plane) -> Plane:
    return np.asarray(cv2.blur(plane, (WINDOW, WINDOW)), np.float32)
