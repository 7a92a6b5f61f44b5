"""Three spread frames on a sheet, before the whole clip is paid for."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import scene

from vidstyle.clip import pipeline, preview
from vidstyle.clip.preview import LONG_SIDE
from vidstyle.config import Region, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError, OutputError, VideoOpenError, VidstyleError
from vidstyle.images import read_picture, write_picture
from vidstyle.records import Event, Frame, FrameReport, Notice, Plan, StepReport
from vidstyle.video.figures import GAP
from vidstyle.video.folder import write_pictures

pytestmark = pytest.mark.slow

preview_video = partial(preview.preview_video, overwrite=True)

FEW = StyleConfig(network="slim", device="cpu", steps=3, min_steps=3)
QUICK = VideoConfig(style=FEW)
FRAMES, HEIGHT, WIDTH = 12, 32, 48


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of frames that are all different, at 25 a second."""
    write_pictures(map(scene, range(FRAMES)), tmp_path / "clip")
    return tmp_path / "clip"


@pytest.fixture
def style(tmp_path: Path) -> Path:
    write_picture(tmp_path / "painting.png", scene(99, 64, 64))
    return tmp_path / "painting.png"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "preview.png"


def shown(sheet: Frame, across: int) -> list[Frame]:
    """Cut the upper row out of a sheet: the frames as they were."""
    lefts = [GAP + place * (WIDTH + GAP) for place in range(across)]
    return [sheet[GAP : GAP + HEIGHT, left : left + WIDTH] for left in lefts]


@pytest.mark.parametrize(
    ("config", "indices"),
    [
        (QUICK, [2, 6, 10]),
        (replace(QUICK, frames=(4, 10)), [5, 7, 9]),
        (replace(QUICK, frames=(10, None)), [10, 11]),
        (replace(QUICK, frames=(3, 4)), [3]),
        (replace(QUICK, start_s=0.16, duration_s=0.24), [5, 7, 9]),
        (replace(QUICK, duration_s=60), [2, 6, 10]),
    ],
)
def test_sheet_shows_spread_frames_of_what_was_asked_for(
    clip: Path, style: Path, output: Path, config: VideoConfig, indices: list[int]
) -> None:
    heard: list[Event] = []
    preview_video(clip, style, output, config=config, listener=heard.append)
    reported = [event.frame for event in heard if isinstance(event, FrameReport)]
    assert reported == indices
    sheet = read_picture(output)
    across = len(indices)
    assert sheet.shape == (
        2 * (HEIGHT + GAP) + GAP,
        across * (WIDTH + GAP) + GAP,
        3,
    )
    for index, frame in zip(indices, shown(sheet, across), strict=True):
        assert np.array_equal(frame, scene(index))
    below = sheet[2 * GAP + HEIGHT :]
    assert not np.array_equal(below, sheet[: len(below)])


def test_work_is_announced_and_told(clip: Path, style: Path, output: Path) -> None:
    heard: list[Event] = []
    assert preview_video(clip, style, output, config=QUICK, listener=heard.append) == (
        output
    )
    (plan,) = (event for event in heard if isinstance(event, Plan))
    assert (plan.height, plan.width, plan.frames) == (HEIGHT, WIDTH, 3)
    steps = [event.step for event in heard if isinstance(event, StepReport)]
    assert steps == [1, 2, 3] * 3
    assert isinstance(heard[-1], Notice)
    wanted = f"whole clip: {FRAMES} frames at {WIDTH}x{HEIGHT}, about "
    assert heard[-1].text.startswith(wanted)


def test_preview_is_small_and_so_are_its_strokes(
    style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = output.with_name("large")
    write_pictures([scene(1, 2 * LONG_SIDE, 320)], folder)
    asked: list[StyleConfig] = []

    def read_paintings(path: Path, config: StyleConfig, **others: object) -> object:
        asked.append(config)
        return original(path, config, **others)

    original = pipeline.read_paintings
    monkeypatch.setattr(pipeline, "read_paintings", read_paintings)
    for style_side in (48, 20, None):
        config = replace(FEW, long_side=None, steps=1, style_side=style_side)
        preview_video(folder, style, output, config=VideoConfig(style=config))
        assert read_picture(output).shape == (2 * LONG_SIDE + 3 * GAP, 160 + 2 * GAP, 3)
    assert [config.style_side for config in asked] == [24, 16, None]


def test_clip_that_promises_too_much_shows_its_last_frame(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "expected_frames", lambda *_: 40)
    heard: list[Event] = []
    preview_video(clip, style, output, config=QUICK, listener=heard.append)
    reported = [event.frame for event in heard if isinstance(event, FrameReport)]
    assert reported == [6, 11]


def test_clip_without_a_promise_is_spread_over(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "expected_frames", lambda *_: None)
    monkeypatch.setattr(preview, "UNKNOWN_COUNT", 9)
    heard: list[Event] = []
    preview_video(clip, style, output, config=QUICK, listener=heard.append)
    reported = [event.frame for event in heard if isinstance(event, FrameReport)]
    assert reported == [1, 4, 7]
    assert not any(
        "whole clip" in event.text for event in heard if isinstance(event, Notice)
    )


@pytest.mark.parametrize("config", [{"frames": (50, 60)}, {"start_s": 9.0}])
def test_range_after_the_end_is_refused(
    clip: Path, style: Path, output: Path, config: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match="ends before the requested range"):
        preview_video(clip, style, output, config=replace(QUICK, **config))
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("preview.mp4", OutputError, r"\.mp4 is not a picture format"),
        ("no/preview.png", OutputError, "the folder .*no for .* does not exist"),
        ("preview.png", VideoOpenError, "missing"),
    ],
)
def test_what_cannot_be_used_is_named_before_the_work(
    tmp_path: Path, name: str, error: type[VidstyleError], said: str
) -> None:
    with pytest.raises(error, match=said):
        preview_video(tmp_path / "missing", tmp_path / "no.jpg", tmp_path / name)


