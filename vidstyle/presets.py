"""Named sets of settings: what a preset changes of the defaults, and why.

Only what differs from ``vidstyle.config`` is here, by the names of its fields; the
command line lays a preset over the defaults, and everything else over the preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings that belong together."""

    name: str
    summary: str
    """One line for the list of presets."""
    notes: tuple[str, ...] = ()
    """What it says about itself, a sentence or two each: scales, conversions."""
    settings: Mapping[str, Any]
    """By the names of the fields of ``StyleConfig`` and ``VideoConfig``."""


FINISHES: Final = (
    Preset(
        name="draft",
        summary="quick and small: to try paintings and settings",
        settings={"long_side": 256, "steps": 100, "next_steps": 25},
    ),
    Preset(name="standard", summary="the defaults", settings={}),
    Preset(
        name="fine",
        summary="large and finished: for what you keep",
        settings={"long_side": 768, "steps": 500, "next_steps": 80},
    ),
)
"""How much time to give: the numbers of draft and fine, against the defaults."""

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {preset.name: preset for preset in FINISHES}
)
"""Every preset by its name, in the order in which they are listed."""
