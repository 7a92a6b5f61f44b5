"""Parsers of composite values; ValueErrors are sentences that quote the text."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import NamedTuple


class LayerWeight(NamedTuple):
    """One layer of a loss, with its weight relative to the loss's other layers."""

    layer: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Format it as ``parse_layers`` reads it."""
        weight = "" if self.weight == 1 else f":{self.weight!r}".removesuffix(".0")
        return self.layer + weight


@contextmanager
def _reraised_as(sentence: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, ZeroDivisionError):
        raise ValueError(sentence) from None


def parse_layers(text: str) -> tuple[LayerWeight, ...]:
    """Parse ``relu1_1,relu2_1:0.5``; weights default to 1."""
    layers = []
    for item in map(str.strip, text.split(",")):
        name, _, weight = item.partition(":")
        with _reraised_as(f"{weight!r} in {item!r} is not a number"):
            layers.append(LayerWeight(name, float(weight or 1)))
    return tuple(layers)


def parse_numbers(text: str) -> tuple[float, ...]:
    """Parse ``2,1``; an empty text is an empty tuple."""
    with _reraised_as(f"{text!r} is not a list of numbers such as 2,1"):
        return tuple(float(item) for item in text.split(",")) if text.strip() else ()


def parse_side(text: str) -> int | None:
    """Parse a number of pixels; ``source`` is None."""
    with _reraised_as(f"{text!r} is neither a number of pixels nor source"):
        return None if text == "source" else int(text)


def parse_fps(text: str) -> Fraction | None:
    """Parse ``24``, ``23.976`` or ``24000/1001``; ``source`` is None."""
    with _reraised_as(f"{text!r} is not a rate such as 24, 23.976 or 24000/1001"):
        return None if text == "source" else Fraction(text)


def parse_time(text: str) -> float:
    """Parse ``90``, ``1:30`` or ``00:01:30.5`` as seconds."""
    seconds = 0.0
    for part in text.split(":"):
        with _reraised_as(f"{text!r} is not a time such as 90, 1:30 or 0:01:30.5"):
            seconds = seconds * 60 + float(part)
    return seconds


def parse_range(text: str) -> tuple[int, int | None]:
    """Parse ``A:B``, ``A:`` or ``:B`` as a half-open range of frames."""
    with _reraised_as(f"{text!r} is not a range of frames such as 0:48"):
        start, stop = map(str.strip, text.split(":"))
        return int(start or 0), int(stop) if stop else None
