"""Values that are more than a number or a word, and how they are written as text.

What cannot be read raises ValueError with a sentence that quotes it.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar, get_args

from vidstyle.config.setting import check_range
from vidstyle.errors import ConfigError

T = TypeVar("T")

BACKGROUND = "white"
"""What lies behind the transparent parts of a clip, unless the user says otherwise."""
COLORS: Final[Mapping[str, str]] = {
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}
"""Colors that have names."""
Init = Literal["content", "random", "style"]
"""What a picture may start from, beside a file."""


SHAPE_SLACK = 0.02
"""How much a mask's aspect ratio may differ from the picture's: sizes are rounded."""


class Region(NamedTuple):
    """A part of a picture with a painting of its own."""

    mask: Path  # a picture: white inside, black outside; a video or a folder for a clip
    style: Path


class LayerWeight(NamedTuple):
    """One layer of a loss and its share in it, relative to the loss's other layers."""

    layer: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Write it as ``parse_layers`` reads it."""
        if self.weight == 1:
            return self.layer
        return f"{self.layer}:{self.weight!r}".removesuffix(".0")


def block_of(layer: str) -> int:
    """Return the number of the block of a VGG's layer: relu4_2 -> 4."""
    return int(layer.removeprefix("relu").partition("_")[0])


def check_layers(name: str, layers: tuple[LayerWeight, ...]) -> None:
    """Check that layers are named once each, with weights that can be normalised."""
    names = [layer for layer, _ in layers]
    if not names:
        raise ConfigError(f"{name} is empty; name at least one layer.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{name} names a layer twice: {', '.join(names)}.")
    for layer, weight in layers:
        check_range(f"weight of {layer} in {name}", weight, least=0)
    if sum(weight for _, weight in layers) == 0:
        raise ConfigError(f"{name}: at least one weight must exceed 0.")


def parse_color(name: str, text: str) -> str:
    """Turn a color's name, or ``#RRGGBB``, into ``#rrggbb``; else ConfigError."""
    color = COLORS.get(text.lower(), text.lower())
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise ConfigError(
            f"{name} is {text!r}; it must be #RRGGBB or one of {', '.join(COLORS)}."
        )
    return color


def parse_layers(text: str) -> tuple[LayerWeight, ...]:
    """Read ``relu1_1,relu2_1:0.5``; a weight that is not given is 1."""
    layers = []
    for item in text.split(","):
        name, _, weight = item.strip().partition(":")
        try:
            layers.append(LayerWeight(name, float(weight) if weight else 1.0))
        except ValueError:
            raise ValueError(
                f"{weight!r} in {item.strip()!r} is not a number"
            ) from None
    return tuple(layers)


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read ``2,1``; an empty text has no numbers."""
    try:
        return tuple(float(item) for item in text.split(",")) if text.strip() else ()
    except ValueError:
        raise ValueError(f"{text!r} is not a list of numbers such as 2,1") from None


def parse_side(text: str) -> int | None:
    """Read a number of pixels, or ``source``."""
    what = "neither a number of pixels nor source"
    return None if text == "source" else _read(int, text, what)


def parse_fps(text: str) -> Fraction | None:
    """Read ``24``, ``23.976`` or ``24000/1001``, or ``source``."""
    what = "not a rate such as 24, 23.976 or 24000/1001"
    return None if text == "source" else _read(Fraction, text, what)


def _read(parse: Callable[[str], T], text: str, what: str) -> T:
    try:
        return parse(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is {what}") from None


def parse_time(text: str) -> float:
    """Read seconds, ``1:30`` or ``00:01:30.5``."""
    seconds = 0.0
    for part in text.split(":"):
        what = "not a time such as 90, 1:30 or 0:01:30.5"
        seconds = seconds * 60 + _read(float, part, f"in {text!r}, {what}")
    return seconds


def parse_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``, ``A:`` or ``:B`` as a half-open range of frames."""
    found = re.fullmatch(r"\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*", text)
    if found is None:
        raise ValueError(f"{text!r} is not a range of frames such as 0:48")
    start, stop = found.groups()
    return int(start or 0), None if stop is None else int(stop)


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """Read ``320x180,640x360`` as widths and heights."""
    sizes = []
    for item in text.split(","):
        width, _, height = item.strip().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise ValueError(f"{item!r} is not a size such as 320x180")
        sizes.append((int(width), int(height)))
    return sizes


def parse_init(text: str) -> str | Path:
    """Read a way to start, or the name of a picture to start from."""
    return text if text in get_args(Init) else Path(text)


def check_mask_shape(
    path: Path, tall: int, wide: int, *, height: int, width: int, what: str = "mask"
) -> None:
    """Check that it has the picture's shape, at any size, or raise ConfigError."""
    if abs(tall * width - wide * height) > SHAPE_SLACK * wide * height:
        raise ConfigError(
            f"the {what} {path} is {wide}x{tall}, which is not the shape of {width}x"
            f"{height}; draw it over the picture itself."
        )
