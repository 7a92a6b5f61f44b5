"""Fades from and to black or white: frames in, the light of each out, some frames late.

A frame of a fade is ``color + gain * (scene - color)``; its color is black or white. So
the frame's distance from that color and its contrast shrink alike, whatever is shown.
A thing that moves into a black picture changes its contrast sooner than its brightness,
and a flash or a lamp that is switched on takes too few frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from vidstyle.records import Frame

PLAIN: Final = 2.0
"""Standard deviation of each channel, in levels, below which a frame has one color."""
NEAR: Final = 6.0
"""Levels from black or white at which such a frame still counts as that."""
DIM: Final = 16.0
"""The same of a clip's first frame, which may be in the midst of its fade."""
PACE: Final = 0.004
"""Least change of a fade, as a share of its light, per frame."""
WINDOW: Final = 5
"""Frames over which it is measured; must exceed the frames by which a cut is late."""
LONGEST: Final = 150
"""Frames of a fade: how late their light is known, and how many wait on the disk."""
FAR: Final = 0.1
"""Share of the light at which a fade may end before it is of one color."""
LEAST_GAIN: Final = 0.15
"""Where less light is left, 8 bits hold too little of the scene to find it again."""
GRADUAL: Final = 3
"""Frames with part of the light that a fade has, at least."""
TOLERANCE: Final = 0.15
"""By which the light in a frame's contrast and in its brightness may differ."""
TURNED: Final = 0.9
"""Share of the most light below which a fade-in has turned into a fade-out."""
STEADY: Final = 0.03
"""By which the light may go back from one frame to the next."""
LEAST_CONTRAST: Final = 8.0
"""Standard deviation in levels that a scene must have for a fade to be told."""


@dataclass(frozen=True, slots=True)
class Light:
    """How much of a scene's light a frame of a fade has."""

    index: int
    gain: float
    """In [0, 1]."""
    color: int
    """What is faded from or to: 0, black, or 255, white."""

    def scene(self, source: Frame) -> Frame:
        """Return a frame in full light."""
        return self._scaled(source, 1 / self.gain)

    def dim(self, scene: Frame) -> Frame:
        """Put the light of the fade back."""
        return self._scaled(scene, self.gain)

    def _scaled(self, frame: Frame, factor: float) -> Frame:
        scaled = self.color + factor * (frame.astype(np.float32) - self.color)
        return np.asarray(scaled.round().clip(0, 255).astype(np.uint8))


def plain_color(frame: Frame) -> int | None:
    """Return the color of a frame that is black (0) or white (255) all over."""
    mean, spread = cv2.meanStdDev(frame)
    if spread.max() < PLAIN:
        for color in (0, 255):
            if np.abs(mean - color).max() <= NEAR:
                return color
    return None


@dataclass(frozen=True, slots=True)
class _Level:
    """What a fade is told by in a frame."""

    index: int
    distance: float
    """Of the mean from the color, in levels."""
    contrast: float
    """Standard deviation, in levels."""
    is_plain: bool
    """Whether all of it is of that color."""


def full_light(
    lights: Sequence[Light], source: Callable[[int], Frame]
) -> Iterator[Frame]:
    """Yield the scene of each frame, read by its index from ``source``.

    What is too dark, or too white, shows that of its brighter neighbor.

    Args:
        lights: As a ``FadeDetector`` finds them: brightest first.
        source: Is asked for a frame when its scene is.
    """
    scene: Frame | None = None
    for light in lights:
        if scene is None or light.gain >= LEAST_GAIN:
            scene = light.scene(source(light.index))
        yield scene


