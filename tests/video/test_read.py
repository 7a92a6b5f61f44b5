from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from reading import EXACT, H264, MakeClip, pattern, read, truth

from vidstyle.errors import VideoOpenError
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

pytestmark = pytest.mark.slow


def test_frames_are_rgb(make_clip: MakeClip) -> None:
    red = ("-f", "lavfi", "-i", "color=red:size=32x32:rate=10:duration=0.3")
    frames, _ = read(make_clip("red.mp4", *red, *H264))
    assert frames[0].frame.dtype == np.uint8
    assert frames[0].frame.mean((0, 1)) == pytest.approx([255, 0, 0], abs=3)


def wide_color(level: float, transfer: str) -> list[str]:
    """Make a flat BT.2020 picture with the same signal, 0 to 1, in R, G and B."""
    filters = [
        "color=black:size=32x32:rate=10:duration=0.3,format=yuv420p10le",
        f"geq=lum={64 + 876 * level}:cb=512:cr=512",
        f"setparams=range=tv:color_primaries=bt2020:color_trc={transfer}",
        "setparams=colorspace=bt2020nc",
    ]
    return ["-f", "lavfi", "-i", ",".join(filters), "-c:v", "ffv1"]


@pytest.mark.parametrize(
    ("transfer", "level", "least", "most"),
    [
        ("bt709", 0.5, 125, 131),
        ("bt709", 1.0, 253, 255),
        ("smpte2084", 0.0, 0, 2),
        ("smpte2084", 0.58, 170, 240),  # 203 nits, the white of paper
        ("smpte2084", 0.75, 241, 255),  # 1000 nits, a highlight
        ("arib-std-b67", 0.75, 170, 240),
    ],
)
def test_wide_color_becomes_ordinary(
    transfer: str, level: float, least: int, most: int, make_clip: MakeClip
) -> None:
    clip = make_clip("hdr.mkv", *wide_color(level, transfer))
    frames, _ = read(clip)
    assert len(frames) == 3
    assert least <= frames[0].frame.mean() <= most
    assert frames[0].frame.std() < 1


def test_file_without_times_gets_even_ones(make_clip: MakeClip) -> None:
    frames, _ = read(make_clip("raw.h264", *pattern(rate="25"), *H264))
    times_s = [timed.time_s for timed in frames]
    assert len(times_s) == 25
    assert all(before < after for before, after in pairwise(times_s))


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_moving_picture_is_a_clip(name: str, make_clip: MakeClip) -> None:
    codec = ("-c:v", "libwebp_anim") if name.endswith("webp") else ()
    frames, warnings = read(make_clip(name, *pattern(), *codec))
    assert len(frames) == 10
    assert warnings == []


def test_turned_clip_is_read_upright(make_clip: MakeClip) -> None:
    flat = make_clip("flat.mp4", *pattern(filters="format=gbrp"), "-c:v", "libx264rgb")
    turned = make_clip(
        "turned.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy"
    )
    upright, _ = read(turned)
    assert np.array_equal(upright[5].frame, np.rot90(truth(flat, f"scale={EXACT}")[5]))


def test_variable_rate_keeps_every_time(make_clip: MakeClip) -> None:
    clip = make_clip(
        "variable.mp4",
        *pattern(filters="settb=1/90000,setpts=N*9000+mod(N*N*137\\,1700)"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:90000"),
        *("-video_track_timescale", "90000", *H264),
    )
    frames, _ = read(clip)
    expected = [(9000 * n + n * n * 137 % 1700) / 90000 for n in range(10)]
    times_s = [timed.time_s for timed in frames]
    assert times_s == pytest.approx(expected, abs=1e-6)


def test_picture_that_begins_after_the_sound_keeps_its_time(
    make_clip: MakeClip,
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    late = make_clip("late.mp4", "-itsoffset", "0.5", *pattern(), *sound, *H264)
    frames, _ = read(late)
    assert [timed.time_s for timed in frames[:2]] == pytest.approx([0.5, 0.6])


def cut_off(whole: Path, share: float) -> Path:
    data = whole.read_bytes()
    part = whole.with_name(f"part{whole.suffix}")
    part.write_bytes(data[: int(len(data) * share)])
    return part


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.mp4", (*H264, "-movflags", "+faststart")),
        ("clip.mkv", H264),
        ("clip.avi", ("-c:v", "mjpeg")),
    ],
)
def test_clip_that_breaks_off_is_read_as_far_as_it_goes(
    name: str, codec: tuple[str, ...], make_clip: MakeClip
) -> None:
    clip = make_clip(name, *pattern(seconds="4"), *codec, "-g", "5")
    part = cut_off(clip, 0.6)
    frames, warnings = read(part)
    assert 10 < len(frames) < 30
    (warning,) = warnings
    assert f"is truncated after {len(frames)} of about 40 frames" in warning
    with pytest.raises(VideoOpenError, match=r"(truncated|damaged) after"):
        read(part, strict=True)


