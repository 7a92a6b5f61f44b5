"""Probe a video file or an image sequence: all metadata, before a frame is read.

The metadata is parsed from ffmpeg's description of the file, since OpenCV averages
frame rates and hides tags; frames are counted by their packets.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import cv2

from vidstyle.config import BACKGROUND, FOLDER_FPS, MIN_SIDE, parse_color
from vidstyle.errors import ConfigError, InputError, VideoOpenError
from vidstyle.images import read_picture
from vidstyle.records import VideoInfo
from vidstyle.video.codecs import CONTAINERS
from vidstyle.video.ffmpeg import describe, last_reason
from vidstyle.video.folder import probe_folder
from vidstyle.video.normalize import reasons_to_normalize
from vidstyle.video.streams import Description, Packet, find_fields, list_packets

_LISTS: Final = re.compile(
    rb"\s*(\xef\xbb\xbf)?\s*(#EXTM3U|ffconcat\s|v=0\s|<\?xml|<MPD|\[playlist\])"
)
"""How playlists and manifests begin: HLS, ffmpeg's concat, SDP, DASH, ..."""
_ROUNDING_S: Final = 0.0011  # Matroska and FLV round timestamps to milliseconds
_LONG: Final = 1.5  # frame periods after which a last frame counts as held
_GIF_LOOPS: Final = re.compile(rb"\xff\x0bNETSCAPE2\.0\x03\x01(..)", re.DOTALL)
_DIVX: Final = re.compile(rb"DivX\d+(b|Build)\d+p")  # packed bitstream


def probe(
    path: Path, *, fps: Fraction | None = None, background: str = BACKGROUND
) -> VideoInfo:
    """Probe a clip: a video, an animated GIF, or a folder of numbered pictures.

    ``fps`` is for a folder (None: 25) or a raw stream without timestamps (None: its own
    rate). VideoOpenError, ImageOpenError: unreadable or too small; ConfigError: ``fps``
    is given for a file with timestamps, or ``background`` is not a color.
    """
    color = parse_color("background", background)
    try:
        if path.is_dir():
            info = probe_folder(path, fps=fps or FOLDER_FPS, background=color)
        else:
            _check_readable(path)
            info = _probe_file(path, _cache_key(path), fps=fps, background=color)
    except OSError as err:
        raise VideoOpenError(f"cannot read {path}: {err.strerror}.") from err
    if fps is not None and info.has_times:
        raise ConfigError(
            f"fps is only for folders of pictures and raw streams; {path} has its "
            "own frame times."
        )
    if min(info.height, info.width) < MIN_SIDE:
        raise VideoOpenError(
            f"{path} is {info.width}x{info.height}; a clip needs at least "
            f"{MIN_SIDE} pixels per side."
        )
    return info


def shape_of(path: Path) -> tuple[int, int]:
    """Return the height and width of a clip or a picture, or raise ImageOpenError."""
    with suppress(VideoOpenError):
        info = probe(path)
        return info.height, info.width
    height, width, _ = read_picture(path).shape
    return height, width


def check_names(paths: Sequence[Path], *, are_pictures: bool = False) -> None:
    """Raise InputError for paths that are URLs, cameras, patterns, or clips.

    Clips are rejected only where pictures are expected. Other missing files pass.
    """
    for path in paths:
        reason = None
        if path.exists():
            is_clip = path.is_file() and path.suffix.lower() in {*CONTAINERS} - {".gif"}
            if are_pictures and is_clip:
                reason = f"{path} is a clip; paint it with vidstyle video {path}."
        elif re.match(r"\w{2,}:[\\/]", str(path)):
            reason = f"{path.name} is on the web; download it and give the file."
        elif str(path).isdecimal():
            reason = f"{path} is a camera; record a clip first, then give the file."
        elif re.search(r"[*?]", path.name):
            reason = f"no file matches {path}."
        if reason is not None:
            raise InputError(reason)


def _check_readable(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise VideoOpenError(f"{path} is not a file; give a video file or a folder.")
    start = _first_bytes(path)
    if not start:
        raise VideoOpenError(f"{path} is empty: there is no video in it.")
    if _LISTS.match(start):
        raise VideoOpenError(
            f"{path} is a list of other files or addresses; give the video itself."
        )


def _cache_key(path: Path) -> tuple[int, int]:
    """Return a cache key that changes with the file: its size and mtime."""
    return path.stat().st_size, path.stat().st_mtime_ns


@lru_cache(maxsize=16)
def _probe_file(
    path: Path, _: tuple[int, int], *, fps: Fraction | None, background: str
) -> VideoInfo:
    """Probe a file; cached, since a run probes the same file several times."""
    file = Description(describe(path), path)
    _check_container(file)
    info = _choose_stream(file)
    info = replace(info, fps=fps or info.fps, background=background)
    info = replace(info, fields=find_fields(info))
    # OpenCV reads the first video stream, which must not be cover art.
    first = next(stream.index for stream in info.streams if stream.kind == "video")
    is_first = len(file.clips()) == 1 and first == info.stream_index
    is_packed = info.container == "avi" and _DIVX.search(_first_bytes(path)) is not None
    reasons = reasons_to_normalize(info, is_first=is_first, is_packed=is_packed)
    count = 0
    if info.container == "avi":
        # If it is truncated, packets and ffmpeg's duration cover only what is left.
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        count = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    else:
        with suppress(VideoOpenError):
            count = len(_shown_packets(info))
    return replace(info, normalizing=reasons, frame_count=count or info.frame_count)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2**16)


