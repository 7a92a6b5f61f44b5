"""What was measured, as lines of a table, as facts for machines, and as panels."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vidstyle.measure.clip import Measurement
    from vidstyle.measure.series import Compared, Series
    from vidstyle.measure.still import StillMeasurement
    from vidstyle.plots import Panel

LINE: Final = "{:18}{:>10}{:>10}{:>8}"
HEAD: Final = LINE.format("", "result", "content", "ratio")
SCALE: Final = "pixel values in [0, 1]"
FORMS: Final = {
    "temporal_error": ("temporal error", ".6f"),
    "luminance": ("luminance drift", ".4f"),
    "gradient": ("gradient drift", ".4f"),
    "content_mse": ("MSE to content", ".6f"),
    "style_mse": ("MSE to style", ".6f"),
    "content_ssim": ("SSIM to content", ".4f"),
    "style_distance": ("style distance", ".4f"),
    "content_distance": ("content distance", ".4f"),
    "content_fid": ("FID to contents", ".4f"),
    "style_fid": ("FID to paintings", ".4f"),
}
"""What a table calls each quantity, and how it writes its numbers; in order."""
DRIFTING: Final = {"luminance", "gradient"}
"""Of which the change from the second frame to the last is of interest."""
CURVES: Final = (
    (
        "temporal error",
        True,
        {
            "the result": ("temporal_error", "result"),
            "the content itself": ("temporal_error", "content"),
        },
    ),
    (
        "MSE",
        True,
        {
            "to the content": ("content_mse", "result"),
            "to the style": ("style_mse", "result"),
        },
    ),
    ("SSIM", False, {"to the content": ("content_ssim", "result")}),
    (
        "distance",
        True,
        {
            "to the style": ("style_distance", "result"),
            "the content's to the style": ("style_distance", "content"),
            "to the content": ("content_distance", "result"),
        },
    ),
)
"""Panels of a plot: label, whether y grows by powers of ten, and the lines in it."""


def clip_facts(measured: "Measurement") -> dict[str, Any]:
    """Collect all that was measured of a clip, frame by frame.

    Lists have an entry a frame of the result, null where there is none.
    """
    match = measured.match
    facts: dict[str, Any] = {
        "result": str(match.result.path),
        "content": str(match.content.path),
        "width": match.result.width,
        "height": match.result.height,
        "first": match.first,
        "frames": match.count,
        "times_s": match.times_s,
        "cuts": match.cuts,
        "trusted_share": _series(measured.trusted_share),
        "network": measured.network,
    }
    for name, quantity in measured.quantities.items():
        facts[name] = {
            "result": _series(quantity.result),
            "content": _series(quantity.content),
            "ratio": quantity.means[2],
            "drift_ratio": quantity.drifts[2],
        }
    return facts


def _series(series: "Series") -> dict[str, Any]:
    return {"mean": series.mean, "drift": series.drift, "frames": series.frames}


def still_facts(measured: "StillMeasurement") -> dict[str, Any]:
    """Collect all that was measured of a picture."""
    return {
        "width": measured.width,
        "height": measured.height,
        "network": measured.network,
        **{name: compared_facts(each) for name, each in measured.quantities.items()},
    }


def compared_facts(compared: "Compared") -> dict[str, float | None]:
    """Name the numbers of the result and of the content, and their ratio."""
    return dict(zip(("result", "content", "ratio"), compared, strict=True))


def clip_table(measured: "Measurement") -> Iterator[str]:
    """Write what was measured of a clip as lines of a table."""
    match = measured.match
    yield (
        f"{match.count} frames of {match.result.width}x{match.result.height}, "
        f"{len(match.cuts)} cut(s), {SCALE}{network_text(measured.network)}"
    )
    yield HEAD
    yield from table_lines(
        {
            name: quantity.drifts if name in DRIFTING else quantity.means
            for name, quantity in measured.quantities.items()
        }
    )


def still_table(measured: "StillMeasurement") -> Iterator[str]:
    """Write what was measured of a picture as lines of a table."""
    size = f"{measured.width}x{measured.height}"
    yield f"{size}, {SCALE}{network_text(measured.network)}"
    yield HEAD
    yield from table_lines(measured.quantities)


def network_text(network: str | None) -> str:
    """Name the network that measured distances, for the end of a line."""
    return f", network {network}" if network else ""


def table_lines(compared: "Mapping[str, Compared]") -> Iterator[str]:
    """Write a line for each quantity, in the order of ``FORMS``."""
    for name, (label, form) in FORMS.items():
        if name in compared:
            yield _line(label, compared[name], form)


def _line(label: str, compared: "Compared", form: str) -> str:
    """Write one line of a table; a dash where there is no number."""
    cells = zip(compared, (form, form, ".3f"), strict=True)
    return LINE.format(
        label, *("-" if value is None else format(value, kind) for value, kind in cells)
    )


def clip_panels(measured: "Measurement") -> "list[Panel]":
    """Lay out what was measured of a clip as curves over its time."""
    from vidstyle.plots import Panel

    panels = []
    for label, log_y, lines in CURVES:
        series = {
            name: _points(measured, quantity, side)
            for name, (quantity, side) in lines.items()
            if quantity in measured.quantities
        }
        if series:
            panels.append(Panel(y_label=label, series=series, log_y=log_y))
    return panels


def _points(
    measured: "Measurement", quantity: str, side: str
) -> list[tuple[float, float]]:
    """Join times and numbers; not a number where a frame has none."""
    series: Series = getattr(measured.quantities[quantity], side)
    return [
        (time_s, float("nan") if value is None else value)
        for time_s, value in zip(measured.match.times_s, series.frames, strict=True)
    ]
