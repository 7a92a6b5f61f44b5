"""A VideoInfo comes in, frames go out: once, in order, RGB, each with its exact time.

OpenCV splits, in one sequential pass: the file itself, or, where it is known to be
wrong about it, what ffmpeg decodes into a pipe. Frames are counted as they come: no
count or rate of a container is believed, and nothing seeks.
"""

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.damage import Tally, find_damage
from vidstyle.video.folder import read_folder
from vidstyle.video.prepass import decode_errors, normalized

_MOST_FAILURES: Final = 50
"""Reads that fail one after the other before a file counts as ended."""
# OpenCV gives up on a pipe after 30 seconds, and a process may be stopped for longer.
_PATIENCE_MS: Final = 2**31 - 1


def read_frames(
    info: VideoInfo, *, strict: bool = False, on_warning: Callable[[str], None]
) -> Iterator[TimedFrame]:
    """Read a clip from its first frame to its last.

    What is damaged is left out, and a clip that breaks off is read as far as it goes.

    Args:
        info: What ``probe`` found.
        strict: Whether damage is an error.
        on_warning: Is told, in a sentence, how many frames are missing.

    Yields:
        Frames, numbered as they are read; the consumer owns them.

    Raises:
        VideoOpenError: If not one frame can be read; if ``strict``, at the damage, or
            at the end where only ffmpeg knows of it.
        ImageOpenError: If a picture of a folder cannot be read.
        DependencyError: If ffmpeg is needed and cannot be started.
    """
    if info.kind == "folder":
        if info.missing_numbers:
            on_warning(_gaps(info))
        yield from read_folder(info)
        return
    tally = Tally()
    if not info.needs_normalizing:
        yield from _read_file(info, tally, strict=strict)
    if tally.frames == 0:
        yield from _read_normalized(info, tally)
    damage = find_damage(info, tally)
    if damage and strict:
        raise VideoOpenError(f"{damage}; without strict, the rest is used.")
    if damage:
        on_warning(f"{damage}; the rest is used.")


def _read_file(info: VideoInfo, tally: Tally, *, strict: bool) -> Iterator[TimedFrame]:
    """Let OpenCV read the file; it counts the time from the first frame."""
    name = str(info.path.absolute())
    for time_s, frame in _split(name, info, tally):
        if tally.skipped and strict:
            raise VideoOpenError(
                f"{info.path} is damaged after {tally.frames} frames; without "
                "strict, the rest is used."
            )
        yield tally.add(frame, info.start_s + time_s, info)


def _read_normalized(info: VideoInfo, tally: Tally) -> Iterator[TimedFrame]:
    """Let OpenCV read what ffmpeg decodes."""
    with normalized(info) as stream:
        for time_s, frame in _split(f"pipe:{stream.descriptor}", info, tally):
            yield tally.add(frame, time_s if tally.frames else info.start_s, info)
        ended = stream.finish()
    tally.skipped += decode_errors(ended.said)
    if not ended.is_good:
        tally.reason = ended.reason
    if tally.frames == 0:
        why = f": {ended.reason}" if ended.reason else ""
        raise VideoOpenError(f"not one frame of {info.path} can be decoded{why}.")


def _split(name: str, info: VideoInfo, tally: Tally) -> Iterator[tuple[float, Frame]]:
    """Let OpenCV read a file or a pipe: frames, each with the time that it says."""
    waiting = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE_MS),
    ]
    capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, waiting)
    failures = 0
    try:
        while failures < _MOST_FAILURES:
            # A read fails at the end, and at a damaged frame before sound ones.
            is_read, pixels = capture.read()
            if not is_read:
                failures += 1
                continue
            tally.skipped += failures
            failures = 0
            time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            frame = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            yield time_s, np.asarray(frame, np.uint8)
    except cv2.error as err:
        raise VideoOpenError(f"cannot decode {info.path}: {err}.") from err
    finally:
        capture.release()


def _gaps(info: VideoInfo) -> str:
    """Say that numbers of a folder's pictures are missing."""
    return (
        f"{info.path} lacks pictures for {info.missing_numbers} numbers between its "
        "first and its last; those that are there follow one another"
    )
