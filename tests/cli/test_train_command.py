"""``vidstyle train`` as a user types it."""

import json
from pathlib import Path

import pytest
from running import Run, names_in
from small_training import make_encoder, make_photos

from vidstyle.training import train as module

TINY = ("--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu")


@pytest.fixture
def train(here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``vidstyle train`` beside photos/ and teacher.npz."""
    monkeypatch.setattr(module, "JUDGE_SIDE", 64)
    monkeypatch.setattr(module, "USUAL_SIDE", 64)
    make_photos(here / "photos")
    make_encoder(here / "teacher.npz")
    return lambda *arguments: vidstyle("train", *arguments, *TINY)


def test_photographs_and_a_teacher_make_weights_that_paint(
    train: Run, vidstyle: Run, here: Path
) -> None:
    done = train("photos", "--teacher", "teacher.npz", "-o", "mine.npz")
    assert (done.code, done.stderr) == (0, "measuring the network\n")
    assert "relative error on 2 photographs held out" in done.stdout
    assert "relu5_1" in done.stdout
    assert done.stdout.splitlines()[-1] == "mine.npz"
    painted = vidstyle(
        *("image", "painting.png", "--style", "painting.png", "-o", "a.png"),
        *("--weights", "mine.npz", "--steps", "2", "--device", "cpu", "--quiet"),
    )
    assert (painted.code, painted.stdout) == (0, "a.png\n")
    assert not any(name.endswith(".training") for name in names_in(here))


def test_json_has_the_errors(train: Run) -> None:
    done = train("photos", "--teacher", "teacher.npz", "-o", "mine.npz", "--json")
    facts = json.loads(done.stdout)
    assert facts["output"] == "mine.npz"
    assert set(facts["errors"]) == set(module.JUDGED)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("none", "-o", "a.npz"), 3, "none is not a folder of photographs."),
        (("photos", "-o", "a.pth"), 3, "a.pth must end in .npz."),
        (("photos", "-o", "none/a.npz"), 6, "the folder none"),
        (("photos", "-o", "a.npz", "--teacher", "no.npz"), 4, "no.npz"),
        (("photos", "-o", "a.npz", "--lr", "0"), 3, "lr is 0.0"),
        (("photos", "-o", "teacher.npz"), 6, "--overwrite"),
    ],
)
def test_a_mistake_is_one_sentence(
    train: Run, here: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = names_in(here)
    done = train("--teacher", "teacher.npz", *arguments)
    assert done.code == code
    assert len(done.lines) == 1
    assert said in done.stderr
    assert names_in(here) == before
