"""The presets of the literature: the numbers that their notes name."""

import re

import pytest

from vidstyle.presets.sources import SOURCES
from vidstyle.presets.units import FEATURES

BY_NAME = {preset.name: preset for preset in SOURCES}


def numbers(name: str) -> str:
    return " ".join(BY_NAME[name].notes)


def test_notes_on_the_scale_of_features() -> None:
    assert round(1 / FEATURES, 1) == 57.6
    assert f"{FEATURES**2:.1e}" == "3.0e-04"
    assert f"{FEATURES**4:.1e}" == "9.1e-08"
    for name, preset in BY_NAME.items():
        assert "torchvision" in numbers(name)
        assert re.search(r"pixels (in|normalised)", numbers(name))
        assert preset.settings["missing"] == "nearest"
        assert preset.settings["recolor"] is False


@pytest.mark.parametrize("name", ["gatys2016", "lopez2017"])
def test_ratio(name: str) -> None:
    settings = BY_NAME[name].settings
    assert settings["content_weight"] == pytest.approx(3.0e-7, rel=0.01)
    assert "becomes 3.0e-7" in numbers(name)
    assert settings["loss_scale"] == "gatys"


def test_lopez() -> None:
    settings = BY_NAME["lopez2017"].settings
    assert settings["lr"] == pytest.approx(0.031, abs=0.0005)
    assert settings["lr_decay_rate"] ** 3 == pytest.approx(0.830584)
    assert (settings["lr_decay"], settings["lr_decay_every"]) == ("stairs", 100)
    assert settings["long_side"] == 448


def test_lee() -> None:
    settings = BY_NAME["lee2023"].settings
    assert settings["content_weight"] == pytest.approx(2.5e-8, rel=0.01)
    assert [weight for _, weight in settings["style_layers"]] == [1024, 256, 64, 16, 1]
    assert settings["tv_weight"] == pytest.approx(24, rel=0.02)
    assert settings["steps"] == settings["min_steps"] == 10 * 20


def test_rathod() -> None:
    settings = BY_NAME["rathod2023"].settings
    assert settings["lr"] == pytest.approx(0.00226)
    assert (settings["long_side"], settings["style_side"]) == (384, 256)
    assert settings["steps"] == settings["min_steps"] == 1000


def test_ruder() -> None:
    settings = BY_NAME["ruder2016"].settings
    assert settings["content_weight"] == pytest.approx(1.9e-8, rel=0.03)
    assert [weight for _, weight in settings["style_layers"]] == [64, 16, 4, 1, 1]
    assert settings["tv_weight"] == pytest.approx(10.6, abs=0.05)
    assert settings["temporal_weight"] == pytest.approx(44.9, abs=0.05)
    assert (settings["steps"], settings["next_steps"]) == (2000, 1000)
    assert (settings["patience"], settings["least_gain"]) == (50, 1e-4)