@dataclass(slots=True)
class _Fades:
    """Finds the fades from and to one color."""

    color: int
    falling: list[_Level] = field(default_factory=list)
    """From the last frame in full light on, while there is less and less."""
    rising: list[_Level] = field(default_factory=list)
    """From the last frame of the color on, while there is more and more."""

    def certain(self, count: int) -> int:
        """Return the index of the first frame whose light is not decided."""
        fall = self.falling[0].index + 1 if self.falling else count
        return min(fall, self.rising[0].index if self.rising else count)

    def push(self, level: _Level) -> list[Light]:
        return self._fall(level) or self._rise(level)

    def cut(self, index: int) -> list[Light]:
        """End the fade-in before a cut, and begin no fade-out before it."""
        self.falling = [level for level in self.falling if level.index >= index]
        risen = [level for level in self.rising if level.index < index]
        self.rising.clear()
        return self._lights(risen[::-1])

    def finish(self) -> list[Light]:
        """End the fades with the clip, if they have come far enough."""
        return self._lights(self.falling) + self._lights(self.rising[::-1])

    def _fall(self, level: _Level) -> list[Light]:
        run = self.falling
        back = min(len(run), WINDOW)
        is_falling = 0 < len(run) < LONGEST and (
            level.distance < run[-back].distance * (1 - PACE * back)
        )
        if is_falling:
            run.append(level)
            if not level.is_plain:
                return []
        self.falling = [] if level.is_plain else [level]
        darkest = min(range(len(run)), key=lambda n: run[n].distance, default=0)
        if lights := self._lights(run[: darkest + 1]):
            # What rises again may not have reached the color.
            self.rising = [*run[darkest + 1 :], level]
        return lights

    def _rise(self, level: _Level) -> list[Light]:
        run = self.rising
        is_first = level.index == 0 and max(level.distance, level.contrast) < DIM
        if level.is_plain or is_first:
            self.rising = [level]
            return []
        if not run:
            return []
        run.append(level)
        most = max(each.distance for each in run)
        before = run[-1 - WINDOW].distance if len(run) > WINDOW else 0.0
        is_over = level.distance < before * (1 + PACE * WINDOW)
        if is_over or level.distance < TURNED * most:
            full = next(
                n for n, each in enumerate(run) if each.distance > most / (1 + PACE)
            )
            lights = self._lights(run[full::-1])
            run.clear()
            return lights
        if len(run) > LONGEST:
            run.clear()
        return []

    def _lights(self, run: Sequence[_Level]) -> list[Light]:
        """Find the light of a fade's frames, or none if it is no fade.

        Args:
            run: From the frame in full light to the darkest, or whitest.
        """
        if not run or run[0].contrast < LEAST_CONTRAST:
            return []
        full = run[0]
        gains = [min(1.0, each.distance / full.distance) for each in run]
        is_even = all(
            abs(each.contrast / full.contrast - gain) <= TOLERANCE
            for each, gain in zip(run, gains, strict=True)
        )
        is_steady = all(later < gain + STEADY for gain, later in pairwise(gains))
        gradual = sum(LEAST_GAIN <= gain < 0.95 for gain in gains)
        is_far = run[-1].is_plain or gains[-1] <= FAR
        if not (is_even and is_steady and is_far and gradual >= GRADUAL):
            return []
        return [
            Light(each.index, gain, self.color)
            for each, gain in zip(run[1:], gains[1:], strict=True)
            if not each.is_plain
        ]


class FadeDetector:
    """Finds the fades in a stream of frames, in constant memory."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._count = 0
        self._fades = [_Fades(0), _Fades(255)]

    @property
    def certain(self) -> int:
        """Number of first frames whose light is decided."""
        return min(fades.certain(self._count) for fades in self._fades)

    def push(self, frame: Frame, cuts: Sequence[int] = ()) -> list[Light]:
        """Take the next frame, and the cuts that are known since the one before.

        Returns:
            The light of each frame of the fades that are certain now and were not
            before, brightest first in each; frames of one color are not among them.
            They are counted from 0 at the first push, as cuts are.
        """
        mean, spread = cv2.meanStdDev(frame)
        contrast = float(np.sqrt(np.square(spread).mean()))
        color, lights = plain_color(frame), list[Light]()
        for fades in self._fades:
            distance = abs(float(mean.mean()) - fades.color)
            is_plain = color == fades.color
            for cut in cuts:
                lights += fades.cut(cut)
            lights += fades.push(_Level(self._count, distance, contrast, is_plain))
        self._count += 1
        return lights

    def finish(self, cuts: Sequence[int] = ()) -> list[Light]:
        """Decide the last frames, after the last push; as ``push``."""
        lights = list[Light]()
        for fades in self._fades:
            for cut in cuts:
                lights += fades.cut(cut)
            lights += fades.finish()
        self._fades = [_Fades(0), _Fades(255)]
        return lights
