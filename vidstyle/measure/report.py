"""Measure a result of any kind, and report it as JSON facts and as a table."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vidstyle.errors import ConfigError, counted
from vidstyle.images import is_picture
from vidstyle.measure import MeasureConfig
from vidstyle.measure.clip import measure_clip
from vidstyle.measure.distance import Facts, compare, measure_still
from vidstyle.measure.fid import are_sets, measure_folders
from vidstyle.records import Listener

# Label and number format of each metric, in the order of the table.
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
# Metrics of which the drift is reported instead of the mean.
DRIFTING: Final = {"luminance", "gradient"}


def measure_result(
    result: Path, config: MeasureConfig, listener: Listener
) -> tuple[Facts, Iterable[str]]:
    """Measure a folder of pictures, a picture or a clip, whichever the result is.

    Returns the facts for JSON, and the lines of the report. ConfigError: a setting does
    not apply to this kind of result (only clips have ``frames``).
    """
    content, style = config.content, config.style
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
        return facts, _clip_table(facts)
    if config.frames != (0, None):
        raise ConfigError(f"--frames is for clips, but {result} is not one; remove it.")
    if is_set:
        facts = measure_folders(result, config, listener)
        return facts, _folder_table(facts)
    facts = measure_still(result, config, listener)
    return facts, _lines(f"{facts['width']}x{facts['height']}", facts)


def _clip_table(facts: Facts) -> Iterator[str]:
    shown: Facts = {"network": facts["network"]}
    for name in FORMS.keys() & facts.keys():
        which = "drift" if name in DRIFTING else "mean"
        metric = facts[name]
        shown[name] = compare(metric["result"][which], metric["content"][which])
    frames = counted(facts["frames"], "frame")
    cuts = counted(len(facts["cuts"]), "cut")
    return _lines(f"{frames} of {facts['width']}x{facts['height']}, {cuts}", shown)


def _folder_table(facts: Facts) -> Iterator[str]:
    counts = facts["pictures"]
    yield (
        f"{counts['result']} results, {counts['content']} contents, {counts['style']} "
        f"paintings; {facts['dimensions']} features per picture: {facts['features']}"
    )
    yield from _table(facts)
    yield facts["note"]
    yield "To measure one of the results, name it and its content instead."


def _lines(what: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Format the metrics, with a legend and an interpretation of two of them."""
    by = f", network {facts['network']}" if facts["network"] else ""
    yield f"{what}, pixel values in [0, 1]{by}"
    yield from _table(facts)
    yield "0 means identical (SSIM and drift: 1)"
    missing = compare(None, None)
    flicker = facts.get("flicker", missing)["ratio"]
    if flicker is not None:
        word = "steady" if flicker <= 1 else "unsteady"
        yield f"flickers {_in_words(flicker)} as much as its source: {word}"
    style = facts.get("style_distance", missing)["ratio"]
    if style is not None and style < 1:
        yield f"style: {1 - style:.0%} of the way from the content to the painting"


def _in_words(ratio: float) -> str:
    """Write a ratio in words, as a unit fraction if it is well below 1."""
    parts = round(1 / max(ratio, 1e-3))
    if parts < 2:
        return f"{ratio:.1f} times"
    return {2: "half", 3: "a third", 4: "a quarter"}.get(parts, f"1/{parts}")


def _table(facts: Mapping[str, Any]) -> Iterator[str]:
    """Format one line per metric, in the order of ``FORMS``."""
    yield f"{'':18}{'result':>10}{'content':>10}{'ratio':>11}"
    for name, (label, form) in FORMS.items():
        if name in facts:
            values = facts[name]
            cells = _cell(values["result"], form) + _cell(values["content"], form)
            yield f"{label:18}{cells} {_cell(values['ratio'], '.3f')}"


def _cell(value: float | None, form: str) -> str:
    text = "-" if value is None else format(value, form)
    return f"{text:>10}"
