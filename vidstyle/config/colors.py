"""A color, and what lies behind the transparent parts of a clip."""

import re

from vidstyle.errors import ConfigError

BACKGROUND = "white"
"""What lies behind the transparent parts of a clip, unless the user says otherwise."""
COLORS = {
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}
"""Colors that have names."""


def parse_color(name: str, text: str) -> str:
    """Read a color's name, or ``#RRGGBB``.

    Returns:
        The color as ``#rrggbb``.

    Raises:
        ConfigError: If it is neither.
    """
    color = COLORS.get(text.lower(), text.lower())
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise ConfigError(
            f"{name} is {text!r}; it must be #RRGGBB or one of {', '.join(COLORS)}."
        )
    return color