def test_clip_without_its_index_is_refused(make_clip: MakeClip) -> None:
    part = cut_off(make_clip("clip.mp4", *pattern(seconds="4"), *H264), 0.5)
    with pytest.raises(VideoOpenError, match="moov atom not found"):
        probe(part)


@pytest.mark.parametrize("seconds", ["0.3", "3"])
def test_sound_may_end_before_or_after_the_picture(
    seconds: str, make_clip: MakeClip
) -> None:
    sound = ("-f", "lavfi", "-i", f"sine=duration={seconds}")
    frames, warnings = read(make_clip("clip.mkv", *pattern(), *sound, *H264))
    assert (len(frames), warnings) == (10, [])


def test_last_frame_may_be_shown_for_long(make_clip: MakeClip) -> None:
    clip = make_clip("held.gif", *pattern(), "-final_delay", "300")
    frames, warnings = read(clip)
    assert (len(frames), warnings) == (10, [])


def test_damage_in_the_middle_is_left_out(make_clip: MakeClip) -> None:
    clip = make_clip(
        "clip.mp4", *pattern(seconds="4"), *H264, *("-bf", "0", "-g", "10")
    )
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2500] = bytes(2500)
    clip.write_bytes(data)
    frames, warnings = read(clip)
    missing = 40 - len(frames)
    assert 0 < missing < 30
    assert frames[-1].time_s == pytest.approx(3.9)  # read to the end
    assert [timed.index for timed in frames] == list(range(len(frames)))
    (warning,) = warnings
    assert f"{missing} frames cannot be decoded" in warning
    with pytest.raises(VideoOpenError, match="damaged after"):
        read(clip, strict=True)


def test_clip_of_nothing_but_damage_is_refused(make_clip: MakeClip) -> None:
    clip = make_clip("clip.mkv", *pattern(), *H264)
    info = probe(clip)
    clip.write_bytes(clip.read_bytes()[:900])
    with pytest.raises(VideoOpenError, match=r"clip\.mkv"):
        list(read_frames(info, on_warning=print))


def test_nothing_is_written_while_ffmpeg_decodes(
    make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    clip = make_clip("wide.mp4", *pattern(filters="setsar=4/3"), *H264)
    reading = read_frames(probe(clip), on_warning=print)
    next(reading)
    assert not list(folder.iterdir())
    reading.close()


def test_frames_come_before_the_clip_is_decoded(make_clip: MakeClip) -> None:
    """A pipe holds a few frames of this size, and the clip has many."""
    clip = make_clip("long.gif", *pattern(size="160x120", seconds="20"))
    reading = read_frames(probe(clip), on_warning=print)
    assert [next(reading).index for _ in range(3)] == [0, 1, 2]
    reading.close()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mdn_stream-of-water.mp4", 90),
        ("mdn_stream-of-water.webm", 90),
        ("mei_100_0306.AVI", 41),
        ("mei_with-gps.mov", 120),
        ("torchcodec_av1_video.mkv", 125),
        ("torchcodec_bt709_full_range.mp4", 30),
        ("torchcodec_h264_10bits.mp4", 30),
    ],
)
def test_real_clip_is_read_whole(
    name: str, count: int, real_clip: Callable[[str], Path]
) -> None:
    clip = real_clip(name)
    frames, warnings = read(clip)
    assert (len(frames), warnings) == (count, [])
    info = probe(clip)
    assert {timed.frame.shape for timed in frames} == {(info.height, info.width, 3)}


