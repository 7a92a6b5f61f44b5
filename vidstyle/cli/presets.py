"""``vidstyle presets``: which presets there are."""

import json as json_module
from dataclasses import asdict

import typer

from vidstyle.cli import options as o
from vidstyle.presets import NAMES, read_preset


def presets(json: o.Json = False) -> None:
    """List the presets; --preset NAME --show-config shows all that one sets."""
    known = [read_preset(name) for name in NAMES]
    if json:
        typer.echo(json_module.dumps([asdict(each) for each in known], default=str))
        return
    for preset in known:
        typer.echo(f"{preset.name:10}  {preset.summary}")
