from dataclasses import dataclass

import pytest
from reading import H264, MakeClip, pattern

from vidstyle.video import fields
from vidstyle.video.ffmpeg import describe
from vidstyle.video.fields import find_fields
from vidstyle.video.streams import Description

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
    file = Description(describe(clip))
    (stream,) = file.pictures()
    assert stream.fields == row.said
    assert find_fields(clip, stream, container=file.container or "") == row.found


def test_a_file_is_read_once_until_it_changes(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    follow = fields.follow_messages
    monkeypatch.setattr(
        fields, "follow_messages", lambda said: asked.append(said) or follow(said)
    )
    for filters in ("null", "null", "negate"):
        clip = make_clip("clip.mp4", *pattern(filters=filters), *H264)
        (stream,) = Description(describe(clip)).pictures()
        for _ in range(2):
            assert find_fields(clip, stream, container="mov") == "progressive"
    assert len(asked) == 3
