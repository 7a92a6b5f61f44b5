import numpy as np

from vidstyle.explore.run import run_experiment
from vidstyle.explore.styles import styles
from vidstyle.images import read_picture
from vidstyle.records import ignore


def test_paintings_come_first_and_photographs_are_named(files, config):
    experiment = styles(
        files / "photo.png",
        config,
        paintings=[files / "painting.png"],
        photographs=[files / "other.png"],
        batch=2,
    )

    findings = run_experiment(experiment, files / "out", ignore)

    assert [trial["column"] for trial in findings.facts["trials"]] == [
        "painting painting",
        "photograph other",
    ]
    assert experiment.batch == 2


def test_the_sheet_shows_styles_above_results(files, config):
    experiment = styles(files / "photo.png", config, paintings=[files / "painting.png"])
    run_experiment(experiment, files / "out", ignore)

    sheet = read_picture(files / "out" / "sheet.png")
    result = read_picture(files / "out" / "01.png")
    height, width = result.shape[:2]
    left = slice(-width - 6, -6)
    rows = (sheet[:, left] != 255).any(axis=(1, 2)).nonzero()[0]
    assert rows[-1] > rows[0] + 2 * height
    assert any(
        np.array_equal(sheet[top : top + height, left], result)
        for top in range(len(sheet) - height)
    )
