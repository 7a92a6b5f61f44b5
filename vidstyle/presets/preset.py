"""What a preset is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings that belong together, as far as they differ from the defaults."""

    name: str
    summary: str
    """One line for the list of presets."""
    notes: tuple[str, ...] = ()
    """What it says about itself, a paragraph each: scales, conversions, departures."""
    settings: Mapping[str, Any]
    """By the names of the fields of ``StyleConfig`` and ``VideoConfig``."""
