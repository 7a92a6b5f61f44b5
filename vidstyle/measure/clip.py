"""A result, its content and its painting come in; how good the result is goes out."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from typing import Final

from vidstyle.config import DeviceName, NetworkName
from vidstyle.measure.distance import load_ruler
from vidstyle.measure.frame import FrameMeter
from vidstyle.measure.matching import Match, match_clips, matched_frames
from vidstyle.measure.pixels import mean_gradient, mean_luminance
from vidstyle.measure.series import Quantity, Series
from vidstyle.measure.temporal import TemporalError, temporal_errors
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan

WHOLE: Final = {"luminance": mean_luminance, "gradient": mean_gradient}
"""What is measured of a frame without another."""


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
    begins; ``luminance``: mean luma, in [0, 1]; ``gradient``: mean length of luma's
    gradient, in full ranges a pixel; and those of ``FrameMeter.measure``."""

    def add(self, name: str, result: float | None, content: float | None) -> None:
        """Take in the next frame's number."""
        self.quantities[name].add(result, content)


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

    Args:
        result: A video or, without a codec's losses, a folder of numbered pictures.
        content: The clip that it was painted from.
        style: The painting's file; None: only the content is compared with.
        network: For the distances. None: slim, or the one that ``weights`` fit.
        weights: Its file of them; None: the built-in or published ones.
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
    ruler = None
    if style is not None:
        ruler = load_ruler(network, weights=weights, device=device, listener=listener)
    meter = FrameMeter(style, ruler, height=height, width=width)
    listener(Plan(height=height, width=width, frames=match.count, work="measuring"))
    measurement = Measurement(
        match=match, network=None if ruler is None else ruler.network.name
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
    measurement: Measurement, meter: FrameMeter, listener: Listener
) -> Iterator[tuple[Frame, Frame]]:
    """Measure each frame for itself, and pass it on."""
    match = measurement.match
    for index, (stylized, content) in enumerate(matched_frames(match)):
        for name, compute in WHOLE.items():
            measurement.add(name, compute(stylized), compute(content))
        begins_shot = index in match.cuts
        measured = meter.measure(stylized, content, begins_shot=begins_shot)
        for name, both in measured.items():
            measurement.add(name, *both)
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
        measurement.add("temporal_error", None, None)
        measurement.trusted_share.frames.append(None)
        return
    measurement.add("temporal_error", error.error, error.source_error)
    measurement.trusted_share.frames.append(error.trusted_share)