def _check_container(file: Description) -> None:
    path, container = file.path, file.container
    if container is None:
        why = last_reason(file.text)
        if why.startswith("Error opening"):  # all that ffmpeg prints, e.g. for text
            why = "ffmpeg recognizes nothing in it"
        if why == "moov atom not found":
            why = f"its index is missing, perhaps because it is truncated ({why})"
        raise VideoOpenError(f"{path} is not a readable video: {why}.")
    if container in {"concat", "dash", "hls", "imf", "sdp"}:
        raise VideoOpenError(f"{path} is a list of other files; give the video itself.")
    is_picture = container.endswith("_pipe") or container == "image2"
    if is_picture or (file.has_stills and not file.clips()):
        raise VideoOpenError(
            f"{path} is a still picture, not a clip; use vidstyle image."
        )


def _choose_stream(file: Description) -> VideoInfo:
    """Choose the default video stream, or else the first one."""
    clips = file.clips()
    if not clips:
        has_sound = any(stream.kind == "audio" for stream in file.streams)
        holds = "sound, but no picture" if has_sound else "nothing that can be decoded"
        raise VideoOpenError(f"{file.path} holds {holds}; give a video file.")
    default = {stream.index for stream in file.streams if stream.is_default}
    return next((clip for clip in clips if clip.stream_index in default), clips[0])


@lru_cache(maxsize=4)
def _cached_packets(path: Path, index: int, _: tuple[int, int]) -> list[Packet]:
    return list_packets(path, f"0:{index}")


def _packets(info: VideoInfo) -> list[Packet]:
    return _cached_packets(info.path, info.stream_index, _cache_key(info.path))


def _shown_packets(info: VideoInfo) -> list[Packet]:
    """List the packets that are shown: an edit list may hide those before the start."""
    first_s = info.file_start_s + info.start_s - _ROUNDING_S
    packets = _packets(info)
    return [packet for packet in packets if packet.time_s >= first_s] or packets


def first_shown(info: VideoInfo, time_s: float) -> int:
    """Return the index of the first frame at or after a time in seconds.

    The time is relative to the first frame.
    """
    if info.kind == "video" and info.has_times:
        with suppress(VideoOpenError, OSError):  # a custom reader may have no file
            times_s = sorted({packet.time_s for packet in _shown_packets(info)})
            if times_s:
                return bisect_left(times_s, times_s[0] + time_s - _ROUNDING_S / 2)
    return math.ceil(time_s * info.fps - 0.01)


@dataclass(frozen=True, slots=True)
class Timing:
    """The frame timing of a clip."""

    kind: Literal["constant", "variable", "assumed"]
    """``assumed``: frames have no timestamps, and are shown at the nominal rate."""
    packets: int  # stored frames; edit lists and damage may leave fewer
    shortest_s: float  # shortest and longest interval between frames
    longest_s: float


def measure_timing(info: VideoInfo) -> Timing:
    step_s = float(1 / info.fps)
    if info.kind == "folder":
        return Timing("assumed", info.frame_count or 0, step_s, step_s)
    packets = _packets(info)
    times_s = sorted({packet.time_s for packet in packets})
    is_timed = info.has_times and bool(times_s) and times_s[0] > -1e9  # AV_NOPTS_VALUE
    if not is_timed:
        return Timing("assumed", len(packets), step_s, step_s)
    # Frames that share a timestamp are not shown: VP8's alternate reference frames.
    steps = [later - time for time, later in pairwise(times_s)] or [step_s]
    mean_s = sum(steps) / len(steps)
    is_even = max(abs(step - mean_s) for step in steps) <= _ROUNDING_S
    return Timing(
        "constant" if is_even else "variable", len(times_s), min(steps), max(steps)
    )


def held_s(info: VideoInfo) -> float | None:
    """Return how long a clip's last frame is held; None: one frame period."""
    if info.kind == "folder" or not info.has_times:
        return None
    last = None
    with suppress(VideoOpenError, OSError):  # a custom reader may have no file
        last = max(_packets(info), key=lambda packet: packet.time_s, default=None)
    return last.duration_s if last and last.duration_s > _LONG / info.fps else None


def gif_loops(info: VideoInfo) -> int:
    """Return how often a GIF repeats, as ffmpeg's -loop: 0 forever, -1 not at all.

    It is 0 for other clips.
    """
    if info.container != "gif":
        return 0
    found = _GIF_LOOPS.search(_first_bytes(info.path))
    return int.from_bytes(found[1], "little") if found else -1
