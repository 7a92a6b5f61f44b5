"""``vidstyle presets``: which presets there are."""

from dataclasses import asdict

from vidstyle.cli import options as o
from vidstyle.cli.report import print_facts
from vidstyle.presets import NAMES, read_preset


def presets(json: o.Json = False) -> None:
    """List the presets; --preset NAME --show-config shows all that one sets."""
    known = [read_preset(name) for name in NAMES]
    lines = [f"{each.name:10}  {each.summary}" for each in known]
    print_facts([asdict(each) for each in known], lines, as_json=json)
