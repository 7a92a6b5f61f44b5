"""Fades from and to black or white: frames in, the light of each out, some frames late.

A frame of a fade is ``color + gain * (scene - color)``, so its mean's distance from the
color and its contrast shrink alike. A thing that moves into a black picture changes the
contrast sooner, and a flash or a lamp that is switched on takes too few frames.
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
"""Standard deviation of each channel, in levels, below which a frame has one color."""
NEAR: Final = 6.0
"""Levels from black or white at which such a frame still counts as that."""
DIM: Final = 16.0
"""The same of a clip's first frame, which may be in the midst of a fade."""
PACE: Final = 0.004
"""Least change of a fade, as a share of its light, per frame."""
WINDOW: Final = 5
"""Frames over which it is measured: more than a cut is late."""
LONGEST: Final = 150
"""Frames of a fade: how late their light is known, and how many wait on the disk."""
LEAST_GAIN: Final = 0.12
"""With less, 8 bits hold too little of the scene to find it again."""
GRADUAL: Final = 3
"""Frames with part of the light that a fade has, at least."""
TOLERANCE: Final = 0.15
"""By which a frame's light may differ in contrast and mean, and exceed a brighter's."""


@dataclass(frozen=True, slots=True)
class Light:
    """How much of a scene's light a frame of a fade has."""

    index: int
    gain: float
    """In (0, 1]."""
    color: int
    """What is faded from or to: 0, black, or 255, white."""
    shown: int
    """The frame whose scene it is to show: a brighter one if there is too little."""

    def scene(self, source: Frame) -> Frame:
        """Return the frame in full light."""
        return _scaled(source, self.color, 1 / self.gain)

    def dim(self, scene: Frame) -> Frame:
        """Put the light of the fade back."""
        return _scaled(scene, self.color, self.gain)


def _scaled(frame: Frame, color: int, factor: float) -> Frame:
    scaled = cv2.addWeighted(frame, factor, frame, 0, color * (1 - factor))
    return np.asarray(scaled, np.uint8)


def plain_color(frame: Frame) -> int | None:
    """Return the color of a frame that is black (0) or white (255) all over."""
    return _plain_color(*cv2.meanStdDev(frame))


def _plain_color(mean: Numbers, spread: Numbers) -> int | None:
    color = 0 if mean.mean() < 128 else 255
    is_plain = spread.max() < PLAIN and np.abs(mean - color).max() <= NEAR
    return color if is_plain else None


@dataclass(frozen=True, slots=True)
class _Level:
    """A frame's mean, as distance from a color, and standard deviation, in levels."""

    index: int
    distance: float
    contrast: float
    is_plain: bool


class FadeDetector:
    """Finds the fades in a stream of frames, in constant memory."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._count = 0
        # By color, the frames since the light was last at rest.
        self._runs: dict[int, list[_Level]] = {0: [], 255: []}

    @property
    def certain(self) -> int:
        """Number of first frames whose light is decided."""
        runs = self._runs.values()
        return min((_first_open(run) for run in runs if run), default=self._count)

    def push(self, frame: Frame, cuts: Iterable[int] = ()) -> list[Light]:
        """Take the next frame, and the cuts that are known since the one before.

        Returns:
            The light of each frame of the fades that are certain now and were not
            before, brightest first in each; frames of one color are not among them.
            They are counted from 0 at the first push, as cuts are.
        """
        lights = self._end(cuts)
        mean, spread = cv2.meanStdDev(frame)
        contrast = float(np.sqrt(np.square(spread).mean()))
        plain = _plain_color(mean, spread)
        for color, run in self._runs.items():
            distance = abs(float(mean.mean()) - color)
            run.append(_Level(self._count, distance, contrast, plain == color))
            if (rest := _rest(run)) is not None:
                lights += _lights(run, color)
                del run[:rest]
        self._count += 1
        return lights

    def finish(self, cuts: Iterable[int] = ()) -> list[Light]:
        """Decide the last frames, after the last push; as ``push``."""
        return self._end([*cuts, self._count])

    def _end(self, stops: Iterable[int]) -> list[Light]:
        """End the fades before some frames."""
        lights = list[Light]()
        for stop in stops:
            for color, run in self._runs.items():
                lights += _lights([each for each in run if each.index < stop], color)
                run[:] = [each for each in run if each.index >= stop]
        return lights


def _first_open(run: Sequence[_Level]) -> int:
    """Return the first index whose light a run may yet decide."""
    return run[0].index + (run[0].index > 0 or run[0].distance > DIM)


def _rest(run: Sequence[_Level]) -> int | None:
    """Find from where on the light is at rest; None: it is changing."""
    newest, recent = run[-1], run[-1 - WINDOW :]
    if newest.is_plain or len(run) > LONGEST:
        return len(run) - 1
    change = abs(newest.distance - recent[0].distance)
    limit = PACE * (len(recent) - 1) * max(newest.distance, recent[0].distance)
    # At the bottom of a dip the light turns, and does not rest.
    is_dark = newest.distance < LEAST_GAIN * max(each.distance for each in run)
    if change > limit or is_dark:
        return None
    # A fade-out begins with the most light.
    return max(range(len(run))[-len(recent) :], key=lambda n: (run[n].distance, n))


def _lights(run: Sequence[_Level], color: int) -> list[Light]:
    """Find the light of the fades in a run, each on one side of what is darkest."""
    if not run:
        return []
    darkest = min(range(len(run)), key=lambda n: run[n].distance)
    sides = run, run[::-1], run[darkest:], run[darkest::-1]
    lights = {light.index: light for side in sides for light in _fade_in(side, color)}
    return [light for light in lights.values() if light.index >= _first_open(run)]


def _fade_in(side: Sequence[_Level], color: int) -> list[Light]:
    """Find the light of a fade's frames, from the darkest, or whitest, on."""
    most = max(each.distance for each in side) / (1 + PACE)
    stop = next(n for n, each in enumerate(side) if each.distance >= most)
    full, *dimmed = side[stop::-1]
    if len(dimmed) < GRADUAL or full.contrast < 4 * PLAIN:
        return []
    gains = [each.distance / full.distance for each in dimmed]
    contrasts = [each.contrast / full.contrast for each in dimmed]
    is_even = np.allclose(gains, contrasts, rtol=0, atol=TOLERANCE)
    is_steady = max(np.diff(gains)) < TOLERANCE and gains[-1] < LEAST_GAIN
    gradual = sum(LEAST_GAIN <= gain < 0.95 for gain in gains)
    if not is_even or not is_steady or gradual < GRADUAL:
        return []
    lights, shown = list[Light](), full.index
    for each, gain in zip(dimmed, gains, strict=True):
        shown = each.index if gain >= LEAST_GAIN else shown
        if not each.is_plain:
            lights.append(Light(each.index, gain, color, shown))
    return lights
