"""How many frames a clip has and where they lie, before one of them is read."""

import re
import struct
from pathlib import Path

import pytest
from reading import H264, MakeClip, pattern, read

from vidstyle.clip.reader import expected_span
from vidstyle.clip.results import left_behind
from vidstyle.config import EncodingConfig, VideoConfig
from vidstyle.errors import VideoOpenError
from vidstyle.video.probe import first_shown, probe

SLOWING = pattern(rate="30", seconds="6", filters="select='lt(t,2)+not(mod(n,6))'")
"""Two seconds at 30 frames a second, then four at 5."""


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif", "a.webm"])
def test_frames_of_a_variable_rate_are_counted(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, *SLOWING, "-fps_mode", "vfr")
    info, (frames, told) = probe(clip), read(clip)
    assert info.frame_count == len(frames) == 80
    assert told == []
    shown = [timed.time_s - frames[0].time_s for timed in frames]
    for time_s in (0.0, 1.99, 2.01, 5.0):
        first = sum(each < time_s - 0.0006 for each in shown)
        assert first_shown(info, time_s) == first
    late = VideoConfig(start_s=4.0, duration_s=1.0)
    assert expected_span(info, late) == (70, 75)


def test_what_an_edit_list_leaves_out_is_not_counted(make_clip: MakeClip) -> None:
    whole = make_clip("a.mp4", *pattern(seconds="3"), *H264, "-g", "100")
    cut = make_clip("b.mp4", "-ss", "1", "-i", str(whole), "-c", "copy")
    assert probe(cut).frame_count == len(read(cut)[0]) == 20


def test_longer_sound_counts_no_frames(make_clip: MakeClip) -> None:
    sound = ("-f", "lavfi", "-i", "sine=duration=3")
    clip = make_clip("a.mkv", *pattern(), *sound, *H264)
    assert probe(clip).frame_count == 10


def test_other_video_streams_are_named(make_clip: MakeClip) -> None:
    two = (*pattern(), *pattern(source="rgbtestsrc"), "-map", "0", "-map", "1")
    info = probe(make_clip("a.mp4", *two, *H264))
    (told,) = left_behind(info, Path("out.mp4"), EncodingConfig())
    assert "has 2 video streams; only stream 0 is painted" in told


@pytest.mark.parametrize("name", ["a.gif", "a.apng"])
def test_cut_animation_is_told(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, *pattern(seconds="2"), "-plays", "0")
    if name == "a.gif":
        clip = make_clip(name, *pattern(seconds="2"))
    assert read(clip)[1] == []
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames, (told,) = read(clip)
    assert f"is truncated after {len(frames)} frame" in told
    with pytest.raises(VideoOpenError, match="is truncated"):
        read(clip, strict=True)


LISTS = {
    "a.m3u8": "#EXTM3U\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n",
    "b.mp4": "ffconcat version 1.0\nfile '{}'\n",
    "c.mkv": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n{}",
    "d.webm": '<?xml version="1.0"?>\n<MPD type="static"><BaseURL>{}</BaseURL></MPD>',
}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_lists_of_files_are_not_followed(make_clip: MakeClip, name: str) -> None:
    clip = make_clip("secret.ts", *pattern(), "-c:v", "mpeg2video")
    path = clip.with_name(name)
    path.write_text(LISTS[name].format(clip))
    with pytest.raises(VideoOpenError, match="list of other files or addresses"):
        probe(path)


def test_no_input_reaches_onto_the_network(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("a.ts", *pattern(), "-c:v", "mpeg2video")
    path = tmp_path / "late.m3u8"  # which the first look does not know
    head = "\n" * 2000 + "#EXTM3U\n#EXTINF:5,\n"
    path.write_text(f"{head}http://127.0.0.1:9/{clip.name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoOpenError):
        probe(path)


def packed(stream: bytes) -> bytes:
    """Write MPEG-4 as DivX did: each B-frame shares a packet with its successor."""
    starts = [each.start() for each in re.finditer(rb"\x00\x00\x01\xb6", stream)]
    ends = [*starts[1:], len(stream)]
    frames = [stream[at:end] for at, end in zip(starts, ends, strict=True)]
    chunks = [stream[: starts[0]] + b"\0\0\1\xb2DivX503b1393p" + frames[0]]
    for early, late in zip(frames[1::2], frames[2::2], strict=False):
        chunks += [early + late, b"\0\0\1\xb6\x50\x07\x7f"]

    def chunk(name: bytes, data: bytes) -> bytes:
        size = struct.pack("<I", len(data))
        return name + size + data + bytes(len(data) % 2)

    count = len(chunks)
    main = struct.pack("<14I", 40000, 0, 0, 0, count, 0, 1, 0, 64, 48, *[0] * 4)
    head = b"vidsDIVX" + struct.pack("<10I", 0, 0, 0, 1, 25, 0, count, 0, 0, 0)
    shape = struct.pack("<IiiHH4s5I", 40, 64, 48, 1, 24, b"DIVX", *[0] * 5)
    stream_list = b"strl" + chunk(b"strh", head + bytes(8)) + chunk(b"strf", shape)
    header = chunk(
        b"LIST", b"hdrl" + chunk(b"avih", main) + chunk(b"LIST", stream_list)
    )
    movie = b"movi" + b"".join(chunk(b"00dc", each) for each in chunks)
    return chunk(b"RIFF", b"AVI " + header + chunk(b"LIST", movie))


def test_packed_b_frames_come_in_time(make_clip: MakeClip) -> None:
    how = (
        "-c:v",
        "mpeg4",
        "-bf",
        "1",
        "-b_strategy",
        "0",
        "-sc_threshold",
        "1000000000",
    )
    clip = make_clip("a.m4v", *pattern(rate="25"), *how, "-g", "50")
    path = clip.with_name("a.avi")
    path.write_bytes(packed(clip.read_bytes()))
    times = [timed.time_s for timed in read(path)[0]]
    assert times[:4] == pytest.approx([0, 0.04, 0.08, 0.12], abs=0.001)


def test_a_billion_frames_that_are_not_there_are_refused(make_clip: MakeClip) -> None:
    raw = ("-c:v", "rawvideo", "-pix_fmt", "yuv420p")
    clip = make_clip("a.mov", *pattern(), *raw)
    data = bytearray(clip.read_bytes())
    for name, place in ((b"stsz", 12), (b"stts", 12), (b"stsc", 16)):
        struct.pack_into(">I", data, data.index(name) + place, 1_000_000_000)
    clip.write_bytes(data)
    with pytest.raises(VideoOpenError, match=r"no frame of .* can be decoded"):
        read(clip)


def test_a_billion_frames_of_an_index_are_not_believed(make_clip: MakeClip) -> None:
    clip = make_clip("a.avi", *pattern(), "-c:v", "mpeg4")
    data = bytearray(clip.read_bytes())
    for name, place in ((b"avih", 24), (b"strh", 40)):
        struct.pack_into("<I", data, data.index(name) + place, 1_000_000_000)
    clip.write_bytes(data)
    frames, (told,) = read(clip)
    assert len(frames) == 10
    assert "is truncated after 10 of about 1000000000 frames" in told
