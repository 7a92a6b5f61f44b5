"""Shot detection in a stream of frames, with a delay of a few frames.

Finds hard cuts only. A dissolve has no first frame of a new shot; the low consistency
of its flow takes care of it. ``motion/fades`` finds fades.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.images import shrink_to
from vidstyle.motion.consistency import move_along
from vidstyle.motion.flow import estimate_flow
from vidstyle.records import Frame

LOOK_AHEAD: Final = 3
"""Frames awaited after an abrupt change: a flash may last that long."""

THUMBNAIL_SIDE: Final = 128
"""Longest side of the thumbnails compared, in pixels."""

MIN_DISSIMILARITY: Final = 0.3
"""Dissimilarity from which a frame may start a shot. Measured on camera clips:
consecutive frames stay below 0.19, frames of different clips are above 0.58."""

CALM: Final = 0.5
"""Largest difference before and after a cut, relative to that of the cut: if every
frame differs, the camera pans fast or the light fades, and there is no cut."""

WINDOW: Final = 7
"""Side of SSIM's square window, in pixels."""

FLOORS: Final = 2.5**2, 3.0**2
"""SSIM's constants for luminance and structure, in levels squared: about the noise. Its
authors' larger ones would miss cuts in night scenes."""

Plane = npt.NDArray[np.float32]


class _Change(NamedTuple):
    """How two thumbnails differ after the earlier is warped onto the later."""

    dissimilarity: float  # 1 - SSIM (Wang et al. 2004), mean over pixels and channels
    difference: float  # mean absolute difference in levels


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A frame that may start a shot."""

    index: int
    thumbnail: Frame
    change: _Change


class ShotDetector:
    """Detects cuts in a stream of frames, in constant memory.

    A frame dissimilar to its predecessor becomes a candidate, and so do those after it,
    until one is similar to the last frame before the candidates (a flash), or there are
    more than ``LOOK_AHEAD`` candidates, which are then decided.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: Frame | None = None  # thumbnail of the last frame before candidates
        self._differences: deque[float] = deque(maxlen=LOOK_AHEAD + 1)  # in this shot
        self._candidates: list[_Candidate] = []

    @property
    def certain(self) -> int:
        """Number of leading frames for which it is decided if they start a shot."""
        return self._candidates[0].index if self._candidates else self._count

    def push(self, frame: Frame) -> list[int]:
        """Process the next frame; all have the same shape.

        Returns the cuts that have just become certain: indices of the first frames of
        shots, counted from 0 at the first push. Frame 0 is not a cut.
        """
        thumbnail = shrink_to(frame, THUMBNAIL_SIDE)
        index = self._count
        self._count += 1
        if self._last is None:
            self._last = thumbnail
            return []
        change = _compare(self._last, thumbnail)
        if not self._is_abrupt(change):
            # The candidates were a flash, or the same shot after all.
            self._candidates.clear()
            self._last = thumbnail
            self._differences.append(change.difference)
            return []
        if self._candidates:
            change = _compare(self._candidates[-1].thumbnail, thumbnail)
        self._candidates.append(_Candidate(index, thumbnail, change))
        return self._decide() if len(self._candidates) > LOOK_AHEAD else []

    def finish(self) -> list[int]:
        """Decide the remaining frames, after the last push; returns as ``push``."""
        cut = _find_cut(self._candidates)
        self._candidates.clear()
        return [] if cut is None else [cut.index]

    def _is_abrupt(self, change: _Change) -> bool:
        limit = CALM * change.difference
        is_isolated = all(difference <= limit for difference in self._differences)
        return change.dissimilarity >= MIN_DISSIMILARITY and is_isolated

    def _decide(self) -> list[int]:
        """Decide as many candidates as possible."""
        cut = _find_cut(self._candidates)
        newest = self._candidates[-1]
        if cut is newest:  # the next frames show whether it is calm after it
            self._candidates = [newest]
            return []
        self._last = newest.thumbnail
        self._differences.extend(c.change.difference for c in self._candidates)
        self._candidates.clear()
        if cut is None:
            return []
        self._differences.clear()
        return [cut.index]


def _find_cut(candidates: list[_Candidate]) -> _Candidate | None:
    """Find the candidate from which on the frames form one calm shot.

    A cut is one abrupt change, or two if a flash is on it; more are a fast pan.
    """
    abrupt = [c for c in candidates if c.change.dissimilarity >= MIN_DISSIMILARITY]
    if len(abrupt) not in {1, 2}:
        return None
    cut = abrupt[-1]
    after = candidates[candidates.index(cut) + 1 :]
    limit = CALM * cut.change.difference
    is_calm = all(candidate.change.difference <= limit for candidate in after)
    return cut if is_calm else None


def _compare(earlier: Frame, later: Frame) -> _Change:
    """Warp the earlier thumbnail onto the later one and compare them."""
    flow = estimate_flow(later, earlier, quality="medium")
    moved = move_along(earlier, flow).astype(np.float32)
    target = later.astype(np.float32)
    difference = float(np.abs(moved - target).mean())
    return _Change(1 - _mean_ssim(moved, target), difference)


def _mean_ssim(a: Plane, b: Plane) -> float:
    mean_a, mean_b = _blur(a), _blur(b)
    means = mean_a * mean_b
    squares = np.square(mean_a) + np.square(mean_b)
    covariance = _blur(a * b) - means
    variances = _blur(np.square(a) + np.square(b)) - squares
    luminance, structure = FLOORS
    ssim = (2 * means + luminance) / (squares + luminance)
    ssim *= (2 * covariance + structure) / (variances + structure)
    return float(ssim.mean())


def _blur(plane: Plane) -> Plane:
    return np.asarray(cv2.blur(plane, (WINDOW, WINDOW)), np.float32)
