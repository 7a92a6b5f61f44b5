"""Cuts in streams whose cuts are known."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pictures import View

from vidstyle.motion.shots import LOOK_AHEAD, ShotDetector

Frames = list[npt.NDArray[np.uint8]]
HEIGHT, WIDTH = 90, 160

CLIPS = Path(__file__).parents[2].parent / "shared" / "media" / "clips"


def find_cuts(frames: Sequence[npt.NDArray[np.uint8]]) -> list[int]:
    detector = ShotDetector()
    cuts = [cut for frame in frames for cut in detector.push(frame)]
    return cuts + detector.finish()


def film(
    view: View,
    seed: int,
    count: int,
    *,
    step: float = 1.5,
    start: float = 0,
    light: Sequence[float] | float = 1,
    noise: float = 1,
) -> Frames:
    """Film a scene with a camera that pans by ``step`` pixels a frame."""
    lights = np.broadcast_to(light, count)
    rng = np.random.default_rng(seed)
    frames = []
    for t in range(count):
        frame = view(
            height=HEIGHT, width=WIDTH, x=-start - step * t, seed=seed, grain=4
        )
        lit = frame * lights[t] + rng.normal(0, noise, frame.shape)
        frames.append(lit.clip(0, 255).round().astype(np.uint8))
    return frames


def plain(level: int, count: int) -> Frames:
    return [np.full((HEIGHT, WIDTH, 3), level, np.uint8)] * count


def test_hard_cuts_are_found_on_their_frame(view: View) -> None:
    frames = film(view, 1, 10) + film(view, 2, 12) + film(view, 3, 9)

    assert find_cuts(frames) == [10, 22]


def test_a_return_to_a_scene_is_a_cut(view: View) -> None:
    for length in (LOOK_AHEAD + 1, LOOK_AHEAD + 2):
        frames = film(view, 1, 8) + film(view, 2, length)
        frames += film(view, 1, 8, start=12)

        assert find_cuts(frames) == [8, 8 + length]


def test_the_first_and_the_last_frame_may_be_cut_off(view: View) -> None:
    frames = film(view, 1, 1) + film(view, 2, 10) + film(view, 3, 1)

    assert find_cuts(frames) == [1, 11]


def test_a_cut_in_a_moving_camera_is_found(view: View) -> None:
    frames = film(view, 1, 10, step=8) + film(view, 2, 10, step=-6)

    assert find_cuts(frames) == [10]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("kind", ["white", "bright"])
def test_a_flash_is_no_cut(view: View, length: int, kind: str) -> None:
    frames = film(view, 1, 24)
    if kind == "white":
        frames[10 : 10 + length] = plain(250, length)
    else:
        for t in range(10, 10 + length):
            frames[t] = (frames[t] * 2.6).clip(0, 255).astype(np.uint8)

    assert find_cuts(frames) == []


def test_a_flash_on_a_cut_is_one_cut(view: View) -> None:
    for length in (1, 2, 3):
        frames = film(view, 1, 10) + plain(250, length) + film(view, 2, 10)

        assert find_cuts(frames) == [10 + length]


def test_a_flash_at_the_start_is_no_cut(view: View) -> None:
    frames = film(view, 1, 5) + plain(250, 2) + film(view, 1, 10, start=10)
    detector = ShotDetector()

    assert [cut for frame in frames for cut in detector.push(frame)] == []


@pytest.mark.parametrize("step", [4, 8, 16, 24])
def test_a_pan_is_no_cut(view: View, step: float) -> None:
    assert find_cuts(film(view, 1, 16, step=step)) == []


def test_a_whip_pan_is_no_cut(view: View) -> None:
    frames = film(view, 1, 8) + film(view, 1, 6, step=70, start=12)
    frames += film(view, 1, 8, start=432)

    assert find_cuts(frames) == []


@pytest.mark.parametrize("length", [5, 8, 24])
def test_fades_are_no_cuts(view: View, length: int) -> None:
    down = np.linspace(1, 0, length + 1)
    frames = film(view, 1, length + 1, light=down) + plain(0, 6)

    assert find_cuts(film(view, 1, 8, start=-12) + frames) == []
    assert find_cuts(frames[::-1]) == []


def test_dimming_is_no_cut(view: View) -> None:
    assert find_cuts(film(view, 1, 16, light=np.linspace(1, 0.3, 16))) == []


def test_a_dissolve_is_no_cut(view: View) -> None:
    pairs = zip(film(view, 1, 20), film(view, 2, 20), strict=True)
    dissolve = [
        (one * (1 - t / 19) + other * (t / 19)).astype(np.uint8)
        for t, (one, other) in enumerate(pairs)
    ]
    frames = film(view, 1, 6, start=-9) + dissolve + film(view, 2, 6, start=30)

    assert find_cuts(frames) == []


@pytest.mark.parametrize("light", [0.05, 0.15])
def test_dark_and_noisy_clips_have_no_cuts(view: View, light: float) -> None:
    assert find_cuts(film(view, 1, 20, light=light, noise=4)) == []
    assert find_cuts(film(view, 1, 20, light=0, noise=3)) == []


def test_noise_is_no_cut(view: View) -> None:
    assert find_cuts(film(view, 1, 20, noise=25)) == []


def test_a_cut_between_dark_scenes_is_found(view: View) -> None:
    frames = film(view, 1, 10, light=0.25) + film(view, 2, 10, light=0.25)

    assert find_cuts(frames) == [10]


def test_a_cut_between_plain_colors_is_found() -> None:
    red = [np.full((HEIGHT, WIDTH, 3), (200, 30, 30), np.uint8)] * 8
    blue = [np.full((HEIGHT, WIDTH, 3), (30, 30, 200), np.uint8)] * 8

    assert find_cuts(red + blue) == [8]
    assert find_cuts(red) == []


def test_certainty_waits_for_suspects_only(view: View) -> None:
    frames = film(view, 1, 6) + film(view, 2, 6)
    detector = ShotDetector()
    assert detector.certain == 0
    certain, found = [], []
    for frame in frames:
        found.append(detector.push(frame))
        certain.append(detector.certain)

    decided = 6 + LOOK_AHEAD
    assert certain == [1, 2, 3, 4, 5, 6] + [6] * LOOK_AHEAD + [10, 11, 12]
    assert found == [[] for _ in range(decided)] + [[6], [], []]
    assert detector.finish() == []


def test_the_end_makes_all_certain(view: View) -> None:
    detector = ShotDetector()
    for frame in film(view, 1, 6) + film(view, 2, 2):
        assert detector.push(frame) == []

    assert detector.certain == 6
    assert detector.finish() == [6]
    assert detector.certain == 8
    assert detector.finish() == []


def test_no_frames_have_no_cuts() -> None:
    assert ShotDetector().finish() == []


@pytest.mark.parametrize("shape", [(16, 16), (17, 200), (500, 20)])
def test_frames_of_any_size_are_taken(view: View, shape: tuple[int, int]) -> None:
    height, width = shape
    frames = [view(height=height, width=width, seed=1)] * 6
    frames += [view(height=height, width=width, seed=2)] * 6

    assert find_cuts(frames) == [6]


def test_camera_clips_have_no_cuts_and_are_cut_where_joined() -> None:
    names = "mdn_friday.mp4", "mdn_flower.mp4", "mei_100_0306.AVI"
    if not CLIPS.is_dir():
        pytest.skip(f"the shared clips are not in {CLIPS}")
    frames: Frames = []
    for name in names:
        capture = cv2.VideoCapture(str(CLIPS / name))
        for _ in range(25):
            there, frame = capture.read()
            assert there
            frames.append(cv2.resize(frame, (WIDTH, HEIGHT))[..., ::-1])

    assert find_cuts(frames) == [25, 50]
