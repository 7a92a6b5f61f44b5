"""Test how colors are read."""

import pytest

from vidstyle.config import COLORS, parse_color
from vidstyle.errors import ConfigError


@pytest.mark.parametrize("name", COLORS)
def test_each_name_means_its_color(name: str) -> None:
    assert parse_color("background", name) == COLORS[name]
    assert parse_color("background", name.upper()) == COLORS[name]


def test_color_may_be_given_by_its_channels() -> None:
    assert parse_color("background", "#10aAfF") == "#10aaff"


@pytest.mark.parametrize("text", ["mauve", "", "#fff", "102030", "#10203g", "#1020300"])
def test_other_words_are_no_color(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^background is .* must be #RRGGBB or one"):
        parse_color("background", text)
