"""How many frames a clip has and where they lie, before one of them is read."""

from pathlib import Path

import pytest
from reading import H264, MakeClip, pattern, read

from vidstyle.clip.reader import expected_span
from vidstyle.clip.results import left_behind
from vidstyle.config import EncodingConfig, VideoConfig
from vidstyle.errors import VideoOpenError
from vidstyle.video.probe import probe
from vidstyle.video.timing import first_shown

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
    assert "has 2 video streams; number 0 is painted" in told


@pytest.mark.parametrize("name", ["a.gif", "a.apng"])
def test_cut_animation_is_told(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, *pattern(seconds="2"), "-plays", "0")
    if name == "a.gif":
        clip = make_clip(name, *pattern(seconds="2"))
    assert read(clip)[1] == []
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames, (told,) = read(clip)
    assert f"breaks off after {len(frames)} frames" in told
    with pytest.raises(VideoOpenError, match="breaks off"):
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
