"""``--method network``, ``--save-network`` and ``--painter``, as typed."""

from pathlib import Path

import numpy as np
import pytest
from running import FEW, FRAMES, Run

from vidstyle.images import read_picture
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

LEARN = (*FEW, "--method", "network", "--train-minutes", "0.001")
CLIP = ("video", "clip.mp4", "-s", "painting.png")
IMAGE = ("image", "painting.png", "-s", "painting.png", *FEW[:4])
LOOK = "look.safetensors"


def test_network_is_trained_kept_and_used_again(here: Path, vidstyle: Run) -> None:
    said = vidstyle(*CLIP, *LEARN, "--save-network", LOOK, "-o", "a")
    assert said.code == 0, said.stderr
    said = vidstyle(*CLIP, *FEW, "--painter", LOOK, "-o", "b")
    assert said.code == 0, said.stderr
    first, again = (
        [read_picture(path) for path in sorted(Path(name).glob("*.png"))]
        for name in ("a", "b")
    )
    assert len(first) == FRAMES
    assert all(map(np.array_equal, first, again))
    assert vidstyle(*IMAGE, "--painter", LOOK, "--touch-up", "1").code == 0
    assert Path("painting.painting.png").is_file()


def test_network_is_kept_by_a_run_that_goes_on(
    here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    command = (*CLIP, *LEARN, "--save-network", LOOK, "-o", "a")
    with monkeypatch.context() as patched:
        patched.setattr(FrameStore, "put_stylized", stop)
        assert vidstyle(*command).code == 130
    said = vidstyle(*command)
    assert said.code == 0, said.stderr
    assert Path(LOOK).is_file()


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ((*IMAGE, "--painter", "none"), 4, "cannot read none"),
        ((*IMAGE, "--painter", "clip.mp4"), 4, "not a safetensors file"),
        ((*CLIP, *FEW, "--save-network", LOOK), 2, "needs --method network"),
        ((*CLIP, *LEARN, "--preview"), 3, "work with method network; leave one out"),
        ((*CLIP, *LEARN, "--save-network", "clip.mp4"), 3, "clip.mp4"),
        ((*CLIP, "--train-minutes", "0"), 3, "train-minutes is 0.0"),
        (("plan", *CLIP[1:], *LEARN), 3, "work with method network or a painter"),
    ],
)
def test_mistake_is_a_sentence(
    here: Path, vidstyle: Run, command: tuple[str, ...], code: int, sentence: str
) -> None:
    said = vidstyle(*command)
    assert (said.code, sentence in " ".join(said.stderr.split())) == (code, True)
