"""Every setting is checked, and every refusal names setting, value and range."""

from dataclasses import FrozenInstanceError, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from vidstyle.config import (
    MIN_SIDE,
    AlbumConfig,
    EncodingConfig,
    EvolutionConfig,
    StyleConfig,
    VideoConfig,
)
from vidstyle.errors import ConfigError

KINDS = (
    StyleConfig,
    VideoConfig,
    EncodingConfig,
    EvolutionConfig,
    AlbumConfig,
)


def settings_of(*types: object) -> list[tuple[type[Any], str]]:
    """List the settings that may hold a value of one of these types."""
    found = []
    for kind in KINDS:
        hints = get_type_hints(kind)
        for field in fields(kind):
            hint = hints[field.name]
            if hint in types or set(get_args(hint)) & set(types):
                found.append((kind, field.name))
    return found


def choices() -> list[tuple[type[Any], str, tuple[str, ...]]]:
    """List the settings that take one of a few words, with the words."""
    return [
        (kind, name, get_args(part))
        for kind in KINDS
        for name, hint in get_type_hints(kind).items()
        for part in (hint, *get_args(hint))
        if get_origin(part) is Literal
    ]


# But for tuples, which are tested beside this file.
TUPLES = {"frames", "style_mix", "style_at"}
NUMBERS = [each for each in settings_of(int, float) if each[1] not in TUPLES]

NEEDED = {"gradients": {"optimizer": "adam"}}
"""What a word cannot do without."""


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_in_range_and_stay_as_they_are(kind: type[Any]) -> None:
    config = kind()
    assert config == kind()
    for field in fields(kind):
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(config, field.name, getattr(config, field.name))


@pytest.mark.parametrize(
    ("kind", "setting", "value", "said"),
    [
        (StyleConfig, "content_weight", -0.1, "at least 0"),
        (StyleConfig, "style_weight", -1, "at least 0"),
        (StyleConfig, "tv_weight", -1e-9, "at least 0"),
        (StyleConfig, "tv_beta", 0.99, "at least 1 and at most 4"),
        (StyleConfig, "tv_beta", 4.1, "at least 1 and at most 4"),
        (StyleConfig, "range_weight", -1, "at least 0"),
        (StyleConfig, "history", 0, "at least 1 and at most 100"),
        (StyleConfig, "history", 101, "at least 1 and at most 100"),
        (StyleConfig, "lr", 0, "more than 0"),
        (StyleConfig, "lr_decay_rate", 0, "more than 0 and at most 1"),
        (StyleConfig, "lr_decay_rate", 1.1, "more than 0 and at most 1"),
        (StyleConfig, "lr_decay_every", 0, "at least 1"),
        (StyleConfig, "temperature", -0.1, "at least 0"),
        (StyleConfig, "steps", -1, "at least 0"),
        (StyleConfig, "min_steps", 0, "at least 1"),
        (StyleConfig, "long_side", MIN_SIDE - 1, f"at least {MIN_SIDE}"),
        (StyleConfig, "style_side", MIN_SIDE - 1, f"at least {MIN_SIDE}"),
        (StyleConfig, "style_scale", 0, "more than 0"),
        (StyleConfig, "seed", -1, "at least 0"),
        (StyleConfig, "seed", 2**63, f"at most {2**63 - 1}"),
        (VideoConfig, "next_steps", -1, "at least 0"),
        (VideoConfig, "temporal_weight", -1, "at least 0"),
        (VideoConfig, "batch", 0, "at least 1"),
        (AlbumConfig, "batch", 0, "at least 1"),
        (EncodingConfig, "crf", -1, "at least 0 and at most 63"),
        (EncodingConfig, "crf", 64, "at least 0 and at most 63"),
        (EvolutionConfig, "frame", -1, "at least 0"),
        (EvolutionConfig, "width", MIN_SIDE - 1, f"at least {MIN_SIDE}"),
        (EvolutionConfig, "pictures", 1, "at least 2 and at most 500"),
        (EvolutionConfig, "pictures", 501, "at least 2 and at most 500"),
        (EvolutionConfig, "fps", 0, "at least 1 and at most 50"),
        (EvolutionConfig, "fps", 51, "at least 1 and at most 50"),
        (EvolutionConfig, "hold_s", -0.1, "at least 0"),
        (VideoConfig, "start_s", -0.1, "at least 0"),
        (VideoConfig, "duration_s", 0, "more than 0"),
    ],
)
def test_number_out_of_range_is_named_with_its_range(
    kind: type[Any], setting: str, value: float, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        kind(**{setting: value})
    option = setting.removesuffix("_s").replace("_", "-")
    prefix = "gif-" if kind is EvolutionConfig else ""
    text = str(refused.value)
    assert text.startswith(f"{prefix}{option} is {value}; it must be ")
    assert said in text


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        (StyleConfig, "content_weight", 0),
        (StyleConfig, "style_weight", 0),
        (StyleConfig, "history", 100),
        (StyleConfig, "lr_decay_rate", 1),
        (StyleConfig, "steps", 0),
        (VideoConfig, "next_steps", 0),
        (StyleConfig, "long_side", MIN_SIDE),
        (StyleConfig, "seed", 2**63 - 1),
        (VideoConfig, "temporal_weight", 0),
        (EncodingConfig, "crf", 0),
        (EncodingConfig, "crf", 63),
        (VideoConfig, "start_s", 0),
        (EvolutionConfig, "frame", 0),
        (EvolutionConfig, "pictures", 2),
        (EvolutionConfig, "hold_s", 0),
    ],
)
def test_ends_of_a_range_belong_to_it(
    kind: type[Any], setting: str, value: float
) -> None:
    assert getattr(kind(**{setting: value}), setting) == value


