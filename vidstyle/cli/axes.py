"""What varies in an experiment, from text: a setting and values, or sets of layers."""

from pathlib import Path
from typing import Final

import typer

from vidstyle.cli.options import usage
from vidstyle.config import StyleConfig
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import read_text
from vidstyle.config.values import parse_layers
from vidstyle.explore.grid import Axis
from vidstyle.explore.layers import Layers

NEVER: Final = frozenset({"style_mix", "min_steps", "patience", "min_delta", "pyramid"})
"""Settings that no experiment has: one painting, one size, and no early stop."""
LISTS: Final = frozenset({"style_layers", "content_layers"})
"""Settings whose values hold commas."""


@usage
def parse_axis(text: str) -> Axis:
    """Read ``content-weight=0.01,0.1`` or ``style-layers=relu1_1;relu1_1,relu2_1``."""
    known = {one.key: one for one in settings_of(StyleConfig) if one.name not in NEVER}
    key, _, values = text.partition("=")
    if key not in known:
        raise typer.BadParameter(
            f"{key!r} is not a setting; choose one of {', '.join(known)}"
        )
    setting = known[key]
    separator = ";" if ";" in values or setting.name in LISTS else ","
    texts = [item.strip() for item in values.split(separator) if item.strip()]
    if not texts:
        raise typer.BadParameter(f"{text!r} has no values, such as {key}=A{separator}B")
    return Axis(
        setting.name, {f"{key} {item}": read_text(setting, item) for item in texts}
    )


@usage
def parse_sets(text: str) -> list[Layers]:
    """Read ``relu1_1,relu2_1;relu3_1`` as sets of layers."""
    sets = [parse_layers(item) for item in text.split(";") if item.strip()]
    if not sets:
        raise typer.BadParameter(f"{text!r} names no layers")
    return sets


def parse_resnet(text: str) -> str | Path:
    """Read the name of a file, or ``random``."""
    return text if text == "random" else Path(text)
