"""A result, its content and its painting come in; how good the result is goes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from statistics import fmean

from vidstyle.config import DeviceName, NetworkName
from vidstyle.measure.distance import DistanceMeter
from vidstyle.measure.matching import Match, match_clips, matched_frames
from vidstyle.measure.temporal import (
    TemporalError,
    mean_gradient,
    mean_luminance,
    temporal_errors,
)
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan

Compared = tuple[float | None, float | None, float | None]
"""The result's number, the content's, and the first by the second."""


@dataclass(frozen=True, slots=True)
class Series:
    """One number for every frame."""

    frames: list[float | None] = field(default_factory=list)
    """None where a frame has none."""

    @property
    def mean(self) -> float | None:
        """Over the frames that have one."""
        known = [value for value in self.frames if value is not None]
        return fmean(known) if known else None

    @property
    def drift(self) -> float | None:
        """The last frame's by the second's: the first has no frame to follow."""
        return _divide(self.frames[-1], self.frames[1]) if self.frames[1:] else None


@dataclass(frozen=True, slots=True)
class Quantity:
    """The same measure of a result and of its content."""

    result: Series = field(default_factory=Series)
    content: Series = field(default_factory=Series)

    @property
    def means(self) -> Compared:
        """Over the frames."""
        return _compare(self.result.mean, self.content.mean)

    @property
    def drifts(self) -> Compared:
        """From the second frame to the last."""
        return _compare(self.result.drift, self.content.drift)

    def add(self, result: float | None, content: float | None) -> None:
        """Take in the next frame's."""
        self.result.frames.append(result)
        self.content.frames.append(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All that was measured, frame by frame of the result."""

    match: Match
    temporal_error: Quantity = field(default_factory=Quantity)
    """On trusted pixels, against the frame before; none where a shot begins."""
    trusted_share: Series = field(default_factory=Series)
    """Of the pixels that the temporal error is taken from."""
    luminance: Quantity = field(default_factory=Quantity)
    """Mean luma, in [0, 1]."""
    gradient: Quantity = field(default_factory=Quantity)
    """Mean length of luma's gradient, in full ranges a pixel."""
    network: str | None = None
    """That measured the distances. None: they were not."""
    style_distance: Quantity = field(default_factory=Quantity)
    """To the painting."""
    content_distance: Quantity = field(default_factory=Quantity)
    """To the content, whose own is 0."""

    def quantities(self) -> dict[str, Quantity]:
        """Name all that was measured of both clips."""
        names = ["temporal_error", "luminance", "gradient"]
        if self.network is not None:
            names += ["style_distance", "content_distance"]
        return {name: getattr(self, name) for name in names}


def measure_clip(
    result: Path,
    content: Path,
    *,
    style: Path | None,
    network: NetworkName,
    device: DeviceName,
    frames: tuple[int, int | None],
    listener: Listener,
) -> Measurement:
    """Measure how coherent a painted clip is, and how well it is painted.

    Args:
        result: A video or, without a codec's losses, a folder of numbered pictures.
        content: The clip that it was painted from.
        style: The painting's file; None: no distances.
        network: For the distances.
        device: For the distances.
        frames: Range ``[start, stop)`` of the content's frames that the result shows.
        listener: Is told every frame and every warning.

    Raises:
        InputError: If a file cannot be used, or the clips do not belong together.
        WeightsError: If the network's weights are not to be had.
        DeviceMemoryError: If a frame does not fit on the device.
    """
    match = match_clips(
        result,
        content,
        frames=frames,
        on_warning=lambda text: listener(Notice(text=text, is_warning=True)),
    )
    height, width = match.result.height, match.result.width
    if match.result.kind == "video":
        listener(Notice(text=f"what the codec of {result} has lost is measured too"))
    meter = None
    if style is not None:
        meter = DistanceMeter(
            style,
            network=network,
            device=device,
            long_side=max(height, width),
            listener=listener,
        )
    listener(Plan(height=height, width=width, frames=match.count))
    measurement = Measurement(
        match=match, network=None if meter is None else meter.network
    )
    # One pass: what measures single frames lets them through to what measures pairs.
    stylized, source = tee(_measured(measurement, meter, listener))
    errors = temporal_errors(
        (frame for frame, _ in stylized),
        (frame for _, frame in source),
        cuts=match.cuts,
    )
    found = {each.index: each for each in errors}
    for index in range(match.count):
        _add_error(measurement, found.get(index))
    return measurement


def _measured(
    measurement: Measurement, meter: DistanceMeter | None, listener: Listener
) -> Iterator[tuple[Frame, Frame]]:
    """Measure each frame for itself, and pass it on."""
    match = measurement.match
    for index, (stylized, content) in enumerate(matched_frames(match)):
        measurement.luminance.add(mean_luminance(stylized), mean_luminance(content))
        measurement.gradient.add(mean_gradient(stylized), mean_gradient(content))
        if meter is not None:
            ours, theirs = meter.measure(
                stylized, content, begins_shot=index in match.cuts
            )
            measurement.style_distance.add(ours.style, theirs.style)
            measurement.content_distance.add(ours.content, theirs.content)
        yield stylized, content
        listener(
            FrameReport(
                frame=match.first + index,
                steps=0,
                frames_known=match.count,
                all_known=True,
            )
        )


def _add_error(measurement: Measurement, error: TemporalError | None) -> None:
    if error is None:
        measurement.temporal_error.add(None, None)
        measurement.trusted_share.frames.append(None)
        return
    measurement.temporal_error.add(error.error, error.source_error)
    measurement.trusted_share.frames.append(error.trusted_share)


def _compare(one: float | None, other: float | None) -> Compared:
    return one, other, _divide(one, other)


def _divide(one: float | None, other: float | None) -> float | None:
    """Divide one number by another. None: there is nothing to divide, or by."""
    return one / other if one is not None and other else None
