"""A painted clip, its content and its painting -> how good it is.

Flicker is measured against the source's motion: where its flow can be trusted, a frame
should be its predecessor, moved. The source itself misses that by some amount, under
the same measure, which shows how much of an error is the flow's and the noise's. Since
frames are painted along that flow, and bold paint has more to move than a soft
photograph, the error is given under another flow and relative to the picture's squared
gradient, too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, tee
from pathlib import Path
from typing import Final

from vidstyle.config import FlowQuality, check_range
from vidstyle.errors import InputError
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import (
    Facts,
    FrameMeter,
    Pair,
    check_shapes,
    collect,
    make_meter,
    mean_gradient,
    mean_luminance,
    mean_squared_gradient,
    measure_frame,
    series,
)
from vidstyle.motion.flow import estimate_motion, independent_motion
from vidstyle.motion.shots import ShotDetector
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.records import (
    Frame,
    FrameReport,
    Listener,
    Motion,
    Notice,
    Plan,
    TimedFrame,
    VideoInfo,
)
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

# Least squared gradient that an error is divided by: a quarter of a level a pixel.
FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Match:
    """Two clips of which each frame shows what the other's shows."""

    result: VideoInfo
    content: VideoInfo
    first: int  # index in the content of the frame that is the result's first
    count: int  # frames of the result, and as many of the content
    times_s: tuple[float, ...]  # when the content shows them, after its start
    cuts: tuple[int, ...]  # frames that begin another shot, from the result's first


def match_clips(
    result: Path,
    content: Path,
    *,
    frames: tuple[int, int | None],
    on_warning: Callable[[str], None],
) -> Match:
    """Check that a result can be compared with its content, and find the cuts.

    Both are videos or folders of numbered pictures; ``frames`` is the range
    ``[start, stop)`` of the content's that the result shows.
    """
    start, stop = frames
    check_range("frames start", start, least=0)
    painted, source = probe(result), probe(content)
    check_shapes(
        result, (painted.height, painted.width), content, (source.height, source.width)
    )
    count = sum(1 for _ in read_frames(painted, on_warning=on_warning))
    detector, cuts, times_s = ShotDetector(), list[int](), list[float]()
    for timed in islice(read_frames(source, on_warning=on_warning), *frames):
        cuts += detector.push(_resized(timed, painted))
        times_s.append(timed.time_s)
    if count != (there := len(times_s)):
        wanted = f"{start}:{'' if stop is None else stop}"
        raise InputError(
            f"{result} has {count} frames, but {wanted} of {content} are {there}; "
            "use --frames A:B to name the frames it shows."
        )
    cuts += detector.finish()
    return Match(painted, source, start, count, tuple(times_s), tuple(cuts))


def matched_frames(match: Match) -> Iterator[tuple[Frame, Frame]]:
    """Read the frames of both clips, the content's resized to the result's size."""
    # What is damaged was told when the clips were matched.
    painted, contents = (
        read_frames(info, on_warning=lambda _: None)
        for info in (match.result, match.content)
    )
    shown = islice(contents, match.first, match.first + match.count)
    for stylized, content in zip(painted, shown, strict=True):
        yield stylized.frame, _resized(content, match.result)


def _resized(timed: TimedFrame, size: VideoInfo) -> Frame:
    return resize_frame(timed.frame, height=size.height, width=size.width)


