"""Read the frames of a clip: in order, RGB, black bars cropped, with timestamps.

OpenCV decodes in one sequential pass: the file itself or, where it would misread that,
a pipe into which ffmpeg decodes. Frames are counted as they arrive; no frame count or
rate from the container is trusted, and nothing seeks.

Demuxers and decoders often skip damaged data silently, which leaves a gap in the
timestamps. Only then is the file itself checked: for packets stored within the gap, and
for errors that its demuxer logs.
"""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from vidstyle.errors import VideoOpenError, counted
from vidstyle.images import read_alpha
from vidstyle.records import NO_BARS, Bars, Frame, TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import RESTARTED, file_url, follow_messages, stream_ffmpeg
from vidstyle.video.folder import numbered_pictures, read_folder
from vidstyle.video.normalize import alpha_decoder, decode_errors, normalized
from vidstyle.video.streams import list_packets

_MAX_FAILURES: Final = 50  # consecutive failed reads that count as the end of file
# OpenCV's timeout for pipes is 30 s by default, and a process may be paused for longer.
_TIMEOUT_MS: Final = 2**31 - 1
_GAP: Final = 1.5  # frame periods between two frames beyond which one may be missing
_DAMAGE: Final = re.compile(r"\[in#0/\S+ @ \w+\] .*(corrupt|invalid|exceeds)", re.I)
_MIN_PACKET_BYTES: Final = 12  # smaller packets only repeat the previous frame
_TRAILERS: Final = {"gif": b";", "apng": b"IEND\xaeB`\x82"}
"""End-of-file markers of containers that store no duration."""
_SAME_TIME_S: Final = 0.002  # tolerance when timestamps are compared
_ALL_FRAMES_S: Final = 60.0  # in longer clips, black bars are sought on keyframes only
_BLACK: Final = 18  # highest mean level of a black row, of 255; limited range has 16
# As a share of the side: smaller bars are stylized, larger ones are a dark scene.
_MIN_BAR, _MAX_BAR = 0.02, 0.35
_ASYMMETRY: Final = 0.01  # of the side, by which two opposite bars may differ
_CROP: Final = re.compile(r"\bx1:(\d+) x2:(\d+) y1:(\d+) y2:(\d+) ")


@dataclass(slots=True)
class _DecodeStats:
    step_s: float  # the nominal frame period
    frames: int = 0
    skipped: int = 0  # undecodable frames, as far as the decoder reports them
    last_s: float = 0.0  # timestamp of the last frame
    reason: str = ""  # ffmpeg's error, if it failed
    gaps: list[tuple[float, float]] = field(default_factory=list)  # between timestamps

    def add(self, frame: Frame, time_s: float) -> TimedFrame:
        """Number a frame; if its timestamp does not increase, extrapolate it."""
        if self.frames and time_s <= self.last_s:
            time_s = self.last_s + self.step_s
        if self.frames and time_s - self.last_s > _GAP * self.step_s:
            self.gaps.append((self.last_s, time_s))
        self.last_s = time_s
        self.frames += 1
        return TimedFrame(index=self.frames - 1, time_s=time_s, frame=frame)


