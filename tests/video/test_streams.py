from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from reading import H264, MakeClip, pattern

from vidstyle.records import StreamInfo
from vidstyle.video.ffmpeg import describe
from vidstyle.video.streams import Description, find_fields, snap_rate

CLIP = Path("clip.mov")
SAID = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:clip.mov':
  Duration: 00:01:05.06, start: -0.021333, bitrate: 1000 kb/s
  Chapters:
    Chapter #0:0: start 0.000000, end 30.000000
    Chapter #0:1: start 30.000000, end 65.000000
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz (default)
  Stream #0:1[0x2](eng): Video: hevc (Main 10) (hvc1 / 0x31637668), \
yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), 1920x1080 [SAR 4:3 DAR 64:27], \
8000 kb/s, 29.97 fps, 29.97 tbr, 600 tbn, start 0.100000 (default)
      Side data:
        Display Matrix: rotation of -90.00 degrees
  Stream #0:2: Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), \
320x240, 90k tbr, 90k tbn (attached pic)
  Stream #0:3(fra): Subtitle: mov_text (tx3g / 0x67337874)
"""


def test_file_is_understood() -> None:
    file = Description(SAID, CLIP)
    assert file.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert (file.start_s, file.duration_s) == (-0.021333, 65.06)
    assert file.chapters == 2
    assert file.streams[1] == StreamInfo(
        index=1,
        kind="video",
        codec="hevc",
        name="hvc1",
        language="eng",
        is_default=True,
        start_s=pytest.approx(0.1 + 0.021333),
    )
    assert [stream.kind for stream in file.streams] == [
        *("audio", "video", "video", "subtitle")
    ]
    assert [stream.is_cover for stream in file.streams] == [False, False, True, False]
    assert file.streams[0].language is None


def test_stream_of_pictures_is_understood() -> None:
    (stream,) = Description(SAID, CLIP).clips()
    assert stream.stream_index == 1
    assert (stream.pixel_format, stream.color.bit_depth) == ("yuv420p10le", 10)
    assert stream.stored_shape == (1080, 1920)
    assert stream.pixel_aspect == Fraction(4, 3)
    assert stream.rotation == 90
    assert (stream.height, stream.width) == (1920, 810)
    assert stream.fields == "unknown"
    assert stream.fps == Fraction(30000, 1001)
    assert stream.start_s == pytest.approx(0.1 + 0.021333)
    assert stream.has_times
    assert not stream.has_alpha


def test_part_that_is_shown_is_told_as_it_is_turned() -> None:
    said = SAID.replace("Display", "Frame Cropping: 1/2/3/4\n        Display")
    (stream,) = Description(said, CLIP).clips()
    assert stream.rotation == 90
    assert stream.crop == (8, 4)  # as even as ffmpeg makes it
    assert (stream.height, stream.width) == (1916, 804)


@pytest.mark.parametrize(
    ("pixel_format", "depth", "has_alpha"),
    [
        ("yuv420p", 8, False),
        ("yuvj444p", 8, False),
        ("yuv422p12le", 12, False),
        ("p010le", 10, False),
        ("gray16be", 16, False),
        ("rgb48le", 16, False),
        ("rgba64be", 16, True),
        ("gbrpf32le", 32, False),
        ("x2rgb10le", 10, False),
        ("rgb565le", 8, False),
        ("yuva444p12le", 12, True),
        ("gbrap", 8, True),
        ("bgra", 8, True),
        ("pal8", 8, True),
        ("ya8", 8, True),
    ],
)
def test_pixel_formats(pixel_format: str, depth: int, has_alpha: bool) -> None:
    said = SAID.replace("yuv420p10le", pixel_format)
    (stream,) = Description(said, CLIP).clips()
    assert (stream.color.bit_depth, stream.has_alpha) == (depth, has_alpha)


@pytest.mark.parametrize(
    ("printed", "rate"),
    [
        (29.97, Fraction(30000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (14.99, Fraction(15000, 1001)),
        (25, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (7.4, Fraction(37, 5)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_rates_are_snapped_to_what_cameras_use(printed: float, rate: Fraction) -> None:
    assert snap_rate(printed) == rate


ILACE = ("-flags", "+ilme+ildct")
FIRST_LINE = pattern(filters="setfield=tff")
HEVC = ("-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params")
QUIET = "log-level=none:pools=none"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A clip, what ffmpeg says of its first frames, and what holds for all."""

    file: str
    made: tuple[str, ...]
    said: str
    found: str


ROWS = [
    Row(
        file="a.mp4", made=(*pattern(), *H264), said="progressive", found="progressive"
    ),
    Row(file="a.ts", made=(*pattern(), *H264), said="progressive", found="mixed"),
    Row(
        file="a.mp4",
        made=(*FIRST_LINE, *H264, *ILACE),
        said="interlaced",
        found="interlaced",
    ),
    # Its frames are progressive, and it is free to have others.
    Row(
        file="a.mkv",
        made=(*pattern(), *H264, "-x264-params", "fake-interlaced=1"),
        said="progressive",
        found="mixed",
    ),
    Row(
        file="a.mp4",
        made=(*pattern(), *HEVC, QUIET),
        said="progressive",
        found="progressive",
    ),
    Row(
        file="a.mp4",
        made=(*pattern(), *HEVC, f"{QUIET}:interlace=tff"),
        said="progressive",
        found="separate",
    ),
    Row(
        file="a.ts",
        made=(*pattern(), *HEVC, f"{QUIET}:interlace=tff"),
        said="progressive",
        found="separate",
    ),
    Row(
        file="a.avi", made=(*pattern(), "-c:v", "mpeg4"), said="unknown", found="mixed"
    ),
    Row(
        file="a.mkv",
        made=(*pattern(rate="25"), "-c:v", "mpeg2video"),
        said="progressive",
        found="mixed",
    ),
    Row(
        file="a.mkv",
        made=(*pattern(), "-c:v", "ffv1"),
        said="progressive",
        found="progressive",
    ),
    Row(
        file="a.avi",
        made=(*pattern(), "-c:v", "utvideo"),
        said="unknown",
        found="unknown",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.file} {row.found}")
def test_fields_are_those_of_the_whole_stream(row: Row, make_clip: MakeClip) -> None:
    clip = make_clip(row.file, *row.made)
    (stream,) = Description(describe(clip), clip).clips()
    assert stream.fields == row.said
    assert find_fields(stream) == row.found
