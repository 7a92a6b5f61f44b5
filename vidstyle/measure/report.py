"""A result of any kind -> its measures: facts, lines of a table, and a plot."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vidstyle.config import DeviceName, NetworkName
from vidstyle.errors import ConfigError
from vidstyle.measure.clip import Measurement, measure_clip
from vidstyle.measure.distance import Compared, Series
from vidstyle.measure.stills import (
    FolderMeasurement,
    StillMeasurement,
    are_sets,
    is_picture,
    measure_folders,
    measure_still,
)
from vidstyle.plots import Panel, check_plot, write_panels
from vidstyle.records import Listener

NOTE: Final = "FIDs of other features, or of sets of other sizes, do not compare."
FORMS: Final = {
    "temporal_error": ("temporal error", ".6f"),
    "flicker": ("relative flicker", ".4f"),
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
PICTURE: Final = {
    "content_mse": "MSE",
    "content_ssim": "SSIM",
    "content_distance": "content",
    "style_distance": "style",
}
"""Columns of the table of a folder's pictures, with their headings."""
NONE: Final = None, None, None
"""Stands for a quantity that was not measured."""
OWN: Final = "style_mse", "style_distance"
"""Of which the content's own number says more than 0 or 1."""
CURVES: Final = {
    "temporal error": {
        "the result": ("temporal_error", "result"),
        "the content itself": ("temporal_error", "content"),
    },
    "MSE": {
        "to the content": ("content_mse", "result"),
        "to the style": ("style_mse", "result"),
    },
    "SSIM": {"to the content": ("content_ssim", "result")},
    "distance": {
        "to the style": ("style_distance", "result"),
        "the content's to the style": ("style_distance", "content"),
        "to the content": ("content_distance", "result"),
    },
}
"""The lines in each panel of a plot. All but SSIM grow by powers of ten."""
Facts = dict[str, Any]
"""Values of JSON, and paths, by their names."""


Measured = tuple[Facts, Iterable[str]]
"""What was measured: facts for machines, and lines for people."""


def measure_result(
    result: Path,
    content: Path,
    *,
    style: Path | None,
    network: NetworkName | None,
    weights: Path | None,
    device: DeviceName,
    frames: tuple[int, int | None],
    plot: Path | None,
    listener: Listener,
) -> Measured:
    """Measure folders of pictures, a picture or a clip, whichever the result is.

    Only of a clip, ``frames`` are those that it shows, as for ``measure_clip``, and
    ``plot`` is where its numbers are drawn over its time. ConfigError: something does
    not go with such a result.
    """
    if plot is not None:
        check_plot(plot)
    tools: dict[str, Any] = {"style": style, "network": network, "weights": weights}
    tools |= {"device": device, "listener": listener}
    is_set = (style is not None and style.is_dir()) or are_sets(result, content)
    if not is_set and style is None and weights is not None:
        raise ConfigError(
            "--weights computes distances, and they need --style; add it."
        )
    if not (is_set or is_picture(result)):
        if is_picture(content) and result.exists():
            raise ConfigError(
                f"{content} is a picture, and {result} is none; name the clip or the "
                "folder that it was painted from."
            )
        return _of_clip(measure_clip(result, content, frames=frames, **tools), plot)
    of_clip = {"--frames": frames != (0, None), "--plot": plot is not None}
    for name in (name for name, is_given in of_clip.items() if is_given):
        raise ConfigError(f"{name} is for clips, and {result} is none; leave it out.")
    names = {"result": result, "content": content}
    if is_set:
        sets = measure_folders(result, content, **tools)
        return {**names, "style": style, **_folder_facts(sets)}, _folder_table(sets)
    still = measure_still(result, content, **tools)
    what = f"{still.width}x{still.height}"
    table = _lines(what, still.network, still.quantities)
    return {**names, **_still_facts(still)}, table


def _of_clip(measured: Measurement, plot: Path | None) -> Measured:
    """Lay out what was measured of a clip, and plot it where that is asked for."""
    match, facts = measured.match, _clip_facts(measured)
    what = f"{match.count} frames of {match.result.width}x{match.result.height}"
    compared = {
        name: quantity.drifts if name in DRIFTING else quantity.means
        for name, quantity in measured.quantities.items()
    }
    what = f"{what}, {len(match.cuts)} cut(s)"
    table = _lines(what, measured.network, compared)
    if plot is None:
        return facts, table
    title, x_label = match.result.path.name, "seconds of the content"
    write_panels(plot, _clip_panels(measured), title=title, x_label=x_label)
    return {**facts, "plot": plot}, (*table, str(plot))


def _clip_panels(measured: Measurement) -> list[Panel]:
    """Lay out what was measured of a clip as curves over its time.

    Where a frame has no number, a curve has a gap.
    """
    times_s, panels = measured.match.times_s, []
    for label, lines in CURVES.items():
        series = {}
        for name, (quantity, side) in lines.items():
            if quantity in measured.quantities:
                values = getattr(measured.quantities[quantity], side).frames
                heights = (float("nan") if one is None else one for one in values)
                series[name] = list(zip(times_s, heights, strict=True))
        if series:
            panels.append(Panel(y_label=label, series=series, log_y=label != "SSIM"))
    return panels


