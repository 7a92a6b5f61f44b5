"""What an option or a file of settings says in words <-> the value that it means."""

from fractions import Fraction
from pathlib import Path
from typing import get_args

import typer

from vidstyle.config import Init, LayerWeight, Region


def parse_layers(text: str) -> tuple[LayerWeight, ...]:
    """Read ``relu1_1,relu2_1:0.5``; a weight that is not given is 1."""
    layers = []
    for item in text.split(","):
        name, _, weight = item.strip().partition(":")
        try:
            layers.append(LayerWeight(name, float(weight) if weight else 1.0))
        except ValueError:
            raise typer.BadParameter(
                f"{weight!r} in {item.strip()!r} is not a number"
            ) from None
    return tuple(layers)


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read ``2,1``; nothing is no number."""
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    try:
        return tuple(float(item) for item in items)
    except ValueError:
        message = f"{text!r} is not a list of numbers such as 2,1"
        raise typer.BadParameter(message) from None


def parse_at(text: str) -> tuple[float, Path]:
    """Read ``3.5:painting.jpg``."""
    time_s, _, name = text.partition(":")
    try:
        if name:
            return float(time_s), Path(name)
    except ValueError:
        pass
    message = f"{text!r} is not a second and a file such as 3.5:painting.jpg"
    raise typer.BadParameter(message)


def parse_region(text: str) -> Region:
    """Read ``mask.png=painting.jpg``."""
    mask, _, style = text.partition("=")
    if not (mask and style):
        message = f"{text!r} is not a mask and a painting such as sky.png=b.jpg"
        raise typer.BadParameter(message)
    return Region(Path(mask), Path(style))


def parse_side(text: str) -> int | None:
    """Read a number of pixels, or ``source``."""
    if text == "source":
        return None
    try:
        return int(text)
    except ValueError:
        message = f"{text!r} is neither a number of pixels nor source"
        raise typer.BadParameter(message) from None


def parse_fps(text: str) -> Fraction | None:
    """Read ``24``, ``23.976`` or ``24000/1001``, or ``source``."""
    if text == "source":
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"{text!r} is not a rate such as 24, 23.976 or 24000/1001"
        raise typer.BadParameter(message) from None


def parse_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``, ``A:`` or ``:B`` as a half-open range of frames."""
    start, colon, stop = text.partition(":")
    try:
        if colon:
            return int(start or 0), int(stop) if stop else None
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a range of frames such as 0:48")


def parse_init(text: str) -> str | Path:
    """Read a way to start, or the name of a picture to start from."""
    return text if text in get_args(Init) else Path(text)


def show(value: object) -> str:
    """Write a value as its parser reads it."""
    match value:
        case None:
            return "source"
        case (int() as start, stop):
            return f"{start}:{'' if stop is None else stop}"
        case (float(), *_):
            return ", ".join(f"{each!r}".removesuffix(".0") for each in value)
        case tuple():  # with spaces, so that the help can break the line
            return ", ".join(_show_layer(*each) for each in value)
    return str(value)


def _show_layer(layer: str, weight: float) -> str:
    return layer if weight == 1 else f"{layer}:{weight!r}".removesuffix(".0")
