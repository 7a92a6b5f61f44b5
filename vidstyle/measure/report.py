"""A result of any kind -> its measures: facts, lines of a table, and a plot."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vidstyle.errors import ConfigError
from vidstyle.measure import MeasureConfig
from vidstyle.measure.clip import measure_clip
from vidstyle.measure.distance import Facts, compare
from vidstyle.measure.stills import are_sets, is_picture, measure_folders, measure_still
from vidstyle.plots import Panel, check_plot, write_panels
from vidstyle.records import Listener

# What a table calls each quantity, and how it writes its numbers; in order.
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
# Those whose change from the second frame to the last is of interest.
DRIFTING: Final = {"luminance", "gradient"}
# Columns of the table of a folder's pictures, with their headings.
PICTURE: Final = {
    "content_mse": "MSE",
    "content_ssim": "SSIM",
    "content_distance": "content",
    "style_distance": "style",
}
# The lines in each panel of a plot. All but SSIM grow by powers of ten.
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


def measure_result(
    result: Path, config: MeasureConfig, listener: Listener
) -> tuple[Facts, Iterable[str]]:
    """Measure folders of pictures, a picture or a clip, whichever the result is.

    Only a clip has ``frames``, and a ``plot`` of its numbers over its time. Returns
    what was measured for machines, and lines for people. ConfigError: something does
    not go with such a result.
    """
    content, style, plot = config.content, config.style, config.plot
    if plot is not None:
        check_plot(plot)
    is_set = (style is not None and style.is_dir()) or are_sets(result, content)
    if not is_set and style is None and config.weights is not None:
        raise ConfigError("--weights is used only for distances, which need --style.")
    if not (is_set or is_picture(result)):
        if is_picture(content) and result.exists():
            raise ConfigError(
                f"{content} is a picture, but {result} is not; name the clip or folder "
                "that it was painted from."
            )
        facts = measure_clip(result, config, listener)
        table = [*_clip_table(facts)]
        if plot is not None:
            x_label = "seconds of the content"
            write_panels(plot, _clip_panels(facts), title=result.name, x_label=x_label)
            facts["plot"] = plot
            table.append(str(plot))
        return facts, table
    if config.frames != (0, None) or plot is not None:
        name = "--plot" if config.frames == (0, None) else "--frames"
        raise ConfigError(f"{name} is for clips, but {result} is not one; remove it.")
    if is_set:
        facts = measure_folders(result, config, listener)
        return facts, _folder_table(facts)
    facts = measure_still(result, config, listener)
    return facts, _lines(f"{facts['width']}x{facts['height']}", facts)


def _clip_table(facts: Facts) -> Iterator[str]:
    shown: Facts = {"network": facts["network"]}
    for name in (name for name in FORMS if name in facts):
        which = "drift" if name in DRIFTING else "mean"
        sides = facts[name]["result"], facts[name]["content"]
        shown[name] = compare(*(side[which] for side in sides))
    what = "{frames} frames of {width}x{height}".format(**facts)
    return _lines(f"{what}, {len(facts['cuts'])} cut(s)", shown)


def _clip_panels(facts: Facts) -> list[Panel]:
    """Lay a clip's numbers out over time; where there is none, a curve has a gap."""
    panels = []
    for label, lines in CURVES.items():
        series = {}
        for name, (quantity, side) in lines.items():
            if quantity in facts:
                values = facts[quantity][side]["frames"]
                heights = (float("nan") if one is None else one for one in values)
                series[name] = list(zip(facts["times_s"], heights, strict=True))
        if series:
            panels.append(Panel(y_label=label, series=series, log_y=label != "SSIM"))
    return panels


def _folder_table(facts: Facts) -> Iterator[str]:
    """Write what was measured of folders: sets and means, pictures, and the rest."""
    yield (
        "{result} results, {content} contents, {style} paintings; "
        "{dimensions} features per picture: {features}"
    ).format_map(facts | facts["pictures"])
    yield from _table({name: facts[name] for name in ("content_fid", "style_fid")})
    yield facts["note"]
    if pairs := facts["pairs"]:
        means = facts["means"]
        yield ""
        what = f"means over {len(pairs)} results"
        yield from _lines(what, {"network": facts["network"], **means})
        yield ""
        yield "each: MSE and SSIM to its content, distances from content and style"
        width = max(len(pair["result"].name) for pair in pairs)
        columns = [column for column in PICTURE if column in means]
        yield " " * width + "".join(f"{PICTURE[column]:>10}" for column in columns)
        for pair in pairs:
            cells = (_cell(pair[column], FORMS[column][1]) for column in columns)
            yield f"{pair['result'].name:{width}}" + "".join(cells)
    for each in facts["unmatched"]:
        yield "not measured: {file}: {reason}".format(**each)


def _lines(what: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Write what was measured, by which network, and what two of the numbers mean."""
    by = f", network {facts['network']}" if facts["network"] else ""
    yield f"{what}, pixel values in [0, 1]{by}"
    yield from _table(facts)
    yield "0 means identical (SSIM and drift: 1)"
    none = compare(None, None)
    flicker = facts.get("flicker", none)["ratio"]
    if flicker is not None:
        word = "steady" if flicker <= 1 else "unsteady"
        yield f"flickers {_much(flicker)} as much as its source: {word}"
    style = facts.get("style_distance", none)["ratio"]
    if style is not None and style < 1:
        yield f"style: {1 - style:.0%} of the way from the content to the painting"


def _much(ratio: float) -> str:
    """Write a ratio in words, as a whole part where it is well below 1."""
    parts = round(1 / max(ratio, 1e-3))
    if parts < 2:
        return f"{ratio:.1f} times"
    return {2: "half", 3: "a third", 4: "a quarter"}.get(parts, f"1/{parts}")


def _table(facts: Mapping[str, Any]) -> Iterator[str]:
    """Write a line for each quantity that was measured, in the order of ``FORMS``."""
    yield f"{'':18}{'result':>10}{'content':>10}{'ratio':>11}"
    for name in (name for name in FORMS if name in facts):
        (label, form), each = FORMS[name], facts[name]
        cells = _cell(each["result"], form) + _cell(each["content"], form)
        yield f"{label:18}{cells} {_cell(each['ratio'], '.3f')}"


def _cell(value: float | None, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>10}"
