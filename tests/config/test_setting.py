"""From one declaration come a setting's check, its spelling and its place."""

from dataclasses import dataclass
from typing import Literal

import pytest

from vidstyle.config import LayerWeight
from vidstyle.config.parsers import parse_layers
from vidstyle.config.setting import (
    LOOK,
    NETWORK,
    Config,
    check_layers,
    setting,
    settings_of,
)
from vidstyle.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleBank(Config):
    layers: tuple[LayerWeight, ...] | None = setting(
        None,
        "Layers that are matched.",
        NETWORK,
        check=check_layers,
        parser=parse_layers,
        default_text="the network's own",
    )
    gloss: float | None = setting(
        None, "How much it shines.", LOOK, least=0, below=1, flag="shine"
    )
    finish: Literal["matt", "wet"] = setting("matt", "How it dries.", LOOK)
    number: int = 3


def test_settings_are_listed_by_panel_with_what_the_field_says() -> None:
    gloss, finish, layers = settings_of(StyleBank)
    assert (gloss.name, gloss.key, gloss.default) == ("gloss", "shine", None)
    assert finish.choices == ("matt", "wet")
    assert layers.panel == NETWORK


def test_none_is_left_alone_and_has_a_word() -> None:
    (*_, layers) = settings_of(StyleBank)
    assert StyleBank().layers is None
    assert layers.text(None) == "none"
    assert layers.parse("none") is None
    assert layers.parse("relu1_1") == (LayerWeight("relu1_1"),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gloss": 1.0}, "shine is 1.0; it must be at least 0 and less than 1."),
        ({"finish": "dull"}, "finish is 'dull'; it must be one of matt, wet."),
        ({"layers": ()}, "layers is empty"),
    ],
)
def test_each_setting_is_checked(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StyleBank(**changes)
