from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import AlbumConfig, StyleConfig
from vidstyle.errors import ConfigError, InputError
from vidstyle.images import read_picture
from vidstyle.records import Event, FrameReport, Notice, Plan, StepReport
from vidstyle.stylize.album import INDEX, AlbumResult, stylize_album
from vidstyle.stylize.image import stylize_image

pytestmark = pytest.mark.slow

PAIRS = {f"{photo}.{style}.png" for photo in "abc" for style in "xy"}


@pytest.fixture
def events() -> list[Event]:
    return []


def paint(
    folder: Path, config: StyleConfig, events: list[Event], batch: int = 1, **more: bool
) -> AlbumResult:
    return stylize_album(
        [folder / "photos"],
        [folder / "styles"],
        folder / "out",
        config=config,
        album=AlbumConfig(batch=batch),
        listener=events.append,
        **more,
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "out").iterdir()}


def warnings(events: list[Event]) -> list[str]:
    return [
        each.text for each in events if isinstance(each, Notice) and each.is_warning
    ]


def test_every_pair_is_painted_as_it_would_be_alone(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    result = paint(folder, config, events)
    assert names(folder) == PAIRS | {INDEX}
    assert (result.painted, result.kept, result.failed) == (6, 0, ())
    stylize_image(
        folder / "photos" / "c.png",
        folder / "styles" / "y.png",
        folder / "alone.png",
        config=config,
    )
    alone = read_picture(folder / "alone.png")
    assert np.array_equal(read_picture(folder / "out" / "c.y.png"), alone)


def test_a_batch_paints_the_same(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    paint(folder, config, events)
    one = {name: read_picture(folder / "out" / name).astype(int) for name in PAIRS}
    paint(folder, config, events, batch=3, overwrite=True)
    for name, picture in one.items():
        # Sums are rounded otherwise in a batch.
        assert np.abs(read_picture(folder / "out" / name) - picture).max() <= 2


def test_plan_and_reports_count_pictures(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    paint(folder, config, events, batch=2)
    (plan,) = (each for each in events if isinstance(each, Plan))
    assert (plan.frames, plan.unit, plan.next_steps) == (6, "picture", 3)
    assert sum(isinstance(each, StepReport) for each in events) == 6 * 3
    finished = [each for each in events if isinstance(each, FrameReport)]
    assert {each.frame for each in finished} == set(range(6))
    assert {each.frames_known for each in finished} == {6}


def test_what_is_there_already_stays(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    paint(folder, config, events)
    (folder / "out" / "b.x.png").unlink()
    kept = (folder / "out" / "a.x.png").stat().st_mtime_ns
    events.clear()
    result = paint(folder, config, events)
    assert (result.painted, result.kept) == (1, 5)
    assert names(folder) == PAIRS | {INDEX}
    assert (folder / "out" / "a.x.png").stat().st_mtime_ns == kept
    (plan,) = (each for each in events if isinstance(each, Plan))
    assert (plan.frames, plan.done) == (6, 5)
    assert paint(folder, config, events).kept == 6
    assert paint(folder, config, events, overwrite=True).painted == 6


def test_what_cannot_be_read_is_passed_over_and_told(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    (folder / "photos" / "b.png").write_text("no picture")
    (folder / "styles" / "y.png").write_text("no picture")
    result = paint(folder, config, events)
    assert names(folder) == {"a.x.png", "c.x.png", INDEX}
    assert len(result.failed) == 2
    assert [text.partition(" is not")[0] for text in warnings(events)] == [
        f"skipped: {folder / 'photos' / 'b.png'}",
        f"skipped: {folder / 'styles' / 'y.png'}",
    ]


def test_what_would_be_too_small_is_passed_over(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    config = replace(config, long_side=21)  # y becomes 21x14
    result = paint(folder, config, events)
    assert names(folder) == {"a.x.png", "b.x.png", "c.x.png", INDEX}
    (reason,) = result.failed
    assert reason.startswith(f"{folder / 'styles' / 'y.png'}: the painting would have")
    config = replace(config, long_side=20)  # and the photographs 20x15
    with pytest.raises(InputError, match=r"nothing could be painted: .*a\.png: the"):
        paint(folder, config, events, overwrite=True)


def test_nothing_to_paint_leaves_nothing(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    for style in (folder / "styles").iterdir():
        style.write_text("no picture")
    with pytest.raises(InputError, match="nothing could be painted"):
        paint(folder, config, events)
    assert not (folder / "out").exists()


def test_settings_that_cannot_be_are_no_matter_of_a_picture(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    bad = replace(config, style_mix=(1.0, 2.0))
    with pytest.raises(ConfigError, match="style-mix has 2 values"):
        paint(folder, bad, events)
    assert not (folder / "out").exists()


def test_no_step_leaves_the_starts(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    config = replace(config, steps=0, recolor=False)
    assert paint(folder, config, events, batch=2).painted == 6
    photo = read_picture(folder / "photos" / "b.png")
    assert np.array_equal(read_picture(folder / "out" / "b.y.png"), photo)


def test_several_paintings_may_be_mixed(
    folder: Path, config: StyleConfig, events: list[Event]
) -> None:
    mix = tuple((folder / "styles").iterdir())
    result = stylize_album([folder / "photos"], [mix], folder / "out", config=config)
    assert result.painted == 3
    assert read_picture(result.index).shape[2] == 3
