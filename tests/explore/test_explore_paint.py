from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.errors import ConfigError, ImageOpenError
from vidstyle.explore import Trial, comparable
from vidstyle.images import read_picture
from vidstyle.records import Event, FrameReport, Notice, Plan, StepReport
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


def test_a_trial_paints_what_the_command_for_one_picture_paints(files, config, paint):
    (outcome,) = paint([trial(files, config)])

    stylize_image(
        files / "photo.png", files / "painting.png", files / "o.png", config=config
    )
    assert np.array_equal(outcome["picture"], read_picture(files / "o.png"))
    assert outcome["trace"]["step"] == outcome["trace"]["evaluations"] == [1, 2, 3]
    assert outcome["best_loss"] == min(outcome["trace"]["loss"])
    assert outcome["content_distance"] > 0


def test_no_trial_stops_early(files, config, paint):
    settled = replace(config, steps=9, min_steps=1, patience=1, min_delta=0.9)

    (outcome,) = paint([trial(files, settled)])

    assert len(outcome["trace"]["loss"]) == 9


def test_hessian_products_use_up_the_steps(files, config, paint):
    newton = replace(config, optimizer="newton-cg", steps=6)

    (outcome,) = paint([trial(files, newton)])

    assert len(outcome["trace"]["loss"]) < 6
    assert outcome["trace"]["evaluations"][-1] >= 6


def test_trials_of_other_sizes_and_without_a_step(files, config, paint):
    small = replace(config, long_side=24, steps=0)

    first, second = paint([trial(files, config), trial(files, small)])

    assert first["picture"].shape == (24, 32, 3)
    assert second["picture"].shape == (18, 24, 3)
    assert second["trace"]["loss"] == []
    assert np.isnan(second["best_loss"])


def test_a_listener_is_told_of_each_trial_and_of_each_notice_once(files, config, paint):
    told: list[Event] = []
    auto = replace(config, network="auto", steps=2)

    paint([trial(files, auto), trial(files, replace(auto, seed=1))], told.append)

    assert len([event for event in told if isinstance(event, Notice)]) == 1
    (plan,) = (event for event in told if isinstance(event, Plan))
    assert (plan.frames, plan.next_steps, plan.unit) == (2, 2, "picture")
    steps = [event.frame for event in told if isinstance(event, StepReport)]
    assert steps == [0, 0, 1, 1]
    finished = [event for event in told if isinstance(event, FrameReport)]
    assert [event.frame for event in finished] == [0, 1]


def test_what_cannot_be_painted_is_said_before_any_work(files, config, paint):
    told: list[Event] = []
    good = trial(files, config)

    with pytest.raises(ImageOpenError, match=r"gone\.png"):
        paint([good, trial(files, config, "gone.png")], told.append)
    lacking = replace(config, style_layers=parse_layers("relu5_3"))
    with pytest.raises(ConfigError, match="relu5_3"):
        paint([good, trial(files, lacking)], told.append)
    assert not [event for event in told if isinstance(event, StepReport)]
