import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidstyle.errors import ConfigError, VideoOpenError
from vidstyle.images import write_picture
from vidstyle.video import ffmpeg
from vidstyle.video.mux import ending_for
from vidstyle.video.probe import held_s, measure_timing, probe

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]

SOUND = ("-f", "lavfi", "-i", "sine=duration=1")


def pattern(
    *, size: str = "64x48", rate: str = "10", filters: str = "null"
) -> list[str]:
    source = f"testsrc=size={size}:rate={rate}:duration=1,{filters}"
    return ["-f", "lavfi", "-i", source]


@dataclass(frozen=True)
class Row:
    """A clip, and what a probe must say of it."""

    name: str
    arguments: tuple[str, ...]
    height: int = 48
    width: int = 64
    fps: Fraction = Fraction(10)
    rotation: int = 0
    has_audio: bool = False
    needs_normalizing: bool = False


H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
ROWS = [
    Row("plain.mp4", (*pattern(), *H264)),
    Row("sound.mp4", (*pattern(), *SOUND, *H264), has_audio=True),
    Row("ntsc.mp4", (*pattern(rate="30000/1001"), *H264), fps=Fraction(30000, 1001)),
    Row("film.mkv", (*pattern(rate="24000/1001"), *H264), fps=Fraction(24000, 1001)),
    Row("odd.mkv", (*pattern(size="65x47"), "-c:v", "ffv1"), height=47, width=65),
    Row("moving.gif", (*pattern(),), needs_normalizing=True),  # may be transparent
    Row(
        "wide.mp4",
        (*pattern(filters="setsar=4/3"), *H264),
        width=85,
        needs_normalizing=True,
    ),
    Row(
        "fields.mp4",
        (*pattern(filters="setfield=tff"), *H264, "-flags", "+ilme+ildct"),
        needs_normalizing=True,
    ),
    Row(
        "hdr.mp4",
        (
            *pattern(
                filters="format=yuv420p,setparams=color_primaries=bt2020"
                ":color_trc=smpte2084:colorspace=bt2020nc"
            ),
            *H264,
        ),
        needs_normalizing=True,
    ),
    Row(
        "new.mkv",
        (*pattern(), "-c:v", "libsvtav1", "-svtav1-params", "lp=1"),
        needs_normalizing=True,
    ),
    Row("new.webp", (*pattern(), "-c:v", "libwebp_anim"), needs_normalizing=True),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_probe_understands(row: Row, make_clip: MakeClip) -> None:
    info = probe(make_clip(row.name, *row.arguments))
    assert info.kind == "video"
    assert (info.height, info.width) == (row.height, row.width)
    assert info.fps == row.fps
    assert info.rotation == row.rotation
    assert info.has_audio == row.has_audio
    assert info.needs_normalizing == row.needs_normalizing
    assert info.start_s == 0


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_shape_is_that_of_the_turned_picture(turn: int, make_clip: MakeClip) -> None:
    flat = make_clip("flat.mp4", *pattern(), *H264)
    turned = make_clip(
        "turned.mp4", "-display_rotation", str(turn), "-i", str(flat), "-c", "copy"
    )
    info = probe(turned)
    assert info.rotation == 360 - turn  # the option counts the other way round
    assert (info.height, info.width) == ((48, 64) if turn == 180 else (64, 48))


def test_turned_picture_with_wide_pixels_grows_in_height(make_clip: MakeClip) -> None:
    wide = make_clip("wide.mp4", *pattern(filters="setsar=2/1"), *H264)
    turned = make_clip(
        "turned.mp4", "-display_rotation", "90", "-i", str(wide), "-c", "copy"
    )
    info = probe(turned)
    assert (info.height, info.width) == (64, 24)  # 128:48 on its side, in 64 rows


def test_start_is_counted_from_the_files_own(make_clip: MakeClip) -> None:
    clip = make_clip("clip.mp4", *pattern(), *SOUND, *H264)
    both = ("-i", str(clip), "-map", "0:v", "-map", "1:a", "-c", "copy")
    late = make_clip("late.mkv", "-itsoffset", "0.5", "-i", str(clip), *both)
    assert probe(late).start_s == pytest.approx(0.5, abs=0.03)  # sound starts early
    shifted = make_clip(
        "shifted.mkv", "-i", str(clip), "-an", "-c", "copy", "-output_ts_offset", "3"
    )
    assert probe(shifted).start_s == 0


def assert_refused(path: Path, sentence: str) -> None:
    with pytest.raises(VideoOpenError, match=sentence) as caught:
        probe(path)
    said = str(caught.value)
    assert path.name in said
    assert said.endswith(".")
    assert "\n" not in said


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.mp4", "No such file")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert_refused(tmp_path / "empty.mp4", "is empty")


@pytest.mark.parametrize("name", ["text.mp4", "text.txt"])
def test_text_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no video\n" * 1000)
    why = "not a readable video: ffmpeg recognizes nothing in it"
    assert_refused(tmp_path / name, f"{why}|its index is missing|nothing that can")


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, "no numbered pictures")


def test_what_is_neither_file_nor_folder_is_refused() -> None:
    assert_refused(Path("/dev/null"), "not a file")


def test_unreadable_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret.mp4").write_text("x")
    monkeypatch.setattr(Path, "open", refuse)  # root may read what nobody may
    assert_refused(tmp_path / "secret.mp4", "Permission denied")


