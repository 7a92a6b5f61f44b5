"""The presets of the literature: the numbers that their notes name."""

import re

import pytest
from conversions import (
    CAFFE_ENERGIES,
    NETWORK_STD,
    PIXELS,
    Energies,
    Weights,
    converted,
)
from loss_conventions import GATYS_LAYERS, gatys_sums, keras_sums, neural_style_sums

from vidstyle.config.toml_file import NAMES, read_preset
from vidstyle.networks import published_weights

BY_NAME = {name: read_preset(name) for name in NAMES[3:]}


def numbers(name: str) -> str:
    return " ".join(BY_NAME[name].notes)


@pytest.mark.parametrize("name", BY_NAME)
def test_notes_say_scale_and_weights(name: str) -> None:
    assert "torchvision" in numbers(name)
    assert re.search(r"pixels (in 0..255|normalized)", numbers(name))


@pytest.mark.parametrize("name", BY_NAME)
def test_no_source_recolors(name: str) -> None:
    assert BY_NAME[name].settings["recolor"] is False


def test_gatys() -> None:
    settings = BY_NAME["gatys2016"].settings
    assert settings["content_weight"] == 0.268
    assert "1e-3 becomes 0.268" in numbers("gatys2016")
    grams = [CAFFE_ENERGIES.gram[layer] for layer in GATYS_LAYERS]
    assert max(grams) / sum(grams) == pytest.approx(0.99, abs=0.005)


def test_lopez() -> None:
    settings = BY_NAME["lopez2017"].settings
    assert settings["content_weight"] == 0.205
    assert "1e-3 becomes 0.205" in numbers("lopez2017")
    assert round(settings["lr"], 4) == 0.0314
    assert settings["lr_decay_rate"] ** 3 == pytest.approx(0.830584)
    assert (settings["lr_decay"], settings["lr_decay_every"]) == ("staircase", 100)
    assert settings["long_side"] == 448


def test_no_source_painted_in_several_sizes() -> None:
    assert {each.settings["pyramid"] for each in BY_NAME.values()} == {1}


def test_lee() -> None:
    settings = BY_NAME["lee2023"].settings
    assert settings["content_weight"] == 0.168
    shares = [0.684, 1, 0.00918, 0.744, 2.46e-6]
    assert [weight for _, weight in settings["style_layers"]] == shares
    assert (settings["tv_weight"], settings["tv_beta"]) == (4.31, 2.5)
    assert settings["steps"] == settings["min_steps"] == 10 * 20


def test_rathod() -> None:
    settings = BY_NAME["rathod2023"].settings
    assert settings["lr"] == pytest.approx(0.00226)
    assert (settings["long_side"], settings["style_side"]) == (384, 256)
    assert settings["steps"] == settings["min_steps"] == 1000


def test_ruder() -> None:
    settings = BY_NAME["ruder2016"].settings
    assert settings["content_weight"] == 0.157
    shares = [0.00242, 0.0565, 0.0123, 1, 5.3e-5]
    assert [weight for _, weight in settings["style_layers"]] == shares
    assert (settings["tv_weight"], settings["temporal_weight"]) == (1.16, 4.89)
    assert (settings["steps"], settings["next_steps"]) == (2000, 1000)
    assert (settings["patience"], settings["min_delta"]) == (50, 1e-4)


def test_tella() -> None:
    settings = BY_NAME["tella"].settings
    ratio = [settings[f"{name}_weight"] for name in ("content", "style", "tv")]
    assert ratio == [1.5, 10, 0.3]
    assert settings["balance"] == "gradients"
    assert round(settings["lr"], 4) == 0.0392
    layers = tuple(layer for layer, _ in settings["style_layers"])
    assert layers == published_weights("vgg16").topology.layers


GATYS = gatys_sums(content=1e-3, style=1)
LEE = keras_sums(content=0.025, style=5, tv=1)
LEE_ENERGIES = Energies(
    feature=CAFFE_ENERGIES.feature,
    gram={
        **CAFFE_ENERGIES.gram,
        "relu3_3": CAFFE_ENERGIES.gram["relu3_1"],
        "relu4_3": CAFFE_ENERGIES.gram["relu4_1"],
        "relu5_3": CAFFE_ENERGIES.gram["relu5_1"],
    },
)
RUDER = neural_style_sums(
    content=5, style=100, tv=1e-3, temporal=1e3, height=350, width=450
)
CONVERTED = {
    "gatys2016": converted(GATYS, height=512, width=512),
    "lopez2017": converted(GATYS, height=448, width=448),
    "lee2023": converted(LEE, height=512, width=512, energies=LEE_ENERGIES),
    "ruder2016": converted(RUDER, height=350, width=450),
}


@pytest.mark.parametrize(("name", "weights"), CONVERTED.items())
def test_weights_are_the_sources_own_in_our_units(name: str, weights: Weights) -> None:
    settings = BY_NAME[name].settings
    assert settings["content_weight"] == weights.content
    if name in {"lee2023", "ruder2016"}:  # the others weigh their layers alike
        assert settings["style_layers"] == weights.layers
        assert settings["tv_weight"] == weights.tv
        assert settings["tv_beta"] == weights.tv_beta
    if name == "ruder2016":
        assert settings["temporal_weight"] == weights.temporal


def test_steps_are_the_sources_own_in_our_units() -> None:
    rates = {"lopez2017": 8 / PIXELS, "rathod2023": 0.01 * NETWORK_STD}
    for name, lr in {**rates, "tella": 10 / PIXELS}.items():
        assert BY_NAME[name].settings["lr"] == lr
