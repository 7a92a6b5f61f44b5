import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from vidstyle.errors import DependencyError, VideoOpenError, VideoWriteError
from vidstyle.video.ffmpeg import (
    describe,
    feed_ffmpeg,
    ffmpeg_path,
    file_url,
    last_reason,
    run_ffmpeg,
    stream_ffmpeg,
)
from vidstyle.video.streams import list_packets

TEN_FRAMES = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=1")
RAW = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "32x32")


def feed(arguments: list[str], pieces: Iterable[bytes]) -> None:
    with feed_ffmpeg(arguments, error=VideoWriteError, failed="fed") as pipe:
        for piece in pieces:
            pipe.write(piece)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("[out#0/mp4 @ 0x5] Error writing trailer: No space left on device\n", "disk"),
        (
            "[a @ 0x1] moov atom not found\nError opening input files: Bad\n",
            "moov atom",
        ),
        ("[in#0 @ 0x1] Error opening input: Is a directory\n", "Is a directory"),
        ("[b @ 0x1] odd size\nConversion failed!\n", "odd size"),
        ("[x @ 0x1] width odd\n[v @ 0x1] [e @ 0x1] Task finished: -22\n", "width odd"),
        ("[in#0 @ 0x1] Invalid data found when processing input\n", "Invalid data"),
        ("", "without a message"),
    ],
)
def test_reason_is_the_line_that_tells_most(said: str, reason: str) -> None:
    assert reason in last_reason(said)
    assert "0x" not in last_reason(said)


def test_failure_raises_the_given_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(
        VideoOpenError, match=r"^cannot read it: moov atom not found\.$"
    ):
        run_ffmpeg(
            ["-i", file_url(tmp_path / "text.mp4"), "-f", "null", "-"],
            error=VideoOpenError,
            failed="cannot read it",
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_told_as_such() -> None:
    with pytest.raises(VideoWriteError, match="the disk is full"):
        run_ffmpeg(
            [*TEN_FRAMES, "-f", "matroska", "/dev/full"],
            error=VideoWriteError,
            failed="cannot write it",
        )


def test_wrong_binary_is_a_missing_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    with pytest.raises(DependencyError, match="/nowhere/ffmpeg"):
        describe(Path("clip.mp4"))


def test_missing_package_is_a_missing_dependency(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(DependencyError, match="install the package imageio-ffmpeg"):
        ffmpeg_path()


def test_fed_ffmpeg_writes_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "fed.avi"
    arguments = [*RAW, "-i", "pipe:0", "-c:v", "ffv1", str(path)]
    feed(arguments, [bytes(32 * 32 * 3)] * 3)
    assert len(list_packets(path, "0:v:0", error=VideoOpenError)) == 3


def test_ffmpeg_that_ends_early_says_why() -> None:
    arguments = [*RAW, "-i", "pipe:0", "-c:v", "nosuchcodec", "-f", "null", "-"]
    with pytest.raises(VideoWriteError, match="nosuchcodec"):
        feed(arguments, [bytes(32 * 32 * 3)] * 1000)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_ffmpeg_does_not_outlive_an_interruption(
    interruption: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, note = tmp_path / "ffmpeg", tmp_path / "pid"
    script.write_text(f"#!/bin/sh\necho $$ > {note}\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))

    def interrupted() -> Iterator[bytes]:
        yield b"as long as the pipe takes it"
        while not (note.exists() and note.read_text().strip()):
            time.sleep(0.01)
        raise interruption

    with pytest.raises(interruption):
        feed([], interrupted())
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_streaming_ffmpeg_does_not_outlive_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, note = tmp_path / "ffmpeg", tmp_path / "pid"
    script.write_text(f"#!/bin/sh\necho $$ > {note}\necho .\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    with stream_ffmpeg([]) as stream:
        assert os.read(stream.descriptor, 1) == b"."
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(stream.descriptor)


def test_end_of_a_stream_says_what_went_wrong() -> None:
    with stream_ffmpeg(["-i", "none.mp4", "-f", "nut", "pipe:1"]) as stream:
        assert os.read(stream.descriptor, 1) == b""
        ended = stream.finish()
    assert not ended.is_good
    assert ended.reason == "No such file or directory"


def test_packets_have_the_files_own_times(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("late.mkv", *TEN_FRAMES, "-output_ts_offset", "1.5")
    packets = list_packets(clip, "0:v:0", error=VideoOpenError)
    assert sorted(packet.time_s for packet in packets) == pytest.approx(
        [1.5 + index / 10 for index in range(10)]
    )
    assert {packet.duration_s for packet in packets} == {0.1}
