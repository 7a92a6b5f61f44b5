"""A clip from file to file through the library, and what is said before the work."""

import json
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening import Listened
from pictures import scene
from small_clip import SMALL_CLIP

from vidstyle.clip import pipeline
from vidstyle.clip.pipeline import VideoResult
from vidstyle.clip.reader import expected_frames, open_reader
from vidstyle.clip.results import notices, result_shape, summary, tell_summary
from vidstyle.clip.unfinished import finish_video, video_status
from vidstyle.config import EncodingConfig, EvolutionConfig, StyleConfig, VideoConfig
from vidstyle.errors import (
    ConfigError,
    OutputError,
    VideoOpenError,
    VideoWriteError,
)
from vidstyle.images import read_picture, write_picture
from vidstyle.records import (
    Event,
    Frame,
    FrameReport,
    Notice,
    Plan,
    StreamInfo,
    TimedFrame,
)
from vidstyle.video.codecs import HardwareEncoder
from vidstyle.video.ffmpeg import describe
from vidstyle.video.mux import default_output, name_beside
from vidstyle.video.probe import gif_loops, probe
from vidstyle.video.read import read_frames
from vidstyle.video.write import write_gif, write_video

pytestmark = pytest.mark.slow

stylize_video = partial(pipeline.stylize_video, overwrite=True)

