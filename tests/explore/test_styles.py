from numpy.lib.stride_tricks import sliding_window_view

from vidstyle.explore.run import run_experiment
from vidstyle.explore.styles import styles
from vidstyle.images import read_picture
from vidstyle.records import ignore

WHITE = 255


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
    views = sliding_window_view(sheet, result.shape)[:, :, 0]
    tops, lefts = (views == result).all(axis=(2, 3, 4)).nonzero()
    assert len(tops) == 1  # it is there, and whole
    above = sheet[: tops[0] - height // 2, lefts[0] : lefts[0] + width]
    assert (above != WHITE).any(axis=(1, 2)).sum() > height // 2  # its painting
