"""Fades whose curves are known, and what is none."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import View

from vidstyle.images import write_picture
from vidstyle.motion.fades import DIM, FadeDetector, Light, plain_color
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame
from vidstyle.video.ffmpeg import run_ffmpeg

HEIGHT, WIDTH, COUNT = 90, 160, 60
BLACK, WHITE = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8) + np.uint8(
    [[[[0]]], [[[255]]]]
)


def film(view: View, count: int = COUNT, *, seed: int = 1) -> list[Frame]:
    """A camera over a texture."""
    return [
        view(height=HEIGHT, width=WIDTH, x=-2 * t, seed=seed, grain=4)
        for t in range(count)
    ]


def lit(frames: Sequence[Frame], gains: Sequence[float], color: int = 0) -> list[Frame]:
    return [
        Light(0, gain, color, 0).dim(frame)
        for frame, gain in zip(frames, gains, strict=True)
    ]


def find(frames: Iterable[Frame]) -> list[Light]:
    """Find all fades, and check that nothing that was certain changes."""
    shots, fades, certain, lights = ShotDetector(), FadeDetector(), 0, list[Light]()
    for frame in frames:
        found = fades.push(frame, shots.push(frame))
        assert all(light.index >= certain for light in found)
        lights += found
        assert fades.certain >= certain
        certain = fades.certain
    found = fades.finish(shots.finish())
    assert all(light.index >= certain for light in found)
    return sorted([*lights, *found], key=lambda light: light.index)


@pytest.fixture
def faded(view: View, tmp_path: Path) -> Callable[..., list[Frame]]:
    """Film a clip, and have ffmpeg fade it and encode it."""

    def make(graph: str) -> list[Frame]:
        for index, frame in enumerate(film(view)):
            write_picture(tmp_path / f"{index:03d}.png", frame)
        clip = str(tmp_path / "clip.mp4")
        arguments = ["-i", str(tmp_path / "%03d.png"), "-vf", f"{graph},format=yuv420p"]
        run_ffmpeg([*arguments, clip], error=AssertionError, failed="test clip")
        capture, frames = cv2.VideoCapture(clip), []
        while (read := capture.read())[0]:
            frames.append(np.ascontiguousarray(read[1][..., ::-1]))
        assert len(frames) == COUNT
        return frames

    return make


@pytest.mark.slow
@pytest.mark.parametrize("color", [0, 255])
@pytest.mark.parametrize("length", [8, 20])
def test_light_follows_the_curve_of_a_fade(
    faded: Callable[..., list[Frame]], color: int, length: int
) -> None:
    name = "black" if color == 0 else "white"
    frames = faded(
        f"fade=t=in:s=2:n={length}:color={name},fade=t=out:s=35:n={length}:color={name}"
    )
    lights = find(frames)

    gains = np.ones(COUNT)
    for light in lights:
        assert light.color == color
        gains[light.index] = light.gain
    plain = [t for t, frame in enumerate(frames) if plain_color(frame) == color]
    assert {0, 1, 2, COUNT - 1} <= set(plain)
    gains[plain] = 0
    t = np.arange(COUNT)
    curve = np.minimum((t - 2) / length, 1 - (t - 35) / length).clip(0, 1)
    np.testing.assert_allclose(gains, curve, atol=0.03)


def test_clip_without_a_fade_has_none(faded: Callable[..., list[Frame]]) -> None:
    assert find(faded("null")) == []


@pytest.mark.slow
def test_other_curves_and_lengths_are_followed(view: View) -> None:
    for length in (6, 30, 100):
        curve = np.sin(np.linspace(0, np.pi / 2, length)) ** 2
        frames = lit(film(view, length), curve)
        frames = [BLACK, *frames, *film(view, 10), *frames[::-1]]
        gains = [1.0] * len(frames)
        for light in find(frames):
            gains[light.index] = light.gain
        full = np.array([0, *curve, *[1] * 10, *curve[::-1]])
        shown = np.array([plain_color(frame) is None for frame in frames])
        np.testing.assert_allclose(np.array(gains)[shown], full[shown], atol=0.05)


def test_dip_need_not_reach_black(view: View) -> None:
    curve = [0.97, *np.linspace(0.95, 0.05, 19), *np.linspace(0.08, 0.98, 19)]
    frames = [*film(view, 5), *lit(film(view, 39), curve), *film(view, 8)]
    found = find(frames)
    assert {light.index for light in found} >= set(range(6, 43))
    for light in found:
        gain = ([1] * 5 + curve + [1] * 8)[light.index]
        assert light.gain == pytest.approx(gain, abs=0.03)


def test_clip_may_begin_and_end_in_the_midst_of_a_fade(view: View) -> None:
    curve = np.linspace(0.08, 1, 10)
    frames = lit(film(view, 10), curve)
    assert max(frames[0].std(), frames[0].mean()) < DIM
    for clip in (frames, [*frames, *film(view, 8)]):
        found = [light.gain for light in find(clip)]
        np.testing.assert_allclose(found, curve[: len(found)], atol=0.03)
        assert len(found) >= 9
    assert [each.index for each in find(frames[::-1])] == list(range(1, 10))


def test_fade_ends_at_a_cut(view: View) -> None:
    curve = np.linspace(0, 1, 11)
    other = film(view, 12, seed=2)
    dark = lit(other, [0.5] * 12)
    frames = [BLACK, *lit(film(view, 11), curve), *film(view, 2), *dark]
    rising = find(frames)
    assert {light.index for light in rising} <= set(range(1, 14))
    assert rising[4].gain == pytest.approx(curve[rising[4].index - 1], abs=0.03)

    frames = [*film(view, 6), *lit(other[:11], 0.6 * curve[::-1])]
    falling = find(frames)
    assert falling[0].index in {7, 8}
    assert falling[0].gain == pytest.approx(0.9, abs=0.11)


def test_what_moves_into_a_black_picture_is_no_fade(view: View) -> None:
    scene = film(view, 1)[0]
    for step in (2, 8):
        frames = [BLACK] * 3
        for width in [*range(0, WIDTH, step), *[WIDTH] * 8]:
            frame = BLACK.copy()
            frame[:, :width] = scene[:, :width]
            frames.append(frame)
        assert find(frames) == []
        assert find(frames[::-1]) == []


@pytest.mark.parametrize(
    "pattern",
    [
        [1] * 6 + [0] + [1] * 6,
        [0] * 6 + [1] + [0] * 6,
        [0, 1] * 10,
        [0, 0, 1, 1] * 5,
        [0] * 5 + [0.5] + [1] * 12,
        [0.3] * 5 + list(np.linspace(0.3, 1, 8)) + [1] * 8,
        [1, 0.5, 1, 0.4, 0.9, 0.3, 0.8, 0.2, 0.7, 0.1, 0.5, 0],
    ],
    ids=[
        "flash off",
        "flash",
        "strobe",
        "slow strobe",
        "lamp",
        "dawn",
        "disco",
    ],
)
@pytest.mark.parametrize("color", [0, 255])
def test_other_changes_of_light_are_no_fades(
    view: View, pattern: list[float], color: int
) -> None:
    frames = lit(film(view, len(pattern)), pattern, color)
    assert [t for t, g in enumerate(pattern) if not g] == [
        t for t, frame in enumerate(frames) if plain_color(frame) == color
    ]
    assert find(frames) == []


def test_black_and_white_are_told_from_other_colors(view: View) -> None:
    noise = np.random.default_rng(1).integers(0, 3, BLACK.shape, np.uint8)
    assert plain_color(BLACK + noise) == 0
    assert plain_color(WHITE - noise) == 255
    assert plain_color(BLACK + np.uint8(20)) is None
    assert plain_color(lit(film(view, 1), [0.1])[0]) is None
    assert plain_color(BLACK + np.uint8([0, 0, 200])) is None


def test_light_is_put_back_to_the_level(view: View) -> None:
    source = lit(film(view, 1), [0.3])[0]
    light = Light(0, 0.3, 0, 0)
    assert np.array_equal(light.dim(light.scene(source)), source)


def test_what_is_too_dark_shows_the_scene_of_its_neighbor(view: View) -> None:
    gains = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8]
    frames = [BLACK, *lit(film(view, 6), gains), *film(view, 7), BLACK]
    shown = [light.shown for light in find(frames)[:6]]
    assert shown == [3, 3, 3, 4, 5, 6]


def test_only_what_may_be_a_fade_is_waited_for(view: View) -> None:
    fades = FadeDetector()
    assert fades.certain == 0
    for count, frame in enumerate(film(view, 20), start=1):
        assert fades.push(frame) == []
        assert count - fades.certain <= 5
    assert fades.finish() == []
    assert fades.certain == 20