FEW = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=3, min_steps=9),
    next_steps=2,
    key_frames=1,
)
INFO = replace(
    SMALL_CLIP,
    path=Path("films/clip.mp4"),
    height=181,
    width=320,
    fps=Fraction(24),
    frame_count=48,
    streams=(StreamInfo(index=1, kind="audio", codec="aac"),),
)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    write_picture(tmp_path / "painting.png", scene(9))
    return tmp_path / "painting.png"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two shots of five frames, as a folder of pictures."""
    (tmp_path / "clip").mkdir()
    for index in range(10):
        write_picture(tmp_path / "clip" / f"{index}.png", scene(index // 5))
    return tmp_path / "clip"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_result_is_told(clip: Path, style: Path, output: Path) -> None:
    heard = Listened()
    result = stylize_video(clip, style, output, config=FEW, listener=heard)
    assert result == VideoResult(output=output, frames=10, shots=2, evolution=None)
    newest = output.with_name(f"{output.name}.vidstyle") / "newest.png"
    assert heard.plan == Plan(
        height=32, width=48, frames=10, next_steps=1, frame_work=1.5, newest=newest
    )
    assert heard.notices == ["clip: 10 frames, 48x32, 25 fps -> 48x32"]
    assert {report.frame for report in heard.steps} == set(range(10))
    assert len(list(output.iterdir())) == 10


class Made:
    """Reads frames that are made as they are asked for."""

    state = "made"

    def __init__(self, **facts: Any) -> None:
        self.info = replace(SMALL_CLIP, **facts)

    def frames(self, **_: object) -> Iterator[TimedFrame]:
        for index in range(3):
            yield TimedFrame(index=index, time_s=index / 10, frame=scene(index))

    def pick(
        self, indices: Collection[int], *, height: int, width: int
    ) -> dict[int, Frame]:
        return {index: scene(index, height, width) for index in indices}


def test_frames_may_come_from_anywhere(style: Path, tmp_path: Path) -> None:
    folder = Made(kind="folder")
    assert stylize_video(folder, style, tmp_path / "a.mp4", config=FEW).frames == 3
    with pytest.raises(VideoOpenError, match="no such file to copy sound from"):
        stylize_video(Made(), style, tmp_path / "b.mp4", config=FEW)


def test_size_is_said_before_a_network_is_loaded(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Listened()

    def load_network(*_: object, **__: object) -> None:
        raise ConfigError(heard.notices[0])

    monkeypatch.setattr("vidstyle.stylize.load_network", load_network)
    with pytest.raises(ConfigError, match="10 frames, 48x32, 25 fps -> 40x27"):
        stylize_video(
            clip,
            style,
            output,
            config=replace(FEW, style=replace(FEW.style, long_side=40)),
            listener=heard,
        )


def test_output_of_the_sources_size_is_resampled(
    clip: Path, style: Path, output: Path
) -> None:
    small = replace(FEW.style, long_side=32)
    config = replace(FEW, style=small, output_size="source", frames=(0, 2))
    heard = Listened()
    stylize_video(clip, style, output, config=config, listener=heard)
    assert read_picture(output / "000001.png").shape == (32, 48, 3)
    assert (heard.plan.height, heard.plan.width) == (32, 48)


def test_work_is_kept_until_all_is_written(
    clip: Path, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.mp4"

    def paint(listener: Listened) -> VideoResult:
        return stylize_video(
            clip,
            style,
            output,
            config=FEW,
            evolution_output=tmp_path / "out.gif",
            listener=listener,
        )

    def refuse(*_: object, **__: object) -> None:
        raise VideoWriteError("the disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("vidstyle.clip.results.write_video", refuse)
        with pytest.raises(VideoWriteError, match="disk is full"):
            paint(Listened())
    assert not output.exists()
    work = tmp_path / "out.mp4.vidstyle"
    assert len(list((work / "stylized").iterdir())) == 10

    heard = Listened()
    result = paint(heard)
    assert heard.steps == []
    assert heard.plan.done == 10
    assert f"resuming in {work}: 10 frames already painted" in heard.notices
    assert result.evolution == tmp_path / "out.gif"
    assert probe(output).frame_count == 10
    assert not work.exists()


@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize("fate", ["deleted", "changed"])
def test_clip_that_changes_midway_is_told_and_nothing_is_lost(
    clip: Path, style: Path, tmp_path: Path, fate: str, *, is_folder: bool
) -> None:
    path, output = clip / "9.png", tmp_path / "out.mp4"
    if not is_folder:
        frames = [timed.frame for timed in read_frames(probe(clip), on_warning=print)]
        path = clip = tmp_path / "clip.mkv"
        times_s = [index / 10 for index in range(len(frames))]
        write_video(frames, clip, times_s=times_s, fps=Fraction(10))
        reading = open_reader(clip, FEW).frames(strict=False, on_warning=print)
        next(reading)
        clip.touch()
        with pytest.raises(VideoOpenError, match=r"has changed since it was opened"):
            next(reading)
    data, state = path.read_bytes(), path.stat()

    def strike(event: Event) -> None:
        if isinstance(event, FrameReport) and event.frame == 8:
            path.unlink()
            if fate == "changed":
                path.write_bytes(data[:-1])

    words = (
        "can no longer read .*: No such file"
        if fate == "deleted"
        else "changed since it was"
    )
    with pytest.raises(VideoOpenError, match=words if not is_folder else "changed"):
        stylize_video(clip, style, output, config=FEW, listener=strike)
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    heard = Listened()
    stylize_video(clip, style, output, config=FEW, listener=heard)
    assert heard.plan.done == 10
    assert heard.steps == []


def test_sheet_shows_the_range_that_was_taken(
    clip: Path, style: Path, output: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    config = replace(FEW, frames=(5, 8))
    stylize_video(clip, style, output, config=config, sheet_output=sheet)
    shown = read_picture(sheet).astype(int)
    gap = (shown.shape[1] - 3 * 48) // 4
    first = shown[gap : gap + 32, gap : gap + 48]
    assert np.abs(first - scene(1)).max() == 0
    below = shown[2 * gap + 32 : 2 * gap + 64, gap : gap + 48]
    assert np.array_equal(below, read_picture(output / "000001.png"))


@pytest.mark.parametrize(
    ("names", "error", "match"),
    [
        (
            ("out.avi", None, None),
            ConfigError,
            "out.avi has no video file extension",
        ),
        (("gone/out.mp4", None, None), OutputError, "gone"),
        (("gone/out", None, None), OutputError, "gone does not exist"),
        (("clip", None, None), OutputError, "clip holds other files"),
        (
            ("painting.png", None, None),
            ConfigError,
            "has no video file extension",
        ),
        (("out", "learned.webm", None), ConfigError, "must end in .gif or .mp4"),
        (("out", None, "sheet.xyz"), OutputError, "is not a picture format"),
        (("out", None, "gone/sheet.png"), OutputError, "gone for sheet.png does not"),
    ],
)
@pytest.mark.usefixtures("clip", "style")
def test_name_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, str | None, str | None],
    error: type[Exception],
    match: str,
) -> None:
    monkeypatch.setattr(pipeline, "open_reader", pytest.fail)
    before = set(tmp_path.rglob("*"))
    output, evolution, sheet = (name and tmp_path / name for name in names)
    assert output
    with pytest.raises(error, match=match):
        stylize_video(
            tmp_path / "clip",
            tmp_path / "painting.png",
            output,
            evolution_output=evolution or None,
            sheet_output=sheet or None,
        )
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 48),
        ({"frames": (10, None)}, 38),
        ({"frames": (10, 20)}, 10),
        ({"frames": (40, 99)}, 8),
        ({"frames": (99, 120)}, 0),
        ({"start_s": 0.5}, 36),
        ({"start_s": 0.51}, 35),
        ({"duration_s": 0.5}, 12),
        ({"start_s": 1.5, "duration_s": 2.0}, 12),
        ({"start_s": 9.0}, 0),
    ],
)
def test_frames_are_counted_from_what_is_promised(
    settings: dict[str, Any], expected: int
) -> None:
    assert expected_frames(INFO, VideoConfig(**settings)) == expected


def test_frames_are_counted_only_as_far_as_there_are_promises() -> None:
    info = replace(INFO, frame_count=None)
    assert expected_frames(info, VideoConfig()) is None
    assert expected_frames(info, VideoConfig(start_s=1.0)) is None
    assert expected_frames(info, VideoConfig(frames=(3, 7))) == 4
    assert expected_frames(info, VideoConfig(duration_s=1.0)) == 24


@pytest.mark.parametrize(
    ("info", "settings", "expected"),
    [
        ({}, {}, "clip.mp4: 48 frames, 320x181, 24 fps, with sound"),
        ({"streams": ()}, {}, "clip.mp4: 48 frames, 320x181, 24 fps"),
        (
            {"fps": Fraction(30000, 1001)},
            {"frames": (0, 4)},
            "clip.mp4: 4 of 48 frames, 320x181, 29.97 fps, with sound",
        ),
        ({"streams": (), "frame_count": 1}, {}, "clip.mp4: 1 frame, 320x181, 24 fps"),
        (
            {},
            {"frames": (3, 4)},
            "clip.mp4: 1 of 48 frames, 320x181, 24 fps, with sound",
        ),
        ({"frame_count": None}, {}, "clip.mp4: 320x181, 24 fps, with sound"),
        (
            {"frame_count": None, "fps": Fraction(25, 2)},
            {"frames": (0, 4)},
            "clip.mp4: 4 frames, 320x181, 12.5 fps, with sound",
        ),
        ({"path": Path()}, {}, ".: 48 frames, 320x181, 24 fps, with sound"),
    ],
)
def test_clip_is_summed_up_in_a_line(
    info: dict[str, Any], settings: dict[str, Any], expected: str
) -> None:
    assert summary(replace(INFO, **info), VideoConfig(**settings)) == expected


def test_a_million_frames_are_told_before_they_are_painted() -> None:
    heard, info = Listened(), replace(INFO, path=Path("a.gif"), frame_count=10**6)
    for config in (VideoConfig(), VideoConfig(frames=(0, 100))):
        tell_summary(info, config, "320x181", heard)
    _, told, part = heard.notices
    assert told.startswith("1000000 frames take 11.6 days at a second each; --frames")
    assert part.startswith("a.gif: 100 of 1000000 frames")


def test_only_later_paintings_can_be_out_of_reach() -> None:
    heard, info = Listened(), replace(INFO, duration_s=2.0)
    tell_summary(info, VideoConfig(style_at=(3.0, 5.0)), "320x181", heard)
    _, told = heard.notices
    assert told.startswith("style-at 5: the clip ends at 2.00 s")


@pytest.mark.parametrize(("frames", "are_dropped"), [(1, False), (2, True)])
def test_gif_that_loses_frames_is_told(frames: int, *, are_dropped: bool) -> None:
    info = replace(INFO, fps=Fraction(100), frame_count=frames)
    told = [n.text for n in notices(info, Path("o.gif"), EncodingConfig(), (32, 48))]
    assert any("are dropped" in text for text in told) == are_dropped


@pytest.mark.parametrize(
    ("output_size", "expected"), [("working", (90, 160)), ("source", (181, 320))]
)
def test_result_is_as_large_as_painted_or_as_the_source(
    output_size: Any, expected: tuple[int, int]
) -> None:
    config = VideoConfig.of(output_size=output_size, long_side=160)
    assert result_shape(INFO, config) == expected


def test_result_is_named_after_its_parents(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = Path("art/starry.night.jpg")
    assert name_beside(Path("a/b.c.mp4"), [style], ".gif") == Path(
        "a/b.c.starry.night.gif"
    )
    assert default_output(clip, [style]) == clip.with_name("clip.starry.night.mp4")
    several = [style, Path("b.jpg")]
    assert default_output(clip, several) == clip.with_name("clip.starry.night+b.mp4")
    monkeypatch.chdir(clip)
    assert default_output(Path(), [style]) == clip.with_name("clip.starry.night.mp4")


def test_result_is_matroska_where_the_sound_asks_for_it(make_clip: Any) -> None:
    clip = make_clip(
        "clip.mkv",
        *("-f", "lavfi", "-i", "testsrc2=s=48x32:r=10:d=0.3"),
        *("-f", "lavfi", "-i", "sine=d=0.3", "-c:a", "pcm_s16le"),
    )
    assert default_output(clip, [Path("p.jpg")]) == clip.with_name("clip.p.mkv")


def test_sound_is_cut_to_the_range(make_clip: Any, style: Path, tmp_path: Path) -> None:
    clip = make_clip(
        "long.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=48x32:r=10:d=2"),
        *("-f", "lavfi", "-i", "sine=d=2", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )
    output = tmp_path / "part.mp4"
    stylize_video(clip, style, output, config=replace(FEW, frames=(5, 10)))
    info = probe(output)
    assert info.has_audio
    assert info.duration_s == pytest.approx(0.5, abs=0.05)
    assert len(list(read_frames(info, on_warning=pytest.fail))) == 5


def test_sound_that_has_to_be_encoded_is_told(
    make_clip: Any, style: Path, tmp_path: Path
) -> None:
    clip = make_clip(
        "clip.mkv",
        *("-f", "lavfi", "-i", "testsrc2=s=48x32:r=10:d=0.2"),
        *("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "pcm_s16le"),
    )
    heard = Listened()
    stylize_video(clip, style, tmp_path / "out.mp4", config=FEW, listener=heard)
    (warning,) = (
        each for each in heard if isinstance(each, Notice) and each.is_warning
    )
    assert (
        "sound track 1 of the source (pcm_s16le) is re-encoded as aac" in warning.text
    )


def test_gif_of_a_frame_that_is_not_painted_is_told(
    clip: Path, style: Path, output: Path, tmp_path: Path
) -> None:
    heard = Listened()
    result = stylize_video(
        clip,
        style,
        output,
        config=replace(FEW, frames=(0, 2)),
        evolution=EvolutionConfig(frame=7),
        evolution_output=tmp_path / "out.gif",
        listener=heard,
    )
    assert result.evolution is None
    assert heard.notices[-1] == "no out.gif: frame 7 is not in the painted range"


@pytest.mark.parametrize(
    ("loops", "loop", "expected"),
    [(-1, False, -1), (0, False, 0), (3, False, 3), (-1, True, 0)],
)
def test_gif_repeats_as_often_as_its_source(
    style: Path, tmp_path: Path, *, loops: int, loop: bool, expected: int
) -> None:
    clip, output = tmp_path / "clip.gif", tmp_path / "out.gif"
    frames = [scene(1)] * 3
    write_gif(frames, clip, times_s=[0, 0.1, 0.2], fps=Fraction(10), loops=loops)
    stylize_video(clip, style, output, config=replace(FEW, loop=loop))
    assert gif_loops(probe(clip)) == loops
    assert gif_loops(probe(output)) == expected


def test_black_clip_has_no_evolution(
    style: Path, output: Path, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip, heard = make_clip("b.mp4", "-f", "lavfi", "-i", "color=s=48x32:d=0.2"), []
    result = stylize_video(
        clip,
        style,
        output,
        config=FEW,
        evolution_output=tmp_path / "out.gif",
        listener=heard.append,
    )
    assert result.evolution is None
    assert heard[-1].text == "no out.gif: there is nothing to paint"


def test_manifest_holds_every_setting_that_changes_a_pixel(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that is added later must not be forgotten."""
    manifests = []

    def open_store(_: object, manifest: dict[str, Any], **__: object) -> None:
        manifests.append(manifest)
        raise KeyboardInterrupt

    monkeypatch.setattr("vidstyle.video.work_dir.FrameStore.open", open_store)
    with pytest.raises(KeyboardInterrupt):
        stylize_video(clip, style, output, config=FEW)
    (manifest,) = manifests
    assert json.loads(json.dumps(manifest)) is not None
    settings = {
        field.name for kind in (VideoConfig, StyleConfig) for field in fields(kind)
    }
    written_only = {"style", "encoding", "output_size", "strict"}
    assert settings - set(manifest) == written_only
    others = {"clip", "clip_state", "painting", "evolution", "threads", "versions"}
    assert set(manifest) - settings == others


