"""``vidstyle explore``: a folder and a table each, JSON on request, plain mistakes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.cli.explore import COMMANDS
from vidstyle.config.toml_file import NAMES
from vidstyle.images import resize_frame, write_picture

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "vidstyle" / "explore" / "PAPERS.md"

FEW = ("--network", "slim", "--device", "cpu", "--steps", "2", "--long-side", "24")


def run(*arguments):
    return CliRunner().invoke(app, ["explore", *map(str, arguments)])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with ``photo.png`` and ``painting.png``."""
    coarse = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    write_picture(tmp_path / "photo.png", resize_frame(coarse, height=24, width=32))
    write_picture(tmp_path / "painting.png", 255 - coarse.repeat(6, 0).repeat(6, 1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_grid_varies_layers_and_weights(here):
    done = run("grid", "photo.png", "-s", "painting.png", *FEW, "--steps", "0")

    assert done.exit_code == 0, done.stderr
    columns, *lines, folder = done.stdout.splitlines()
    assert columns.split()[:2] == ["best", "loss"]
    assert len(lines) == 20
    assert lines[0].startswith("relu1_1 | content-weight 0.001 ")
    assert lines[-1].startswith("to relu5_1 | content-weight 1 ")
    assert folder == "photo.painting.grid"
    assert (here / folder / "sheet.png").exists()


def test_grid_varies_any_two_settings(here):
    done = run(
        *("grid", "photo.png", "-s", "painting.png", *FEW, "-o", "out", "--json"),
        *("--rows", "style-layers=relu1_1;relu1_1:2,relu2_1"),
        *("--columns", "init=content,random"),
    )

    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["output"] == "out"
    settings = [trial["settings"] for trial in facts["trials"]]
    assert settings[3] == {
        "style_layers": [["relu1_1", 2], ["relu2_1", 1]],
        "init": "random",
    }
    assert [trial["column"] for trial in facts["trials"][:2]] == [
        "init content",
        "init random",
    ]


def test_reconstruct_shows_content_and_style_alone(here):
    done = run(
        *("reconstruct", "photo.png", "-s", "painting.png", *FEW),
        *("--layers", "relu1_1,relu2_1"),
    )

    assert done.exit_code == 0, done.stderr
    labels = [line.split("  ")[0] for line in done.stdout.splitlines()[1:-1]]
    assert labels == [
        *("content alone, from | relu1_1", "content alone, from | relu2_1"),
        *("style alone, up to | relu1_1", "style alone, up to | relu2_1"),
    ]
    assert done.stdout.splitlines()[-1] == "photo.painting.reconstruct"


def test_layers_have_rounds(here):
    done = run("layers", "photo.png", "-s", "painting.png", *FEW, "--json")

    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [len(trial["rounds"]) for trial in facts["trials"]] == [1, 1, 1]
    assert facts["trials"][0]["column"] == "relu1_2,relu2_2,relu3_3,relu4_3,relu5_1"


def test_styles_are_paintings_and_photographs(here):
    done = run(
        *("styles", "photo.png", "-s", "painting.png", "--photo", "photo.png", *FEW),
    )

    assert done.exit_code == 0, done.stderr
    _, first, second, folder = done.stdout.splitlines()
    assert first.startswith("painting painting ")
    assert second.startswith("photograph photo ")
    assert folder == "photo.styles"


def test_optimizers_are_all_tried(here):
    done = run("optimizers", "photo.png", "-s", "painting.png", *FEW)

    assert done.exit_code == 0, done.stderr
    names = [line.split("  ")[0] for line in done.stdout.splitlines()[1:-1]]
    assert names == [
        *("lbfgs", "adam", "adam with decay", "momentum", "newton-cg", "langevin"),
    ]


def test_networks_without_weights_are_skipped(here, monkeypatch):
    monkeypatch.setenv("VIDSTYLE_CACHE", str(here / "empty"))
    monkeypatch.setenv("TORCH_HOME", str(here / "empty"))
    monkeypatch.setattr("vidstyle.networks.packaged_vgg19", lambda: None)

    done = run("networks", "photo.png", "-s", "painting.png", *FEW[2:])

    assert done.exit_code == 0, done.stderr
    _, slim, *skipped, _ = done.stdout.splitlines()
    assert slim.startswith("slim, average pooling ")
    assert [line.split(":")[:2] for line in skipped] == [
        ["skipped", " vgg16"],
        ["skipped", " vgg19"],
    ]
    assert "warning: skipped: vgg16: its weights are missing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["reconstruct", "--layers", "relu9_1"], 3, "relu9_1"),
        (["reconstruct", "--layers", "relu1_1:x"], 2, "'x'"),
        (["reconstruct", "--init", "content"], 2, "--init"),
        (["layers", "--sets", "relu1_1;relu7_1"], 3, "relu7_1"),
        (["layers", "--sets", ";"], 2, "no layers"),
        (["styles", "--photo", "gone.png"], 3, "gone.png"),
        (["optimizers", "--optimizer", "adam"], 2, "--optimizer"),
    ],
)
def test_mistakes_of_each_experiment(here, arguments, code, said):
    name, *rest = arguments
    few = FEW[2:] if name == "networks" else FEW
    done = run(name, "photo.png", "-s", "painting.png", *few, *rest)

    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert {path.name for path in here.iterdir()} == {"photo.png", "painting.png"}


