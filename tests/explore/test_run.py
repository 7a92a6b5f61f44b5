import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import StyleConfig
from vidstyle.errors import OutputError
from vidstyle.explore import Experiment, sweep
from vidstyle.explore.results import as_table
from vidstyle.explore.run import run_experiment
from vidstyle.images import read_picture
from vidstyle.records import Event, Notice, ignore

pytestmark = pytest.mark.slow


def experiment(files: Path, config: StyleConfig) -> Experiment:
    return sweep(
        "grid",
        files / "photo.png",
        config,
        style=files / "painting.png",
        rows=[("none", {"steps": 0}), ("two", {"steps": 2})],
        columns=[("0", {"seed": 0}), ("1", {"seed": 1})],
    )


def test_a_folder_holds_sheet_tables_and_pictures(files, config):
    facts = run_experiment(experiment(files, config), files / "out", ignore)

    names = {path.name for path in (files / "out").iterdir()}
    assert names == {
        *("sheet.png", "data.json", "trials.csv", "losses.csv"),
        *("01.png", "02.png", "03.png", "04.png"),
    }
    with (files / "out" / "trials.csv").open(encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    assert [(one["row"], one["column"], one["steps"]) for one in trials] == [
        *(("none", "0", "0"), ("none", "1", "0")),
        *(("two", "0", "2"), ("two", "1", "2")),
    ]
    assert trials[0]["best_loss"] == ""
    with (files / "out" / "losses.csv").open(encoding="utf-8") as file:
        losses = list(csv.DictReader(file))
    assert [(one["trial"], one["step"]) for one in losses] == [
        *(("3", "1"), ("3", "2"), ("4", "1"), ("4", "2")),
    ]
    last = losses[-1]
    terms = [float(last[name]) for name in ("content", "style", "tv", "range")]
    assert float(last["loss"]) == pytest.approx(sum(terms), rel=1e-5)
    written = json.loads((files / "out" / "data.json").read_text(encoding="utf-8"))
    assert written == facts
    assert written["settings"]["style_layers"][0] == list(config.style_layers[0])
    assert written["trials"][3]["settings"] == {
        "seed": 1,
        "steps": 2,
        "min_steps": 2,
    }
    assert written["trials"][3]["trace"]["step"] == [1, 2]
    assert written["trials"][3]["style_distance"] == float(trials[3]["style_distance"])
    assert len(list(as_table(facts))) == 5


def test_the_sheet_shows_the_pictures_in_their_places(files, config):
    run_experiment(experiment(files, config), files / "out", ignore)

    sheet = read_picture(files / "out" / "sheet.png")
    for number in range(1, 5):
        picture = read_picture(files / "out" / f"{number:02}.png")
        windows = np.lib.stride_tricks.sliding_window_view(sheet, picture.shape)
        found = (windows[:, :, 0] == picture).all(axis=(2, 3, 4))
        assert found.any()


def test_what_is_skipped_is_said_and_kept(files, config):
    told: list[Event] = []
    lacking = replace(experiment(files, config), skipped=("vgg19: not here.",))

    facts = run_experiment(lacking, files / "out", told.append)

    assert Notice(text="skipped: vgg19: not here.", is_warning=True) in told
    assert facts["skipped"] == ["vgg19: not here."]
    assert list(as_table(facts))[-1] == "skipped: vgg19: not here."


def test_a_folder_that_cannot_be_made_is_an_error_of_output(files, config):
    with pytest.raises(OutputError, match=r"photo\.png for out does not exist"):
        run_experiment(experiment(files, config), files / "photo.png" / "out", ignore)
