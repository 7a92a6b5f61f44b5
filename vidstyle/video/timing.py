"""A VideoInfo comes in, how its frames lie in time goes out; nothing is decoded.

The whole file is read once, packet by packet: only so is a variable rate known for one.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from vidstyle.errors import VideoOpenError
from vidstyle.records import VideoInfo
from vidstyle.video.ffmpeg import list_packets

_ROUNDING_S: Final = 0.0011
"""Matroska and FLV round times to milliseconds, up or down."""
_LONG: Final = 1.5
"""Times the usual, and a last frame is held."""
_EARLIEST_S: Final = -1e9
"""Earlier than this is how ffmpeg writes that there is no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How the frames of a clip lie in time."""

    kind: Literal["constant", "variable", "assumed"]
    """``assumed``: frames have no times, and are shown at the rate."""
    packets: int
    """Stored pictures; edit lists and damage make fewer frames of them."""
    shortest_s: float
    """Least time from one to the next."""
    longest_s: float
    """Most time from one to the next."""


def measure_timing(info: VideoInfo) -> Timing:
    """Find out whether a clip's frames are shown at even times.

    Raises:
        VideoOpenError: If the file cannot be read any more.
    """
    step_s = float(1 / info.fps)
    if info.kind == "folder":
        count = info.frame_count or 0
        return _even(count, step_s)
    listed = list_packets(info.path, f"0:{info.stream_index}", error=VideoOpenError)
    # What shares a time with another is not shown: VP8 has such pictures.
    times_s = sorted({packet.time_s for packet in listed})
    if not info.has_times or not times_s or times_s[0] < _EARLIEST_S:
        return _even(len(listed), step_s)
    steps = [later - time for time, later in pairwise(times_s)] or [step_s]
    mean_s = sum(steps) / len(steps)
    is_even = max(abs(step - mean_s) for step in steps) <= _ROUNDING_S
    return Timing(
        kind="constant" if is_even else "variable",
        packets=len(times_s),
        shortest_s=min(steps),
        longest_s=max(steps),
    )


def held_s(info: VideoInfo) -> float | None:
    """Find out how long a clip's last frame is shown, where that is unusually long.

    Returns:
        Seconds. None: about as long as the rate says, or not said.

    Raises:
        VideoOpenError: If the file cannot be read any more.
    """
    if info.kind == "folder" or not info.has_times:
        return None
    listed = list_packets(info.path, f"0:{info.stream_index}", error=VideoOpenError)
    last = max(listed, key=lambda packet: packet.time_s, default=None)
    if last is None or last.duration_s <= _LONG * float(1 / info.fps):
        return None
    return last.duration_s


def _even(count: int, step_s: float) -> Timing:
    return Timing(kind="assumed", packets=count, shortest_s=step_s, longest_s=step_s)
