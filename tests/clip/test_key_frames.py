"""Frames between key frames: what is carried onto them, and what is painted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from listening import Listened, StoppedError, stop_after

from vidstyle.clip import frame_tasks
from vidstyle.clip.carry import mix_carried
from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.lanes import Turn
from vidstyle.clip.painter import PaintStep
from vidstyle.clip.pipeline import stylize_video
from vidstyle.clip.prefetch import Origin, PrefetchedFrame
from vidstyle.color import color_statistics
from vidstyle.config import EvolutionConfig, StyleConfig, VideoConfig
from vidstyle.config.style import KeepColor
from vidstyle.errors import ConfigError
from vidstyle.images import read_picture, resize_frame, write_picture
from vidstyle.motion.consistency import first_paint
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Frame, FrameReport, Motion
from vidstyle.stylize.style_bank import FrameStyle

HEIGHT, WIDTH = 32, 48
CONFIG = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=4, min_steps=9),
    next_steps=8,
    key_frames=4,
)


def noise(seed: int, width: int = WIDTH) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, width, 3), np.uint8)


def scene(seed: int, width: int = WIDTH) -> Frame:
    return resize_frame(noise(seed)[:6, :12], height=HEIGHT, width=width)


def origin(
    index: int, x: float = 0.0, mask=None, seen: float | np.ndarray = 1.0
) -> Origin:
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = x
    ones = np.ones((HEIGHT, WIDTH), np.float32)
    return Origin(
        index=index,
        mask=mask,
        motion=Motion(flow_backward=flow, consistency=ones),
        seen_again=seen * ones,
    )


def mix(
    origins: Sequence[Origin], pictures: Sequence[Frame], source: Frame
) -> tuple[Frame, np.ndarray]:
    """Mix what is carried to frame 11, between the key frames 10 and 14."""
    frame = PrefetchedFrame(
        turn=Turn(11, 0, 10, 14),
        source=source,
        content=source,
        style=FrameStyle((1.0,), color_statistics(source)),
        paint=first_paint(source),
        mask=None,
        origins=list(origins),
    )
    return mix_carried(frame, pictures, source)


def test_nearer_key_frame_counts_for_more() -> None:
    source, one, other = noise(1), noise(2), noise(3)
    mixed, held = mix([origin(10), origin(14)], [one, other], source)
    wanted = 0.75 * one + 0.25 * other
    assert np.abs(mixed - wanted).max() <= 1
    assert (held == 1).all()


def test_each_key_frame_moves_along_its_own_motion() -> None:
    wide, painted = scene(1, WIDTH + 8), noise(2, WIDTH + 8)
    at = [slice(x, x + WIDTH) for x in (0, 2, 8)]
    source = np.ascontiguousarray(wide[:, at[1]])
    pictures = [np.ascontiguousarray(painted[:, each]) for each in (at[0], at[2])]
    origins = [origin(10, x=2.0), origin(14, x=-6.0)]
    mixed, held = mix(origins, pictures, source)
    # Left of it the later one has nothing, and right of it the earlier one.
    inner = slice(8, WIDTH - 8)
    assert np.abs(mixed[:, inner].astype(int) - painted[:, at[1]][:, inner]).max() <= 1
    assert (held > 0.5).all()


def test_what_one_key_frame_does_not_show_comes_from_the_other() -> None:
    source, one, other = noise(1), noise(2), noise(3)
    seen = np.repeat(np.float32([0, 1]), WIDTH // 2)
    origins = [origin(10, seen=seen), origin(14)]
    mixed, _ = mix(origins, [one, other], source)
    assert np.array_equal(mixed[:, :18], other[:, :18])
    wanted = 0.75 * one + 0.25 * other
    assert np.abs(mixed[:, 30:] - wanted[:, 30:]).max() <= 1


def test_what_no_key_frame_shows_comes_from_the_predecessor_and_is_not_held() -> None:
    source, pictures = noise(1), [noise(2), noise(3), noise(4)]
    keys = [origin(index, seen=0.0) for index in (10, 14)]
    others = [*keys, origin(12)]
    mixed, held = mix(others, pictures, source)
    assert np.array_equal(mixed, pictures[2])
    assert (held == 0).all()


def test_nothing_is_carried_from_outside_a_region() -> None:
    source, pictures = noise(1), [noise(2), noise(3)]
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, 24:] = 1
    origins = [origin(10, mask=mask), origin(14, mask=mask)]
    _, held = mix(origins, pictures, source)
    assert (held[:, :22] == 0).all()
    assert (held[:, 26:] == 1).all()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two shots: a camera that moves, and after four frames something that appears."""
    wide = scene(1, WIDTH + 9)
    frames = [np.ascontiguousarray(wide[:, x : x + WIDTH]) for x in range(9)]
    frames += [scene(5)] * 4
    changed = scene(5).copy()
    changed[8:24, 8:40] = noise(7)[8:24, 8:40]
    for index, frame in enumerate([*frames, *[changed] * 3]):
        (tmp_path / "clip").mkdir(exist_ok=True)
        write_picture(tmp_path / "clip" / f"{index:02d}.png", frame)
    write_picture(tmp_path / "painting.png", scene(9))
    return tmp_path / "clip"


