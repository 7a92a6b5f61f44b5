from dataclasses import replace
from pathlib import Path

import numpy as np

from vidstyle.config import LayerWeight, StyleConfig, equal_layers
from vidstyle.explore.paint import TrialPainter
from vidstyle.explore.reconstruct import reconstruct
from vidstyle.images import read_picture
from vidstyle.records import ignore

LAYERS = (LayerWeight("relu1_1"), LayerWeight("relu2_1", 2))


def test_each_layer_is_alone_for_content_and_sets_grow_for_style():
    experiment = reconstruct(
        Path("c.png"), StyleConfig(), style=Path("s.png"), layers=LAYERS
    )

    content, style = experiment.rows
    assert [trial.config.content_layers for trial in content] == [
        equal_layers("relu1_1"),
        equal_layers("relu2_1"),
    ]
    assert [trial.config.style_layers for trial in style] == [LAYERS[:1], LAYERS]
    assert {trial.config.style_weight for trial in content} == {0}
    assert {trial.config.content_weight for trial in style} == {0}


def test_nothing_else_has_a_say():
    config = StyleConfig(
        balance="gradients", optimizer="adam", keep_color="luminance", tv_weight=3
    )

    trials = reconstruct(
        Path("c.png"), config, style=Path("s.png"), layers=LAYERS
    ).trials

    for one in (trial.config for trial in trials):
        assert (one.init, one.recolor, one.keep_color) == ("random", False, "none")
        assert (one.tv_weight, one.balance, one.optimizer) == (0, "weights", "adam")


def test_the_first_layer_gives_the_picture_back(files, config):
    experiment = reconstruct(
        files / "photo.png",
        replace(config, steps=300),
        style=files / "painting.png",
        layers=LAYERS[:1],
    )

    content, style = TrialPainter(experiment.trials, ignore).paint()

    source = read_picture(files / "photo.png").astype(float)
    assert np.abs(content.picture - source).mean() < 2  # levels
    assert np.abs(style.picture - source).mean() > 20
    assert style.trace[-1].report.losses["content"] == 0
