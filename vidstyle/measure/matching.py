"""A result and the clip it was painted from come in, their frames go out in pairs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from vidstyle.config import check_range
from vidstyle.errors import InputError
from vidstyle.images import resize_frame
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

MOST_STRETCH = 0.1
"""Of the content to the result's shape: rounding a tiny one's sides takes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two clips of which each frame shows what the other's shows."""

    result: VideoInfo
    content: VideoInfo
    first: int
    """Index in the content of the frame that is the result's first."""
    count: int
    """Frames of the result, and as many of the content."""
    times_s: tuple[float, ...]
    """When the content shows each of them, in seconds after its start."""
    cuts: tuple[int, ...]
    """Frames that begin another shot, counted from 0 at the result's first."""


def match_clips(
    result: Path,
    content: Path,
    *,
    frames: tuple[int, int | None],
    on_warning: Callable[[str], None],
) -> Match:
    """Check that a result can be compared with its content, and find the cuts.

    Args:
        result: A video or a folder of numbered pictures.
        content: What it was painted from, likewise; of any size.
        frames: Range ``[start, stop)`` of the content's frames that it shows.
        on_warning: Is told, in a sentence, what is damaged.

    Raises:
        InputError: If a clip cannot be read, or they do not belong together.
    """
    start, stop = frames
    check_range("frames start", start, least=0)
    painted, source = probe(result), probe(content)
    check_shapes(
        result, (painted.height, painted.width), content, (source.height, source.width)
    )
    count = sum(1 for _ in read_frames(painted, on_warning=on_warning))
    detector, cuts, times_s = ShotDetector(), list[int](), list[float]()
    for timed in _selected(source, frames, painted, on_warning):
        cuts += detector.push(timed.frame)
        times_s.append(timed.time_s)
    if count != (there := len(times_s)):
        wanted = f"{start}:{'' if stop is None else stop}"
        raise InputError(
            f"{result} has {count} frames, but {wanted} of {content} are {there}; "
            "say with --frames A:B which frames it shows."
        )
    return Match(
        result=painted,
        content=source,
        first=start,
        count=count,
        times_s=tuple(times_s),
        cuts=(*cuts, *detector.finish()),
    )


def matched_frames(match: Match) -> Iterator[tuple[Frame, Frame]]:
    """Read the frames of both clips, the content's resized to the result's size.

    Yields:
        A frame of the result, and the content's.
    """
    frames = match.first, match.first + match.count
    stylized = (timed.frame for timed in read_frames(match.result, on_warning=_ignore))
    selected = _selected(match.content, frames, match.result, _ignore)
    contents = (timed.frame for timed in selected)
    yield from zip(stylized, contents, strict=True)


def _selected(
    source: VideoInfo,
    frames: tuple[int, int | None],
    size: VideoInfo,
    on_warning: Callable[[str], None],
) -> Iterator[TimedFrame]:
    """Read a range of a clip's frames in another's size."""
    for timed in islice(read_frames(source, on_warning=on_warning), *frames):
        frame = resize_frame(timed.frame, height=size.height, width=size.width)
        yield replace(timed, frame=frame)


def check_shapes(
    result: Path,
    result_shape: tuple[int, ...],
    content: Path,
    content_shape: tuple[int, ...],
) -> None:
    """Check that two have the same shape, whatever their sizes: height and width.

    Raises:
        InputError: If not.
    """
    (height, width), (tall, wide) = result_shape, content_shape
    stretch = width * tall / (height * wide)
    if not 1 - MOST_STRETCH < stretch < 1 + MOST_STRETCH:
        raise InputError(
            f"{result} is {width}x{height}, but {content} is {wide}x{tall}: it was not "
            "painted from that."
        )


def _ignore(_: str) -> None:
    """Warn of nothing twice."""
