"""A painted clip, its content and its painting -> how good it is.

Flicker is measured against the source's motion: where its flow can be trusted, a frame
should be its predecessor, moved. The source itself misses that by some amount, under
the same measure, which shows how much of an error is the flow's and the noise's. Since
frames are painted along that flow, and bold paint has more to move than a soft
photograph, the error is given under another flow and relative to the picture's squared
gradient, too.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise, tee
from pathlib import Path
from typing import Final

from vidstyle.config import DeviceName, FlowQuality, NetworkName, check_range
from vidstyle.errors import InputError
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.measure.distance import (
    FrameMeter,
    Quantity,
    Series,
    check_shapes,
    load_ruler,
)
from vidstyle.measure.pixels import (
    mean_gradient,
    mean_luminance,
    mean_squared_gradient,
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

FLAT: Final = 1e-6
"""Least squared gradient that an error is divided by: a quarter of a level a pixel."""


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
    """Read the frames of both clips, the content's resized to the result's size."""
    frames = match.first, match.first + match.count
    painted = read_frames(match.result, on_warning=_ignore)
    contents = _selected(match.content, frames, match.result, _ignore)
    for stylized, content in zip(painted, contents, strict=True):
        yield stylized.frame, content.frame


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


def _ignore(_: str) -> None:
    """Warn of nothing twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All that was measured, frame by frame of the result."""

    match: Match
    network: str | None
    """That measured the distances. None: they were not."""
    trusted_share: Series = field(default_factory=Series)
    """Of the pixels that the temporal error is taken from."""
    quantities: defaultdict[str, Quantity] = field(
        default_factory=lambda: defaultdict(Quantity)
    )
    """``temporal_error`` on trusted pixels, against the frame before, none where a shot
    begins; ``flicker``: that of ``TemporalError``; ``luminance``: mean luma, in [0, 1];
    ``gradient``: mean length of luma's gradient, in full ranges a pixel; and those of
    ``FrameMeter.measure``."""


def measure_clip(
    result: Path,
    content: Path,
    *,
    style: Path | None,
    network: NetworkName | None,
    weights: Path | None = None,
    device: DeviceName,
    frames: tuple[int, int | None],
    listener: Listener,
) -> Measurement:
    """Measure how coherent a painted clip is, and how well it is painted.

    A folder of numbered pictures has no codec's losses. ``frames`` is the range
    ``[start, stop)`` of the content's frames that the result shows. Without ``style``
    only the content is compared with; without ``network`` the distances are slim's, or
    those of the one that ``weights`` fit.
    """

    def warn(text: str) -> None:
        listener(Notice(text=text, is_warning=True))

    match = match_clips(result, content, frames=frames, on_warning=warn)
    height, width = match.result.height, match.result.width
    if match.result.kind == "video":
        listener(Notice(text=f"what the codec of {result} has lost is measured too"))
    ruler = None
    if style is not None:
        ruler = load_ruler(network, weights=weights, device=device, listener=listener)
    meter = FrameMeter(style, ruler, height=height, width=width)
    listener(Plan(height=height, width=width, frames=match.count, work="measuring"))
    name = None if ruler is None else ruler.network.name
    measurement = Measurement(match=match, network=name)
    # One pass: what measures single frames lets them through to what measures pairs.
    stylized, source = tee(_measured(measurement, meter, listener))
    errors = temporal_errors(
        (frame for frame, _ in stylized),
        (frame for _, frame in source),
        cuts=match.cuts,
    )
    found = {error.index: error for error in errors}
    for index in range(match.count):
        one = found.get(index)
        both = (None, None) if one is None else (one.error, one.source_error)
        measurement.quantities["temporal_error"].add(*both)
        both = (None, None) if one is None else (one.flicker, one.source_flicker)
        measurement.quantities["flicker"].add(*both)
        share = None if one is None else one.trusted_share
        measurement.trusted_share.frames.append(share)
    return measurement


def _measured(
    measurement: Measurement, meter: FrameMeter, listener: Listener
) -> Iterator[tuple[Frame, Frame]]:
    """Measure each frame for itself, and pass it on."""
    match = measurement.match
    for index, (stylized, content) in enumerate(matched_frames(match)):
        measured = {
            "luminance": (mean_luminance(stylized), mean_luminance(content)),
            "gradient": (mean_gradient(stylized), mean_gradient(content)),
            **meter.measure(stylized, content, begins_shot=index in match.cuts),
        }
        for name, both in measured.items():
            measurement.quantities[name].add(*both)
        yield stylized, content
        listener(
            FrameReport(
                frame=match.first + index,
                steps=0,
                frames_known=match.count,
                all_known=True,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalError:
    """How far one frame is from its predecessor moved along the source's flow."""

    index: int
    """Of the later frame, from 0."""
    error: float
    """Of the stylized frame: squared difference in units of the full range, mean over
    colors and, weighted by consistency, over pixels."""
    source_error: float
    """Of the source's own frame, on the same pixels along the same flow."""
    flicker: float
    """The error under ``independent_motion``, over the stylized frame's
    ``mean_squared_gradient``."""
    source_flicker: float
    trusted_share: float
    """Mean consistency of that flow."""


def temporal_errors(
    stylized: Iterable[Frame],
    source: Iterable[Frame],
    *,
    quality: FlowQuality = "medium",
    cuts: Collection[int] = (),
) -> Iterator[TemporalError]:
    """Measure the flicker between each frame and the one before it in the same shot.

    Args:
        stylized: Painted frames, read once and not held.
        source: The frames that they were painted from, of the same shape and number.
        quality: Of the flow, which is estimated on the source.
        cuts: Indices of frames that begin a shot.

    Yields:
        One error a pair, in order. A pair at a cut has none, nor has one whose flow can
        be trusted nowhere.

    Source: Ruder et al. 2016's short-term loss, divided by the trusted pixels.
    """
    both = enumerate(zip(stylized, source, strict=True))
    for (_, earlier), (index, later) in pairwise(both):
        if later[0].shape != later[1].shape:
            raise ValueError(
                f"frame {index} is {later[0].shape} painted but {later[1].shape} in "
                "the source; resize one of them."
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