def test_results_are_replaced_on_request_only(here):
    one = ("grid", "photo.png", "-s", "painting.png", *FEW, "--rows", "seed=1")
    one += ("--columns", "steps=0")

    assert run(*one).exit_code == 0
    again = run(*one)
    assert again.exit_code == 6
    assert "exists; use --overwrite" in again.stderr
    assert run(*one, "--overwrite", "--quiet").stderr == ""


def test_bundled_paintings_have_names(here):
    one = ("styles", "photo.png", "-s", "swirls", "--steps", "0", *FEW[:4], *FEW[6:])
    assert run(*one).exit_code == 0
    assert (here / "photo.swirls.styles" / "01.png").is_file()


def test_a_picture_is_no_result_to_replace(here):
    (here / "photo.png").rename(here / "01.png")
    one = ("grid", "01.png", "-s", "painting.png", *FEW, "-o", ".")
    before = (here / "01.png").read_bytes()

    done = run(*one, "--overwrite", "--rows", "seed=1", "--columns", "steps=0")
    assert (done.exit_code, done.stderr) == (
        3,
        "error: the result 01.png would replace an input; name another file.\n",
    )
    assert (here / "01.png").read_bytes() == before


def test_an_interrupted_experiment_goes_on(here, interrupted):
    command = ("grid", "photo.png", "-s", "painting.png", *FEW, "--rows", "seed=1;2;3")
    command += ("--columns", "init=random", "--quiet", "-o", "out")
    said = interrupted("explore", *command, after=3)  # in the second of three pictures
    line = "interrupted; run the same command again to resume.\n"
    assert said.stderr == line
    assert (here / "out.vidstyle" / "stylized" / "000001.png").exists()

    other = run(*command, "--seed", "9")
    assert other.exit_code == 7
    assert "(seed was 0 and is now 9)" in other.stderr
    assert "--restart to start over" in other.stderr
    (here / "out").mkdir()
    (here / "out" / "sheet.png").touch()  # as if it had been writing its results
    again = run(*command)
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "out"
    assert not (here / "out.vidstyle").exists()
    assert (here / "out" / "03.png").exists()


def test_a_folder_is_not_a_picture(here):
    done = run("grid", ".", "-s", "painting.png", *FEW)

    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.endswith("error: cannot read .: Is a directory.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--rows", "paint=1"], 2, "'paint' is not a setting"),
        (["--rows", "min-steps=1"], 2, "'min-steps' is not a setting"),
        (["--rows", "pyramid=1"], 2, "'pyramid' is not a setting"),
        (["--rows", "steps="], 2, "no values"),
        (["--rows", "steps=1.5"], 2, "steps is 1.5; it must be a whole number"),
        (["--rows", "init=content", "--columns", "init=random"], 3, "both vary init"),
        (["--columns", "content-weight=-1"], 3, "content-weight is -1.0"),
        (["--style-layers", "relu9_9"], 3, "relu9_9"),
        (["-s", "gone.png"], 3, "gone.png"),
        (["-o", "gone/out"], 6, "does not exist"),
        (["-o", "photo.png"], 6, "photo.png is a file"),
        (["--steps", "-1"], 3, "steps is -1"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(here, arguments, code, said):
    done = run("grid", "photo.png", "-s", "painting.png", *FEW, *arguments)

    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert {path.name for path in here.iterdir()} == {"photo.png", "painting.png"}


def test_help_names_the_experiments_and_fits(here):
    text = CliRunner().invoke(
        app, ["explore", "--help"], env={"COLUMNS": "80", "TERM": "dumb"}
    )
    assert text.exit_code == 0
    names = [line.split()[1] for line in text.stdout.splitlines() if "│ " in line]
    for name in ("grid", "reconstruct", "layers", "styles", "optimizers", "networks"):
        assert name in names
        shown = CliRunner().invoke(
            app, ["explore", name, "--help"], env={"COLUMNS": "80", "TERM": "dumb"}
        )
        assert max(len(line) for line in shown.stdout.splitlines()) <= 80
        assert "…" not in shown.stdout


def test_the_page_names_commands_and_pictures_that_there_are():
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"vidstyle explore ([a-z]+)", text))
    assert named == {command.__name__ for command in COMMANDS}
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert pictures
    assert all((PAGE.parent / name).is_file() for name in pictures)
    presets = set(re.findall(r"--preset ([a-z0-9]+)", text))
    assert presets == set(NAMES) - {"draft", "standard", "fine"}