def measure_clip(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Measure how coherent a painted clip is, and how well it is painted.

    Without ``style`` it is compared with its content only. A folder of numbered
    pictures has no codec's losses.

    Returns:
        For each quantity two series with an entry a frame, None where there is none:
        ``temporal_error`` on trusted pixels, against the frame before; ``flicker``,
        that of ``TemporalError``; ``luminance``, mean luma in [0, 1]; ``gradient``,
        mean length of luma's gradient; and those of ``measure_frame``.
    """

    def warn(text: str) -> None:
        listener(Notice(text=text, is_warning=True))

    match = match_clips(result, config.content, frames=config.frames, on_warning=warn)
    if match.result.kind == "video":
        listener(Notice(text=f"the compression loss of {result} is measured, too"))
    height, width = match.result.height, match.result.width
    meter = make_meter(config, listener, height=height, width=width)
    listener(Plan(height=height, width=width, frames=match.count, work="measuring"))
    rows: list[dict[str, Pair]] = []
    # One pass: what measures single frames lets them through to what measures pairs.
    one, other = tee(_measured(match, meter, rows, listener))
    sides = (stylized for stylized, _ in one), (source for _, source in other)
    found = {each.index: each for each in temporal_errors(*sides, cuts=match.cuts)}
    errors = [found.get(index) for index in range(match.count)]
    for row, it in zip(rows, errors, strict=True):
        row["temporal_error"] = (it.error, it.source_error) if it else (None, None)
        row["flicker"] = (it.flicker, it.source_flicker) if it else (None, None)
    return {
        "result": match.result.path,
        "content": match.content.path,
        "width": width,
        "height": height,
        "first": match.first,
        "frames": match.count,
        "times_s": match.times_s,
        "cuts": match.cuts,
        "trusted_share": series([it.trusted_share if it else None for it in errors]),
        "network": meter.network.name if meter else None,
        **collect(rows),
    }


def _measured(
    match: Match,
    meter: FrameMeter | None,
    rows: list[dict[str, Pair]],
    listener: Listener,
) -> Iterator[tuple[Frame, Frame]]:
    """Measure each frame for itself into a row, and pass it on."""
    for index, pair in enumerate(matched_frames(match)):
        row: dict[str, Pair] = {
            "luminance": [mean_luminance(frame) for frame in pair],
            "gradient": [mean_gradient(frame) for frame in pair],
        }
        rows.append(row | measure_frame(*pair, meter, begins_shot=index in match.cuts))
        yield pair
        listener(FrameReport(frame=match.first + index, frames_known=match.count))


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalError:
    """How far one frame is from its predecessor moved along the source's flow."""

    index: int  # of the later frame, from 0
    error: float
    """The stylized frame's squared difference in units of the full range, mean over
    colors and, weighted by consistency, over pixels."""
    source_error: float  # of the source's own frame, on the same pixels
    # The error under independent_motion, over the frame's mean_squared_gradient.
    flicker: float
    source_flicker: float
    trusted_share: float  # mean consistency of the flow


def temporal_errors(
    stylized: Iterable[Frame],
    source: Iterable[Frame],
    *,
    quality: FlowQuality = "medium",
    cuts: Collection[int] = (),
) -> Iterator[TemporalError]:
    """Measure the flicker between each frame and the one before it in the same shot.

    Frames are read once and not held; those of the source, on which the flow of this
    quality is estimated, have the shape and number of the others. A pair at a cut, an
    index of the later frame, has no error, nor has one whose flow can be trusted
    nowhere.

    Source: Ruder et al. 2016's short-term loss, divided by the trusted pixels.
    """
    both = enumerate(zip(stylized, source, strict=True))
    for (_, earlier), (index, later) in pairwise(both):
        if later[0].shape != later[1].shape:
            raise ValueError(
                f"frame {index} is {later[0].shape} in the result but "
                f"{later[1].shape} in the source; resize one of them."
            )
        if index in cuts:
            continue
        motion = estimate_motion(earlier[1], later[1], quality=quality)
        if motion.trusted_share == 0:
            continue
        other = independent_motion(earlier[1], later[1])
        stylized_pair, source_pair = zip(earlier, later, strict=True)
        yield TemporalError(
            index=index,
            error=_miss(*stylized_pair, motion),
            source_error=_miss(*source_pair, motion),
            flicker=_flicker(*stylized_pair, other),
            source_flicker=_flicker(*source_pair, other),
            trusted_share=motion.trusted_share,
        )


def _flicker(earlier: Frame, later: Frame, motion: Motion) -> float:
    return _miss(earlier, later, motion) / max(mean_squared_gradient(later), FLAT)


def _miss(earlier: Frame, later: Frame, motion: Motion) -> float:
    flow = flow_to_tensor(motion.flow_backward)
    consistency = consistency_to_tensor(motion.consistency)  # (1, 1, H, W)
    moved = warp(frame_to_image(earlier), flow)
    squared = (moved - frame_to_image(later)).square().mean(1, keepdim=True)
    return ((squared * consistency).sum() / consistency.sum()).item()