def _clip_facts(measured: Measurement) -> Facts:
    """Collect all that was measured of a clip, frame by frame.

    Lists have an entry a frame of the result, null where there is none.
    """
    match = measured.match
    facts = {
        "result": match.result.path,
        "content": match.content.path,
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


def _series(series: Series) -> Facts:
    return {"mean": series.mean, "drift": series.drift, "frames": series.frames}


def _compared(compared: Compared) -> Facts:
    return dict(zip(("result", "content", "ratio"), compared, strict=True))


def _still_facts(measured: StillMeasurement) -> Facts:
    return {
        "width": measured.width,
        "height": measured.height,
        "network": measured.network,
        **{name: _compared(each) for name, each in measured.quantities.items()},
    }


def _folder_facts(measured: FolderMeasurement) -> Facts:
    sets, means = measured.sets, measured.quantities
    return {
        "pictures": {
            "result": measured.results,
            "content": measured.contents,
            "style": measured.styles,
        },
        "features": sets.features,
        "dimensions": sets.dimensions,
        "content_fid": _compared(sets.content),
        "style_fid": _compared(sets.style),
        "note": NOTE,
        "network": measured.network,
        "means": {name: _compared(each.means) for name, each in means.items()},
        "pairs": [_pair_facts(pair) for pair in measured.pairs],
        "unmatched": [
            {"file": path, "reason": reason}
            for path, reason in measured.unmatched.items()
        ],
    }


def _pair_facts(pair: StillMeasurement) -> Facts:
    """Collect plain values only, so that all pictures make a table."""
    found = pair.quantities
    names = [name for name in FORMS if name in {*found, *PICTURE, *OWN}]
    return {
        **pair.matched._asdict(),
        "width": pair.width,
        "height": pair.height,
        **{name: found.get(name, NONE)[0] for name in names},
        **{f"{name}_of_content": found.get(name, NONE)[1] for name in OWN},
    }


def _folder_table(measured: FolderMeasurement) -> Iterator[str]:
    """Write what was measured of folders: sets and means, pictures, and the rest."""
    sets = measured.sets
    yield (
        f"{measured.results} results, {measured.contents} contents, "
        f"{measured.styles} paintings; {sets.dimensions} features a picture: "
        f"{sets.features}"
    )
    yield from _table({"content_fid": sets.content, "style_fid": sets.style})
    yield NOTE
    if measured.pairs:
        yield from _pictures(measured)
    for path, reason in measured.unmatched.items():
        yield f"not measured: {path}: {reason}"


def _pictures(measured: FolderMeasurement) -> Iterator[str]:
    """Write the means over the pictures, and then each of them."""
    means = {name: each.means for name, each in measured.quantities.items()}
    yield ""
    what = f"means over {len(measured.pairs)} results"
    yield from _lines(what, measured.network, means)
    yield ""
    yield "each: MSE and SSIM to its content, distances from content and painting"
    width = max(len(pair.matched.result.name) for pair in measured.pairs)
    columns = [column for column in PICTURE if column in means]
    yield " " * width + "".join(f"{PICTURE[column]:>10}" for column in columns)
    for pair in measured.pairs:
        values = [pair.quantities.get(column, [None])[0] for column in columns]
        cells = map(_cell, values, (FORMS[column][1] for column in columns))
        yield f"{pair.matched.result.name:{width}}" + "".join(cells)


def _lines(
    what: str, network: str | None, compared: Mapping[str, Compared]
) -> Iterator[str]:
    by = f", network {network}" if network else ""
    yield f"{what}, pixel values in [0, 1]{by}"
    yield from _table(compared)
    yield "0 means alike (SSIM and drift: 1)"
    flicker = compared.get("flicker", NONE)[2]
    if flicker is not None:
        word = "steady" if flicker <= 1 else "unsteady"
        yield f"flickers {_much(flicker)} as much as its source: {word}"
    style = compared.get("style_distance", NONE)[2]
    if style is not None and style < 1:
        yield f"style: {1 - style:.0%} of the way from the content to the painting"


def _much(ratio: float) -> str:
    """Write a ratio in words, as a whole part where it is well below 1."""
    parts = round(1 / max(ratio, 1e-3))
    if parts < 2:
        return f"{ratio:.1f} times"
    return {2: "half", 3: "a third", 4: "a quarter"}.get(parts, f"1/{parts}")


def _table(compared: Mapping[str, Compared]) -> Iterator[str]:
    """Write a line for each quantity, in the order of ``FORMS``."""
    yield f"{'':18}{'result':>10}{'content':>10}{'ratio':>11}"
    for name in (name for name in FORMS if name in compared):
        label, form = FORMS[name]
        result, content, ratio = compared[name]
        cells = _cell(result, form) + _cell(content, form) + " " + _cell(ratio, ".3f")
        yield f"{label:18}{cells}"


def _cell(value: float | None, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>10}"