def paint(clip: Path, name: str, **options: object) -> tuple[list[Frame], Listened]:
    heard, output = Listened(), clip.parent / name
    style = clip.parent / "painting.png"
    stylize_video(
        clip, style, output, **{"config": CONFIG, "listener": heard, **options}
    )
    return [read_picture(path) for path in sorted(output.iterdir())], heard


@pytest.mark.slow
def test_frames_that_show_nothing_new_take_no_steps(clip: Path) -> None:
    _, heard = paint(clip, "out")
    painted = {report.frame for report in heard.steps}
    assert {0, 4, 8, 9, 13, 15} <= painted
    assert painted.isdisjoint({1, 2, 3, 5, 6, 7, 10, 11})


@pytest.mark.slow
def test_frames_with_something_new_end_when_they_are_as_good_as_key_frames(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip.parent / "flash").mkdir()
    for index in range(5):
        frame = scene(5)
        if index == 2:
            frame[8:20, 8:20] = noise(7)[8:20, 8:20]
        write_picture(clip.parent / "flash" / f"{index:02d}.png", frame)

    def steps_of_the_flash(near: float) -> int:
        monkeypatch.setattr(frame_tasks, "NEAR", near)
        _, heard = paint(clip.parent / "flash", f"near {near}")
        return max(each.step for each in heard.steps if each.frame == 2)

    assert steps_of_the_flash(100) == 2  # the first look at it
    assert steps_of_the_flash(0) > 2


@pytest.mark.slow
def test_key_frames_are_as_if_there_were_no_others(clip: Path) -> None:
    painted, _ = paint(clip, "out")
    (clip.parent / "keys").mkdir()
    for index in (0, 4, 8):
        frame = read_picture(clip / f"{index:02d}.png")
        write_picture(clip.parent / "keys" / f"{index:02d}.png", frame)
    alone, _ = paint(
        clip.parent / "keys", "alone", config=replace(CONFIG, key_frames=1)
    )
    # The motion between them is put together from frame to frame.
    for index, frame in zip((0, 4, 8), alone, strict=True):
        assert np.abs(frame.astype(int) - painted[index]).mean() < 6


def interrupt(clip: Path, name: str, stop: int) -> None:
    with pytest.raises(StoppedError):
        paint(clip, name, listener=stop_after(stop))


@pytest.mark.slow
def test_interrupted_run_ends_in_the_same_pixels(clip: Path) -> None:
    whole, _ = paint(clip, "whole")
    for stop in (1, 3, 5, 13):
        interrupt(clip, f"out{stop}", stop)
        resumed, heard = paint(clip, f"out{stop}")
        for index, pair in enumerate(zip(resumed, whole, strict=True)):
            assert np.array_equal(*pair), (stop, index)
        finished = [event for event in heard if isinstance(event, FrameReport)]
        assert len(finished) <= len(whole) - stop


@pytest.mark.slow
def test_goal_depends_on_key_frames_only_as_after_an_interruption(clip: Path) -> None:
    (clip.parent / "flash").mkdir()
    for index in range(5):
        frame = scene(5)
        if index in {2, 3}:
            frame[8:20, 8:20] = noise(7)[8:20, 8:20]
        write_picture(clip.parent / "flash" / f"{index:02d}.png", frame)
    goals = list[float]()

    class Careless(FrameOptimizer):
        """Ends frames between key frames with a larger loss than theirs."""

        def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
            for step in super().run(frames):
                if step.is_finished and step.frame.turn.after is not None:
                    step.frame.paint = replace(step.frame.paint, loss=100.0)
                yield step

        def _between(self, frame: PrefetchedFrame) -> FrameTask:
            task = super()._between(frame)
            if frame.index == 3:  # takes paint from frame 2, too
                goals.append(task.goal)
            return task

    options = {"make_painter": Careless, "overwrite": True}
    paint(clip.parent / "flash", "out", **options)
    with pytest.raises(StoppedError):  # at the end of frame 2, after 0, 4 and 1
        paint(clip.parent / "flash", "out", listener=stop_after(3), **options)
    assert len(goals) == 1
    paint(clip.parent / "flash", "out", **options)
    assert goals == [goals[0]] * 2
    assert goals[0] < 100


