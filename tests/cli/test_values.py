"""Values as they are typed."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer

from vidstyle.cli.options import usage
from vidstyle.cli.request import parse_at, parse_region
from vidstyle.config import LayerWeight, Region
from vidstyle.config.parsers import (
    parse_fps,
    parse_layers,
    parse_numbers,
    parse_range,
    parse_side,
)
from vidstyle.config.style import parse_init


def test_values_are_read() -> None:
    assert parse_range("3:7") == (3, 7)
    assert parse_range(":7") == (0, 7)
    assert parse_range(":") == (0, None)
    assert parse_numbers("2, 0.5") == (2, 0.5)
    assert parse_numbers("") == ()
    assert parse_at("3:a:b.jpg") == (3, Path("a:b.jpg"))
    assert parse_side("source") is None
    assert parse_fps("source") is None
    assert parse_fps("24000/1001") == Fraction(24000, 1001)
    assert parse_region("sky=1.png=b.jpg") == Region(Path("sky"), Path("1.png=b.jpg"))
    assert parse_side("64") == 64
    assert parse_init("random") == "random"
    assert parse_init("random.png") == Path("random.png")
    layers = (LayerWeight("relu1_1", 0.0), LayerWeight("relu2_1", 1.0))
    assert parse_layers("relu1_1:0, relu2_1") == layers


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (parse_fps, "often"),
        (parse_fps, "1/0"),
        (parse_region, "sky.png"),
        (parse_region, "=b.jpg"),
        (parse_range, "7"),
        (parse_range, "a:b"),
        (parse_range, "1:2:3"),
        (parse_side, "1.5"),
        (parse_numbers, "1,x"),
        (parse_numbers, "1,,2"),
        (parse_at, "a.jpg"),
        (parse_at, "a:b.jpg"),
        (parse_at, ":c.jpg"),
        (parse_layers, "relu1_1:much"),
    ],
)
def test_what_cannot_be_read_is_quoted(parser: Any, text: str) -> None:
    with pytest.raises(typer.BadParameter, match=re.escape(text.rpartition(":")[2])):
        usage(parser)(text)
