"""Black bars beside or above a picture: where they are, and frames without them."""

import re
from typing import Final

import numpy as np

from vidstyle.records import NO_BARS, Bars, Frame, VideoInfo
from vidstyle.video.ffmpeg import file_url, follow_messages

LONGEST_S: Final = 60.0
"""In longer clips, only those frames are looked at that need no others."""
BLACK: Final = 18
"""Levels of 255 up to which the mean of a row is black: 16 is, in most videos."""
LEAST: Final = 0.02  # share of a side below which bars are left alone, and painted
MOST: Final = 0.35  # share of a side above which they are no bars, but a dark clip
UNEQUAL: Final = 0.01
"""Share of a side by which two bars may differ: both sides have one, or it is none."""
_CROP: Final = re.compile(r"\bx1:(\d+) x2:(\d+) y1:(\d+) y2:(\d+) ")


def find_bars(info: VideoInfo) -> Bars:
    """Find the bars that a video has in all of its frames; of a folder, none."""
    if info.kind != "video":
        return NO_BARS
    is_long = info.duration_s is None or info.duration_s > LONGEST_S
    limit = f"cropdetect=limit={BLACK}/255:round=1:skip=0:reset=0"
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
        if min(down) < LEAST * info.height and min(across) < LEAST * info.width:
            return NO_BARS
    return Bars(*_pair(*down, info.height), *_pair(*across, info.width))


def _pair(before: int, after: int, side: int) -> tuple[int, int]:
    is_equal = abs(before - after) <= max(1, UNEQUAL * side)
    is_bar = LEAST * side <= min(before, after) <= max(before, after) <= MOST * side
    return (before, after) if is_equal and is_bar else (0, 0)


def fitted_bars(info: VideoInfo, *, height: int, width: int) -> Bars:
    """Scale a clip's bars to a size of all of its frame."""
    down, across = height / info.height, width / info.width
    return Bars(
        top=round(info.bars.top * down),
        bottom=round(info.bars.bottom * down),
        left=round(info.bars.left * across),
        right=round(info.bars.right * across),
    )


def without_bars(frame: Frame, bars: Bars) -> Frame:
    """Cut bars off a frame that has them."""
    height, width = frame.shape[:2]
    inner = frame[bars.top : height - bars.bottom, bars.left : width - bars.right]
    return np.ascontiguousarray(inner)


def with_bars(frame: Frame, bars: Bars) -> Frame:
    """Put black bars around a frame."""
    return np.pad(frame, ((bars.top, bars.bottom), (bars.left, bars.right), (0, 0)))