@pytest.mark.parametrize(("fps", "told"), [(50, 0), (60, 1)])
def test_gif_of_a_fast_clip_says_that_it_leaves_frames_out(
    fps: int, told: int, make_clip: Any, style: Path, tmp_path: Path
) -> None:
    clip = make_clip(
        "clip.mp4",
        *("-f", "lavfi", "-i", f"testsrc2=s=48x32:r={fps}:d=0.2"),
        *("-f", "lavfi", "-i", "sine=d=0.2", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )
    heard = Listened()
    stylize_video(clip, style, tmp_path / "out.gif", config=FEW, listener=heard)
    warnings = [e.text for e in heard if isinstance(e, Notice) and e.is_warning]
    assert ["at most 50 frames" in text for text in warnings] == [True] * told
    frames = list(read_frames(probe(tmp_path / "out.gif"), on_warning=pytest.fail))
    assert len(frames) == (8 if told else 10)
    assert frames[0].frame.shape == (32, 48, 3)


def test_tracks_of_data_that_are_left_out_are_told(
    real_clip: Callable[[str], Path],
) -> None:
    phone = probe(real_clip("mei_with-gps.mov"))
    notice = Notice(text="leaving out 2 data tracks (mebx)")
    for info, name in (
        (phone, "out.mp4"),
        (phone, "out.gif"),
        (phone, "out"),
        (INFO, "out.mp4"),
    ):
        told = list(notices(info, Path(name), EncodingConfig(), (90, 160)))
        assert (notice in told) == (info is phone and name == "out.mp4")


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("a.mp4", (91, 160), "h264 needs even dimensions: dropping the last row"),
        ("a.mp4", (90, 161), "h264 needs even dimensions: dropping the last column"),
        (
            "a.mkv",
            (91, 161),
            "h264 needs even dimensions: dropping the last row and column",
        ),
        ("a.mp4", (90, 160), None),
        ("a.webm", (91, 161), None),
        ("a", (91, 161), None),
    ],
)
def test_side_that_is_cut_is_told(
    name: str, shape: tuple[int, int], told: str | None
) -> None:
    heard = [each.text for each in notices(INFO, Path(name), EncodingConfig(), shape)]
    assert [text for text in heard if "dimensions" in text] == ([told] if told else [])


