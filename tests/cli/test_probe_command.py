import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from running import Run

from vidstyle.images import write_picture

MakeClip = Callable[..., Path]
SOURCE = "testsrc2=size=64x48:rate=10:duration=1"
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


@pytest.fixture
def rich_clip(make_clip: MakeClip, tmp_path: Path) -> Path:
    """Make a clip with sound, subtitles, a chapter, and pixels that are not square."""
    words, marks = tmp_path / "words.srt", tmp_path / "marks.txt"
    words.write_text("1\n00:00:00,000 --> 00:00:00,500\nhello\n")
    marks.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=5\ntitle=one\n"
    )
    return make_clip(
        "rich.mkv",
        *("-f", "lavfi", "-i", f"{SOURCE},setsar=4/3"),
        *("-f", "lavfi", "-i", "sine=duration=1"),
        *("-i", str(words), "-i", str(marks), "-map_chapters", "3"),
        *("-map", "0", "-map", "1", "-map", "2"),
        *("-metadata:s:a:0", "language=fra"),
        *H264,
    )


def test_says_what_is_understood(rich_clip: Path, vidstyle: Run) -> None:
    said = vidstyle("probe", str(rich_clip))
    assert (said.code, said.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in said.stdout.splitlines())
    assert lines["picture"] == "h264, yuv420p, 8 bits per channel, progressive"
    assert lines["shown"] == "85x48, pixels made square from 4:3"
    assert lines["rate"] == "10 fps, constant; 10 frames stored"
    assert lines["color"].startswith("limited range, matrix smpte170m (assumed)")
    assert lines["sound"].endswith("(fra)")
    assert lines["subtitles"] == "ass"
    assert lines["chapters"] == "1"
    assert "stream    0: video, h264, read" in said.stdout
    assert lines["reading"].endswith("its 4:3 pixels are made square")
    assert lines["clip"] == f"{rich_clip}: mkv/webm, 1.00 s"
    assert lines["result"] == (
        ".mkv by default with 1 sound track and 1 subtitle track copied; an .mp4 "
        "cannot hold all tracks unchanged"
    )


def test_says_it_to_machines(rich_clip: Path, vidstyle: Run) -> None:
    facts = json.loads(vidstyle("probe", str(rich_clip), "--json").stdout)
    assert (facts["width"], facts["height"], facts["fps"]) == (85, 48, "10")
    assert facts["pixel_aspect"] == "4/3"
    assert [stream["kind"] for stream in facts["streams"]] == [
        "video",
        "audio",
        "subtitle",
    ]
    assert facts["color"]["bit_depth"] == 8
    assert facts["timing"]["kind"] == "constant"
    assert facts["reading"]["decoder"] == "ffmpeg"
    assert facts["result"] == {"ending": ".mkv"}


def test_plain_clip_is_read_directly(make_clip: MakeClip, vidstyle: Run) -> None:
    clip = make_clip("plain.mp4", "-f", "lavfi", "-i", SOURCE, *H264)
    assert "reading   OpenCV, directly" in vidstyle("probe", str(clip)).stdout
    facts = json.loads(vidstyle("probe", str(clip), "--json").stdout)
    assert facts["reading"] == {"decoder": "opencv", "reasons": []}


def test_transparency_gets_the_background(make_clip: MakeClip, vidstyle: Run) -> None:
    clip = make_clip("moving.gif", "-f", "lavfi", "-i", SOURCE)
    said = vidstyle("probe", str(clip), "--background", "#102030")
    assert "transparent parts are placed over #102030" in said.stdout


def test_folder_of_pictures(tmp_path: Path, vidstyle: Run) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2, 5):
        write_picture(folder / f"{number}.png", np.zeros((20, 30, 3), np.uint8))
    said = vidstyle("probe", str(folder), "--fps", "12.5")
    assert "12.5 fps (25/2), assumed" in said.stdout
    assert "3 frames stored; 2 missing numbers skipped" in said.stdout
    assert "reading   picture by picture" in said.stdout


@pytest.mark.parametrize(
    ("name", "made", "expected"),
    [
        (
            "a.mp4",
            ("-frames:v", "1", *H264),
            ["clip: mp4/mov, 0.10 s", "1 frame stored"],
        ),
        ("a.gif", (), ["alpha", "transparent parts are placed over #ffffff"]),
        ("a.apng", (), ["clip: apng, of unknown length", "10 frames stored"]),
        ("a.h264", H264, ["10 fps, assumed, as its frames have no timestamps"]),
        ("a.ts", H264, ["may be interlaced", "sound     none"]),
        ("a.y4m", ("-pix_fmt", "yuv420p"), [".mp4 by default, without sound"]),
    ],
)
def test_each_kind_is_described(
    name: str,
    made: tuple[str, ...],
    expected: list[str],
    make_clip: MakeClip,
    vidstyle: Run,
) -> None:
    clip = make_clip(name, "-f", "lavfi", "-i", SOURCE, *made)
    said = vidstyle("probe", str(clip))
    assert (said.code, said.stderr) == (0, "")
    for text in expected:
        assert text.replace("clip:", f"clip      {clip}:") in said.stdout


def test_turned_clip_says_so(make_clip: MakeClip, vidstyle: Run) -> None:
    flat = make_clip("flat.mp4", "-f", "lavfi", "-i", SOURCE, *H264)
    turned = make_clip(
        "turned.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy"
    )
    said = vidstyle("probe", str(turned)).stdout
    assert "shown     48x64, rotated by 270 degrees\n" in said
    mirrored = make_clip("m.mp4", "-display_hflip", "-i", str(flat), "-c", "copy")
    said = vidstyle("probe", str(mirrored)).stdout
    assert "shown     64x48, rotated by 180 degrees, or mirrored\n" in said


def test_variable_rate_says_how_long_frames_are_shown(
    make_clip: MakeClip, vidstyle: Run
) -> None:
    uneven = "settb=1/1000,setpts='100*N+100*gte(N,5)'"
    clip = make_clip(
        "clip.gif",
        "-f",
        "lavfi",
        "-i",
        f"{SOURCE},{uneven}",
        "-fps_mode",
        "passthrough",
    )
    said = vidstyle("probe", str(clip)).stdout
    assert "variable, 100 to 200 ms per frame; 10 frames stored" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("none.mp4",), "cannot read none.mp4: No such file or directory."),
        (("moving.gif", "--fps", "12"), "fps is only for folders of pictures"),
        (("moving.gif", "--background", "mauve"), "background is 'mauve'"),
    ],
)
def test_mistakes_are_one_sentence(
    options: tuple[str, ...],
    sentence: str,
    make_clip: MakeClip,
    vidstyle: Run,
) -> None:
    make_clip("moving.gif", "-f", "lavfi", "-i", SOURCE)
    said = vidstyle("probe", *options)
    assert (said.code, said.stdout) == (3, "")
    (line,) = said.lines
    assert sentence in line