def test_sound_alone_is_refused(make_clip: MakeClip) -> None:
    assert_refused(make_clip("sound.mp3", *SOUND), "sound, but no picture")


def test_sound_with_a_cover_is_refused(make_clip: MakeClip) -> None:
    cover = make_clip("cover.png", *pattern(), "-frames:v", "1")
    both = (
        "-i",
        str(cover),
        "-map",
        "0",
        "-map",
        "1",
        "-disposition:v",
        "attached_pic",
    )
    assert_refused(make_clip("song.mp3", *SOUND, *both), "sound, but no picture")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"])
def test_still_picture_is_refused(name: str, make_clip: MakeClip) -> None:
    still = make_clip(name, *pattern(), "-frames:v", "1")
    assert_refused(still, "still picture")


def test_still_avif_is_refused(make_clip: MakeClip) -> None:
    encoder = ("-c:v", "libsvtav1", "-svtav1-params", "lp=1", "-still-picture", "1")
    still = make_clip("a.avif", *pattern(), "-frames:v", "1", *encoder)
    assert_refused(still, "still picture")


def test_pipe_with_a_name_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert_refused(tmp_path / "pipe.mp4", "not a file; give a video file or a folder")


def test_tiny_clip_is_refused(make_clip: MakeClip) -> None:
    tiny = make_clip("tiny.mp4", *pattern(size="64x14"), *H264)
    assert_refused(tiny, "64x14.*at least 16")


TEN = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("name", ["even.mp4", "even.mkv", "even.gif"])
def test_even_times_are_constant(name: str, make_clip: MakeClip) -> None:
    timing = measure_timing(probe(make_clip(name, *TEN)))
    assert (timing.kind, timing.packets) == ("constant", 10)
    assert timing.shortest_s == pytest.approx(0.1, abs=0.001)


def test_background_is_that_of_the_probe(make_clip: MakeClip) -> None:
    info = probe(make_clip("clip.gif", *TEN), background="black")
    assert info.background == "#000000"
    assert ending_for(info) == ".mp4"


def test_rate_is_for_what_has_no_times(make_clip: MakeClip) -> None:
    assert probe(make_clip("clip.mjpeg", *TEN), fps=Fraction(12)).fps == 12
    with pytest.raises(ConfigError, match="has its own frame times"):
        probe(make_clip("clip.mp4", *TEN), fps=Fraction(12))


def test_rounding_to_milliseconds_is_no_variable_rate(make_clip: MakeClip) -> None:
    source = "testsrc2=size=64x48:rate=30000/1001:duration=1"
    clip = make_clip("ntsc.mkv", "-f", "lavfi", "-i", source, *H264)
    assert measure_timing(probe(clip)).kind == "constant"


def test_uneven_times_are_variable(make_clip: MakeClip) -> None:
    clip = make_clip(
        "uneven.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1"),
        *("-vf", "settb=1/1000,setpts='if(lt(N,5),N*50,250+(N-5)*200)'"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000", *H264),
    )
    timing = measure_timing(probe(clip))
    assert timing.kind == "variable"
    assert (timing.shortest_s, timing.longest_s) == pytest.approx((0.05, 0.2))


def test_raw_stream_and_folder_have_assumed_times(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    raw = measure_timing(probe(make_clip("raw.h264", *TEN, *H264)))
    assert (raw.kind, raw.packets) == ("assumed", 10)
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "1.png", np.zeros((16, 16, 3), np.uint8))
    pictures = measure_timing(probe(folder))
    assert (pictures.kind, pictures.packets) == ("assumed", 1)
    assert pictures.longest_s == 0.04


def test_pictures_that_are_not_shown_do_not_count(
    real_clip: Callable[[str], Path],
) -> None:
    """Five of the 95 that are stored are for others to refer to."""
    timing = measure_timing(probe(real_clip("mdn_stream-of-water.webm")))
    assert (timing.kind, timing.packets) == ("constant", 90)


@pytest.mark.parametrize(
    ("name", "delay", "held"), [("a.gif", "300", 3.0), ("a.gif", "10", None)]
)
def test_last_frame_may_be_held(
    name: str, delay: str, held: float | None, make_clip: MakeClip
) -> None:
    clip = make_clip(name, *TEN, "-final_delay", delay)
    assert held_s(probe(clip)) == (None if held is None else pytest.approx(held))


def test_others_hold_no_frame(make_clip: MakeClip, tmp_path: Path) -> None:
    assert held_s(probe(make_clip("a.mp4", *TEN, *H264))) is None
    assert held_s(probe(make_clip("a.h264", *TEN, *H264))) is None
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "1.png", np.zeros((16, 16, 3), np.uint8))
    assert held_s(probe(folder)) is None


def test_a_file_is_asked_once_until_it_changes(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    started = ffmpeg._started

    def counting(arguments: list[str], **options: Any) -> Any:
        asked.append(arguments)
        return started(arguments, **options)

    for filters in ("null", "null", "negate"):
        picture = f"testsrc2=size=64x48:duration=1,{filters}"
        clip = make_clip("clip.mp4", "-f", "lavfi", "-i", picture)
        monkeypatch.setattr(ffmpeg, "_started", counting)
        infos = [probe(clip) for _ in range(2)]
        monkeypatch.undo()
        assert infos[0] is infos[1]
    # What it is, whether it is interlaced somewhere, and its packets.
    assert len(asked) == 3 * 3
