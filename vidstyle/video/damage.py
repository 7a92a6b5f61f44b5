"""What a pass over a clip has met comes in; what it did not find goes out, in words.

A demuxer or decoder that meets damage often passes over it and says nothing. But it
leaves a hole in time, and then the file itself is asked: for pictures that are stored
there, or for what its demuxer has to complain about.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final

from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import describe, file_url, follow_messages, list_packets
from vidstyle.video.streams import RESTARTED, Description

_HOLE: Final = 1.5
"""How many frames long a frame is shown after which one may be missing."""
_COMPLAINT: Final = re.compile(r"\[in#0/\S+ @ \w+\] .*(corrupt|invalid|exceeds)", re.I)
_LEAST_BYTES: Final = 12
"""Of a picture; what is smaller says that the last one stays."""
_NEAR_S: Final = 0.002
"""Within which two times are the same."""


@dataclass(slots=True)
class Tally:
    """What a pass over a clip has met."""

    frames: int = 0
    skipped: int = 0
    """Frames that could not be decoded, as far as the decoder says so."""
    last_s: float = 0.0
    """When the newest frame is shown."""
    reason: str | None = None
    """Why ffmpeg gave up, if it did."""
    holes: list[tuple[float, float]] = field(default_factory=list)
    """Times of two frames, one after the other, that lie far apart."""

    def add(self, frame: Frame, time_s: float, info: VideoInfo) -> TimedFrame:
        """Number a frame; one without a time of its own comes after the last one."""
        step_s = float(1 / info.fps)
        if self.frames and time_s <= self.last_s:
            time_s = self.last_s + step_s
        if self.frames and time_s - self.last_s > _HOLE * step_s:
            self.holes.append((self.last_s, time_s))
        timed = TimedFrame(index=self.frames, time_s=time_s, frame=frame)
        self.frames += 1
        self.last_s = time_s
        return timed


def find_damage(info: VideoInfo, tally: Tally) -> str | None:
    """Say what is missing of a clip that was read to its end; None: nothing is.

    Raises:
        VideoOpenError: If the file cannot be read any more.
    """
    return _missing_end(info, tally) or _missing_middle(info, tally)


def _missing_middle(info: VideoInfo, tally: Tally) -> str | None:
    """Say what is damaged, if anything is."""
    lost = max(tally.skipped, _stored_in_holes(info, tally))
    if lost:
        frames = "frame" if lost == 1 else "frames"
        return f"{info.path} is damaged: {lost} {frames} cannot be decoded"
    if tally.reason:
        return f"{info.path} is damaged: {tally.reason}"
    if tally.holes and _is_complained_of(info):
        lost = sum(round((to - at) * info.fps) - 1 for at, to in tally.holes)
        return f"{info.path} is damaged: about {lost} frames are missing"
    return None


def _stored_in_holes(info: VideoInfo, tally: Tally) -> int:
    """Count the pictures that are stored for times at which there is no frame."""
    if not tally.holes or not info.has_times or info.container in RESTARTED:
        return 0  # nothing to ask for, or on another clock than the frames
    start_s = Description(describe(info.path)).start_s
    listed = list_packets(info.path, f"0:{info.stream_index}", error=VideoOpenError)
    stored = {p.time_s - start_s for p in listed if p.size >= _LEAST_BYTES}
    holes = iter(tally.holes)
    at, to = next(holes)
    lost = 0
    for time_s in sorted(stored):
        while time_s > to - _NEAR_S and (hole := next(holes, None)):
            at, to = hole
        lost += at + _NEAR_S < time_s < to - _NEAR_S
    return lost


def _is_complained_of(info: VideoInfo) -> bool:
    """Whether the demuxer meets what it does not understand."""
    source = ["-i", file_url(info.path), "-map", f"0:{info.stream_index}"]
    with follow_messages([*source, "-c", "copy", "-f", "null", "-"]) as lines:
        return any(_COMPLAINT.match(line) for line in lines)


def _missing_end(info: VideoInfo, tally: Tally) -> str | None:
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
