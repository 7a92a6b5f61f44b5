from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from vidstyle.config import OptimizerName, StyleConfig
from vidstyle.explore.optimizers import optimizers
from vidstyle.explore.run import run_experiment
from vidstyle.records import ignore


def build(config: StyleConfig):
    return optimizers(Path("c.png"), config, style=Path("s.png"))


def test_every_optimizer_has_a_trial_and_one_step_decays():
    (row,) = build(StyleConfig(steps=50)).rows

    assert {trial.config.optimizer for trial in row} == set(get_args(OptimizerName))
    decaying = [trial for trial in row if trial.config.lr_decay != "none"]
    (decayed,) = decaying
    config = decayed.config
    assert (decayed.column, config.optimizer) == ("adam with decay", "adam")
    assert (config.lr_decay_rate, config.lr_decay_every) == (0.1, 50)


def test_a_decay_that_was_asked_for_is_the_one():
    (row,) = build(StyleConfig(lr_decay="staircase", lr_decay_every=7)).rows

    decays = [trial.config.lr_decay for trial in row]
    assert sorted(decays) == ["none"] * 5 + ["staircase"]
    assert row[-1].config.lr_decay_every == 7


def test_balanced_gradients_are_for_those_that_learn_no_curvature():
    experiment = build(StyleConfig(balance="gradients", optimizer="adam"))

    assert "newton-cg" not in {trial.column for trial in experiment.trials}
    assert [text.split(":")[0] for text in experiment.skipped] == ["lbfgs", "newton-cg"]


def test_all_start_alike_and_losses_are_drawn_over_three_things(files, config):
    experiment = optimizers(
        files / "photo.png",
        replace(config, init="random"),
        style=files / "painting.png",
    )

    findings = run_experiment(experiment, files / "out", ignore)

    trials = findings.facts["trials"]
    firsts = [trial["trace"]["loss"][0] for trial in trials]
    assert firsts == pytest.approx([firsts[0]] * len(firsts), rel=1e-5)
    assert all(trial["evaluations"] >= 3 for trial in trials)
    drawn = {path.name for path in (files / "out").glob("losses-*.png")}
    assert drawn == {f"losses-{x}.png" for x in ("steps", "evaluations", "seconds")}
