"""A VideoInfo comes in, frames go out: once, in order, RGB, each with its exact time.

OpenCV splits, in one sequential pass: the file itself, or, where it is known to be
wrong about it, what ffmpeg decodes into a pipe. Frames are counted as they come: no
count or rate of a container is believed, and nothing seeks.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import list_packets
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
    tally = _Tally()
    if not info.needs_normalizing:
        yield from _read_file(info, tally, strict=strict)
    if tally.frames == 0:
        yield from _read_normalized(info, tally)
    damage = _missing_end(info, tally) or _missing_middle(info, tally)
    if damage and strict:
        raise VideoOpenError(f"{damage}; without strict, the rest is used.")
    if damage:
        on_warning(f"{damage}; the rest is used.")


@dataclass(slots=True)
class _Tally:
    """What a pass over a clip has met."""

    frames: int = 0
    skipped: int = 0
    """Frames that could not be decoded."""
    last_s: float = 0.0
    """When the newest frame is shown."""
    reason: str | None = None
    """Why ffmpeg gave up, if it did."""

    def add(self, frame: Frame, time_s: float, info: VideoInfo) -> TimedFrame:
        """Number a frame; one without a time of its own comes after the last one."""
        if self.frames and time_s <= self.last_s:
            time_s = self.last_s + float(1 / info.fps)
        timed = TimedFrame(index=self.frames, time_s=time_s, frame=frame)
        self.frames += 1
        self.last_s = time_s
        return timed


def _read_file(info: VideoInfo, tally: _Tally, *, strict: bool) -> Iterator[TimedFrame]:
    """Let OpenCV read the file; it counts the time from the first frame."""
    name = str(info.path.absolute())
    for time_s, frame in _split(name, info, tally):
        if tally.skipped and strict:
            raise VideoOpenError(
                f"{info.path} is damaged after {tally.frames} frames; without "
                "strict, the rest is used."
            )
        yield tally.add(frame, info.start_s + time_s, info)


def _read_normalized(info: VideoInfo, tally: _Tally) -> Iterator[TimedFrame]:
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


def _split(name: str, info: VideoInfo, tally: _Tally) -> Iterator[tuple[float, Frame]]:
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


def _missing_middle(info: VideoInfo, tally: _Tally) -> str | None:
    """Say what is damaged, if anything is."""
    if tally.skipped:
        return f"{info.path} is damaged: {tally.skipped} frames cannot be decoded"
    if tally.reason:
        return f"{info.path} is damaged: {tally.reason}"
    return None


def _missing_end(info: VideoInfo, tally: _Tally) -> str | None:
    """Say how far a clip goes, if it breaks off before its container's promise.

    A picture that ends before the sound does is no damage, and neither is a count that
    an edit list makes wrong: only a file that holds nothing later breaks off.
    """
    promised_s = info.duration_s
    if info.container == "avi" and info.frame_count is not None:
        promised_s = float(info.frame_count / info.fps)  # ffmpeg's follows what is left
    if promised_s is None:
        return None
    least_s = promised_s - max(0.1, float(3 / info.fps))
    end_s = tally.last_s + float(1 / info.fps)
    if end_s >= least_s:
        return None
    packets = list_packets(info.path, "0", error=VideoOpenError)
    if any(packet.time_s + packet.duration_s >= least_s for packet in packets):
        return None
    promised = min(info.frame_count or math.inf, round(promised_s * info.fps))
    return (
        f"{info.path} breaks off after {tally.frames} of about {promised} frames "
        f"({end_s:.1f} of {promised_s:.1f} s)"
    )
