from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import EvolutionConfig
from vidstyle.errors import ConfigError, VideoOpenError, VideoWriteError
from vidstyle.records import Frame
from vidstyle.video.ffmpeg import describe
from vidstyle.video.figures import (
    Evolution,
    blended,
    change,
    check_evolution_name,
    spaced,
    write_evolution,
)
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import list_packets

STEPS = 400


def level(value: float, *, height: int = 24, width: int = 32) -> Frame:
    return np.full((height, width, 3), round(value), np.uint8)


def like_adam(step: int) -> float:
    return 200 * (1 - np.exp(-step / 80))


def like_lbfgs(step: int) -> float:
    return 200 * (1 - 1 / (1 + step / 10))


def learned(pace: object, config: EvolutionConfig, steps: int = STEPS) -> Evolution:
    evolution = Evolution(config, level(0))
    for step in range(1, steps + 1):
        evolution.offer(level(pace(step)))
    return evolution


@pytest.mark.parametrize("pace", [like_adam, like_lbfgs])
@pytest.mark.parametrize("most", [2, 10, 40])
def test_changes_between_pictures_are_even(pace: object, most: int) -> None:
    pictures = learned(pace, EvolutionConfig(pictures=most)).pictures()
    changes = [change(*pair) for pair in pairwise(pictures)]
    assert len(pictures) == most
    assert max(changes) <= min(changes) + 2  # levels are whole


def test_a_single_step_that_changes_much_is_blended() -> None:
    evolution = Evolution(EvolutionConfig(pictures=11), level(0))
    evolution.offer(level(200))
    levels = [int(picture[0, 0, 0]) for picture in evolution.pictures()]
    assert levels == list(range(0, 201, 20))


def test_source_comes_first_and_result_last() -> None:
    pictures = learned(like_adam, EvolutionConfig()).pictures()
    assert pictures[0].max() == 0
    assert pictures[-1].max() == round(like_adam(STEPS))
    assert [p.mean() for p in pictures] == sorted(p.mean() for p in pictures)


def test_memory_is_bounded_however_long_it_takes() -> None:
    config = EvolutionConfig(pictures=5)
    evolution = Evolution(config, level(0))
    generator = np.random.default_rng(0)
    for _ in range(300):
        noise = generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        evolution.offer(noise)
        assert len(evolution._snapshots) <= 4 * config.pictures
    assert len(evolution.pictures()) <= 5


def test_nothing_learned_shows_the_source_alone() -> None:
    assert len(Evolution(EvolutionConfig(), level(7)).pictures()) == 1


def test_picture_that_hardly_changes_shows_source_and_result() -> None:
    evolution = Evolution(EvolutionConfig(), level(7))
    evolution.offer(level(7))
    assert len(evolution.pictures()) == 2


def test_snapshots_are_copies_of_the_configured_width() -> None:
    frame = level(9, height=60, width=100)
    evolution = Evolution(EvolutionConfig(width=50), frame)
    evolution.offer(frame)
    frame[:] = 0
    for picture in evolution.pictures():
        assert picture.shape == (30, 50, 3)
        assert picture.min() == 9


def test_small_picture_is_not_enlarged() -> None:
    evolution = Evolution(EvolutionConfig(width=50), level(0, height=20, width=30))
    assert evolution.pictures()[0].shape == (20, 30, 3)


def test_change_is_the_mean_difference_in_levels() -> None:
    before, after = level(10), level(10)
    after[:12] = 14
    assert change(before, after) == change(after, before) == 2


def test_spacing_keeps_the_first() -> None:
    frames = [level(value) for value in (0, 3, 4, 9)]
    assert [f.max() for f in spaced(frames, 256)] == [0]
    assert [f.max() for f in spaced(frames, 4)] == [0, 4, 9]
    assert [f.max() for f in spaced(frames, 0)] == [0, 3, 4, 9]


def test_what_looks_the_same_is_shown_twice_at_most() -> None:
    assert len(blended([level(7), level(7), level(7)], 40)) == 2


def growing(count: int, *, height: int = 24, width: int = 32) -> list[Frame]:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (height, width, 3))
    target = np.linspace(0, 255, width)[None, :, None]
    shares = np.linspace(0, 1, count)
    return [(noise * (1 - a) + target * a).astype(np.uint8) for a in shares]


@pytest.mark.parametrize(("fps", "delay_s"), [(10, 0.1), (30, 0.03), (50, 0.02)])
def test_gif_shows_every_picture_and_holds_the_last(
    fps: int, delay_s: float, tmp_path: Path
) -> None:
    path = tmp_path / "learned.gif"
    config = EvolutionConfig(fps=fps, hold_s=1.5)
    write_evolution(growing(12), path, config=config)
    packets = list_packets(path, "0:v:0", error=VideoOpenError)
    durations = [packet.duration_s for packet in packets]
    assert durations == pytest.approx([delay_s] * 11 + [1.5])
    assert [path.name for path in tmp_path.iterdir()] == ["learned.gif"]


def test_gif_looks_like_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "learned.gif"
    write_evolution(growing(6), path, config=EvolutionConfig())
    frames = [t.frame for t in read_frames(probe(path), on_warning=pytest.fail)]
    error = np.abs(frames[-1].astype(int) - growing(6)[-1]).mean()
    assert error < 12  # 256 colors, most of them spent on the noise


def test_gif_repeats_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "learned.gif"
    write_evolution(growing(3), path, config=EvolutionConfig())
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in path.read_bytes()


def test_mp4_shows_every_picture_and_repeats_the_last(tmp_path: Path) -> None:
    path = tmp_path / "learned.mp4"
    config = EvolutionConfig(fps=10, hold_s=0.5, width=31)
    write_evolution(growing(12), path, config=config)
    info = probe(path)
    assert info.codec == "h264"
    assert info.fps == Fraction(10)
    assert (info.height, info.width) == (22, 30)  # of 23 and 31
    frames = [t.frame.astype(int) for t in read_frames(info, on_warning=pytest.fail)]
    assert len(frames) == 12 + 5
    assert np.abs(frames[-1] - frames[11]).mean() < 2


def test_wide_pictures_are_reduced(tmp_path: Path) -> None:
    path = tmp_path / "learned.gif"
    pictures = growing(3, height=60, width=100)
    write_evolution(pictures, path, config=EvolutionConfig(width=50))
    assert "50x30" in describe(path)


@pytest.mark.parametrize("name", ["learned.png", "learned", "learned.webm"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.gif or \.mp4"):
        write_evolution(growing(3), tmp_path / name, config=EvolutionConfig())
    with pytest.raises(ConfigError, match=name):
        check_evolution_name(tmp_path / name)


@pytest.mark.parametrize("name", ["learned.gif", "learned.mp4"])
def test_no_picture_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(VideoWriteError, match="there are no pictures"):
        write_evolution([], tmp_path / name, config=EvolutionConfig())


@pytest.mark.parametrize("name", ["learned.gif", "learned.mp4"])
def test_missing_folder_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(VideoWriteError, match="No such file or directory"):
        write_evolution(growing(3), tmp_path / "none" / name, config=EvolutionConfig())