def test_hardware_that_encodes_or_does_not_is_told(
    clip: Path, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = HardwareEncoder(name="libopenh264", quality=lambda _: ("-b:v", "1M"))
    config = replace(FEW, encoding=EncodingConfig(hardware_encoder=True))
    for candidates, told in (
        ({}, "no hardware encoder for h264; encoding in software."),
        ({"h264": (stand_in,)}, "encoded by libopenh264"),
    ):
        monkeypatch.setattr("vidstyle.video.codecs.CANDIDATES", candidates)
        heard = Listened()
        stylize_video(clip, style, tmp_path / "out.mp4", config=config, listener=heard)
        (notice,) = [e for e in heard if isinstance(e, Notice) and "encod" in e.text]
        assert (notice.text, notice.is_warning) == (told, not candidates)
        is_used = "libopenh264" in describe(tmp_path / "out.mp4")
        assert is_used == bool(candidates)
        assert list(read_frames(probe(tmp_path / "out.mp4"), on_warning=pytest.fail))


def test_transparency_that_cannot_be_kept_is_told(
    clip: Path, style: Path, tmp_path: Path
) -> None:
    config = replace(FEW, encoding=EncodingConfig(codec="prores", keep_alpha=True))
    for output in (tmp_path / "out.mov", tmp_path / "out"):
        heard = Listened()
        stylize_video(clip, style, output, config=config, listener=heard)
        warnings = [e.text for e in heard if isinstance(e, Notice) and e.is_warning]
        assert warnings == [f"{clip} has no transparency to keep."]


def test_black_bars_stay_black(
    style: Path, output: Path, make_clip: Callable[..., Path]
) -> None:
    noise = "nullsrc=s=64x64:r=4:d=1,geq=60+random(1)*160:128:128"
    clip = make_clip(
        "barred.mp4", "-f", "lavfi", "-i", f"{noise},pad=64:96:0:16", "-crf", "1"
    )
    heard = Listened()
    stylize_video(clip, style, output, config=FEW, listener=heard)
    frame = read_picture(output / "000002.png")
    assert frame.shape == (96, 64, 3)
    assert not frame[:16].any()
    assert not frame[80:].any()
    assert frame[16].mean() > 30
    assert "black bars around the picture are left unpainted" in heard.notices
    write_picture(output.with_name("key.png"), np.full_like(frame, 200))
    stylize_video(
        clip,
        style,
        output,
        config=replace(FEW, paint_bars=True),
        keys={0: output.with_name("key.png")},
    )
    assert (read_picture(output / "000001.png") == 200).all()
    assert read_picture(output / "000002.png")[:16].any()


def test_loop_whose_end_is_a_cut_waits_for_its_beginning(
    clip: Path, style: Path, output: Path
) -> None:
    slow = replace(FEW.style, steps=30, min_steps=30)
    config = replace(FEW, style=slow, batch=3, loop=True)
    result = stylize_video(clip, style, output, config=config)
    assert (result.frames, result.shots) == (10, 2)


def test_loop_is_counted_with_its_end(
    clip: Path, style: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "write_result", stop)
    with pytest.raises(KeyboardInterrupt):
        stylize_video(clip, style, output, config=replace(FEW, loop=True))
    status, heard = video_status(output), Listened()
    assert (status.painted, status.frames) == (11, 11)
    assert finish_video(output, listener=heard).frames == 10
    assert heard.notices == []


def test_comparison_may_show_a_very_wide_painting(
    clip: Path, tmp_path: Path, output: Path
) -> None:
    write_picture(tmp_path / "wide.png", scene(9, 16, 1000))
    config = replace(FEW, style=replace(FEW.style, style_side=1000))
    compared = tmp_path / "compare.mp4"
    stylize_video(
        clip, tmp_path / "wide.png", output, config=config, compare_output=compared
    )
    assert compared.exists()


@pytest.mark.parametrize("loop", [True, False])
def test_loop_ends_on_the_way_to_its_beginning(
    style: Path, tmp_path: Path, *, loop: bool
) -> None:
    clip, output = tmp_path / "still", tmp_path / "out"
    clip.mkdir()
    for index in range(10):
        write_picture(clip / f"{index}.png", scene(1))
    config = replace(FEW, key_frames=4, loop=loop)
    result = stylize_video(clip, style, output, config=config)
    assert (result.frames, result.shots) == (10, 1)
    assert len(list(output.iterdir())) == 10
    first, key, last = (
        read_picture(output / f"{number:06}.png").astype(float) for number in (1, 9, 10)
    )
    between = np.abs(last - (first + key) / 2).max() <= 1
    assert between == loop
    assert (first != key).any()
