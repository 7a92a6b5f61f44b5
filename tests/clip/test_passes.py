"""Regions of a clip, each painted for itself, whatever mask says where it is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from listening import Listened, StoppedError, stop_after

from vidstyle.clip import frame_tasks, pipeline
from vidstyle.color import BORDER, REACH
from vidstyle.config import EvolutionConfig, Region, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError, ImageOpenError, VideoWriteError, WorkDirError
from vidstyle.images import read_picture, resize_frame, write_picture
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Event, Frame, FrameReport, Notice, Plan
from vidstyle.stylize import image
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

stylize_video = partial(pipeline.stylize_video, overwrite=True)

stylize_image = partial(image.stylize_image, overwrite=True)

HEIGHT, WIDTH, FRAMES = 32, 64, 5
SOFT = round(REACH * BORDER * WIDTH)
FEW = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=3, min_steps=9),
    next_steps=2,
    key_frames=1,
)


def scene(seed: int, width: int = WIDTH) -> Frame:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    return resize_frame(coarse, height=HEIGHT, width=width)


def box(columns: slice) -> Frame:
    """A mask that is white in some columns."""
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[:, columns] = 255
    return mask


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A clip in which the camera moves by two pixels a frame; paintings and masks."""
    (tmp_path / "clip").mkdir()
    wide = scene(1, WIDTH + 2 * FRAMES)
    for index in range(FRAMES):
        shown = np.ascontiguousarray(wide[:, 2 * index : 2 * index + WIDTH])
        write_picture(tmp_path / "clip" / f"{index}.png", shown)
    for name, seed in (("a", 7), ("b", 8), ("c", 9)):
        write_picture(tmp_path / f"{name}.png", scene(seed))
    write_picture(tmp_path / "left.png", box(slice(0, 20)))
    write_picture(tmp_path / "right.png", box(slice(44, 64)))
    return tmp_path


@pytest.fixture
def paint(here: Path) -> Callable[..., list[Frame]]:
    """Paint the clip by regions: mask and painting by their names."""
    runs: Iterator[int] = iter(range(99))

    def run(*regions: tuple[str, str], **options: Any) -> list[Frame]:
        listed = [Region(here / mask, here / f"{style}.png") for mask, style in regions]
        output = here / f"out{next(runs)}"
        style = options.pop("style", [])
        options = {"config": FEW, **options}
        stylize_video(here / "clip", style, output, regions=listed, **options)
        assert not output.with_name(f"{output.name}.vidstyle").exists()
        return [read_picture(path) for path in sorted(output.iterdir())]

    return run


def sources(here: Path) -> list[Frame]:
    return [read_picture(here / "clip" / f"{index}.png") for index in range(FRAMES)]


@pytest.mark.parametrize(
    "style", [{}, {"keep_color": "histogram", "style_loss": "swd"}], ids=str
)
def test_region_does_not_change_with_the_painting_of_another(
    here: Path, paint: Callable[..., list[Frame]], style: Any
) -> None:
    config = replace(FEW, style=replace(FEW.style, **style))
    one = paint(("left.png", "a"), ("right.png", "b"), config=config)
    two = paint(("left.png", "a"), ("right.png", "c"), config=config)
    assert len(one) == FRAMES
    for first, second, source in zip(one, two, sources(here), strict=True):
        assert np.array_equal(first[:, : 44 - SOFT], second[:, : 44 - SOFT])
        assert not np.array_equal(first[:, 44 + SOFT :], second[:, 44 + SOFT :])
        # What is listed nowhere keeps the source.
        middle = slice(20 + SOFT, 44 - SOFT)
        assert np.array_equal(first[:, middle], source[:, middle])
        assert np.abs(first[:, :16].astype(int) - source[:, :16]).mean() > 2


