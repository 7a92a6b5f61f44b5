"""An experiment that is interrupted goes on, and ends as if it had not been."""

import json
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest

from vidstyle.errors import WorkDirError
from vidstyle.explore import Experiment, Trial, sweep
from vidstyle.explore.run import TrialPainter, describe, run_experiment
from vidstyle.images import write_picture
from vidstyle.records import FrameReport, Notice, Plan, StepReport, ignore
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow


def experiment(files: Path, config, seeds=(0, 1, 2)) -> Experiment:
    return sweep(
        "grid",
        files / "photo.png",
        config,
        style=files / "painting.png",
        rows=[(f"seed {seed}", {"seed": seed}) for seed in seeds],
        columns=[("noise", {"init": "random"})],
    )


def interrupt_after(finished: int):
    """Make a listener that presses Ctrl-C once so many trials are finished."""

    def listen(event):
        nonlocal finished
        finished -= isinstance(event, FrameReport)
        if finished == 0:
            raise KeyboardInterrupt

    return listen


def results_in(folder: Path) -> dict[str, object]:
    """Read all results but for the seconds, which no two runs have in common."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    data = json.loads(found.pop("data.json"))
    for trial in data["trials"]:
        del trial["seconds"], trial["trace"]["seconds"]
    del found["trials.csv"], found["losses.csv"]
    return {**found, "data.json": data}


def test_the_same_experiment_goes_on_and_ends_in_the_same_files(files, config):
    out, told = files / "out", []
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment(files, config), out, interrupt_after(2))
    assert not out.exists()
    assert (files / "out.vidstyle").is_dir()

    run_experiment(experiment(files, config), out, told.append)

    assert not (files / "out.vidstyle").exists()
    assert Notice(text="resuming: 2 of 3 pictures already painted") in told
    (plan,) = (event for event in told if isinstance(event, Plan))
    assert (plan.frames, plan.done) == (3, 2)
    assert {event.frame for event in told if isinstance(event, StepReport)} == {2}
    run_experiment(experiment(files, config), files / "again", ignore)
    assert results_in(out) == results_in(files / "again")


def test_interrupted_before_the_first_trial_nothing_is_left(files, config):
    before = set(files.iterdir())

    def interrupt(event):
        if isinstance(event, StepReport):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment(files, config), files / "out", interrupt)

    assert set(files.iterdir()) == before


def test_another_experiment_is_refused_and_told_why(files, config):
    out = files / "out"
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment(files, config), out, interrupt_after(1))

    longer = replace(config, steps=4)
    with pytest.raises(
        WorkDirError, match=r"\(steps was 3 and is now 4\).* --restart to star"
    ):
        run_experiment(experiment(files, longer), out, ignore)
    with pytest.raises(WorkDirError, match=r"rows was \['seed 0', .*trials was 3 with"):
        run_experiment(experiment(files, config, seeds=(0, 5)), out, ignore)
    write_picture(files / "painting.png", np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(WorkDirError, match=r"\(painting has changed"):
        run_experiment(experiment(files, config), out, ignore)
    told = []
    run_experiment(experiment(files, longer), out, told.append, restart=True)
    assert len([event for event in told if isinstance(event, FrameReport)]) == 3


def test_an_outcome_comes_back_as_it_was(files, config, tmp_path):
    trial = Trial(
        row="",
        column="",
        content=files / "photo.png",
        style=files / "painting.png",
        config=config,
    )
    facts = {
        "network": "slim",
        "trace": {"step": [1, 1], "seconds": [0.1 + 0.2] * 2, "loss": [1 / 3, inf]},
        "style_distance": 1 / 7,
        "content_distance": nan,
    }
    picture = np.arange(18 * 3, dtype=np.uint8).reshape(3, 6, 3)
    store = FrameStore(tmp_path / "work")

    with store.claimed():
        store.open({"a": 1})
        store.put_facts("trial-000001", facts)
        store.put_stylized(0, picture)
        (found,) = TrialPainter([trial], ignore).paint(store)
        assert np.array_equal(store.stylized(0), picture)
        store.remove()

    assert (found["trace"], found["network"]) == (facts["trace"], "slim")
    assert found["style_distance"] == 1 / 7
    assert isnan(found["content_distance"])
    assert not (tmp_path / "work").exists()


def test_another_network_makes_another_experiment(files, config):
    one = experiment(files, config)

    assert describe(one, []) == describe(one, [])
    assert describe(one, ["slim"]) != describe(one, [])
