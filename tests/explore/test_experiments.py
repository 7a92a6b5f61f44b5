from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from vidstyle.config import LayerWeight, OptimizerName, StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.errors import ConfigError
from vidstyle.explore import Axis, growing, sweep
from vidstyle.explore.results import as_table
from vidstyle.explore.run import run_experiment
from vidstyle.images import read_picture
from vidstyle.networks import NetworkStatus
from vidstyle.records import ignore

pytestmark = pytest.mark.slow

WEIGHTS = [("a", {"content_weight": 0.1}), ("b", {"content_weight": 1.0})]
LAYERS = (LayerWeight("relu1_1"), LayerWeight("relu2_1", 2))
SETS = [parse_layers("relu1_1"), parse_layers("relu1_1,relu5_1")]
WHITE = 255


def build(name: str, config: StyleConfig, **choices):
    return sweep(name, Path("c.png"), config, style=Path("s.png"), **choices)


def grid(config: StyleConfig, columns: Axis = WEIGHTS, rows: Axis | None = None):
    return build("grid", config, columns=columns, rows=rows)


def test_sets_grow_by_a_layer_and_keep_their_weights():
    first, second = LayerWeight("relu1_1", 8), LayerWeight("relu2_1", 4)

    assert growing((first, second)) == [
        ("relu1_1", {"style_layers": (first,)}),
        ("to relu2_1", {"style_layers": (first, second)}),
    ]


def test_rows_are_growing_sets_of_the_style_layers(config):
    trials = grid(config).trials

    assert [(trial.row, trial.column) for trial in (*trials[:2], *trials[-2:])] == [
        *(("relu1_1", "a"), ("relu1_1", "b")),
        *(("to relu5_1", "a"), ("to relu5_1", "b")),
    ]
    last = trials[-1].config
    assert last.style_layers == config.style_layers
    assert last.content_weight == 1.0


def test_any_two_settings_are_axes(config):
    rows = [("x", {"optimizer": "adam"}), ("y", {"optimizer": "lbfgs"})]
    columns = [("1", {"steps": 1}), ("5", {"steps": 5})]

    configs = [trial.config for trial in grid(config, columns, rows).trials]

    found = [(one.optimizer, one.steps) for one in configs]
    assert found == [("adam", 1), ("adam", 5), ("lbfgs", 1), ("lbfgs", 5)]


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="both vary content-weight"):
        grid(StyleConfig(), rows=WEIGHTS)
    with pytest.raises(ConfigError, match=r"content-weight is -1\.0"):
        grid(StyleConfig(), [("", {"content_weight": -1.0})])


def test_trials_are_painted_in_one_size_so_that_their_losses_compare():
    first, *_ = grid(StyleConfig(pyramid=4, steps=7)).trials

    assert (first.config.pyramid, first.config.min_steps) == (1, 7)


def test_each_layer_is_alone_for_content_and_sets_grow_for_style():
    trials = build("reconstruct", StyleConfig(), layers=LAYERS).trials

    content, style = trials[:2], trials[2:]
    assert [trial.config.content_layers for trial in content] == [
        parse_layers("relu1_1"),
        parse_layers("relu2_1"),
    ]
    assert [trial.config.style_layers for trial in style] == [LAYERS[:1], LAYERS]
    assert {trial.config.style_weight for trial in content} == {0}
    assert {trial.config.content_weight for trial in style} == {0}


def test_nothing_else_has_a_say_in_a_reconstruction():
    config = StyleConfig(
        balance="gradients", optimizer="adam", keep_color="luminance", tv_weight=3
    )

    trials = build("reconstruct", config, layers=LAYERS).trials

    for one in (trial.config for trial in trials):
        assert (one.init, one.recolor, one.keep_color) == ("random", False, "none")
        assert (one.tv_weight, one.balance, one.optimizer) == (0, "weights", "adam")


def test_the_first_layer_gives_the_picture_back(files, config, paint):
    experiment = sweep(
        "reconstruct",
        files / "photo.png",
        replace(config, steps=300),
        style=files / "painting.png",
        layers=LAYERS[:1],
    )

    content, style = paint(experiment.trials)

    source = read_picture(files / "photo.png").astype(float)
    assert np.abs(content["picture"] - source).mean() < 2  # levels
    assert np.abs(style["picture"] - source).mean() > 20
    assert style["trace"]["content"][-1] == 0


def test_a_set_is_a_trial():
    trials = build("layers", StyleConfig(), sets=SETS).trials

    assert [trial.column for trial in trials] == ["relu1_1", "relu1_1,relu5_1"]
    assert [trial.config.style_layers for trial in trials] == SETS


