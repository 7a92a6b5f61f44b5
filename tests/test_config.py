"""Every setting is checked, and every refusal names setting, value and range."""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from vidstyle.config import (
    CRF,
    MIN_SIDE,
    AlbumConfig,
    EncodingConfig,
    EvolutionConfig,
    LayerWeight,
    StyleConfig,
    VideoConfig,
    equal_layers,
)
from vidstyle.errors import ConfigError

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)
UNIT = LayerWeight("relu1_1", 1)


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


# But for tuples, which are tested below.
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


@pytest.mark.parametrize(("codec", "crf"), CRF.items())
def test_each_codec_has_its_own_quality(codec: Any, crf: Any) -> None:
    for value in crf:
        assert EncodingConfig(codec=codec, crf=value).crf == value
    for value in (crf.least - 1, crf.most + 1):
        with pytest.raises(ConfigError, match=rf"crf \(for {codec}\) is {value}; "):
            EncodingConfig(codec=codec, crf=value)
    assert crf.least < crf.default < crf.most


@pytest.mark.parametrize("codec", ["prores", "ffv1"])
def test_codec_without_a_quality_takes_none(codec: Any) -> None:
    assert EncodingConfig(codec=codec).crf is None
    with pytest.raises(ConfigError, match=f"{codec} has no crf"):
        EncodingConfig(codec=codec, crf=18)


def test_place_is_not_kept_where_all_is_stripped() -> None:
    with pytest.raises(ConfigError, match="not both"):
        EncodingConfig(keep_location=True, strip_metadata=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(("kind", "setting"), NUMBERS)
def test_no_number_may_be_endless_or_none(
    kind: type[Any], setting: str, value: float
) -> None:
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
    with pytest.raises(ConfigError) as refused:
        kind(**{setting: "sideways"})
    option = setting.replace("_", "-")
    assert str(refused.value) == (
        f"{option} is 'sideways'; it must be one of {', '.join(words)}."
    )


def test_choices_are_those_that_there_are() -> None:
    assert {name for _, name, _ in choices()} == {
        *(
            "missing",
            "network",
            "pooling",
            "style_loss",
            "keep_color",
            "loss_scale",
            "optimizer",
            "init",
        ),
        *("device", "lr_decay", "balance"),
        *("mask_motion", "next_init", "flow", "output_size", "codec"),
    }


def test_scale_of_gatys_is_of_gram_matrices() -> None:
    with pytest.raises(ConfigError, match="loss-scale gatys is that of Gram matrices"):
        StyleConfig(style_loss="swd", loss_scale="gatys")


def test_size_of_the_painting_is_said_once() -> None:
    with pytest.raises(ConfigError, match="either style-side or style-scale"):
        StyleConfig(style_side=300, style_scale=1)


@pytest.mark.parametrize(
    ("style_mix", "said"),
    [
        ((2, -1), "a weight of style-mix is -1; it must be at least 0"),
        ((float("nan"),), "a weight of style-mix is nan; it must be"),
        ((0, 0), "style-mix: at least one weight must exceed 0"),
    ],
)
def test_paintings_that_cannot_be_mixed_are_refused(
    style_mix: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        StyleConfig(style_mix=style_mix)


@pytest.mark.parametrize(
    ("style_at", "said"),
    [
        ((-1, 2), "a time of style-at is -1; it must be at least 0"),
        ((0, float("inf")), "a time of style-at is inf; it must be"),
        ((0, 3.5, 3.5), "style-at: 0, 3.5, 3.5 is not ascending"),
        ((2, 1), "style-at: 2, 1 is not ascending"),
    ],
)
def test_times_that_paintings_cannot_have_are_refused(
    style_at: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        VideoConfig(style_at=style_at)


def test_paintings_are_mixed_or_fade() -> None:
    mixed = StyleConfig(style_mix=(1, 2))
    with pytest.raises(ConfigError, match="either style-mix or style-at"):
        VideoConfig(style=mixed, style_at=(0, 1))


def test_start_may_be_a_picture() -> None:
    assert StyleConfig(init=Path("sketch.png")).init == Path("sketch.png")


def test_nothing_to_optimise_is_refused() -> None:
    with pytest.raises(ConfigError, match="content-weight and style-weight are both 0"):
        StyleConfig(content_weight=0, style_weight=0)


@pytest.mark.parametrize("optimizer", ["lbfgs", "newton-cg"])
def test_balanced_gradients_need_a_first_order_optimizer(optimizer: str) -> None:
    with pytest.raises(ConfigError, match=f"optimizer {optimizer} learns its curva"):
        StyleConfig(balance="gradients", optimizer=optimizer)


def test_balanced_gradients_need_relative_losses() -> None:
    with pytest.raises(ConfigError, match="use --loss-scale free"):
        StyleConfig(balance="gradients", optimizer="adam", loss_scale="gatys")


def test_second_derivatives_that_there_are_not_are_refused() -> None:
    with pytest.raises(ConfigError, match="wasserstein has no second derivatives"):
        StyleConfig(optimizer="newton-cg", style_loss="wasserstein")


@pytest.mark.parametrize("setting", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((), "is empty; name at least one layer"),
        ((UNIT, UNIT), "names a layer twice: relu1_1, relu1_1"),
        ((UNIT, LayerWeight("relu1_1", 2)), "names a layer twice"),
        ((LayerWeight("relu1_1", -1),), "is -1; it must be at least 0"),
        ((LayerWeight("relu1_1", float("nan")),), "is nan; it must be at least 0"),
        ((LayerWeight("relu1_1", float("inf")),), "is inf; it must be at least 0"),
        ((LayerWeight("relu1_1", 0),), "at least one weight must exceed 0"),
    ],
)
def test_layers_that_cannot_be_weighed_are_refused(
    setting: str, layers: tuple[LayerWeight, ...], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        StyleConfig(**{setting: layers})
    text = str(refused.value)
    assert said in text
    assert setting.replace("_", "-") in text


def test_a_layer_may_weigh_nothing_beside_others() -> None:
    layers = (UNIT, LayerWeight("relu2_1", 0))
    assert StyleConfig(style_layers=layers).style_layers == layers


def test_equal_layers_weigh_the_same() -> None:
    assert equal_layers("relu1_1", "relu2_1") == (
        LayerWeight("relu1_1", 1),
        LayerWeight("relu2_1", 1),
    )


@pytest.mark.parametrize("frames", [(5, 5), (5, 4), (0, 0), (0, -3)])
def test_empty_range_of_frames_is_refused(frames: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"frames {frames[0]}:{frames[1]} is empty"):
        VideoConfig(frames=frames)


def test_frames_before_the_first_are_refused() -> None:
    with pytest.raises(ConfigError, match="frames start is -1; it must be at least 0"):
        VideoConfig(frames=(-1, None))


@pytest.mark.parametrize("times", [{"start_s": 1}, {"duration_s": 1}])
def test_frames_and_times_exclude_one_another(times: dict[str, float]) -> None:
    VideoConfig(**times)
    with pytest.raises(ConfigError, match="either frames, or start and duration"):
        VideoConfig(frames=(3, 9), **times)


def test_a_change_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="steps is -1"):
        replace(StyleConfig(), steps=-1)