@pytest.mark.slow
def test_frame_that_the_disk_has_damaged_is_painted_again(clip: Path) -> None:
    whole, _ = paint(clip, "whole")
    for damaged in (2, 4):
        name = f"out{damaged}"
        interrupt(clip, name, 8)
        work = clip.parent / f"{name}.vidstyle"
        stored = work / "stylized" / f"{damaged + 1:06d}.png"
        data = bytearray(stored.read_bytes())
        data[len(data) // 2] ^= 255
        stored.write_bytes(data)
        resumed, heard = paint(clip, name)
        assert "damaged frames, to be painted again: 1" in heard.notices
        difference = np.abs(resumed[damaged].astype(int) - whole[damaged])
        assert difference.mean() < 12
        if damaged == 2:  # carried alone, and nothing follows it
            assert np.array_equal(resumed, whole)


@pytest.mark.slow
def test_frame_whose_learning_is_recorded_is_a_key_frame(clip: Path) -> None:
    gif = clip.parent / "learned.gif"
    options = {"evolution": EvolutionConfig(frame=2), "evolution_output": gif}
    _, heard = paint(clip, "out", **options)
    assert {0, 2, 6, 8} <= {report.frame for report in heard.steps}
    assert gif.exists()


@pytest.mark.parametrize("keep_color", ["none", "luminance"])
def test_painting_of_a_frame_stands_and_the_clip_takes_its_paint(
    clip: Path, keep_color: KeepColor
) -> None:
    style = replace(CONFIG.style, keep_color=keep_color)
    config = replace(CONFIG, frames=(0, 9), input_fps=Fraction(10), style=style)
    own = noise(4, WIDTH + 9)
    for name, x in (("first.png", 0), ("late.png", 6)):
        write_picture(clip.parent / name, np.ascontiguousarray(own[:, x : x + WIDTH]))
    keys = {0.0: clip.parent / "first.png", 0.6: clip.parent / "late.png"}
    stylize_video(clip, [], clip.parent / "out", config=config, keys=keys)
    painted = [read_picture(path) for path in sorted((clip.parent / "out").iterdir())]
    assert np.array_equal(painted[0], own[:, :WIDTH])
    assert np.array_equal(painted[6], own[:, 6 : 6 + WIDTH])
    if keep_color == "luminance":
        return
    # The camera moves by a pixel a frame, and so does the paint.
    inner = slice(8, WIDTH - 12)
    for index in (5, 7):
        moved = own[:, index : index + WIDTH].astype(int)
        assert np.abs(painted[index] - moved)[:, inner].mean() < 25


@pytest.mark.parametrize(
    ("time_s", "width", "words"),
    [
        (9.0, WIDTH, "key 9: the first frame from then on is outside"),
        (0.0, 2 * WIDTH, "does not have the aspect ratio of 48x32"),
    ],
)
def test_painting_that_fits_no_frame_is_refused(
    clip: Path, time_s: float, width: int, words: str
) -> None:
    write_picture(clip.parent / "own.png", noise(4, width))
    keys = {time_s: clip.parent / "own.png"}
    with pytest.raises(ConfigError, match=words):
        stylize_video(clip, [], clip.parent / "out", config=CONFIG, keys=keys)
    assert not (clip.parent / "out.vidstyle").exists()


def test_two_paintings_of_a_frame_are_refused(clip: Path) -> None:
    write_picture(clip.parent / "own.png", noise(4))
    keys = dict.fromkeys((0.1, 0.11), clip.parent / "own.png")
    config = replace(CONFIG, input_fps=Fraction(5))
    with pytest.raises(ConfigError, match=r"key 0\.11: this frame already has a key"):
        stylize_video(clip, [], clip.parent / "out", config=config, keys=keys)
