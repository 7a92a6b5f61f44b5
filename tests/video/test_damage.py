from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from reading import H264, MakeClip, pattern, read

from vidstyle.errors import VideoOpenError

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
    lost = f"about {missing} frames are" if row.about else f" {missing} frame"
    assert f"{clip} is damaged: {lost.strip()}" in warning
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