def test_the_loss_of_each_round_is_in_a_table(files, config):
    experiment = sweep(
        "layers", files / "photo.png", config, style=files / "painting.png", sets=SETS
    )
    short = replace(experiment, kind=replace(experiment.kind, per_round=2))

    facts = run_experiment(short, files / "out", ignore)

    for trial in facts["trials"]:
        first, second, third = trial["trace"]["loss"]
        assert trial["rounds"] == [min(first, second), min(first, second, third)]
    text = (files / "out" / "rounds.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == 'round,relu1_1,"relu1_1,relu5_1"'
    assert [line.split(",")[0] for line in text[1:]] == ["1", "2"]
    table = list(as_table(facts))
    assert [line[:9] for line in table[-2:]] == ["round   1", "round   2"]


def test_paintings_come_first_and_photographs_are_named(files, config):
    experiment = sweep(
        "styles",
        files / "photo.png",
        config,
        paintings=[files / "painting.png"],
        photographs=[files / "other.png"],
    )

    facts = run_experiment(experiment, files / "out", ignore)

    assert [trial["column"] for trial in facts["trials"]] == [
        "painting painting",
        "photograph other",
    ]


def test_the_sheet_shows_styles_above_results(files, config):
    paintings = [files / "painting.png"]
    experiment = sweep(
        "styles", files / "photo.png", config, paintings=paintings, photographs=None
    )
    run_experiment(experiment, files / "out", ignore)

    sheet = read_picture(files / "out" / "sheet.png")
    result = read_picture(files / "out" / "01.png")
    height, width = result.shape[:2]
    views = sliding_window_view(sheet, result.shape)[:, :, 0]
    tops, lefts = (views == result).all(axis=(2, 3, 4)).nonzero()
    assert len(tops) == 1  # it is there, and whole
    above = sheet[: tops[0] - height // 2, lefts[0] : lefts[0] + width]
    assert (above != WHITE).any(axis=(1, 2)).sum() > height // 2  # its painting


def test_every_optimizer_has_a_trial_and_one_step_decays():
    trials = build("optimizers", StyleConfig(steps=50)).trials

    assert {trial.config.optimizer for trial in trials} == set(get_args(OptimizerName))
    decaying = [trial for trial in trials if trial.config.lr_decay != "none"]
    (decayed,) = decaying
    config = decayed.config
    assert (decayed.column, config.optimizer) == ("adam with decay", "adam")
    assert (config.lr_decay_rate, config.lr_decay_every) == (0.1, 50)


def test_a_decay_that_was_asked_for_is_the_one():
    config = StyleConfig(lr_decay="staircase", lr_decay_every=7)
    trials = build("optimizers", config).trials

    decays = [trial.config.lr_decay for trial in trials]
    assert sorted(decays) == ["none"] * 5 + ["staircase"]
    assert trials[-1].config.lr_decay_every == 7


def test_balanced_gradients_are_for_those_that_learn_no_curvature():
    config = StyleConfig(balance="gradients", optimizer="adam")
    experiment = build("optimizers", config)

    assert "newton-cg" not in {trial.column for trial in experiment.trials}
    assert [text.split(":")[0] for text in experiment.skipped] == ["lbfgs", "newton-cg"]


def test_all_start_alike(files, config):
    noise = replace(config, init="random")
    experiment = sweep(
        "optimizers", files / "photo.png", noise, style=files / "painting.png"
    )

    trials = run_experiment(experiment, files / "out", ignore)["trials"]

    firsts = [trial["trace"]["loss"][0] for trial in trials]
    assert firsts == pytest.approx([firsts[0]] * len(firsts), rel=1e-5)
    assert all(trial["evaluations"] >= 3 for trial in trials)


def status(name: str, path: Path | None, *, built_in: bool = False) -> NetworkStatus:
    return NetworkStatus(
        name=name, layers=(), built_in=built_in, path=path, size_mb=528.4, url=None
    )


def test_what_is_there_is_tried_with_each_pooling_and_the_rest_named(monkeypatch):
    there = [
        status("slim", None, built_in=True),
        status("vgg16", None),
        status("vgg19", Path("vgg19.pt")),
    ]
    monkeypatch.setattr("vidstyle.networks.network_status", lambda: there)

    experiment = build(
        "networks", StyleConfig(network="vgg16", weights=Path("w"), pooling="max")
    )

    assert [trial.column for trial in experiment.trials] == [
        "slim, average pooling",
        "vgg19, average pooling",
        "vgg19, max pooling",
    ]
    configs = [trial.config for trial in experiment.trials]
    assert [(one.network, one.pooling) for one in configs] == [
        ("slim", "average"),
        ("vgg19", "average"),
        ("vgg19", "max"),
    ]
    assert {one.weights for one in configs} == {None}
    assert experiment.skipped == (
        "vgg16: its weights are missing; download them with vidstyle networks "
        "--fetch vgg16 (528 MB).",
    )