def read_frames(
    info: VideoInfo, *, strict: bool = False, on_warning: Callable[[str], None]
) -> Iterator[TimedFrame]:
    """Read and number all frames of a clip.

    Damaged frames are skipped and a truncated clip is read as far as it goes;
    ``on_warning`` gets one sentence on how many frames are missing.

    VideoOpenError: no frame can be read; with ``strict``, also for damage, raised where
    it is met or, if only ffmpeg reports it, at the end. ImageOpenError: a picture of a
    folder is damaged.
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
    """Read a file with OpenCV, whose timestamps are relative to the first frame."""
    name = str(info.path.absolute())
    for time_s, frame in _decode(name, info, stats):
        if stats.skipped and strict:
            raise VideoOpenError(
                f"{info.path} is damaged after {counted(stats.frames, 'frame')}; to "
                "use the rest, remove --strict."
            )
        yield stats.add(frame, info.start_s + time_s)


def _read_normalized(info: VideoInfo, stats: _DecodeStats) -> Iterator[TimedFrame]:
    with normalized(info) as stream:
        for time_s, frame in _decode(f"pipe:{stream.descriptor}", info, stats):
            yield stats.add(frame, time_s if stats.frames else info.start_s)
        ended = stream.finish()
    stats.skipped += decode_errors(ended.log)
    stats.reason = "" if ended.is_good else ended.reason
    if stats.frames == 0:
        why = f": {ended.reason}" if ended.reason else ""
        raise VideoOpenError(f"no frame of {info.path} can be decoded{why}.")


def _decode(
    name: str, info: VideoInfo, stats: _DecodeStats
) -> Iterator[tuple[float, Frame]]:
    """Decode a file or a pipe with OpenCV; yield each frame with its timestamp."""
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS]
    timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, timeouts)
    failures = 0
    try:
        while failures < _MAX_FAILURES:
            # A read fails at the end of the file, but also at a damaged frame.
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
    lost = max(stats.skipped, _packets_in_gaps(info, stats))
    if lost:
        frames = counted(lost, "frame")
        return f"{info.path} is damaged: {frames} cannot be decoded"
    if stats.reason:
        return f"{info.path} is damaged: {stats.reason}"
    if not stats.gaps:
        return None
    source = ["-i", file_url(info.path), "-map", f"0:{info.stream_index}"]
    lines = follow_messages([*source, "-c", "copy", "-f", "null", "-"])
    if not any(_DAMAGE.match(line) for line in lines):
        return None
    lost = sum(round((end - start) * info.fps) - 1 for start, end in stats.gaps)
    return f"{info.path} is damaged: it lacks about {counted(lost, 'frame')}"


def _packets_in_gaps(info: VideoInfo, stats: _DecodeStats) -> int:
    """Count the stored packets with timestamps at which no frame was decoded."""
    if not stats.gaps or not info.has_times or info.container in RESTARTED:
        return 0  # without gaps, or where packets and frames use different clocks
    stored = {
        packet.time_s - info.file_start_s
        for packet in list_packets(info.path, f"0:{info.stream_index}")
        if packet.size >= _MIN_PACKET_BYTES
    }
    times_s = sorted(stored)
    lost = 0
    for start, end in stats.gaps:
        first = bisect_right(times_s, start + _SAME_TIME_S)
        lost += bisect_left(times_s, end - _SAME_TIME_S) - first
    return lost


def _missing_end(info: VideoInfo, stats: _DecodeStats) -> str | None:
    """Describe where a clip is truncated, compared with its container's duration.

    Video that ends before the audio is no damage, nor is a frame count that an edit
    list makes wrong: a file is truncated only if it stores nothing later.
    """
    if not _has_trailer(info):
        return f"{info.path} is truncated after {counted(stats.frames, 'frame')}"
    promised_s = info.duration_s
    if info.container == "avi" and info.frame_count is not None:
        # The duration of a truncated AVI covers only what is left.
        promised_s = float(info.frame_count / info.fps)
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


def _has_trailer(info: VideoInfo) -> bool:
    trailer = _TRAILERS.get(info.container, b"")
    with suppress(OSError), info.path.open("rb") as file:
        file.seek(-min(info.path.stat().st_size, 1024), os.SEEK_END)
        return file.read().rstrip(b"\0\r\n ").endswith(trailer)
    return True  # deleted meanwhile, after it was read


def read_opaque(source: VideoInfo, start_s: float) -> Iterator[Frame]:
    """Read the alpha channel of each frame, (H, W), from a time in seconds on."""
    if source.kind == "folder":
        pictures = numbered_pictures(source.path)
        yield from map(read_alpha, pictures[round(start_s * source.fps) :])
        return
    height, width = source.height, source.width
    graph = (
        f"trim=start={start_s - _SAME_TIME_S:.6f},format=rgba,alphaextract,"
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
    """Detect black bars that are present in all frames of a video file."""
    if info.kind != "video":
        return NO_BARS
    is_long = info.duration_s is None or info.duration_s > _ALL_FRAMES_S
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
    for line in lines:
        match = _CROP.search(line)
        if match is None:
            continue
        left, right, top, bottom = map(int, match.groups())
        down, across = (top, info.height - 1 - bottom), (left, info.width - 1 - right)
        # The crop only grows (reset=0), so that the first frame settles most clips.
        if min(down) < _MIN_BAR * info.height and min(across) < _MIN_BAR * info.width:
            return NO_BARS
    return Bars(*_bars(*down, info.height), *_bars(*across, info.width))


def _bars(before: int, after: int, side: int) -> tuple[int, int]:
    """Return two opposite black borders, or zeros if they do not look like bars."""
    is_symmetric = abs(before - after) <= max(1, _ASYMMETRY * side)
    least, most = _MIN_BAR * side, _MAX_BAR * side
    is_bar = least <= min(before, after) <= max(before, after) <= most
    return (before, after) if is_symmetric and is_bar else (0, 0)


def fitted_bars(info: VideoInfo, *, height: int, width: int) -> Bars:
    """Scale a clip's bars to a frame size that includes them."""
    down, across = height / info.height, width / info.width
    top, bottom = round(info.bars.top * down), round(info.bars.bottom * down)
    left, right = round(info.bars.left * across), round(info.bars.right * across)
    return Bars(top, bottom, left, right)


def without_bars(frame: Frame, bars: Bars) -> Frame:
    height, width = frame.shape[:2]
    inner = frame[bars.top : height - bars.bottom, bars.left : width - bars.right]
    return np.ascontiguousarray(inner)


def with_bars(frame: Frame, bars: Bars) -> Frame:
    return np.pad(frame, ((bars.top, bars.bottom), (bars.left, bars.right), (0, 0)))
