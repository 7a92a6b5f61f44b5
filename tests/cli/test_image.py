"""``vidstyle image`` as a user types it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pictures import scene
from running import FEW, Run, Said, names_in

from vidstyle.images import read_picture, write_picture
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

INPUTS = {"clip.mp4", "painting.png", "photo.png"}
STEPS = FEW[: FEW.index("--next-steps")] + FEW[FEW.index("--min-steps") :]


@pytest.fixture
def photo(here: Path) -> Path:
    write_picture(here / "photo.png", scene(7, 37, 51))
    return here


@pytest.fixture
def paint(photo: Path, vidstyle: Run) -> Run:
    """Run the command with few steps; it has to go well."""

    def run(*arguments: str) -> Said:
        said = vidstyle("image", "photo.png", "-s", "painting.png", *STEPS, *arguments)
        assert said.code == 0, said.stderr
        return said

    return run


def test_picture_comes_out_beside_the_photo(photo: Path, paint: Run) -> None:
    said = paint()
    assert said.stdout == "photo.painting.png\n"
    assert said.lines[0] == "photo.png: 51x37 -> 51x37"
    assert said.lines[1].startswith("done in 0:")
    assert names_in(photo) == {*INPUTS, "photo.painting.png"}
    before, after = (
        read_picture(photo / name).astype(int)
        for name in ("photo.png", "photo.painting.png")
    )
    assert np.abs(before - after).mean() > 2


def test_first_line_says_the_size_of_the_result(photo: Path, paint: Run) -> None:
    said = paint("--long-side", "33", "-o", "small.jpg", "--json")
    assert said.lines[0] == "photo.png: 51x37 -> 33x24"
    assert read_picture(photo / "small.jpg").shape == (24, 33, 3)
    result = json.loads(said.stdout)
    assert result.pop("seconds") > 0
    assert result == {
        "output": "small.jpg",
        "width": 33,
        "height": 24,
        "steps": 3,
        "gif": None,
    }


def test_several_paintings_name_the_result(photo: Path, paint: Run) -> None:
    write_picture(photo / "b.png", read_picture(photo / "painting.png")[:, ::-1])
    said = paint("-s", "b.png", "--style-mix", "1,3", "--keep-color", "histogram")
    assert said.stdout == "photo.painting+b.png\n"


def test_mask_is_looked_at_before_torch_is_loaded(
    photo: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vidstyle.stylize.image", None)
    said = vidstyle("image", "photo.png", "--region", "painting.png=painting.png")
    assert "not have the aspect ratio of 51x37" in said.stderr


def test_region_is_painted_and_the_rest_stays(photo: Path, vidstyle: Run) -> None:
    source = read_picture(photo / "photo.png")
    mask = np.zeros_like(source)
    mask[:, :20] = 255
    write_picture(photo / "mask.png", mask)
    said = vidstyle("image", "photo.png", "--region", "mask.png=painting.png", *STEPS)
    assert (said.code, said.stdout) == (0, "photo.painting.png\n")
    painted = read_picture(photo / "photo.painting.png")
    assert np.array_equal(painted[:, 24:], source[:, 24:])
    assert not np.array_equal(painted[:, :16], source[:, :16])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Missing option '--style'"),
        (("--region", "mask.png"), "'mask.png' is not MASK=PAINTING, such as"),
        (("--region", "=a.png"), "'=a.png' is not MASK=PAINTING"),
    ],
)
def test_painting_is_asked_for(
    photo: Path, vidstyle: Run, options: tuple[str, ...], words: str
) -> None:
    said = vidstyle("image", "photo.png", *options)
    assert said.code == 2
    assert words in " ".join(said.stderr.replace("│", " ").split())


def test_gif_shows_how_it_was_learned(photo: Path, paint: Run) -> None:
    said = paint("--gif", "--gif-width", "25")
    assert said.stdout == "photo.painting.png\nphoto.painting.gif\n"
    assert names_in(photo) == {*INPUTS, *said.stdout.split()}
    info = probe(photo / "photo.painting.gif")
    assert (info.height, info.width) == (18, 25)
    assert len(list(read_frames(info, on_warning=pytest.fail))) >= 2


def test_learning_may_be_a_video(photo: Path, paint: Run) -> None:
    assert paint("--gif-output", "a.mp4").stdout == "photo.painting.png\na.mp4\n"
    assert probe(photo / "a.mp4").codec == "h264"


def test_log_has_every_step(photo: Path, paint: Run) -> None:
    paint("--log", "log", "--quiet")
    lines = (photo / "log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]


def test_quiet_says_nothing_but_the_result(paint: Run) -> None:
    assert paint("-q") == Said(0, "photo.painting.png\n", "")


class Mistake(NamedTuple):
    """What is wrong, and what is said of it."""

    words: str
    options: str = ""
    code: int = 3
    content: str = "photo.png"


MISTAKES = {
    "missing": Mistake("cannot read gone.png: No such file", content="gone.png"),
    "empty": Mistake("empty.png is not a picture", content="empty.png"),
    "text": Mistake("text.png is not a picture", content="text.png"),
    "clip": Mistake(
        "clip.mp4 is a clip; paint it with vidstyle video", content="clip.mp4"
    ),
    "no style": Mistake("cannot read gone.jpg: No such file", "-s gone.jpg"),
    "text as style": Mistake("text.png is not a picture", "-s text.png"),
    "too flat": Mistake("the result would have 20x15", "--long-side 20"),
    "fewer steps than none": Mistake(
        "steps is -1; it must be at least 0", "--steps -1"
    ),
    "a weight too many": Mistake("style-mix has 2 values", "--style-mix 1,2"),
    "no weight": Mistake("at least one weight must be more than 0", "--style-mix 0"),
    "half a mix": Mistake("cannot read gone.jpg", "-s gone.jpg --style-mix 1,0"),
    "no mask": Mistake("cannot read gone.png", "--region gone.png=painting.png"),
    "text as mask": Mistake("text.png is not a pic", "--region text.png=painting.png"),
    "tall mask": Mistake(
        "does not have the aspect ratio of", "--region painting.png=photo.png"
    ),
    "no such painting": Mistake("cannot read gone.jpg", "--region photo.png=gone.jpg"),
    "onto a mask": Mistake(
        "replace an input", "--region text.png=painting.png -o text.png -y"
    ),
    "scale of 0": Mistake("style-scale is 0.0; it must be", "--style-scale 0"),
    "tiny painting": Mistake("the painting would have", "--style-scale 0.1"),
    "two scales": Mistake(
        "give either style-side or style-scale", "--style-scale 1 --style-side 99"
    ),
    "sums of others": Mistake(
        "gatys works only with style-loss gram", "--style-loss swd --loss-scale gatys"
    ),
    "nan": Mistake("style-weight is nan; it must be", "--style-weight nan"),
    "no such layer": Mistake("slim has no layer relu7_1", "--style-layers relu7_1"),
    "maximum": Mistake("slim supports only average pooling", "--pooling max"),
    "no weights": Mistake("no weights for vgg16: ", "--network vgg16", 4),
    "no folder": Mistake("cannot make the folder text.png", "-o text.png/a.png", 6),
    "exists": Mistake("text.png exists; use --overwrite", "-o text.png", 6),
    "itself": Mistake("would replace an input", "-o photo.png -y"),
    "no such format": Mistake("a.xyz: .xyz is not a picture format", "-o a.xyz", 6),
    "no ending": Mistake("no extension is not a picture format", "-o painted", 6),
    "GIF as text": Mistake("x.txt must end in .gif or .mp4", "--gif-output x.txt"),
    "two in one": Mistake(
        "two results would be named a.gif", "-o a.gif --gif-output a.gif"
    ),
    "log nowhere": Mistake("cannot write the log gone/log", "--log gone/log", 6),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_sentence_and_leaves_nothing(
    photo: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    (photo / "empty.png").touch()
    (photo / "text.png").write_text("mine", encoding="utf-8")
    monkeypatch.setenv("VIDSTYLE_CACHE", str(photo))
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", "http://127.0.0.1:9/")
    before = names_in(photo)
    options = ("-s", "painting.png", "--quiet", *STEPS, *mistake.options.split())
    said = vidstyle("image", mistake.content, *options)
    assert said.code == mistake.code
    assert said.stdout == ""
    (line,) = said.lines
    assert line.startswith("error: ")
    assert mistake.words in line
    assert line.endswith(".")
    assert names_in(photo) == before
    assert (photo / "text.png").read_text(encoding="utf-8") == "mine"


def test_option_of_a_clip_is_usage(vidstyle: Run) -> None:
    said = vidstyle("image", "photo.png", "-s", "painting.png", "--frames", "1:2")
    assert said.code == 2
    assert "No such option: --frames" in said.stderr


@pytest.mark.slow
def test_interruption_leaves_nothing(
    photo: Path, interrupted: Callable[..., Said]
) -> None:
    options = ("-s", "painting.png", *STEPS, "--log", "log", "-q")
    said = interrupted("image", "photo.png", *options, after=2)
    assert (said.stdout, said.stderr) == ("", "interrupted; nothing was written.\n")
    assert names_in(photo) == {*INPUTS, "log"}