def test_what_is_in_no_region_gets_the_painting_that_is_named(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    heard: list[Event] = []
    with_rest = paint(("left.png", "a"), style=here / "b.png", listener=heard.append)
    alone = paint(("left.png", "a"))
    inside = slice(0, 20 - SOFT)
    for one, two, source in zip(with_rest, alone, sources(here), strict=True):
        assert np.array_equal(one[:, inside], two[:, inside])
        assert np.abs(one[:, 30:].astype(int) - source[:, 30:]).mean() > 2
        assert np.array_equal(two[:, 30:], source[:, 30:])
    (plan,) = (event for event in heard if isinstance(event, Plan))
    finished = [event for event in heard if isinstance(event, FrameReport)]
    assert plan.frames == len(finished) == 2 * FRAMES
    assert finished[-1].frames_known == 2 * FRAMES


def test_mask_may_be_a_clip_and_stays_as_it_ended(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    (here / "masks").mkdir()
    columns = [slice(0, 20), slice(0, 20), slice(44, 64)]
    for index, each in enumerate(columns):
        write_picture(here / "masks" / f"{index}.png", box(each))
    frames = paint(("masks", "a"))
    for index, (frame, source) in enumerate(zip(frames, sources(here), strict=True)):
        inside = columns[min(index, 2)]
        changed = np.abs(frame.astype(int) - source).max(axis=(0, 2)) > 0
        assert changed[inside].mean() > 0.9
        outside = np.ones(WIDTH, bool)
        outside[max(0, inside.start - SOFT) : inside.stop + SOFT] = False
        assert not changed[outside].any()


def test_mask_goes_along_with_what_it_lies_on(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    write_picture(here / "middle.png", box(slice(30, 50)))
    config = replace(FEW, mask_motion="flow")
    frames = paint(("middle.png", "a"), config=config)
    for index, (frame, source) in enumerate(zip(frames, sources(here), strict=True)):
        changed = np.abs(frame.astype(int) - source).max(axis=(0, 2)) > 2
        found = np.nonzero(changed)[0].mean()
        assert found == pytest.approx(39.5 - 2 * index, abs=1.5)


def test_region_ends_where_its_shot_does(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    for index in range(FRAMES, FRAMES + 5):
        write_picture(here / "clip" / f"{index}.png", scene(5))
    heard: list[Event] = []
    config = replace(FEW, mask_motion="flow")
    frames = paint(("left.png", "a"), config=config, listener=heard.append)
    assert not np.array_equal(frames[FRAMES - 1], sources(here)[-1])
    assert all(np.array_equal(frame, scene(5)) for frame in frames[FRAMES:])
    said = [event.text for event in heard if isinstance(event, Notice)]
    assert any(
        "left.png ends with its shot: after the cut at 0.20 s" in t for t in said
    )


def steps_of(heard: list[Event]) -> list[int]:
    return [event.steps for event in heard if isinstance(event, FrameReport)]


def test_region_that_is_nowhere_costs_nothing_and_begins_when_it_comes(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    (here / "masks").mkdir()
    shown = [False, True, True, False, True]
    for index, is_shown in enumerate(shown):
        write_picture(here / "masks" / f"{index}.png", is_shown * box(slice(0, 20)))
    heard: list[Event] = []
    frames = paint(("masks", "a"), listener=heard.append)
    steps = steps_of(heard)
    assert [steps[index] for index in (0, 1, 3, 4)] == [0, 3, 0, 3]
    assert 2 <= steps[2] <= 4
    for is_shown, frame, source in zip(shown, frames, sources(here), strict=True):
        assert np.array_equal(frame, source) != is_shown


def test_first_frame_of_a_clip_is_painted_as_the_picture_is(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    regions = ("left.png", "a"), ("right.png", "b")
    config = replace(FEW, frames=(0, 1))
    (frame,) = paint(*regions, style=here / "c.png", config=config)
    stylize_image(
        here / "clip" / "0.png",
        here / "c.png",
        here / "still.png",
        config=FEW.style,
        regions=[Region(here / mask, here / f"{style}.png") for mask, style in regions],
    )
    assert np.array_equal(read_picture(here / "still.png"), frame)


def test_paint_is_wet_where_a_region_has_come_to(
    here: Path, paint: Callable[..., list[Frame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: dict[int, FrameTask] = {}

    def load(self: BatchOptimization, slot: int, job: FrameTask) -> None:
        loaded[job.frame] = job
        original(self, slot, job)

    original = BatchOptimization.load
    monkeypatch.setattr(BatchOptimization, "load", load)
    (here / "masks").mkdir()
    for index in range(FRAMES):
        write_picture(here / "clip" / f"{index}.png", scene(1))  # nothing moves
        write_picture(here / "masks" / f"{index}.png", box(slice(0, 20 + 5 * index)))
    paint(("masks", "a"))
    binding = loaded[3].consistency
    assert binding is not None
    assert binding[0, 0, 8:24, 4:16].min() == 1
    assert binding[0, 0, 8:24, 32:36].max() <= 1 / 8


def test_run_that_goes_on_ends_in_the_same_pixels(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    config = replace(FEW, mask_motion="flow")
    whole = paint(("left.png", "a"), ("right.png", "b"), config=config)
    listed = [
        Region(here / "left.png", here / "a.png"),
        Region(here / "right.png", here / "b.png"),
    ]
    for stop in (0, 2, 7):
        output = here / f"stopped{stop}"
        paint_on = partial(
            stylize_video, here / "clip", [], output, regions=listed, config=config
        )
        with pytest.raises(StoppedError):
            paint_on(listener=stop_after(stop))
        paint_on()
        paths = sorted(output.iterdir())
        assert np.array_equal([read_picture(path) for path in paths], whole)
        assert not output.with_name(f"{output.name}.vidstyle").exists()


@pytest.mark.parametrize("is_lost", [False, True])
def test_damaged_composite_is_made_again(
    here: Path, paint: Callable[..., list[Frame]], *, is_lost: bool
) -> None:
    whole = paint(("left.png", "a"), ("right.png", "b"))
    output, heard = here / "out", Listened()
    regions = [
        Region(here / "left.png", here / "a.png"),
        Region(here / "right.png", here / "b.png"),
    ]
    run = partial(stylize_video, here / "clip", [], output, regions=regions, config=FEW)
    with pytest.raises(StoppedError):
        run(listener=stop_after(2 * FRAMES - 1))
    stored = here / "out.vidstyle" / "composed" / "stylized" / "000003.png"
    data = stored.read_bytes()
    stored.unlink()
    if not is_lost:
        stored.write_bytes(data[:-30] + bytes(30))
    run(listener=heard)
    assert "damaged frames, to be painted again: 1" in heard.notices
    painted = [read_picture(path) for path in sorted(output.iterdir())]
    assert np.abs(np.subtract(painted, whole, dtype=int)).mean() < 2


def test_other_masks_are_another_run(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise VideoWriteError("the disk is full.")

    arguments = (here / "clip", [], here / "out")
    with monkeypatch.context() as patched:
        patched.setattr("vidstyle.clip.results.write_pictures", refuse)
        regions = [Region(here / "left.png", here / "a.png")]
        with pytest.raises(VideoWriteError):
            stylize_video(*arguments, regions=regions, config=FEW)
    regions = [Region(here / "right.png", here / "a.png")]
    with pytest.raises(WorkDirError, match="unfinished run with other settings"):
        stylize_video(*arguments, regions=regions, config=FEW)
    stylize_video(*arguments, regions=regions, config=FEW, restart=True)
    assert not (here / "out.vidstyle").exists()


def test_other_masks_in_a_folder_are_another_run(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise VideoWriteError("the disk is full.")

    (here / "masks").mkdir()
    for index in range(2):
        write_picture(here / "masks" / f"{index}.png", box(slice(0, 20)))
    regions = [Region(here / "masks", here / "a.png")]
    arguments = (here / "clip", [], here / "out")
    config = replace(FEW, frames=(0, 2))
    with monkeypatch.context() as patched:
        patched.setattr("vidstyle.clip.results.write_pictures", refuse)
        with pytest.raises(VideoWriteError):
            stylize_video(*arguments, regions=regions, config=config)
    write_picture(here / "masks" / "1.png", box(slice(0, 30)))
    with pytest.raises(WorkDirError, match=r"region 1 was .* in 2 file"):
        stylize_video(*arguments, regions=regions, config=config)


@pytest.mark.parametrize(
    ("mask", "error", "said"),
    [
        ("gone.png", ImageOpenError, "cannot read"),
        ("text.txt", ImageOpenError, "is not a picture"),
        (
            "tall.png",
            ConfigError,
            "is 32x64, which does not have the aspect ratio of 64x32",
        ),
        ("black.png", ConfigError, "is all black; paint its region"),
        (
            "tall",
            ConfigError,
            "is 32x64, which does not have the aspect ratio of 64x32",
        ),
    ],
)
def test_mask_that_is_none_is_refused_before_the_work(
    here: Path, monkeypatch: pytest.MonkeyPatch, mask: str, error: Any, said: str
) -> None:
    (here / "text.txt").write_text("mine", encoding="utf-8")
    (here / "tall").mkdir()
    upright = np.full((WIDTH, HEIGHT, 3), 255, np.uint8)
    write_picture(here / "tall.png", upright)
    for index in range(2):
        write_picture(here / "tall" / f"{index}.png", upright)
    write_picture(here / "black.png", 0 * scene(1))
    monkeypatch.setattr("vidstyle.stylize.load_network", pytest.fail)
    region = Region(here / mask, here / "a.png")
    with pytest.raises(error, match=said):
        stylize_video(here / "clip", [], here / "out", regions=[region], config=FEW)
    assert not (here / "out.vidstyle").exists()


def test_content_is_weighed_as_in_the_frame_that_paint_comes_from(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A region is gone in the first two key frames, and seen for a frame between."""
    (here / "masks").mkdir()
    for index in range(FRAMES):
        is_seen = index in {1, 3, 4}
        write_picture(here / "masks" / f"{index}.png", box(slice(0, 32 * is_seen)))
    used, known = [], {}
    real, put_facts = frame_tasks.content_target, FrameStore.put_facts

    def keep_used(*given: Any) -> Any:
        used.append(given[3])
        return real(*given)

    def keep_known(self: FrameStore, name: str, facts: dict[str, Any]) -> None:
        known[name] = facts
        put_facts(self, name, facts)

    monkeypatch.setattr(frame_tasks, "content_target", keep_used)
    monkeypatch.setattr(FrameStore, "put_facts", keep_known)
    region = Region(here / "masks", here / "a.png")
    config = replace(FEW, key_frames=2, next_min_steps=1)
    stylize_video(here / "clip", [], here / "out", regions=[region], config=config)
    assert used == [known["energies-000001"]["4"]]


def test_learning_is_put_together_from_the_regions(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    learned = here / "learned.mp4"
    evolution = EvolutionConfig(frame=2, pictures=4, hold_s=0)
    regions = ("left.png", "a"), ("right.png", "b")
    config = replace(FEW, frames=(0, 3))
    frames = paint(
        *regions, config=config, evolution=evolution, evolution_output=learned
    )
    shown = [each.frame for each in read_frames(probe(learned), on_warning=pytest.fail)]
    assert 2 <= len(shown) <= 4
    source = sources(here)[2]
    for picture, wanted in ((shown[0], source), (shown[-1], frames[2])):
        blurred = [cv2.blur(each, (3, 3)).astype(int) for each in (picture, wanted)]
        assert np.abs(blurred[0] - blurred[1]).mean() < 4  # H.264 has less color


def test_learning_of_a_frame_that_is_not_painted_is_told(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    learned, heard = here / "learned.gif", Listened()
    paint(
        ("left.png", "a"),
        config=replace(FEW, frames=(0, 2), mask_motion="flow"),
        evolution=EvolutionConfig(frame=2),
        evolution_output=learned,
        listener=heard,
    )
    assert "no learned.gif: frame 2 is not in the painted range" in heard.notices
    assert not learned.exists()


def test_learning_of_regions_survives_an_interruption(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    learned = [here / "whole.gif", here / "out.gif"]
    regions = ("left.png", "a"), ("right.png", "b")
    config = replace(FEW, frames=(0, 2))
    paint(*regions, config=config, evolution_output=learned[0])
    listed = [Region(here / mask, here / f"{style}.png") for mask, style in regions]
    arguments = {"regions": listed, "config": config, "evolution_output": learned[1]}
    paint_on = partial(stylize_video, here / "clip", [], here / "out", **arguments)
    with pytest.raises(StoppedError):
        paint_on(listener=stop_after(3))
    paint_on()
    assert learned[0].read_bytes() == learned[1].read_bytes()


def test_clip_of_masks_that_is_too_short_is_told(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    (here / "masks").mkdir()
    for index in range(2):
        write_picture(here / "masks" / f"{index}.png", box(slice(0, 20)))
    for frames, count in (((0, None), 1), ((0, 2), 0)):
        heard: list[Event] = []
        config = replace(FEW, frames=frames)
        paint(("masks", "a"), config=config, listener=heard.append)
        said = [event.text for event in heard if isinstance(event, Notice)]
        assert (
            sum("masks has 2 frames, fewer than the clip" in t for t in said) == count
        )


def test_regions_keep_the_chroma_of_the_source(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    for index, source in enumerate(sources(here)):
        pale = source // 8 + 112  # there is room for its chroma at any luminance
        write_picture(here / "clip" / f"{index}.png", pale)
    style = replace(FEW.style, keep_color="luminance", steps=10)
    config = replace(FEW, style=style, frames=(0, 3))
    frames = paint(("left.png", "a"), style=here / "b.png", config=config)
    for frame, source in zip(frames, sources(here)[:3], strict=True):
        change = frame.astype(int) - source
        assert np.ptp(change, axis=2).max() <= 1
        assert np.abs(change).mean() > 0.5


@pytest.mark.parametrize(("key_frames", "stops"), [(1, (1, 6)), (3, (3, 8))])
def test_run_with_regions_that_come_and_go_goes_on_in_the_same_pixels(
    here: Path, key_frames: int, stops: tuple[int, int]
) -> None:
    (here / "masks").mkdir()
    for index, level in enumerate((0, 1, 1, 0, 1)):
        mask = np.uint8(level) * box(slice(0, 20 + 4 * index))
        write_picture(here / "masks" / f"{index}.png", mask)
    style = replace(FEW.style, keep_color="histogram")
    config = replace(
        FEW, style=style, style_at=(0.0, 0.2), batch=2, key_frames=key_frames
    )
    arguments: dict[str, Any] = {
        "style": [here / "b.png", here / "c.png"],
        "config": config,
        "regions": [Region(here / "masks", here / "a.png")],
    }
    stylize_video(here / "clip", output=here / "whole", **arguments)
    for stop in stops:
        output = here / f"out{stop}"
        with pytest.raises(StoppedError):
            stylize_video(
                here / "clip", output=output, listener=stop_after(stop), **arguments
            )
        stylize_video(here / "clip", output=output, **arguments)
        for path in sorted((here / "whole").iterdir()):
            assert path.read_bytes() == (output / path.name).read_bytes()


def test_clip_of_masks_that_is_black_is_refused(
    here: Path, paint: Callable[..., list[Frame]]
) -> None:
    (here / "masks").mkdir()
    for index in range(FRAMES):
        mask = box(slice(0, 20 if index == 2 else 0))
        write_picture(here / "masks" / f"{index}.png", mask)
    assert len(paint(("masks", "a"), config=replace(FEW, frames=(1, 3)))) == 2
    region = Region(here / "masks", here / "a.png")
    for frames in ((0, 2), (3, 5)):
        config = replace(FEW, frames=frames)
        named = f"masks is black in every frame of {frames[0]}:{frames[1]}; "
        with pytest.raises(ConfigError, match=named):
            stylize_video(
                here / "clip", [], here / "o", regions=[region], config=config
            )
        assert not (here / "o.vidstyle").exists()
