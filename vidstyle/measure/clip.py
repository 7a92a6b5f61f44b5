"""Quality metrics of a stylized clip: temporal coherence and per-frame measures.

Flicker is measured along the source's optical flow: where the flow is consistent, a
frame should equal its warped predecessor. The same error of the source itself shows
which part of it is due to the flow and to noise. Since frames are stylized along that
very flow, and bold brush strokes cost more when misplaced than a smooth photograph, the
error is also given under an independent flow, relative to the picture's mean squared
gradient.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple

from vidstyle.config import check_range
from vidstyle.errors import InputError
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import (
    Facts,
    Number,
    Pair,
    check_shapes,
    make_meter,
    mean_gradient,
    mean_luminance,
    mean_squared_gradient,
    measure_frame,
    ratio,
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

Frames = tuple[Frame, Frame]  # a stylized frame and its source, of the same shape

# Floor of the squared gradient that errors are divided by: 1/4 of a level per pixel.
FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Match:
    """A stylized clip and its content, aligned frame by frame."""

    result: VideoInfo
    content: VideoInfo
    first: int  # index in the content of the result's first frame
    count: int  # number of frames that both share
    times_s: tuple[float, ...]  # timestamps in the content, relative to its start
    cuts: tuple[int, ...]  # first frames of later shots, as indices in the result


def match_clips(
    result: Path,
    content: Path,
    *,
    frames: tuple[int, int | None],
    on_warning: Callable[[str], None],
) -> Match:
    """Align a result with its content, and detect the cuts.

    Both are videos or folders of numbered pictures; ``frames`` is the range
    [start, stop) of the content's frames that the result covers. InputError: their
    aspect ratios or their numbers of frames differ.
    """
    start, stop = frames
    check_range("frames start", start, least=0)
    stylized, source = probe(result), probe(content)
    shape = stylized.height, stylized.width
    check_shapes(result, shape, content, (source.height, source.width))
    count = sum(1 for _ in read_frames(stylized, on_warning=on_warning))
    detector, cuts, times_s = ShotDetector(), list[int](), list[float]()
    for timed in islice(read_frames(source, on_warning=on_warning), *frames):
        cuts += detector.push(_resized(timed, stylized))
        times_s.append(timed.time_s)
    if count != len(times_s):
        part = "" if frames == (0, None) else f" in {start}:{stop or ''}"
        raise InputError(
            f"numbers of frames differ: {count} in {result}, {len(times_s)} in "
            f"{content}{part}; use --frames A:B for those that the result shows."
        )
    cuts += detector.finish()
    return Match(stylized, source, start, count, tuple(times_s), tuple(cuts))


def matched_frames(match: Match) -> Iterator[Frames]:
    """Read the frames of both clips, the content's resized to the result's size."""
    # Damage was reported when the clips were matched.
    results, contents = (
        read_frames(info, on_warning=lambda _: None)
        for info in (match.result, match.content)
    )
    contents = islice(contents, match.first, match.first + match.count)
    for stylized, content in zip(results, contents, strict=True):
        yield stylized.frame, _resized(content, match.result)


def _resized(timed: TimedFrame, size: VideoInfo) -> Frame:
    return resize_frame(timed.frame, height=size.height, width=size.width)


def measure_clip(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Measure the temporal coherence of a stylized clip, and its per-frame quality.

    Without ``style`` it is compared with its content only. In a video, the codec's
    losses are measured too; a folder of numbered pictures has none.

    Returns:
        For each metric a series of the result and one of the content, with one value
        per frame or None: ``temporal_error``, on trusted pixels, to the previous frame;
        ``flicker``, as in ``TemporalError``; ``luminance``, mean luma in [0, 1];
        ``gradient``, mean magnitude of luma's gradient; and those of ``measure_frame``.
    """

    def warn(text: str) -> None:
        listener(Notice(text=text, is_warning=True))

    match = match_clips(result, config.content, frames=config.frames, on_warning=warn)
    if match.result.kind == "video":
        listener(Notice(text=f"the compression loss of {result} is measured, too"))
    height, width = match.result.height, match.result.width
    meter = make_meter(config, listener, height=height, width=width)
    listener(Plan(height=height, width=width, frames=match.count, work="measuring"))
    rows, shares = list[dict[str, Pair]](), list[Number]()
    earlier: Frames | None = None
    for index, frames in enumerate(matched_frames(match)):
        begins_shot, error = index in match.cuts, None
        if earlier and not begins_shot:
            error = temporal_error(earlier, frames)
        rows.append(
            {
                "luminance": [mean_luminance(frame) for frame in frames],
                "gradient": [mean_gradient(frame) for frame in frames],
                **measure_frame(*frames, meter, begins_shot=begins_shot),
                "temporal_error": error[:2] if error else (None, None),
                "flicker": error[2:4] if error else (None, None),
            }
        )
        shares.append(error.trusted_share if error else None)
        earlier = frames
        listener(FrameReport(frame=match.first + index, frames_known=match.count))
    return {
        "result": match.result.path,
        "content": match.content.path,
        "width": width,
        "height": height,
        "first": match.first,
        "frames": match.count,
        "times_s": match.times_s,
        "cuts": match.cuts,
        "trusted_share": series(shares),
        "network": meter.network.name if meter else None,
        **collect(rows),
    }


def series(frames: Sequence[Number]) -> Facts:
    """Summarize one value per frame by its mean and its drift.

    The drift is the last value divided by the second: some metrics have none for the
    first frame, which has no predecessor.
    """
    values = [value for value in frames if value is not None]
    drift = ratio(frames[-1], frames[1]) if frames[1:] else None
    mean = fmean(values) if values else None
    return {"mean": mean, "drift": drift, "frames": frames}


def collect(rows: Sequence[Mapping[str, Pair]]) -> dict[str, Facts]:
    """Collect all frames' metrics into two series and their ratios, per metric."""
    facts = dict[str, Facts]()
    for name in rows[0] if rows else ():
        sides = zip(*(row[name] for row in rows), strict=True)
        result, content = (series([*values]) for values in sides)
        facts[name] = {
            "result": result,
            "content": content,
            "ratio": ratio(result["mean"], content["mean"]),
            "drift_ratio": ratio(result["drift"], content["drift"]),
        }
    return facts


class TemporalError(NamedTuple):
    """The difference of a frame to its predecessor, warped along the source's flow."""

    error: float
    """Squared difference of the stylized frames, values in [0, 1]; mean over channels
    and, weighted by consistency, over pixels."""
    source_error: float  # of the source's frames, on the same pixels
    # Error under independent_motion, divided by the frame's mean_squared_gradient.
    flicker: float
    source_flicker: float
    trusted_share: float  # mean consistency of the flow


def temporal_error(earlier: Frames, later: Frames) -> TemporalError | None:
    """Measure the flicker between two consecutive frames of a shot.

    The flow is estimated on the source. None: no pixel of it is trusted.

    Source: Ruder et al. 2016, short-term loss, divided by the trusted pixels.
    """
    motion = estimate_motion(earlier[1], later[1], quality="medium")
    if motion.trusted_share == 0:
        return None
    other = independent_motion(earlier[1], later[1])
    stylized, source = zip(earlier, later, strict=True)
    return TemporalError(
        error=_miss(*stylized, motion),
        source_error=_miss(*source, motion),
        flicker=_flicker(*stylized, other),
        source_flicker=_flicker(*source, other),
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
