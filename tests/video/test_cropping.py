"""A file that holds more of a picture than it shows, as ffmpeg and OpenCV see it."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from reading import EXACT, pattern, read, truth

from vidstyle.errors import VideoOpenError
from vidstyle.video import boxes
from vidstyle.video.cropping import show_part
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import probe

MakeClip = Callable[..., Path]

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "5", "-bf", "2")
TALK = ("-f", "lavfi", "-i", "sine=duration=1")
NAMES = {"mp4": "a.mp4", "mov": "a.mov", "matroska": "a.mkv"}


def packets(path: Path, *seek: str) -> bytes:
    """Digest all packets of all streams, with their times."""
    return run_ffmpeg(
        [*seek, "-i", str(path), "-map", "0", "-c", "copy", "-f", "framemd5", "-"],
        error=VideoOpenError,
        failed="test",
    )


def decoded(path: Path) -> bytes:
    """Let ffmpeg apply what a file says; in RGB it can crop to an odd side."""
    rgb = ["-vf", "format=rgb24", "-f", "rawvideo", "-"]
    options = ["-err_detect", "crccheck+explode", "-i", str(path)]
    return run_ffmpeg([*options, *rgb], error=VideoOpenError, failed="test")


@pytest.fixture(params=NAMES)
def stored(request: pytest.FixtureRequest, make_clip: MakeClip) -> tuple[Path, str]:
    """Make a file of each kind, with sound and with its description before the rest."""
    more = () if request.param == "matroska" else ("-movflags", "+faststart")
    arguments = (*pattern(), *TALK, *H264, *more, "-metadata", "title=A walk")
    return make_clip(NAMES[request.param], *arguments), request.param


def test_part_is_shown_and_all_else_is_as_before(
    stored: tuple[Path, str],
) -> None:
    path, container = stored
    before, expected = packets(path), truth(path, f"scale={EXACT}")[:, :47, :63]
    show_part(path, container, height=47, width=63)
    said = describe(path)
    assert "Frame Cropping: 0/1/0/1" in said
    assert "SAR 1:1" in said
    assert "title           : A walk" in said
    assert packets(path) == before
    part = np.frombuffer(decoded(path), np.uint8).reshape(10, 47, 63, 3)
    assert np.abs(part.astype(int) - expected).mean() < 9  # it spreads colors otherwise
    info = probe(path)
    assert (info.height, info.width) == (47, 63)
    assert info.stored_shape == (48, 64)
    frames, warnings = read(path)
    assert np.array_equal(np.stack([timed.frame for timed in frames]), expected)
    assert not warnings


def test_file_is_still_found_its_way_in(
    stored: tuple[Path, str],
) -> None:
    path, container = stored
    before = packets(path, "-ss", "0.9")
    show_part(path, container, height=47, width=63)
    assert packets(path, "-ss", "0.9") == before  # by the list of keyframes
    assert before != packets(path)
    capture = cv2.VideoCapture(str(path))
    seen = 0
    while (answer := capture.read())[0]:
        assert answer[1].shape == (48, 64, 3)  # it does not know of cropping
        seen += 1
    assert seen == 10


def test_what_takes_more_room_moves_only_what_lies_before_it(
    make_clip: MakeClip,
) -> None:
    path = make_clip("a.mkv", *pattern(), *TALK, *H264)
    show_part(path, "matroska", height=47, width=63)
    once = path.read_bytes()
    show_part(path, "matroska", height=46, width=62)  # there is no spare byte any more
    twice = path.read_bytes()
    assert len(once) == len(twice)
    first = once.index(bytes.fromhex("1f43b675"))  # of the clusters
    assert once[first:] == twice[first:]
    assert "Frame Cropping: 0/2/0/2" in describe(path)
    assert decoded(path)


def test_description_at_the_end_moves_nothing(make_clip: MakeClip) -> None:
    path = make_clip("a.mp4", *pattern(), *TALK, *H264)
    before = path.read_bytes()
    all_packets = packets(path)
    assert before.index(b"mdat") < before.index(b"moov")
    show_part(path, "mp4", height=47, width=64)
    assert path.read_bytes().startswith(before[: before.index(b"moov") - 4])
    assert packets(path) == all_packets
    assert "Frame Cropping: 0/0/0/1" in describe(path)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_rest_of_a_file_moves_whole(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "_BLOCK", block)
    path = tmp_path / "a"
    content = bytes(range(256)) * 2
    path.write_bytes(content)
    with path.open("r+b") as file:
        boxes._make_room(file, 200, 40)
    moved = path.read_bytes()
    assert (moved[:200], moved[240:]) == (content[:200], content[200:])


def test_places_of_eight_bytes_move_too_and_four_may_not_suffice() -> None:
    table = bytes(4) + struct.pack(">IQQ", 2, 5_000_000_000, 7)
    moved = bytes(4) + struct.pack(">IQQ", 2, 5_000_000_040, 47)
    assert boxes._moved(table, "Q", 40) == moved
    with pytest.raises(ValueError, match="too long for its table"):
        boxes._moved(bytes(4) + struct.pack(">II", 1, 2**32 - 20), "I", 40)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_and_cropped_picture_is_read_as_ffmpeg_does(
    degrees: int, make_clip: MakeClip
) -> None:
    whole = make_clip("whole.mp4", *pattern(seconds="0.2"), *H264)
    show_part(whole, "mp4", height=44, width=62)
    turn = ("-display_rotation", str(degrees), "-i", str(whole), "-c", "copy")
    turned = make_clip("turned.mp4", *turn)
    info = probe(turned)
    shape = (44, 62) if degrees == 180 else (62, 44)
    assert (info.height, info.width) == shape
    frames, _ = read(turned)
    # Of even sides, which ffmpeg keeps.
    expected = truth(turned, f"scale={EXACT}", height=shape[0], width=shape[1])
    seen = np.stack([timed.frame for timed in frames])
    assert np.abs(seen.astype(int) - expected).mean() < 0.5


@pytest.mark.parametrize("container", NAMES)
@pytest.mark.parametrize("content", [b"", b"not a video at all", bytes(100)])
def test_file_of_another_kind_is_refused(
    container: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"lacks|there is no"):
        show_part(path, container, height=47, width=63)
    assert path.read_bytes() == content


def test_file_without_pictures_is_refused(make_clip: MakeClip) -> None:
    for container, name in NAMES.items():
        path = make_clip(name, *TALK, "-c:a", "aac")
        before = path.read_bytes()
        with pytest.raises(ValueError, match=r"lacks|there is no track of pictures"):
            show_part(path, container, height=47, width=63)
        assert path.read_bytes() == before
