"""A GIF or an MP4 of a picture while it is being learned, that changes evenly.

Early steps change everything and late ones hardly anything, under each optimizer at
another pace; so the pictures follow the change that can be seen, not the steps.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from vidstyle.config import EvolutionConfig
from vidstyle.errors import ConfigError, VideoWriteError
from vidstyle.images import resize_frame
from vidstyle.records import Frame
from vidstyle.video.write import MOST_FPS, write_video

_FINEST: Final = 0.25  # mean difference in 8-bit levels that can be seen at all
_SPARE: Final = 4  # times as many pictures kept as shown, so that neighbours blend


class Evolution:
    """Keep a picture whenever it has changed visibly since the last one kept.

    When there are too many, a larger change is asked for and the others are dropped, so
    that memory is bounded however long the optimisation takes.
    """

    def __init__(self, config: EvolutionConfig, source: Frame) -> None:
        self.config = config
        self._kept = [_narrowed(source, config.width).copy()]
        self._newest: Frame | None = None
        self._least_change = _FINEST

    def offer(self, frame: Frame) -> None:
        """Take the picture after every step; the last one offered is the result."""
        self._newest = _narrowed(frame, self.config.width).copy()
        if change(self._kept[-1], self._newest) < self._least_change:
            return
        self._kept.append(self._newest)
        most = _SPARE * self.config.pictures
        if len(self._kept) > most:
            self._least_change *= 2
            self._kept = spaced(self._kept, self._least_change)
        if len(self._kept) > most:  # each differs much from every other
            self._kept = self._kept[::2]

    def pictures(self) -> list[Frame]:
        """Return the source first, the result last, and even changes between them."""
        if self._newest is None:
            return self._kept[:1]
        is_kept = self._kept[-1] is self._newest
        frames = self._kept if is_kept else [*self._kept, self._newest]
        return blended(frames, self.config.pictures)


def write_evolution(
    pictures: Iterable[Frame], path: Path, *, config: EvolutionConfig
) -> None:
    """Write pictures as a GIF that repeats, or an MP4; the last is held."""
    check_evolution_name(path)
    frames = [_narrowed(picture, config.width) for picture in pictures]
    if not frames:
        raise VideoWriteError(f"cannot write {path}: there are no pictures.")
    step_s, hold_s = 1 / config.fps, None
    if path.suffix.lower() == ".gif":
        # The nearest rate that it can have, or its delays would be uneven.
        step_s = max(1 / MOST_FPS, round(100 / config.fps) / 100)
        hold_s = max(step_s, config.hold_s)
    else:
        frames += frames[-1:] * round(config.hold_s * config.fps)
    times_s = [index * step_s for index in range(len(frames))]
    fps = Fraction(config.fps)
    write_video(frames, path, times_s=times_s, fps=fps, hold_s=hold_s)


def check_evolution_name(path: Path) -> None:
    if path.suffix.lower() not in {".gif", ".mp4"}:
        raise ConfigError(f"{path} must end in .gif or .mp4 to show the optimization.")


def change(before: Frame, after: Frame) -> float:
    """Return the mean absolute difference of two pictures, in 8-bit levels."""
    return float(cv2.norm(before, after, cv2.NORM_L1)) / before.size


def spaced(frames: Sequence[Frame], least_change: float) -> list[Frame]:
    kept = list(frames[:1])
    for frame in frames[1:]:
        if change(kept[-1], frame) >= least_change:
            kept.append(frame)
    return kept


def blended(frames: Sequence[Frame], most: int) -> list[Frame]:
    """Resample a series so that neighbours differ alike, blending where there is none.

    The first and the last of two or more stay; at ``most`` so many are returned, and
    fewer where so many would look the same.
    """
    lengths = np.array([0.0, *accumulate(change(*pair) for pair in pairwise(frames))])
    count = min(most, 2 + int(lengths[-1] / _FINEST))
    pictures = [frames[0]]
    for place in np.linspace(0, lengths[-1], count)[1:-1]:
        after = max(1, int(np.searchsorted(lengths, place)))
        step = lengths[after] - lengths[after - 1]
        share = (place - lengths[after - 1]) / step if step else 1.0
        mixed = cv2.addWeighted(frames[after - 1], 1 - share, frames[after], share, 0)
        pictures.append(np.asarray(mixed, np.uint8))
    return [*pictures, frames[-1]]


def _narrowed(frame: Frame, most: int) -> Frame:
    width = min(most, frame.shape[1])
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return resize_frame(frame, height=height, width=width)
