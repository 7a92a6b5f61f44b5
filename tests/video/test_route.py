import pytest

from vidstyle.video.colors import read_color
from vidstyle.video.route import reasons_to_normalize
from vidstyle.video.streams import Description

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
    (stream, *_) = Description(
        LINE.format(codec, pixels, size, aspect, clock) + more
    ).pictures()
    color = read_color(
        stream.color_tags,
        stream.pixel_format,
        stream.bit_depth,
        shape=stream.stored_shape,
    )
    return reasons_to_normalize(stream, color, fields=fields, is_first=True)


def test_ordinary_clip_is_read_by_opencv() -> None:
    assert reasons() == ()
    assert reasons(codec="hevc", pixels="yuv420p(tv)") == ()
    assert reasons(size="1920x1080") == ()
    assert reasons(codec="vp9", fields="unknown") == ()


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({"codec": "av1"}, "OpenCV does not decode av1"),
        ({"fields": "interlaced"}, "it is interlaced"),
        ({"fields": "mixed"}, "it may be interlaced"),
        ({"fields": "separate"}, "its frames are single fields"),
        ({"aspect": "16:11"}, "its pixels are 16:11, and are made square"),
        (
            {"pixels": "yuv422p10le(tv, bt709, progressive)"},
            "OpenCV misreads 10 bits a channel",
        ),
        (
            {"pixels": "yuva420p(tv, bt709, progressive)"},
            "its transparent parts get a background",
        ),
        ({"clock": "1200k"}, "it is a raw stream, without times"),
        (
            {"pixels": "yuv420p(progressive)", "size": "1280x720"},
            "it is untagged and HD, so taken as BT.709",
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
            "it is turned or mirrored by metadata",
        ),
    ],
)
def test_what_opencv_misreads_has_its_reason(
    described: dict[str, str], reason: str
) -> None:
    assert reasons(**described) == (reason,)
