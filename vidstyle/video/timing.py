"""How the frames of a clip lie in time, by the packets that are stored of them."""

import math
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from vidstyle.errors import VideoOpenError
from vidstyle.records import VideoInfo
from vidstyle.video.streams import Packet, list_packets

_ROUNDING_S: Final = 0.0011
"""Matroska and FLV round times to milliseconds, up or down."""
_LONG: Final = 1.5
"""A last frame that is shown for so many usual times is held."""
_EARLIEST_S: Final = -1e9
"""Earlier than this is how ffmpeg writes that there is no time."""


def _packets(info: VideoInfo) -> list[Packet]:
    state = info.path.stat()
    return _listed(info.path, info.stream_index, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4)
def _listed(path: Path, index: int, _size: int, _changed_ns: int) -> list[Packet]:
    return list_packets(path, f"0:{index}")


def shown_packets(info: VideoInfo) -> list[Packet]:
    """List the packets that are frames: an edit list leaves others out."""
    first_s = info.file_start_s + info.start_s - _ROUNDING_S
    listed = _packets(info)
    return [each for each in listed if each.time_s >= first_s] or listed


def first_shown(info: VideoInfo, time_s: float) -> int:
    """Count the frames before a time, in seconds after the first one."""
    if info.kind == "video" and info.has_times:
        with suppress(VideoOpenError, OSError):  # it may be no file at all
            times_s = sorted({packet.time_s for packet in shown_packets(info)})
            if times_s:
                return bisect_left(times_s, times_s[0] + time_s - _ROUNDING_S / 2)
    return math.ceil(time_s * info.fps - 0.01)


@dataclass(frozen=True, slots=True)
class Timing:
    """How the frames of a clip lie in time."""

    kind: Literal["constant", "variable", "assumed"]
    """``assumed``: frames have no times, and are shown at the rate."""
    packets: int
    """Stored pictures; edit lists and damage make fewer frames of them."""
    shortest_s: float
    """From one to the next."""
    longest_s: float


def measure_timing(info: VideoInfo) -> Timing:
    """Find out whether a clip's frames are shown at even times."""
    step_s = float(1 / info.fps)
    count, times_s = info.frame_count or 0, []
    if info.kind == "video":
        listed = _packets(info)
        count, times_s = len(listed), sorted({packet.time_s for packet in listed})
    if not info.has_times or not times_s or times_s[0] < _EARLIEST_S:
        return Timing("assumed", count, step_s, step_s)
    # What shares a time with another is not shown: VP8 has such pictures.
    steps = [later - time for time, later in pairwise(times_s)] or [step_s]
    mean_s = sum(steps) / len(steps)
    is_even = max(abs(step - mean_s) for step in steps) <= _ROUNDING_S
    return Timing(
        "constant" if is_even else "variable", len(times_s), min(steps), max(steps)
    )


def held_s(info: VideoInfo) -> float | None:
    """Return how long a clip's last frame is held; None: as its rate says."""
    if info.kind == "folder" or not info.has_times:
        return None
    listed = _packets(info)
    last = max(listed, key=lambda packet: packet.time_s, default=None)
    is_held = last is not None and last.duration_s > _LONG / info.fps
    return last.duration_s if last and is_held else None
