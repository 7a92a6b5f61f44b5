"""``vidstyle measure``: a table for people, JSON for machines, one line for errors."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.images import read_picture, write_picture
from vidstyle.measure.distance import mean_luminance
from vidstyle.video.folder import write_pictures

pytestmark = pytest.mark.slow

STILL = ("--content", "painting.png")
SET = ("--style", "content")
CLIP = ("--content", "content")
PAINTED = ("--style", "painting.png")
SET_OF = ("--content", "album", *PAINTED)


def run(*arguments):
    return CliRunner().invoke(app, ["measure", *map(str, arguments)])


@pytest.fixture
def files(tmp_path):
    """A still clip of four frames, three of them painted, one of those brighter."""
    still = np.random.default_rng(0).integers(60, 120, (32, 48, 3), np.uint8)
    write_pictures([still] * 4, tmp_path / "content")
    write_pictures([still, still, still + 51], tmp_path / "result")
    write_picture(tmp_path / "painting.png", 255 - still)
    return tmp_path


def test_the_table_says_what_was_measured(files):
    done = run(files / "result", "--content", files / "content", "--frames", "1:4")

    assert done.exit_code == 0
    header, columns, *lines, _ = done.stdout.splitlines()
    assert header == "3 frames of 48x32, 0 cuts, pixel values in [0, 1]"
    assert columns.split() == ["result", "content", "ratio"]
    cells = {line[:18].strip(): line[18:].split() for line in lines}
    # Two pairs: no change, and a fifth of the range.
    assert cells["temporal error"] == ["0.020000", "0.000000", "-"]
    before = mean_luminance(read_picture(files / "result" / "000002.png"))
    drift = (before + 0.2) / before
    assert cells["luminance drift"] == [f"{drift:.4f}", "1.0000", f"{drift:.3f}"]
    assert cells["gradient drift"] == ["1.0000", "1.0000", "1.000"]
    # One of three frames is a fifth of the range brighter.
    assert cells["MSE to content"] == ["0.013333", "0.000000", "-"]
    assert cells["SSIM to content"][1] == "1.0000"
    assert float(cells["relative flicker"][0]) > 1
    assert len(cells) == 6


def test_a_painting_adds_distances(files):
    done = run(
        *(files / "result", "--content", files / "content", "--frames", "1:"),
        *("--style", files / "painting.png"),
    )

    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].endswith("pixel values in [0, 1], network slim")
    for name in ("style distance", "content distance", "MSE to style"):
        assert name in done.stdout


def test_words_say_what_the_numbers_mean(files):
    rng = np.random.default_rng(1)
    noisy = [rng.integers(60, 120, (32, 48, 3), np.uint8) for _ in range(3)]
    write_pictures(noisy, files / "noisy")
    write_pictures([noisy[0]] * 3, files / "calm")
    painted = "--style", files / "noisy" / "000001.png"

    calm = run(files / "calm", "--content", files / "noisy").stdout
    itself = run(files / "noisy", "--content", files / "noisy").stdout
    still = run(
        files / "calm" / "000001.png", "--content", files / "painting.png", *painted
    ).stdout

    assert "as much as its source: steady" in calm
    assert itself.endswith("flickers 1.0 times as much as its source: steady\n")
    assert still.endswith("style: 100% of the way from the content to the painting\n")


def test_json_has_a_number_for_every_frame(files):
    done = run(
        *(files / "result", "--content", files / "content", "--frames", "1:4"),
        *("--style", files / "painting.png", "--json"),
    )

    facts = json.loads(done.stdout)
    assert facts["result"] == str(files / "result")
    assert facts["content"] == str(files / "content")
    assert (facts["width"], facts["height"]) == (48, 32)
    assert (facts["first"], facts["frames"], facts["cuts"]) == (1, 3, [])
    assert facts["network"] == "slim"
    error = facts["temporal_error"]
    assert error["result"]["frames"] == pytest.approx([None, 0, 0.04])
    assert error["content"]["frames"] == [None, 0, 0]
    assert error["result"]["mean"] == pytest.approx(0.02)
    assert error["ratio"] is None
    assert facts["trusted_share"]["frames"] == [None, 1, 1]
    assert facts["times_s"] == pytest.approx([0.04, 0.08, 0.12])
    names = ("luminance", "gradient", "style_distance", "content_distance")
    names += ("content_mse", "content_ssim", "style_mse")
    for name in names:
        for side in ("result", "content"):
            assert len(facts[name][side]["frames"]) == 3
            assert set(facts[name][side]) == {"mean", "drift", "frames"}
        assert set(facts[name]) == {"result", "content", "ratio", "drift_ratio"}
    assert facts["luminance"]["drift_ratio"] > 1.2


def test_without_a_painting_json_has_no_distances(files):
    done = run(files / "content", "--content", files / "content", "--json")

    facts = json.loads(done.stdout)
    assert facts["network"] is None
    assert "style_distance" not in facts


def test_a_still_has_a_table_of_its_own(files):
    painting = files / "painting.png"
    done = run(painting, "--content", painting, "--style", painting)

    assert done.exit_code == 0
    header, columns, *lines = done.stdout.partition("0 means")[0].splitlines()
    assert header == "48x32, pixel values in [0, 1], network slim"
    assert columns.split() == ["result", "content", "ratio"]
    cells = {line[:18].strip(): line[18:].split() for line in lines}
    assert cells == {
        "MSE to content": ["0.000000", "0.000000", "-"],
        "MSE to style": ["0.000000", "0.000000", "-"],
        "SSIM to content": ["1.0000", "1.0000", "1.000"],
        "style distance": ["0.0000", "0.0000", cells["style distance"][2]],
        "content distance": ["0.0000", "0.0000", "-"],
    }


def test_a_still_as_json(files):
    painting, frame = files / "painting.png", files / "content" / "000001.png"
    done = run(painting, "--content", frame, "--json")

    facts = json.loads(done.stdout)
    assert (facts["result"], facts["content"]) == (str(painting), str(frame))
    assert (facts["width"], facts["height"], facts["network"]) == (48, 32, None)
    assert 0.1 < facts["content_mse"]["result"] < 0.3
    assert facts["content_mse"]["content"] == 0
    assert facts["content_ssim"]["ratio"] == facts["content_ssim"]["result"] < 0


def test_folders_are_compared_as_sets(files, monkeypatch):
    monkeypatch.setenv("VIDSTYLE_CACHE", str(files / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(files / "torch"))
    monkeypatch.setattr("vidstyle.measure.fid.SIDE", 32)
    folders = (files / "result", "--content", files / "result")
    folders = (*folders, "--style", files / "content")

    done = run(*folders)
    as_json = run(*folders, "--json", "--network", "slim")

    assert done.exit_code == 0
    header, columns, contents, paintings, note, hint = done.stdout.splitlines()
    assert header.startswith("3 results, 3 contents, 4 paintings; 256 features per")
    assert "relu5_1 of slim" in header
    assert columns.split() == ["result", "content", "ratio"]
    assert contents.split() == ["FID", "to", "contents", "0.0000", "0.0000", "-"]
    assert paintings.split()[:3] == ["FID", "to", "paintings"]
    assert paintings.split()[-1] == "1.000"
    assert note.endswith("features and set sizes.")
    assert hint == "To measure one of the results, name it and its content instead."
    assert "using slim's features, as Inception v3's weights are missing" in done.stderr
    assert "warning: fewer pictures than the 256 features" in done.stderr
    facts = json.loads(as_json.stdout)
    assert facts["pictures"] == {"result": 3, "content": 3, "style": 4}
    assert facts["dimensions"] == 256
    assert facts["style_fid"]["ratio"] == pytest.approx(1)
    assert "Inception" not in as_json.stderr


def test_bundled_painting_has_a_name(files):
    picture = files / "painting.png"
    done = run(picture, "--content", picture, "-s", "swirls")
    assert "style distance" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["result", "--content", "content"], 3, "differ: 3 in result, 4 in content;"),
        (["gone", "--content", "content"], 3, "gone: No such file"),
        (["result", "--content", "gone.mp4"], 3, "gone.mp4: No such file"),
        (["empty", "--content", "content"], 3, "has no numbered pictures"),
        (["painting.png", "--content", "content"], 3, "cannot read content"),
        (["painting.png", "--content", "gone.png"], 3, "gone.png: No such file"),
        (["result", "--content", "painting.png"], 3, "picture, but result is not"),
        (["painting.png", *STILL, "--frames", "1:"], 3, "--frames is for clips"),
        (["painting.png", *CLIP, *SET], 3, "painting.png is a file; to compare"),
        (["result", *STILL, *SET], 3, "painting.png is a file; to compare sets"),
        (["result", *CLIP, "--style", "empty"], 3, "no picture in the folder empty"),
        (["content", "--content", "content", "--style", "gone.jpg"], 3, "gone.jpg"),
        (
            *(["result", "--content", "content", "--frames", "5:8"], 3),
            "in content in 5:8;",
        ),
        (["result", "--content", "content", "--frames", "x"], 2, "not a range"),
        (["result", "--content", "content", "--frames", "0:-1"], 3, "0:-1 is empty"),
        (["painting.png", *STILL, "--weights", "w"], 3, "which need --style"),
        (["painting.png", *STILL, *PAINTED, "--weights", "w"], 4, "from w: No such"),
        (["album", *SET_OF, "--weights", "painting.png"], 4, "not a weights file"),
        (["result"], 2, "--content"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(
    files, monkeypatch, arguments, code, said
):
    monkeypatch.chdir(files)
    (files / "empty").mkdir()
    (files / "album").mkdir()
    shutil.copy("painting.png", files / "album" / "a.png")

    done = run(*arguments)

    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if code != 2:  # Typer's own are in a box
        assert len(done.stderr.strip().splitlines()) == 1