@pytest.mark.parametrize(
    ("long_side", "said"), [(LONG_SIDE, "5 minutes"), (WIDTH // 2, "21 minutes")]
)
def test_whole_is_estimated_by_steps_and_pixels(
    clip: Path,
    style: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    long_side: int,
    said: str,
) -> None:
    clock = SimpleNamespace(monotonic=iter([0.0, 90.0]).__next__)
    monkeypatch.setattr(preview, "time", clock)
    monkeypatch.setattr(preview, "LONG_SIDE", long_side)
    heard: list[Event] = []
    config = replace(QUICK, next_steps=2)
    preview_video(clip, style, output, config=config, listener=heard.append)
    # 9 steps in 90 s; the whole has 3 + 11 of them and 1.5 for all else in each of 12
    # frames, 4 times as large at half size.
    assert isinstance(heard[-1], Notice)
    assert f"about {said} " in heard[-1].text


def test_preview_without_steps_promises_no_time(
    clip: Path, style: Path, output: Path
) -> None:
    heard: list[Event] = []
    config = replace(QUICK, style=replace(FEW, steps=0))
    preview_video(clip, style, output, config=config, listener=heard.append)
    assert [event.steps for event in heard if isinstance(event, FrameReport)] == [0] * 3
    assert not [e for e in heard if isinstance(e, Notice) and "whole clip" in e.text]
    assert output.exists()


@pytest.mark.parametrize(
    ("config", "indices"),
    [
        (QUICK, [1, 3, 5]),
        (replace(QUICK, mask_motion="flow"), [1, 3, 5]),
        (replace(QUICK, mask_motion="flow", frames=(2, 5)), [2, 3, 4]),
        (replace(QUICK, mask_motion="flow", start_s=0.08, duration_s=0.12), [2, 3, 4]),
        (replace(QUICK, mask_motion="flow", duration_s=0.12), [0, 1, 2]),
    ],
)
def test_preview_shows_the_regions(
    style: Path, output: Path, config: VideoConfig, indices: list[int]
) -> None:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[:, :16] = 255
    write_picture(output.with_name("left.png"), mask)
    still = output.with_name("still")
    write_pictures([scene(1)] * 6, still)
    heard: list[Event] = []
    preview_video(
        still,
        [],
        output,
        config=config,
        regions=[Region(output.with_name("left.png"), style)],
        listener=heard.append,
    )
    sheet = read_picture(output)
    above, below = sheet[: GAP + HEIGHT], sheet[GAP + HEIGHT :]
    pictures = zip(shown(above, 3), shown(below, 3), strict=True)
    for source, painted in pictures:
        assert np.array_equal(painted[:, 24:], source[:, 24:])
        assert np.abs(painted[:, :12].astype(int) - source[:, :12]).mean() > 2
    reported = [event.frame for event in heard if isinstance(event, FrameReport)]
    assert reported == indices
    assert isinstance(heard[-1], Notice)
    assert heard[-1].text.startswith("whole clip: ")


def test_preview_of_a_region_that_ended_shows_the_source(
    style: Path, output: Path
) -> None:
    mask = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    write_picture(output.with_name("all.png"), mask)
    cut = output.with_name("cut")
    write_pictures([scene(1)] * 6 + [scene(2)] * 6, cut)
    heard: list[Event] = []
    preview_video(
        cut,
        [],
        output,
        config=replace(QUICK, mask_motion="flow"),
        regions=[Region(output.with_name("all.png"), style)],
        listener=heard.append,
    )
    below = shown(read_picture(output)[GAP + HEIGHT :], 3)
    assert not np.array_equal(below[0], scene(1))
    assert np.array_equal(below[2], scene(2))
    said = [event.text for event in heard if isinstance(event, Notice)]
    assert any("all.png ends with its shot: after the cut at 0.24 s" in t for t in said)


def test_preview_leaves_nothing_behind(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = output.with_name("tmp")
    there.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(there))
    regions = [Region(style, style)]
    with pytest.raises(ConfigError, match="which does not have the aspect ratio of"):
        preview_video(clip, [], output, config=QUICK, regions=regions)
    assert not any(there.iterdir())
