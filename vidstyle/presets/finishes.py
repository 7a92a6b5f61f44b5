"""The presets of finish: how much time to give."""

from typing import Final

from vidstyle.presets.preset import Preset

DRAFT: Final = {"long_side": 256, "steps": 100, "next_steps": 25}
FINE: Final = {"long_side": 768, "steps": 500, "next_steps": 80}

FINISHES: Final = (
    Preset(
        name="draft",
        summary="quick and small, to try paintings and settings",
        settings=DRAFT,
    ),
    Preset(name="standard", summary="the defaults", settings={}),
    Preset(name="fine", summary="large and finished, for what you keep", settings=FINE),
)
