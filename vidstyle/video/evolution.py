"""A picture while it is being learned -> a GIF or an MP4 that changes evenly.

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
from vidstyle.video.gif import MOST_FPS, write_gif
from vidstyle.video.write import write_video

_FINEST: Final = 0.25
"""Mean difference in 8-bit levels below which no change can be seen."""
_SPARE: Final = 4
"""Times as many pictures are kept as shown, so that blends are of near neighbours."""


class Evolution:
    """Keep, while a picture is being learned, what shows how it changed.

    A picture is kept whenever it has changed visibly since the last one. When there are
    too many, a larger change is asked for and the others are dropped, so that memory is
    bounded however long the optimisation takes.
    """

    def __init__(self, config: EvolutionConfig, source: Frame) -> None:
        """Begin with the picture before it is painted.

        Args:
            config: How many pictures, and how wide.
            source: Any size; a reduced copy is kept.
        """
        self.config = config
        self._kept = [_narrowed(source, config.width).copy()]
        self._newest: Frame | None = None
        self._least_change = _FINEST

    def offer(self, frame: Frame) -> None:
        """Take the picture after a step, every step; the last offered is the result.

        Args:
            frame: Of any size; a reduced copy is kept, if any.
        """
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
        frames = self._kept
        if frames[-1] is not self._newest:
            frames = [*frames, self._newest]
        return blended(frames, self.config.pictures)


def write_evolution(
    pictures: Iterable[Frame], path: Path, *, config: EvolutionConfig
) -> None:
    """Write pictures as a GIF that repeats, or as an MP4; the last one is held.

    Args:
        pictures: In order, of one shape; those wider than configured are reduced.
        path: ``.gif`` or ``.mp4``; an existing file is replaced.
        config: Rate, width, and how long the last one is held. A GIF counts time in
            hundredths of a second, so its rate is the nearest that it can have.

    Raises:
        ConfigError: If the name's ending is neither.
        VideoWriteError: If it cannot be written; nothing is left under the name.
    """
    check_evolution_name(path)
    frames = [_narrowed(picture, config.width) for picture in pictures]
    if not frames:
        raise VideoWriteError(f"cannot write {path}: there is not one picture.")
    if path.suffix.lower() == ".gif":
        # The nearest rate that it can have, or its delays would be uneven.
        delay_s = max(1 / MOST_FPS, round(100 / config.fps) / 100)
        times_s = [index * delay_s for index in range(len(frames))]
        hold_s = max(delay_s, config.hold_s)
        write_gif(frames, path, times_s=times_s, fps=Fraction(100), hold_s=hold_s)
        return
    frames += frames[-1:] * round(config.hold_s * config.fps)
    times_s = [index / config.fps for index in range(len(frames))]
    write_video(frames, path, times_s=times_s, fps=Fraction(config.fps))


def check_evolution_name(path: Path) -> None:
    """Check that a name says whether to write a GIF or an MP4.

    Raises:
        ConfigError: If its ending is neither.
    """
    if path.suffix.lower() not in {".gif", ".mp4"}:
        raise ConfigError(
            f"{path} must end in .gif or .mp4 to show how it was learned."
        )


def change(before: Frame, after: Frame) -> float:
    """Measure how much two pictures differ: mean absolute difference, 8-bit levels."""
    return float(cv2.norm(before, after, cv2.NORM_L1)) / before.size


def spaced(frames: Sequence[Frame], least_change: float) -> list[Frame]:
    """Drop the pictures that differ too little from the one kept before them.

    Args:
        frames: In order; the first is always kept.
        least_change: Between neighbours, as ``change`` measures it.
    """
    kept = list(frames[:1])
    for frame in frames[1:]:
        if change(kept[-1], frame) >= least_change:
            kept.append(frame)
    return kept


def blended(frames: Sequence[Frame], most: int) -> list[Frame]:
    """Resample a series so that neighbours differ alike, blending where there is none.

    Args:
        frames: At least two, in order; the first and the last stay as they are.
        most: Pictures to return, 2 or more; fewer where so many would look the same.
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
    """Scale a frame down to a width, if it is wider."""
    width = min(most, frame.shape[1])
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return resize_frame(frame, height=height, width=width)
