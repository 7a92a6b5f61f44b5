"""All presets by their names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vidstyle.presets.finishes import FINISHES
from vidstyle.presets.preset import Preset
from vidstyle.presets.sources import SOURCES

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {preset.name: preset for preset in (*FINISHES, *SOURCES)}
)
"""In the order in which they are listed."""
