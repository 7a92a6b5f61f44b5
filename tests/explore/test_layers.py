from pathlib import Path

from vidstyle.config import StyleConfig, equal_layers
from vidstyle.explore.layers import layers
from vidstyle.explore.run import run_experiment
from vidstyle.records import ignore

SETS = [equal_layers("relu1_1"), equal_layers("relu1_1", "relu5_1")]


def test_a_set_is_a_trial():
    (row,) = layers(Path("c.png"), StyleConfig(), style=Path("s.png"), sets=SETS).rows

    assert [trial.column for trial in row] == ["relu1_1", "relu1_1,relu5_1"]
    assert [trial.config.style_layers for trial in row] == SETS


def test_the_loss_of_each_round_is_in_a_table(files, config, monkeypatch):
    monkeypatch.setattr("vidstyle.explore.layers.ROUND", 2)
    experiment = layers(
        files / "photo.png", config, style=files / "painting.png", sets=SETS
    )

    findings = run_experiment(experiment, files / "out", ignore)

    for trial in findings.facts["trials"]:
        first, second, third = trial["trace"]["loss"]
        assert trial["rounds"] == [min(first, second), min(first, second, third)]
    text = (files / "out" / "rounds.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == 'round,relu1_1,"relu1_1,relu5_1"'
    assert [line.split(",")[0] for line in text[1:]] == ["1", "2"]
    assert [line[:9] for line in findings.table[-2:]] == ["round   1", "round   2"]
