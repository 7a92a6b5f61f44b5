"""Test which settings of one picture go together."""

from dataclasses import replace
from pathlib import Path

import pytest

from vidstyle.config import StyleConfig
from vidstyle.errors import ConfigError


def test_scale_of_gatys_is_of_gram_matrices() -> None:
    with pytest.raises(
        ConfigError, match="loss-scale gatys works only with style-loss gram"
    ):
        StyleConfig(style_loss="swd", loss_scale="gatys")


def test_size_of_the_painting_is_said_once() -> None:
    with pytest.raises(ConfigError, match="either style-side or style-scale"):
        StyleConfig(style_side=300, style_scale=1)


@pytest.mark.parametrize(
    ("style_mix", "said"),
    [
        ((2, -1), "a weight of style-mix is -1; it must be at least 0"),
        ((float("nan"),), "a weight of style-mix is nan; it must be"),
        ((0, 0), "style-mix: at least one weight must be more than 0"),
    ],
)
def test_paintings_that_cannot_be_mixed_are_refused(
    style_mix: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        StyleConfig(style_mix=style_mix)


def test_start_may_be_a_picture() -> None:
    assert StyleConfig(init=Path("sketch.png")).init == Path("sketch.png")


def test_nothing_to_optimize_is_refused() -> None:
    with pytest.raises(ConfigError, match="content-weight and style-weight are both 0"):
        StyleConfig(content_weight=0, style_weight=0)


@pytest.mark.parametrize("optimizer", ["lbfgs", "newton-cg"])
def test_balanced_gradients_need_a_first_order_optimizer(optimizer: str) -> None:
    with pytest.raises(ConfigError, match=f"optimizer {optimizer} cannot handle"):
        StyleConfig(balance="gradients", optimizer=optimizer)


def test_balanced_gradients_need_relative_losses() -> None:
    with pytest.raises(ConfigError, match="use --loss-scale free"):
        StyleConfig(balance="gradients", optimizer="adam", loss_scale="gatys")


def test_a_change_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="steps is -1"):
        replace(StyleConfig(), steps=-1)
