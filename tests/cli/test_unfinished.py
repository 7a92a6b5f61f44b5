"""``vidstyle status`` and ``vidstyle finish``, of a run that was interrupted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from running import FEW, FPS, FRAMES, SHOTS, Run, Said

from vidstyle.images import read_picture, write_picture
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

COMMAND = ("video", "clip.mp4", "-s", "painting.png", *FEW)
PAINTED = 4


@pytest.fixture
def stopped(here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a run, into a lossless video, that was interrupted after some frames."""
    put, left = FrameStore.put_stylized, iter(range(PAINTED))

    def put_some(self: FrameStore, *arguments: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        put(self, *arguments)

    monkeypatch.setattr("sys.argv", ["/usr/bin/vidstyle", *COMMAND, "-o", "a b.mkv"])
    with monkeypatch.context() as patched:
        patched.setattr(FrameStore, "put_stylized", put_some)
        said = vidstyle(*COMMAND, "--codec", "ffv1", "-o", "a b.mkv")
    assert said.code == 130
    return here / "a b.mkv.vidstyle"


@pytest.mark.parametrize("run", ["a b.mkv", "a b.mkv.vidstyle"])
def test_status(stopped: Path, vidstyle: Run, run: str) -> None:
    said = vidstyle("status", run)
    assert said.code == 0, said.stderr
    assert said.stdout.splitlines() == [
        f"{PAINTED} of about {FRAMES} frames painted for {stopped.with_suffix('')}",
        "no process is working on it; to resume:",
        f"vidstyle {' '.join(COMMAND)} -o 'a b.mkv'",
        "newest frame: a b.mkv.vidstyle/newest.png",
    ]
    facts = json.loads(vidstyle("status", run, "--json").stdout)
    assert facts["painted"] == PAINTED
    assert facts["process"] is None
    with FrameStore(stopped).claimed():
        assert json.loads(vidstyle("status", run, "--json").stdout)["process"]
        assert "is working on it" in vidstyle("status", run).stdout


def test_finish_writes_what_is_painted_and_leaves_the_run(
    stopped: Path, vidstyle: Run
) -> None:
    said = vidstyle("finish", "a b.mkv")
    assert said.code == 0, said.stderr
    assert said.lines[-1].endswith(f", {PAINTED} frames")
    info = probe(Path("a b.mkv"))
    timed = list(read_frames(info, on_warning=print))
    for index, each in enumerate(timed):
        painted = read_picture(stopped / "stylized" / f"{index + 1:06d}.png")
        assert (each.frame == painted).all()
        assert each.time_s == pytest.approx(index / FPS, abs=0.001)
    assert len(timed) == PAINTED
    assert info.has_audio
    assert info.duration_s == pytest.approx(PAINTED / FPS, abs=0.1)

    assert vidstyle("finish", "a b.mkv").code == 6
    assert vidstyle("finish", "a b.mkv", "-o", "b.mkv", "--json").code == 0
    said = vidstyle(*COMMAND, "--codec", "ffv1", "-o", "a b.mkv", "--overwrite")
    assert said.code == 0
    assert f"resuming in {stopped.name}: {PAINTED} frames already painted" in said.lines


def test_finish_of_a_later_part(here: Path, vidstyle: Run) -> None:
    """Frames are numbered in the clip; one that is missing ends what is made."""
    start = SHOTS["testsrc2"]
    asked = ("--start", str(start / FPS), "-o", "out", "--batch", "2")
    store, wanted = FrameStore(here / "out.vidstyle"), start + 2

    def lose(*_: object, **__: object) -> None:
        (store.work_dir / "stylized" / f"{wanted + 1:06d}.png").unlink()
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("vidstyle.clip.pipeline.write_result", lose)
        assert vidstyle(*COMMAND, *asked).code == 130
    said = vidstyle("finish", "out")
    assert said.code == 0, said.stderr
    assert f"skipping {FRAMES - wanted - 1} frames after an unfinished" in said.stderr
    assert len(list((here / "out").iterdir())) == 2


def test_no_run_and_another_clip(stopped: Path, vidstyle: Run) -> None:
    for command in ("status", "finish"):
        said = vidstyle(command, "nothing")
        assert said.code == 7
        assert said.lines == [
            "error: there is no unfinished run in nothing.vidstyle; if it was started "
            "with --work-dir, give that directory."
        ]
    Path("clip.mp4").touch()
    said = vidstyle("finish", "a b.mkv")
    assert said.code == 7
    assert "has changed since it was painted" in said.stderr


def test_frame_that_lacks_a_region_is_not_finished(
    here: Path, vidstyle: Run, interrupted: Callable[..., Said]
) -> None:
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, 24:] = 255
    write_picture(here / "mask.png", mask)
    region = ("--region", "mask.png=painting.png", "-o", "out")
    interrupted(*COMMAND, *region, after=5)
    assert " of about 18 frames painted for " in vidstyle("status", "out").stdout
    said = vidstyle("finish", "out")
    assert said.code == 7
    assert said.lines == [
        "error: no frame is finished yet in out.vidstyle/composed; resume the run "
        "first."
    ]


def test_finish_keeps_the_clip_and_leaves_damaged_frames_out(
    stopped: Path, vidstyle: Run
) -> None:
    Path("same.mkv").symlink_to("clip.mp4")
    said = vidstyle("finish", "a b.mkv", "-o", "same.mkv", "--overwrite")
    assert said.code == 3
    assert said.lines == [
        "error: the result same.mkv would replace its clip; name another file."
    ]
    for number in (2, PAINTED):
        (stopped / "stylized" / f"{number:06d}.png").write_bytes(b"damaged")
    Path("made").mkdir()
    said = vidstyle("finish", "a b.mkv", "-o", "made")
    assert said.code == 0, said.stderr
    assert said.stdout == "made/a b.mkv\n"
    assert said.lines[-1].endswith(", 1 frame")