@pytest.mark.parametrize(("kind", "setting"), NUMBERS)
def test_no_number_may_be_endless_or_none(kind: type[Any], setting: str) -> None:
    for value in map(float, ("nan", "inf", "-inf")):
        with pytest.raises(ConfigError, match=f"is {value}; it must be "):
            kind(**{setting: value})


def test_numbers_are_those_that_there_are() -> None:
    # Otherwise the test above could be about nothing.
    assert {"steps", "lr", "long_side", "start_s", "fps"} <= {n for _, n in NUMBERS}


@pytest.mark.parametrize(("kind", "setting", "words"), choices())
def test_choice_is_one_of_its_words(
    kind: type[Any], setting: str, words: tuple[str, ...]
) -> None:
    for word in words:
        changes = {**NEEDED.get(word, {}), setting: word}
        assert getattr(kind(**changes), setting) == word
    if setting == "init":  # which may also be a file
        return
    with pytest.raises(ConfigError) as refused:
        kind(**{setting: "sideways"})
    option = setting.replace("_", "-")
    assert str(refused.value) == (
        f"{option} is 'sideways'; it must be one of {', '.join(words)}."
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"init": "start.png"}, Path("start.png")),
        ({"init": "content"}, "content"),
        ({"weights": "slim.pth"}, Path("slim.pth")),
        ({"steps": np.int64(2)}, 2),
        ({"content_weight": np.float32(0.5)}, 0.5),
        ({"content_weight": 1}, 1),
        ({"style_mix": [2.0, 1.0]}, (2.0, 1.0)),
        ({"style_mix": np.array([2.0, 1.0])}, (2.0, 1.0)),
        ({"recolor": np.bool_(False)}, False),
    ],
)
def test_values_of_a_program_are_converted(given: dict[str, Any], kept: object) -> None:
    ((name, _),) = given.items()
    value = getattr(VideoConfig.of(**given).style, name)
    assert (value, type(value)) == (kept, type(kept))


def test_rate_of_a_program_is_exact() -> None:
    assert VideoConfig(input_fps=23.976).input_fps == Fraction("23.976")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 2.0}, "steps is 2.0; it must be of type int."),
        ({"steps": "2"}, "steps is '2'; it must be of type int."),
        ({"steps": None}, "steps is None; it must be of type int."),
        ({"lr": "x"}, "lr is 'x'; it must be of type float | None."),
        ({"recolor": "no"}, "recolor is 'no'; it must be of type bool."),
        ({"style_mix": 1.0}, "style-mix is 1.0; it must be of type tuple[float, ...]."),
        ({"style_mix": ("a",)}, "style-mix is ('a',); it must be of type tuple["),
        ({"style_layers": ("relu1_1",)}, "style-layers is ('relu1_1',); it must be of"),
    ],
)
def test_values_of_another_type_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        StyleConfig(**given)
    assert str(refused.value).startswith(said)


def test_choices_are_those_that_there_are() -> None:
    assert {name for _, name, _ in choices()} == {
        *(
            "network",
            "pooling",
            "style_loss",
            "keep_color",
            "loss_scale",
            "optimizer",
            "init",
        ),
        *("device", "precision", "lr_decay", "balance"),
        *("mask_motion", "next_init", "flow", "output_size", "codec"),
        *("method", "network_shape"),
    }
