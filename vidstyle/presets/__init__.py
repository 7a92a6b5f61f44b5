"""What comes along, by name: settings that belong together, paintings, a clip.

The settings are TOML files, which ``--config`` reads, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from vidstyle.config.toml_file import read_config, read_table

NAMES: Final = (
    *("draft", "standard", "fine"),
    *("gatys2016", "lopez2017", "lee2023", "rathod2023", "tella", "ruder2016"),
)
"""In the order in which they are listed: how much time to give, then the literature."""
SAMPLES: Final = ("swirls", "woodblock")
"""The paintings that come along: --style takes them by name."""
WIDTH: Final = 86
"""Columns of the lines on a preset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings that belong together, as far as they differ from the defaults."""

    name: str
    summary: str
    """One line for the list of presets."""
    notes: tuple[str, ...]
    """What it says about itself, a paragraph each: scales, conversions, departures."""
    settings: Mapping[str, Any]
    """By the names of the fields."""

    @property
    def about(self) -> list[str]:
        """Name, summary and notes, for the head of a file of settings."""
        paragraphs = f"Preset {self.name}: {self.summary}.", *self.notes
        return ["", *(line for text in paragraphs for line in wrap(text, WIDTH))]


@cache
def read_preset(name: str) -> Preset:
    """Read the preset of that name, one of ``NAMES``."""
    path = Path(__file__).with_name(f"{name}.toml")
    table = read_table(path)
    return Preset(
        name=name,
        summary=table["summary"],
        notes=tuple(table.get("notes", ())),
        settings=read_config(path),
    )


def sample(name: str) -> Path:
    """Find a sample: in the wheel within the package, in a checkout beside it."""
    package = Path(__file__).parents[1]
    there = package / "samples" / name
    return there if there.is_file() else package.parent / "samples" / name


def named_painting(path: Path) -> Path:
    """Return a painting, which may be the name of one that comes along."""
    is_ours = str(path) in SAMPLES and not path.exists()
    return sample(f"{path}.jpg") if is_ours else path
