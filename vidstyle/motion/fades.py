"""Detection of fades from and to black or white in a stream of frames, with a delay.

A frame of a fade is ``color + gain * (scene - color)``, so the distance of its mean
from the color and its contrast shrink by the same factor. An object that enters a black
frame changes the contrast first; a flash or a lamp switched on takes too few frames.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import Frame

Numbers = npt.NDArray[Any]
PLAIN: Final = 2.0
"""Standard deviation of each channel below which a frame is uniform, in levels."""
NEAR: Final = 6.0
"""Largest distance from black or white of such a frame, in levels."""
DIM: Final = 16.0
"""The same for a clip's first frame, which may be in the middle of a fade."""
PACE: Final = 0.004
"""Smallest change of a fade per frame, relative to its brightness."""
WINDOW: Final = 5
"""Frames over which the change is measured: more than the delay of a cut."""
LONGEST: Final = 150
"""Frames of the longest fade: bounds the delay and the frames buffered on disk."""
LEAST_GAIN: Final = 0.12
"""Smallest gain at which 8 bits hold enough of the scene to restore it."""
GRADUAL: Final = 3
"""Smallest number of partly faded frames in a fade."""
TOLERANCE: Final = 0.15
"""Largest difference of the gains by contrast and by mean, and largest increase of the
gain toward the darker end."""


@dataclass(frozen=True, slots=True)
class Light:
    """The gain of one frame of a fade."""

    index: int
    gain: float  # in (0, 1]
    color: int  # what is faded from or to: 0 (black) or 255 (white)
    shown: int
    """Index of the frame whose scene it shows: a brighter one if it is too dark."""

    def scene(self, source: Frame) -> Frame:
        """Remove the fade from a frame."""
        return _scaled(source, self.color, 1 / self.gain)

    def dim(self, scene: Frame) -> Frame:
        """Apply the fade to a frame."""
        return _scaled(scene, self.color, self.gain)


def _scaled(frame: Frame, color: int, factor: float) -> Frame:
    scaled = cv2.addWeighted(frame, factor, frame, 0, color * (1 - factor))
    return np.asarray(scaled, np.uint8)


def plain_color(frame: Frame) -> int | None:
    """Return 0 for a uniformly black frame, 255 for a white one, None for others."""
    return _plain_color(*cv2.meanStdDev(frame))


def _plain_color(mean: Numbers, deviation: Numbers) -> int | None:
    color = 0 if mean.mean() < 128 else 255
    is_plain = deviation.max() < PLAIN and np.abs(mean - color).max() <= NEAR
    return color if is_plain else None


@dataclass(frozen=True, slots=True)
class _Level:
    """A frame's mean distance from a color, and its standard deviation, in levels."""

    index: int
    distance: float
    contrast: float
    is_plain: bool


class FadeDetector:
    """Detects fades in a stream of frames, in constant memory."""

    def __init__(self) -> None:
        self._count = 0
        # For each color, the frames since the brightness was last constant.
        self._runs: dict[int, list[_Level]] = {0: [], 255: []}

    @property
    def certain(self) -> int:
        """Number of leading frames whose gain is decided."""
        runs = self._runs.values()
        return min((_first_open(run) for run in runs if run), default=self._count)

    def push(self, frame: Frame, cuts: Iterable[int] = ()) -> list[Light]:
        """Process the next frame, and the cuts found since the previous one.

        Returns the frames of the fades that have just become certain, brightest first
        in each fade, without uniform frames. Indices are 0 at the first push, like
        those of cuts.
        """
        lights = self._end(cuts)
        mean, deviation = cv2.meanStdDev(frame)
        contrast = float(np.sqrt(np.square(deviation).mean()))
        plain = _plain_color(mean, deviation)
        for color, run in self._runs.items():
            distance = abs(float(mean.mean()) - color)
            run.append(_Level(self._count, distance, contrast, plain == color))
            start = _constant_from(run)
            if start is not None:
                lights += _lights(run, color)
                del run[:start]
        self._count += 1
        return lights

    def finish(self, cuts: Iterable[int] = ()) -> list[Light]:
        """Decide the remaining frames, after the last push; returns as ``push``."""
        return self._end([*cuts, self._count])

    def _end(self, stops: Iterable[int]) -> list[Light]:
        """End all fades before each of the frames ``stops``."""
        lights = list[Light]()
        for stop in stops:
            for color, run in self._runs.items():
                lights += _lights([frame for frame in run if frame.index < stop], color)
                run[:] = [frame for frame in run if frame.index >= stop]
        return lights


def _first_open(run: Sequence[_Level]) -> int:
    """Return the first index whose gain a run may still decide."""
    # Only a clip's first frame may be in the middle of a fade.
    if run[0].index > 0 or run[0].distance > DIM:
        return run[0].index + 1
    return run[0].index


def _constant_from(run: Sequence[_Level]) -> int | None:
    """Find the position where the brightness became constant; None: it changes."""
    newest, recent = run[-1], run[-1 - WINDOW :]
    if newest.is_plain or len(run) > LONGEST:
        return len(run) - 1
    change = abs(newest.distance - recent[0].distance)
    limit = PACE * (len(recent) - 1) * max(newest.distance, recent[0].distance)
    # At the bottom of a dip the brightness hardly changes either.
    is_dark = newest.distance < LEAST_GAIN * max(frame.distance for frame in run)
    if change > limit or is_dark:
        return None
    # A fade-out starts at the brightest frame, or the last of several.
    brightest = max(recent, key=lambda frame: (frame.distance, frame.index))
    return brightest.index - run[0].index


def _lights(run: Sequence[_Level], color: int) -> list[Light]:
    """Find the fades in a run, on either side of its darkest frame."""
    if not run:
        return []
    darkest = min(range(len(run)), key=lambda n: run[n].distance)
    # A fade starts at the darkest frame or at either end of the run.
    sides = run, run[::-1], run[darkest:], run[darkest::-1]
    lights = {light.index: light for side in sides for light in _fade_in(side, color)}
    return [light for light in lights.values() if light.index >= _first_open(run)]


def _fade_in(side: Sequence[_Level], color: int) -> list[Light]:
    """Find the frames of a fade that starts at the frame nearest the color."""
    most = max(frame.distance for frame in side) / (1 + PACE)
    stop = next(n for n, frame in enumerate(side) if frame.distance >= most)
    full, *dimmed = side[stop::-1]  # from full brightness to the darkest
    if len(dimmed) < GRADUAL or full.contrast < 4 * PLAIN:
        return []
    gains = [frame.distance / full.distance for frame in dimmed]
    contrasts = [frame.contrast / full.contrast for frame in dimmed]
    is_even = np.allclose(gains, contrasts, rtol=0, atol=TOLERANCE)
    is_steady = max(np.diff(gains)) < TOLERANCE and gains[-1] < LEAST_GAIN
    gradual = sum(LEAST_GAIN <= gain < 0.95 for gain in gains)
    if not (is_even and is_steady and gradual >= GRADUAL):
        return []
    lights = list[Light]()
    shown = full.index
    for frame, gain in zip(dimmed, gains, strict=True):
        if gain >= LEAST_GAIN:
            shown = frame.index
        if not frame.is_plain:
            lights.append(Light(frame.index, gain, color, shown))
    return lights
