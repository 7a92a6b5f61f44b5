from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import StyleConfig
from vidstyle.config.values import parse_layers
from vidstyle.errors import ConfigError, ImageOpenError
from vidstyle.explore.experiments import Trial, comparable
from vidstyle.explore.paint import TrialPainter
from vidstyle.images import read_picture
from vidstyle.records import Event, FrameReport, Notice, Plan, StepReport, ignore
from vidstyle.stylize.image import stylize_image

pytestmark = pytest.mark.slow


def trial(files: Path, config: StyleConfig, style: str = "painting.png") -> Trial:
    return Trial(
        row="",
        column=style,
        content=files / "photo.png",
        style=files / style,
        config=comparable(config),
    )


def test_a_trial_paints_what_the_command_for_one_picture_paints(files, config):
    (outcome,) = TrialPainter([trial(files, config)], ignore).paint()

    stylize_image(
        files / "photo.png", files / "painting.png", files / "o.png", config=config
    )
    assert np.array_equal(outcome.picture, read_picture(files / "o.png"))
    assert outcome.trace["step"] == outcome.trace["evaluations"] == [1, 2, 3]
    assert outcome.best_loss == min(outcome.trace["loss"])
    assert outcome.distances.content > 0


def test_no_trial_stops_early(files, config):
    settled = replace(config, steps=9, min_steps=1, patience=1, min_delta=0.9)

    (outcome,) = TrialPainter([trial(files, settled)], ignore).paint()

    assert len(outcome.trace["loss"]) == 9


def test_hessian_products_use_up_the_steps(files, config):
    newton = replace(config, optimizer="newton-cg", steps=6)

    (outcome,) = TrialPainter([trial(files, newton)], ignore).paint()

    assert len(outcome.trace["loss"]) < 6
    assert outcome.trace["evaluations"][-1] >= 6


def test_paintings_beside_one_another_keep_their_own_style(files, config):
    styles = "painting.png", "other.png", "painting.png"
    trials = [trial(files, config, style) for style in styles]

    first, other, again = TrialPainter(trials, ignore).paint(batch=3)
    (alone,) = TrialPainter([trials[1]], ignore).paint()

    assert np.array_equal(first.picture, again.picture)
    assert other.trace["loss"][-1] == pytest.approx(alone.trace["loss"][-1], rel=1e-2)


def test_trials_of_other_sizes_and_without_a_step(files, config):
    small = replace(config, long_side=24, steps=0)

    first, second = TrialPainter(
        [trial(files, config), trial(files, small)], ignore
    ).paint()

    assert first.picture.shape == (24, 32, 3)
    assert second.picture.shape == (18, 24, 3)
    assert second.trace["loss"] == []
    assert np.isnan(second.best_loss)


def test_a_listener_is_told_of_each_trial_and_of_each_notice_once(files, config):
    told: list[Event] = []
    auto = replace(config, network="auto", steps=2)

    TrialPainter(
        [trial(files, auto), trial(files, replace(auto, seed=1))], told.append
    ).paint()

    assert len([event for event in told if isinstance(event, Notice)]) == 1
    (plan,) = (event for event in told if isinstance(event, Plan))
    assert (plan.frames, plan.next_steps, plan.unit) == (2, 2, "picture")
    steps = [event.frame for event in told if isinstance(event, StepReport)]
    assert steps == [0, 0, 1, 1]
    finished = [event for event in told if isinstance(event, FrameReport)]
    assert [event.frame for event in finished] == [0, 1]


def test_what_cannot_be_painted_is_said_before_any_work(files, config):
    told: list[Event] = []
    good = trial(files, config)

    with pytest.raises(ImageOpenError, match=r"gone\.png"):
        TrialPainter([good, trial(files, config, "gone.png")], told.append).paint()
    lacking = replace(config, style_layers=parse_layers("relu5_3"))
    with pytest.raises(ConfigError, match="relu5_3"):
        TrialPainter([good, trial(files, lacking)], told.append).paint()
    assert not [event for event in told if isinstance(event, StepReport)]