@pytest.mark.parametrize("filters", ["null", "setsar=4/3"])
@pytest.mark.parametrize(
    "name",
    ["Gänseblümchen 花.mp4", "%03d.mp4", "-y.mp4", "a:b 'c' \"d\" [0].mp4", "%d?*.mp4"],
)
def test_any_name_will_do(
    name: str,
    filters: str,
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By OpenCV and by ffmpeg, neither of which shall find a pattern or an option."""
    make_clip("plain.mp4", *pattern(filters=filters), *H264).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    frames, warnings = read(Path(name))
    assert (len(frames), warnings) == (10, [])


SHORT = ("-bf", "0", "-g", "5")


@dataclass(frozen=True, kw_only=True)
class Torn:
    """A clip of 20 frames with zeros in its middle."""

    file: str
    made: tuple[str, ...]
    zeros: int
    about: bool = False
    """Whether nothing is stored any more of what is missing."""


ROWS = [
    Torn(file="a.mp4", made=(*H264, *SHORT), zeros=300),
    Torn(file="b.mp4", made=(*H264, *SHORT), zeros=1500),
    Torn(file="a.mkv", made=(*H264, *SHORT), zeros=1500, about=True),
    Torn(
        file="b.mkv",
        made=("-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "5"),
        zeros=1500,
        about=True,
    ),
    Torn(
        file="c.mkv",
        made=("-c:v", "libsvtav1", "-svtav1-params", "lp=1", "-g", "5"),
        zeros=1500,
    ),
    Torn(file="a.ts", made=(*H264, *SHORT), zeros=1500, about=True),
]


@pytest.fixture
def torn(make_clip: MakeClip) -> Callable[[Torn], Path]:
    def make(row: Torn) -> Path:
        clip = make_clip(row.file, *pattern(size="128x96", seconds="2"), *row.made)
        data = bytearray(clip.read_bytes())
        middle = len(data) // 2
        data[middle : middle + row.zeros] = bytes(row.zeros)
        clip.write_bytes(data)
        return clip

    return make


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.file} {row.zeros}")
def test_every_frame_that_is_missing_is_counted(
    row: Torn, torn: Callable[[Torn], Path]
) -> None:
    """Also where decoder and demuxer pass over them in silence."""
    clip = torn(row)
    frames, (warning,) = read(clip)
    missing = 20 - len(frames)
    assert 0 < missing < 10
    assert frames[-1].time_s == pytest.approx(1.9, abs=0.001)
    lost = f"it lacks about {missing} frame" if row.about else f"{missing} frame"
    assert f"{clip} is damaged: {lost}" in warning
    with pytest.raises(VideoOpenError, match="damaged"):
        read(clip, strict=True)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.gif"])
def test_pause_is_no_damage(name: str, make_clip: MakeClip) -> None:
    late = "settb=1/1000,setpts='100*N+700*gte(N,5)+300*gte(N,8)'"
    codec = () if name.endswith("gif") else H264
    clip = make_clip(
        name,
        *pattern(filters=late),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000", *codec),
    )
    frames, warnings = read(clip)
    assert (len(frames), warnings) == (10, [])


def test_part_that_an_edit_list_leaves_out_is_no_damage(make_clip: MakeClip) -> None:
    late = "settb=1/1000,setpts='100*N+700*gte(N,15)'"
    made = (*pattern(filters=late, seconds="2"), "-fps_mode", "passthrough")
    whole = make_clip("whole.mp4", *made, *H264, "-g", "20")
    clip = make_clip("cut.mp4", "-ss", "1", "-i", str(whole), "-c", "copy")
    frames, warnings = read(clip)
    assert (len(frames), warnings) == (10, [])
