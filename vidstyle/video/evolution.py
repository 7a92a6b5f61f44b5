"""Snapshots of one picture being learned come in, a GIF or an MP4 of them goes out.

Early steps change everything and late ones hardly anything, under each optimizer at
another pace; so what is kept follows the change that can be seen, not the steps.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import cv2

from vidstyle.config import EvolutionConfig
from vidstyle.errors import ConfigError, VideoWriteError
from vidstyle.images import resize_frame
from vidstyle.records import Frame
from vidstyle.video.gif import MOST_FPS, write_gif
from vidstyle.video.write import write_video

_FINEST: Final = 0.25
"""Mean difference in 8-bit levels below which no change can be seen."""
_SPARE: Final = 4
"""Times as many snapshots are kept as shown, so that even ones can be picked."""


class Snapshot(NamedTuple):
    """One picture at one step of its optimisation."""

    step: int
    """0: before the first."""
    frame: Frame
    """At the evolution's width."""


class Evolution:
    """Choose, while a picture is being learned, which of its states to show.

    Snapshots are kept whenever the picture has changed visibly since the last one. When
    there are too many, a larger change is asked for and the others are dropped, so that
    memory is bounded however long the optimisation takes.
    """

    def __init__(self, config: EvolutionConfig, source: Frame) -> None:
        """Begin with the picture before it is painted.

        Args:
            config: How many pictures, and how wide.
            source: Any size; a reduced copy is kept.
        """
        self.config = config
        self._source = _narrowed(source, config.width).copy()
        self._kept: list[Snapshot] = []
        self._newest: Snapshot | None = None
        self._least_change = _FINEST

    def offer(self, step: int, frame: Frame) -> None:
        """Show the picture after a step, every step; the last offered is the result.

        Args:
            step: 1-based.
            frame: Of any size; a reduced copy is kept, if any.
        """
        self._newest = Snapshot(step, _narrowed(frame, self.config.width).copy())
        last = self._kept[-1].frame if self._kept else self._source
        if change(last, self._newest.frame) < self._least_change:
            return
        self._kept.append(self._newest)
        most = _SPARE * self.config.pictures
        if len(self._kept) > most:
            self._least_change *= 2
            self._kept = spaced(self._kept, self._least_change)
        if len(self._kept) > most:  # each differs much from every other
            self._kept = self._kept[::2]

    def snapshots(self) -> list[Snapshot]:
        """Pick snapshots with even changes between them.

        Returns:
            The source first, as step 0, and the result last; at most as many as
            configured.
        """
        source = Snapshot(0, self._source)
        if self._newest is None:
            return [source]
        between = [each for each in self._kept if each.step != self._newest.step]
        return _evenly([source, *between, self._newest], self.config.pictures)

    def pictures(self) -> list[Frame]:
        """Return the frames of ``snapshots``."""
        return [snapshot.frame for snapshot in self.snapshots()]


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


def spaced(snapshots: Sequence[Snapshot], least_change: float) -> list[Snapshot]:
    """Drop the snapshots that differ too little from the one kept before them.

    Args:
        snapshots: In order; the first is always kept.
        least_change: Between neighbours, as ``change`` measures it.
    """
    kept = list(snapshots[:1])
    for snapshot in snapshots[1:]:
        if change(kept[-1].frame, snapshot.frame) >= least_change:
            kept.append(snapshot)
    return kept


def _evenly(snapshots: Sequence[Snapshot], most: int) -> list[Snapshot]:
    """Pick at most some of the snapshots, the first and last among them.

    The change asked for between neighbours is the least that leaves few enough; but
    where single steps changed much, it does not fill up with what cannot be seen.
    """
    first, *between, last = snapshots
    path = sum(change(a.frame, b.frame) for a, b in pairwise(snapshots))
    least, enough = path / most / 2, 256.0
    while enough - least > 0.01:
        middle = (least + enough) / 2
        if len(spaced([first, *between], middle)) < most:
            enough = middle
        else:
            least = middle
    picked = spaced([first, *between], enough)
    if len(picked) > 1 and change(picked[-1].frame, last.frame) < enough / 2:
        del picked[-1]  # the result shows nothing new beside it
    return [*picked, last]


def _narrowed(frame: Frame, most: int) -> Frame:
    """Scale a frame down to a width, if it is wider."""
    width = min(most, frame.shape[1])
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return resize_frame(frame, height=height, width=width)
