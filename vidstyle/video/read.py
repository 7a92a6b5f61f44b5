"""The frames of a clip: once, in order, RGB, without black bars, each with its time.

OpenCV splits, in one sequential pass: the file itself, or, where it is known to be
wrong about it, what ffmpeg decodes into a pipe. Frames are counted as they come: no
count or rate of a container is believed, and nothing seeks.

A demuxer or decoder that meets damage often passes over it and says nothing. But it
leaves a hole in time, and then the file itself is asked: for pictures that are stored
there, or for what its demuxer has to complain about.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from vidstyle.errors import VideoOpenError
from vidstyle.images import read_alpha
from vidstyle.records import NO_BARS, Bars, Frame, TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import file_url, follow_messages, stream_ffmpeg
from vidstyle.video.folder import numbered_pictures, read_folder
from vidstyle.video.normalize import alpha_decoder, decode_errors, normalized
from vidstyle.video.streams import RESTARTED, list_packets

_MOST_FAILURES: Final = 50  # reads that fail in a row before a file counts as ended
# OpenCV gives up on a pipe after 30 seconds, and a process may be stopped for longer.
_PATIENCE_MS: Final = 2**31 - 1
_HOLE: Final = 1.5  # frames long a frame is shown after which one may be missing
_COMPLAINT: Final = re.compile(r"\[in#0/\S+ @ \w+\] .*(corrupt|invalid|exceeds)", re.I)
_LEAST_BYTES: Final = 12  # of a picture; less says that the last one stays
_LAST_BYTES: Final = {"gif": b";", "apng": b"IEND\xaeB`\x82"}
"""How whole files end that promise no duration."""
_NEAR_S: Final = 0.002  # two times that are so near are the same
# In a longer clip, only frames that need no others are looked at for black bars.
_LONGEST_S: Final = 60.0
_BLACK: Final = 18  # level of 255 up to which a row's mean is black; most have 16
_LEAST_BAR, _MOST_BAR = 0.02, 0.35  # of a side; less is painted, more is a dark clip
_UNEQUAL: Final = 0.01  # of a side by which the bars on both its ends may differ
_CROP: Final = re.compile(r"\bx1:(\d+) x2:(\d+) y1:(\d+) y2:(\d+) ")


@dataclass(slots=True)
class _DecodeStats:
    step_s: float  # from one frame to the next, as the rate says
    frames: int = 0
    skipped: int = 0  # frames that could not be decoded, as far as the decoder says so
    last_s: float = 0.0  # when the newest frame is shown
    reason: str = ""  # why ffmpeg gave up, if it did
    holes: list[tuple[float, float]] = field(default_factory=list)  # between frames

    def add(self, frame: Frame, time_s: float) -> TimedFrame:
        """Number a frame; one without a time of its own comes after the last one."""
        if self.frames and time_s <= self.last_s:
            time_s = self.last_s + self.step_s
        if self.frames and time_s - self.last_s > _HOLE * self.step_s:
            self.holes.append((self.last_s, time_s))
        self.frames, self.last_s = self.frames + 1, time_s
        return TimedFrame(index=self.frames - 1, time_s=time_s, frame=frame)


def read_frames(
    info: VideoInfo, *, strict: bool = False, on_warning: Callable[[str], None]
) -> Iterator[TimedFrame]:
    """Read a clip from its first frame to its last, and number its frames.

    What is damaged is left out, and a clip that breaks off is read as far as it goes;
    ``on_warning`` is told, in a sentence, how many frames are missing.

    VideoOpenError: not one frame can be read; if ``strict``, at the damage, or at the
    end where only ffmpeg knows of it. ImageOpenError: a folder's picture is damaged.
    """
    if info.kind == "folder":
        yield from read_folder(info, on_warning=on_warning)
        return
    stats = _DecodeStats(step_s=float(1 / info.fps))
    if not info.needs_normalizing:
        yield from _read_file(info, stats, strict=strict)
    if stats.frames == 0:
        yield from _read_normalized(info, stats)
    damage = _missing_end(info, stats) or _missing_middle(info, stats)
    if damage and strict:
        raise VideoOpenError(f"{damage}; to use the rest, remove --strict.")
    if damage:
        on_warning(f"{damage}; the rest is used.")


def _read_file(
    info: VideoInfo, stats: _DecodeStats, *, strict: bool
) -> Iterator[TimedFrame]:
    """Let OpenCV read the file; it counts the time from the first frame."""
    name = str(info.path.absolute())
    for time_s, frame in _split(name, info, stats):
        if stats.skipped and strict:
            raise VideoOpenError(
                f"{info.path} is damaged after {stats.frames} frames; to use the "
                "rest, remove --strict."
            )
        yield stats.add(frame, info.start_s + time_s)


def _read_normalized(info: VideoInfo, stats: _DecodeStats) -> Iterator[TimedFrame]:
    with normalized(info) as stream:
        for time_s, frame in _split(f"pipe:{stream.descriptor}", info, stats):
            yield stats.add(frame, time_s if stats.frames else info.start_s)
        ended = stream.finish()
    stats.skipped += decode_errors(ended.said)
    stats.reason = "" if ended.is_good else ended.reason
    if stats.frames == 0:
        why = f": {ended.reason}" if ended.reason else ""
        raise VideoOpenError(f"no frame of {info.path} can be decoded{why}.")


def _split(
    name: str, info: VideoInfo, stats: _DecodeStats
) -> Iterator[tuple[float, Frame]]:
    """Let OpenCV read a file or a pipe: frames, each with the time that it says."""
    limits = cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC
    waiting = [number for limit in limits for number in (limit, _PATIENCE_MS)]
    capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, waiting)
    failures = 0
    try:
        while failures < _MOST_FAILURES:
            # A read fails at the end, and at a damaged frame before sound ones.
            is_read, pixels = capture.read()
            if not is_read:
                failures += 1
                continue
            stats.skipped += failures
            failures = 0
            time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            frame = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
            yield time_s, without_bars(frame, info.bars)
    except cv2.error as err:
        raise VideoOpenError(f"cannot decode {info.path}: {err}.") from err
    finally:
        capture.release()


def _missing_middle(info: VideoInfo, stats: _DecodeStats) -> str | None:
    lost = max(stats.skipped, _stored_in_holes(info, stats))
    if lost:
        frames = "frame" if lost == 1 else "frames"
        return f"{info.path} is damaged: {lost} {frames} cannot be decoded"
    if stats.reason:
        return f"{info.path} is damaged: {stats.reason}"
    if not stats.holes:
        return None
    source = ["-i", file_url(info.path), "-map", f"0:{info.stream_index}"]
    lines = follow_messages([*source, "-c", "copy", "-f", "null", "-"])
    if not any(_COMPLAINT.match(line) for line in lines):
        return None
    lost = sum(round((to - at) * info.fps) - 1 for at, to in stats.holes)
    return f"{info.path} is damaged: about {lost} frames are missing"


def _stored_in_holes(info: VideoInfo, stats: _DecodeStats) -> int:
    """Count the pictures that are stored for times at which there is no frame."""
    if not stats.holes or not info.has_times or info.container in RESTARTED:
        return 0  # nothing to ask for, or on another clock than the frames
    listed = list_packets(info.path, f"0:{info.stream_index}")
    stored = {p.time_s - info.file_start_s for p in listed if p.size >= _LEAST_BYTES}
    times_s, (starts, ends) = sorted(stored), np.transpose(stats.holes)
    before = np.searchsorted(times_s, starts + _NEAR_S, side="right")
    return int((np.searchsorted(times_s, ends - _NEAR_S) - before).sum())


def _missing_end(info: VideoInfo, stats: _DecodeStats) -> str | None:
    """Describe how far a clip goes, if it breaks off before its container's promise.

    A picture that ends before the sound does is no damage, and neither is a count that
    an edit list makes wrong: only a file that holds nothing later breaks off.
    """
    if not _has_end(info):
        return f"{info.path} is truncated after {stats.frames} frames"
    promised_s = info.duration_s
    if info.container == "avi" and info.frame_count is not None:
        promised_s = float(info.frame_count / info.fps)  # ffmpeg's follows what is left
    if promised_s is None:
        return None
    least_s = promised_s - max(0.1, 3 * stats.step_s)
    end_s = stats.last_s + stats.step_s
    if end_s >= least_s:
        return None
    packets = list_packets(info.path, "0")
    if any(packet.time_s + packet.duration_s >= least_s for packet in packets):
        return None
    promised = round(stats.frames * promised_s / end_s)
    return (
        f"{info.path} is truncated after {stats.frames} of about {promised} frames "
        f"({end_s:.1f} of {promised_s:.1f} s)"
    )


def _has_end(info: VideoInfo) -> bool:
    end = _LAST_BYTES.get(info.container, b"")
    with suppress(OSError), info.path.open("rb") as file:
        file.seek(-min(info.path.stat().st_size, 1024), os.SEEK_END)
        return file.read().rstrip(b"\0\r\n ").endswith(end)
    return True  # it is gone, which is no fault of what was read


def read_opaque(source: VideoInfo, start_s: float) -> Iterator[Frame]:
    """Read how opaque each frame is, (H, W), in order from a time."""
    if source.kind == "folder":
        pictures = numbered_pictures(source.path)
        yield from map(read_alpha, pictures[round(start_s * source.fps) :])
        return
    height, width = source.height, source.width
    graph = (
        f"trim=start={start_s - _NEAR_S:.6f},format=rgba,alphaextract,"
        f"scale=w={width}:h={height}:flags=area,format=gray"
    )
    arguments = [
        *(*alpha_decoder(source), "-i", file_url(source.path)),
        *("-map", f"0:{source.stream_index}", "-fps_mode", "passthrough"),
        *("-vf", graph, "-f", "rawvideo", "pipe:1"),
    ]
    size = height * width
    with stream_ffmpeg(arguments) as stream:
        while len(pixels := stream.pipe.read(size)) == size:
            yield np.frombuffer(pixels, np.uint8).reshape(height, width)


def find_bars(info: VideoInfo) -> Bars:
    """Find the bars that a video has in all of its frames; of a folder, none."""
    if info.kind != "video":
        return NO_BARS
    is_long = info.duration_s is None or info.duration_s > _LONGEST_S
    limit = f"cropdetect=limit={_BLACK}/255:round=1:skip=0:reset=0"
    size = f"scale={info.width}:{info.height}"
    lines = follow_messages(
        [
            *(["-skip_frame", "nokey"] if is_long else []),
            *("-i", file_url(info.path), "-map", f"0:{info.stream_index}"),
            *("-vf", f"{size},{limit}", "-f", "null", "-"),
        ]
    )
    down = across = 0, 0
    for found in filter(None, map(_CROP.search, lines)):
        left, right, top, bottom = map(int, found.groups())
        down, across = (top, info.height - 1 - bottom), (left, info.width - 1 - right)
        # What is seen only grows, so most clips are known by their first frame.
        if (
            min(down) < _LEAST_BAR * info.height
            and min(across) < _LEAST_BAR * info.width
        ):
            return NO_BARS
    return Bars(*_pair(*down, info.height), *_pair(*across, info.width))


def _pair(before: int, after: int, side: int) -> tuple[int, int]:
    is_equal = abs(before - after) <= max(1, _UNEQUAL * side)
    least, most = _LEAST_BAR * side, _MOST_BAR * side
    is_bar = least <= min(before, after) <= max(before, after) <= most
    return (before, after) if is_equal and is_bar else (0, 0)


def fitted_bars(info: VideoInfo, *, height: int, width: int) -> Bars:
    """Scale a clip's bars to a size of all of its frame."""
    down, across = height / info.height, width / info.width
    scales = (down, down, across, across)
    return Bars(*(round(n * scale) for n, scale in zip(info.bars, scales, strict=True)))


def without_bars(frame: Frame, bars: Bars) -> Frame:
    """Cut bars off a frame that has them."""
    height, width = frame.shape[:2]
    inner = frame[bars.top : height - bars.bottom, bars.left : width - bars.right]
    return np.ascontiguousarray(inner)


def with_bars(frame: Frame, bars: Bars) -> Frame:
    """Put black bars around a frame."""
    return np.pad(frame, ((bars.top, bars.bottom), (bars.left, bars.right), (0, 0)))
