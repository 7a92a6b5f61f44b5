"""``vidstyle image`` with folders, as a user types it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from running import FEW, Run, Said, names_in

pytestmark = pytest.mark.slow

STEPS = FEW[: FEW.index("--next-steps")] + FEW[FEW.index("--min-steps") :]
PAIRS = {"a.painting.png", "b.painting.png"}


@pytest.fixture
def photos(here: Path) -> Path:
    """The painting as two photographs in a folder."""
    folder = here / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(here / "painting.png", folder / name)
    return folder


def test_folder_of_pictures_makes_a_folder_beside_it(
    photos: Path, vidstyle: Run
) -> None:
    said = vidstyle("image", "photos", "-s", "painting.png", *STEPS)
    assert said.code == 0, said.stderr
    assert said.stdout == "photos.painting\nphotos.painting/index.png\n"
    assert said.lines[0] == "2 x 1 -> 2 pictures"
    assert names_in(photos.parent / "photos.painting") == {*PAIRS, "index.png"}
    said = vidstyle("image", "photos/", "-s", "painting.png", *STEPS, "--json")
    assert "2 already exist (--overwrite paints them again)" in said.stderr
    result = json.loads(said.stdout)
    assert (result["painted"], result["kept"], result["failed"]) == (0, 2, [])


def test_folders_on_both_sides_and_several_files(photos: Path, vidstyle: Run) -> None:
    said = vidstyle(
        *("image", "photos/a.png", "photos/b.png", "-s", "photos", "-o", "out"),
        *(*STEPS, "--batch", "2", "--log", "log", "-q"),
    )
    assert said.code == 0, said.stderr
    assert said.stderr == ""
    there = {f"{one}.{two}.png" for one in "ab" for two in "ab"}
    assert names_in(photos.parent / "out") == {*there, "index.png"}
    lines = (photos.parent / "log").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["frame"] for line in lines} == {0, 1, 2, 3}


def test_several_paintings_are_mixed_for_each_picture(
    photos: Path, vidstyle: Run
) -> None:
    mix = ("-s", "painting.png", "-s", "photos/b.png", "--style-mix", "2,1")
    said = vidstyle("image", "photos", *mix, *STEPS)
    assert said.code == 0, said.stderr
    there = {"a.painting+b.png", "b.painting+b.png", "index.png"}
    assert names_in(photos.parent / "photos.painting+b") == there


def test_what_cannot_be_read_is_passed_over_and_the_exit_code_says_so(
    photos: Path, vidstyle: Run
) -> None:
    (photos / "a.png").write_text("no picture", encoding="utf-8")
    said = vidstyle("image", "photos", "-s", "painting.png", *STEPS)
    assert said.code == 3
    assert said.lines[1].startswith("warning: skipped: photos/a.png is not a pict")
    assert said.lines[-1].startswith("error: some pictures failed: photos/a.png is")
    there = {"b.painting.png", "index.png"}
    assert names_in(photos.parent / "photos.painting") == there


MISTAKES = [
    ("photos -o photos", 3, "photos holds inputs; choose another --output."),
    ("photos -o painting.png", 6, "painting.png is a file; several results need"),
    ("photos -o painting.png/out", 6, "cannot make the folder painting.png: "),
    ("photos --gif", 3, "--evolution works with one picture only, not with a folder."),
    ("empty", 3, "there is no picture in the folder empty."),
    ("photos gone.png --style-layers relu7_1", 3, "slim has no layer relu7_1"),
    ("photos --batch 0", 3, "batch is 0; it must be at least 1."),
]


@pytest.mark.parametrize(("options", "code", "words"), MISTAKES)
def test_mistake_is_one_sentence_and_leaves_nothing(
    photos: Path, vidstyle: Run, options: str, code: int, words: str
) -> None:
    (photos.parent / "empty").mkdir()
    before = names_in(photos.parent), names_in(photos)
    said = vidstyle("image", *options.split(), "-s", "painting.png", *STEPS, "-q")
    (line,) = said.lines
    assert line.startswith("error: ")
    assert words in line
    assert (said.code, said.stdout) == (code, "")
    assert (names_in(photos.parent), names_in(photos)) == before


def test_interrupted_run_goes_on(
    photos: Path, vidstyle: Run, interrupted: Callable[..., Said]
) -> None:
    options = ("photos", "-s", "painting.png", *STEPS, "-q")
    said = interrupted("image", *options, after=4)
    line = "interrupted; run the same command again to resume.\n"
    assert (said.stdout, said.stderr) == ("", line)
    assert names_in(photos.parent / "photos.painting") == {"a.painting.png"}
    result = vidstyle("image", *options, "--json")
    assert json.loads(result.stdout)["kept"] == 1
    assert names_in(photos.parent / "photos.painting") == {*PAIRS, "index.png"}
