import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vidstyle.records import ColorInfo, VideoInfo
from vidstyle.video import normalize
from vidstyle.video.ffmpeg import stream_ffmpeg
from vidstyle.video.normalize import (
    decode_errors,
    is_guessed_hd,
    normalized,
    read_color,
    reasons_to_normalize,
    scale,
    to_srgb,
)
from vidstyle.video.probe import probe
from vidstyle.video.streams import Description


def make(*names: str, assumed: tuple[str, ...] = ()) -> ColorInfo:
    """Make what is expected: range, matrix, primaries, transfer, all in 8 bits."""
    levels, matrix, primaries, transfer = names
    return ColorInfo(
        range=levels,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        bit_depth=8,
        assumed=assumed,
    )


SD, HD = (480, 640), (720, 1280)


@pytest.mark.parametrize(
    ("tags", "shape", "expected"),
    [
        (
            "tv, bt709, progressive",
            SD,
            make("tv", "bt709", "bt709", "bt709"),
        ),
        (
            "pc, bt470bg/unknown/unknown",
            SD,
            make("pc", "bt470bg", "bt709", "bt709", assumed=("primaries", "transfer")),
        ),
        (
            "tv, bt2020nc/unknown/smpte2084, top first",
            HD,
            make("tv", "bt2020nc", "bt2020", "smpte2084", assumed=("primaries",)),
        ),
    ],
)
def test_tags_are_read(tags: str, shape: tuple[int, int], expected: ColorInfo) -> None:
    assert read_color(tags, "yuv420p", 8, shape=shape) == expected


@pytest.mark.parametrize(
    ("shape", "matrix"),
    [
        ((480, 720), "smpte170m"),
        ((576, 720), "smpte170m"),
        ((577, 720), "bt709"),
        ((540, 1280), "bt709"),
        ((1280, 720), "bt709"),
    ],
)
def test_missing_matrix_follows_the_size(shape: tuple[int, int], matrix: str) -> None:
    color = read_color("progressive", "yuv420p", 8, shape=shape)
    assert (color.range, color.matrix) == ("tv", matrix)
    assert set(color.assumed) == {"range", "matrix", "primaries", "transfer"}
    assert is_guessed_hd(color) == (matrix == "bt709")
    assert ("in_color_matrix" in scale(color)) == (matrix == "bt709")


def test_rgb_has_no_matrix_to_guess() -> None:
    color = read_color("progressive", "bgra", 8, shape=HD)
    assert (color.range, color.matrix) == ("pc", "gbr")
    assert not is_guessed_hd(color)


def test_ordinary_color_needs_no_mapping() -> None:
    assert to_srgb(read_color("tv, bt709", "yuv420p", 8, shape=HD)) == []


def test_curve_of_wide_color_is_kept() -> None:
    tags = "tv, bt709/smpte432/iec61966-2-1"
    (_, mapped) = to_srgb(read_color(tags, "yuv420p", 8, shape=HD))
    assert "t=iec61966-2-1" in mapped


@pytest.mark.parametrize("matrix", ["ycgco", "bt2020c", "chroma-derived-nc"])
def test_rare_matrix_is_mapped(matrix: str) -> None:
    color = read_color(f"tv, {matrix}/bt709/bt709", "yuv444p", 8, shape=HD)
    tags, mapped = to_srgb(color)
    assert f"colorspace={matrix}" in tags
    assert mapped.startswith("zscale=")


LINE = "  Stream #0:0: Video: {}, {}, {} [SAR {} DAR 4:3], 25 fps, 25 tbr, {} tbn\n"


def reasons(
    *,
    codec: str = "h264",
    pixels: str = "yuv420p(tv, bt709, progressive)",
    size: str = "640x480",
    aspect: str = "1:1",
    clock: str = "1k",
    more: str = "",
    fields: str = "progressive",
) -> tuple[str, ...]:
    said = LINE.format(codec, pixels, size, aspect, clock) + more
    (stream, *_) = Description(said, Path("clip.mp4")).clips()
    return reasons_to_normalize(replace(stream, fields=fields), is_first=True)


def test_ordinary_clip_is_read_by_opencv() -> None:
    assert reasons() == ()
    assert reasons(codec="hevc", pixels="yuv420p(tv)") == ()
    assert reasons(size="1920x1080") == ()
    assert reasons(codec="vp9", fields="unknown") == ()


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({"codec": "av1"}, "OpenCV cannot decode av1"),
        ({"fields": "interlaced"}, "it is interlaced"),
        ({"fields": "mixed"}, "it may be interlaced"),
        ({"fields": "separate"}, "its frames are single fields"),
        ({"aspect": "16:11"}, "its 16:11 pixels are made square"),
        (
            {"pixels": "yuv422p10le(tv, bt709, progressive)"},
            "OpenCV misreads 10 bits per channel",
        ),
        (
            {"pixels": "yuva420p(tv, bt709, progressive)"},
            "its transparent parts get a background",
        ),
        ({"clock": "1200k"}, "it is a raw stream without timestamps"),
        (
            {"pixels": "yuv420p(progressive)", "size": "1280x720"},
            "it is HD without color tags, so BT.709 is assumed",
        ),
        (
            {"pixels": "yuv420p(tv, bt2020nc/bt2020/smpte2084, progressive)"},
            "its PQ high dynamic range is tone-mapped",
        ),
        (
            {"pixels": "yuv420p(tv, bt2020nc/bt2020/arib-std-b67, progressive)"},
            "its HLG high dynamic range is tone-mapped",
        ),
        (
            {"pixels": "yuv420p(tv, bt709/smpte432/bt709, progressive)"},
            "its smpte432 colors are mapped to sRGB",
        ),
        (
            {"pixels": "yuv444p(tv, ycgco/bt709/bt709, progressive)"},
            "OpenCV does not know the matrix ycgco",
        ),
        (
            {"more": "      Display Matrix: rotation of -90.00 degrees\n"},
            "it is rotated or mirrored by metadata",
        ),
    ],
)
def test_what_opencv_misreads_has_its_reason(
    described: dict[str, str], reason: str
) -> None:
    assert reasons(**described) == (reason,)


GIF = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")


@pytest.fixture
def clip(make_clip: Callable[..., Path]) -> VideoInfo:
    return probe(make_clip("clip.gif", *GIF))


def test_nut_flows_and_its_end_is_good(clip: VideoInfo) -> None:
    with normalized(clip) as stream:
        beginning = os.read(stream.descriptor, 25)
        while os.read(stream.descriptor, 1 << 16):
            pass
        ended = stream.finish()
    assert beginning == b"nut/multimedia container\0"
    assert (ended.is_good, ended.reason) == (True, "")
    assert decode_errors(ended.log) == 0


def test_errors_are_counted() -> None:
    line = (
        "Input stream #0:0 (video): 40 packets read; 31 frames decoded; 9 decode errors"
    )
    assert decode_errors(f"[verbose] {line}; \n") == 9
    assert decode_errors("nothing of the kind") == 0


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ("progressive", False),
        ("unknown", False),
        ("interlaced", True),
        ("mixed", True),
        ("separate", False),
    ],
)
def test_deinterlacer_stands_where_it_may_be_needed(
    fields: str,
    waits: bool,
    clip: VideoInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def stream(arguments: list[str]) -> object:
        asked.extend(arguments)
        return stream_ffmpeg(arguments)

    monkeypatch.setattr(normalize, "stream_ffmpeg", stream)
    with normalized(replace(clip, fields=fields)):
        pass
    assert ("bwdif" in " ".join(asked)) == waits
    assert ("-reinit_filter" in asked) == waits
