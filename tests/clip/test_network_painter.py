"""A clip that is learned by a network, and then painted by it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening import Listened
from pictures import scene

from vidstyle.clip import pipeline
from vidstyle.clip.network_painter import spread_pairs
from vidstyle.config import Region, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError, WorkDirError
from vidstyle.images import read_picture, write_picture
from vidstyle.optimize.training import Training
from vidstyle.stylize.image import stylize_image

pytestmark = pytest.mark.slow

stylize_video = partial(pipeline.stylize_video, overwrite=True)

STYLE = StyleConfig(network="slim", device="cpu", steps=2, pyramid=1)
LEARNED = VideoConfig(style=STYLE, method="network", train_minutes=1)
STEP_S = 10.0
STEPS = 6


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each step of a training take ten seconds."""
    now = iter(range(10**6))
    monkeypatch.setattr(
        "vidstyle.clip.network_painter.monotonic", lambda: STEP_S * next(now)
    )


@pytest.fixture
def style(tmp_path: Path) -> Path:
    write_picture(tmp_path / "painting.png", scene(9))
    return tmp_path / "painting.png"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "clip").mkdir()
    for index in range(6):
        write_picture(tmp_path / "clip" / f"{index}.png", scene(index // 3))
    return tmp_path / "clip"


def frames(folder: Path) -> list[Any]:
    return [read_picture(path) for path in sorted(folder.glob("*.png"))]


def test_every_frame_is_painted_in_one_pass(
    clip: Path, style: Path, tmp_path: Path
) -> None:
    heard = Listened()
    stylize_video(clip, style, tmp_path / "out", config=LEARNED, listener=heard)
    painted, sources = frames(tmp_path / "out"), frames(clip)
    assert len(painted) == len(sources)
    assert not any(map(np.array_equal, painted, sources))
    assert np.array_equal(painted[0], painted[1])  # their sources are the same
    assert [(step.frame, step.step, step.steps) for step in heard.steps] == [
        (0, step, STEPS) for step in range(1, STEPS + 1)
    ]
    assert set(heard.steps[0].losses) >= {"style", "content", "temporal"}


def test_network_that_was_kept_paints_the_same(
    clip: Path, style: Path, tmp_path: Path
) -> None:
    look = tmp_path / "look.safetensors"
    stylize_video(clip, style, tmp_path / "a", config=LEARNED, network_output=look)
    kept = replace(STYLE, painter=look)
    heard = Listened()
    again = VideoConfig(style=kept)
    stylize_video(clip, style, tmp_path / "b", config=again, listener=heard)
    one, other = frames(tmp_path / "a"), frames(tmp_path / "b")
    assert all(map(np.array_equal, one, other))
    assert not heard.steps
    loop = replace(again, loop=True)
    stylize_video(clip, style, tmp_path / "loop", config=loop)
    assert len(frames(tmp_path / "loop")) == len(one)
    still = stylize_image(clip / "0.png", style, tmp_path / "still.png", config=kept)
    assert np.array_equal(read_picture(still), one[0])
    touched = VideoConfig(style=replace(kept, touch_up=2))
    stylize_video(clip, style, tmp_path / "c", config=touched, listener=heard)
    assert {step.steps for step in heard.steps} == {2}
    assert not np.array_equal(frames(tmp_path / "c")[0], one[0])
    write_picture(style, scene(8))
    with pytest.raises(ConfigError, match="trained with another painting"):
        stylize_image(clip / "0.png", style, tmp_path / "d.png", config=kept)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Get Ctrl-C after so many steps of the training."""

    def run(*arguments: object, after: int) -> None:
        step = Training.step

        def step_or_stop(self: Training, *given: Any) -> Any:
            if self.steps == after:
                raise KeyboardInterrupt
            return step(self, *given)

        with monkeypatch.context() as patched:
            patched.setattr(Training, "step", step_or_stop)
            with pytest.raises(KeyboardInterrupt):
                stylize_video(*arguments, config=LEARNED)

    return run


def test_training_goes_on(
    interrupted: Callable[..., None], clip: Path, style: Path, tmp_path: Path
) -> None:
    stylize_video(clip, style, tmp_path / "a", config=LEARNED)
    interrupted(clip, style, out := tmp_path / "b", after=2)
    heard = Listened()
    stylize_video(clip, style, out, config=LEARNED, listener=heard)
    assert [step.step for step in heard.steps] == list(range(3, STEPS + 1))
    assert all(map(np.array_equal, frames(tmp_path / "a"), frames(out)))


def test_damaged_state_is_told(
    interrupted: Callable[..., None], clip: Path, style: Path, tmp_path: Path
) -> None:
    interrupted(clip, style, out := tmp_path / "out", after=1)
    (tmp_path / "out.vidstyle" / "learned" / "network.safetensors").write_bytes(b"no")
    with pytest.raises(WorkDirError, match="--restart"):
        stylize_video(clip, style, out, config=LEARNED)


def test_each_region_has_a_network_of_its_own(
    clip: Path, style: Path, tmp_path: Path
) -> None:
    half = np.zeros_like(scene(0))
    half[:, : half.shape[1] // 2] = 255
    write_picture(tmp_path / "mask.png", half)
    region = Region(tmp_path / "mask.png", style)
    heard = Listened()
    stylize_video(
        clip, [], tmp_path / "out", config=LEARNED, regions=[region], listener=heard
    )
    painted, source = frames(tmp_path / "out")[0], scene(0)
    middle = half.shape[1] // 2
    assert np.array_equal(painted[:, middle + 4 :], source[:, middle + 4 :])
    assert not np.array_equal(painted[:, :middle], source[:, :middle])


def test_what_a_network_cannot_do_is_refused(
    clip: Path, style: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="a single style"):
        VideoConfig(method="network", style_at=(0.0, 1.0))
    with pytest.raises(ConfigError, match="workers or a network"):
        stylize_video(clip, style, tmp_path / "o", config=LEARNED, workers="2")
    with pytest.raises(ConfigError, match="keys or a network"):
        stylize_video(clip, style, tmp_path / "o", config=LEARNED, keys={0: style})


@pytest.mark.parametrize(("count", "most"), [(2, 8), (9, 8), (10, 8), (100, 8)])
def test_pairs_are_spread_evenly(count: int, most: int) -> None:
    clip = [np.full((2, 2, 3), index, np.uint8) for index in range(1, count + 1)]
    for frame in clip:
        frame[0] += 100  # not all of one color
    pairs = spread_pairs(iter(clip), most)
    firsts = [int(earlier[1, 0, 0]) for earlier, _ in pairs]
    assert most // 2 <= len(pairs) <= most or len(pairs) == count - 1
    assert len({later - earlier for earlier, later in pairwise(firsts)}) <= 1
    assert all(later[1, 0, 0] - earlier[1, 0, 0] == 1 for earlier, later in pairs)


def test_black_frames_are_in_no_pair() -> None:
    clip = [scene(0), scene(1), np.zeros_like(scene(0)), scene(2)]
    assert len(spread_pairs(iter(clip), 8)) == 1
