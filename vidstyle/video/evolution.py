"""An animation (GIF or MP4) of an optimization, sampled by visible change.

Early steps change everything and late ones hardly anything, at a rate that depends on
the optimizer; so frames are spaced evenly by how much the picture changed, not by step.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from vidstyle.config import EvolutionConfig
from vidstyle.errors import VideoWriteError
from vidstyle.images import resize_frame
from vidstyle.records import Frame
from vidstyle.video.write import MOST_FPS, check_evolution_name, write_video

_FINEST: Final = 0.25  # smallest visible mean difference, in 8-bit levels
_SPARE: Final = 4  # snapshots kept per picture shown, so that blending is smooth


class Evolution:
    """Snapshots of an optimization, taken whenever the picture has changed visibly.

    When there are too many, the required change is doubled and the snapshots are
    thinned out, which bounds memory however long the optimization runs.
    """

    def __init__(self, config: EvolutionConfig, source: Frame) -> None:
        self.config = config
        self._snapshots = [_limit_width(source, config.width).copy()]
        self._newest: Frame | None = None
        self._least_change = _FINEST

    def offer(self, frame: Frame) -> None:
        """Consider the picture after a step; the last one offered is the result."""
        self._newest = _limit_width(frame, self.config.width).copy()
        if change(self._snapshots[-1], self._newest) < self._least_change:
            return
        self._snapshots.append(self._newest)
        most = _SPARE * self.config.pictures
        if len(self._snapshots) > most:
            self._least_change *= 2
            self._snapshots = spaced(self._snapshots, self._least_change)
        if len(self._snapshots) > most:  # all of them differ by more than that
            self._snapshots = self._snapshots[::2]

    def pictures(self) -> list[Frame]:
        """Return evenly changing pictures, from the source to the result."""
        if self._newest is None:
            return self._snapshots[:1]
        frames = self._snapshots
        if frames[-1] is not self._newest:
            frames = [*frames, self._newest]
        return blended(frames, self.config.pictures)


def write_evolution(
    pictures: Iterable[Frame], path: Path, *, config: EvolutionConfig
) -> None:
    """Write pictures as a looping GIF, or an MP4, holding the last one."""
    check_evolution_name(path)
    frames = [_limit_width(picture, config.width) for picture in pictures]
    if not frames:
        raise VideoWriteError(f"cannot write {path}: there are no pictures.")
    step_s, hold_s = 1 / config.fps, None
    if path.suffix.lower() == ".gif":
        # GIF delays are whole 1/100 s: round the rate, or they would be uneven.
        step_s = max(1 / MOST_FPS, round(100 / config.fps) / 100)
        hold_s = max(step_s, config.hold_s)
    else:
        frames += frames[-1:] * round(config.hold_s * config.fps)
    times_s = [index * step_s for index in range(len(frames))]
    fps = Fraction(config.fps)
    write_video(frames, path, times_s=times_s, fps=fps, hold_s=hold_s)


def change(before: Frame, after: Frame) -> float:
    """Return the mean absolute difference of two pictures, in 8-bit levels."""
    return float(cv2.norm(before, after, cv2.NORM_L1)) / before.size


def spaced(frames: Sequence[Frame], least_change: float) -> list[Frame]:
    """Drop the frames that differ too little from the last one that stays."""
    result = list(frames[:1])
    for frame in frames[1:]:
        if change(result[-1], frame) >= least_change:
            result.append(frame)
    return result


def blended(frames: Sequence[Frame], most: int) -> list[Frame]:
    """Resample frames to even changes, by linear interpolation between neighbors.

    The first and last of two or more frames stay. Returns at most ``most`` frames, and
    fewer where they would be indistinguishable.
    """
    lengths = np.array([0.0, *accumulate(change(*pair) for pair in pairwise(frames))])
    count = min(most, 2 + int(lengths[-1] / _FINEST))
    pictures = [frames[0]]
    for position in np.linspace(0, lengths[-1], count)[1:-1]:
        after = max(1, int(np.searchsorted(lengths, position)))
        step = lengths[after] - lengths[after - 1]
        share = (position - lengths[after - 1]) / step if step else 1.0
        mixed = cv2.addWeighted(frames[after - 1], 1 - share, frames[after], share, 0)
        pictures.append(np.asarray(mixed, np.uint8))
    return [*pictures, frames[-1]]


def _limit_width(frame: Frame, most: int) -> Frame:
    width = min(most, frame.shape[1])
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return resize_frame(frame, height=height, width=width)
