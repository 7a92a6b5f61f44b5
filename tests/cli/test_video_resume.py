"""``vidstyle video`` interrupted, and given again: the same pixels in the end."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import FEW, FRAMES, Run, Said, names_in, start

from vidstyle.images import read_picture, write_picture

pytestmark = pytest.mark.slow

INPUTS = {"clip.mp4", "painting.png"}
WORK = "out.vidstyle"
STEPS = 5
LIMITS = ("--steps", f"{STEPS}", "--next-steps", f"{STEPS}", "--min-steps", f"{STEPS}")
PATIENCE_S = 300


def command(*options: str, clip: str = "clip.mp4") -> list[str]:
    return ["video", clip, "-s", "painting.png", *FEW, *LIMITS, "-o", "out", *options]


def wait_for(is_there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def painted(folder: Path) -> int:
    return len([*(folder / WORK / "stylized").glob("*.png")])


@pytest.fixture
def begin(here: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a run in another process, and wait until some frames are painted.

    From then on it is so slow that it can be caught.
    """
    running = []

    def run(*options: str, frames: int = 2) -> subprocess.Popen[str]:
        process = start(*command(*options), quick_steps=(STEPS + 1) * frames)
        running.append(process)
        wait_for(lambda: painted(here) >= frames, process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: int) -> Said:
    """Send a signal and see what the run says."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, stdout, stderr)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("options", [(), ("--gif", "--batch", "2")])
def test_killed_run_ends_in_the_same_pixels(
    here: Path,
    vidstyle: Run,
    begin: Callable[..., subprocess.Popen[str]],
    interrupted: Callable[..., Said],
    options: tuple[str, ...],
) -> None:
    if options:
        assert end(begin(*options), signal.SIGKILL).code == -signal.SIGKILL
    else:
        interrupted(*command(), after=3 * STEPS)
    before = painted(here)
    assert 2 <= before < FRAMES
    assert names_in(here) == {*INPUTS, WORK}

    said = vidstyle(*command(*options))
    assert said.code == 0, said.stderr
    assert said.lines[1] == f"resuming in {WORK}: {before} frames already painted"
    results = set(said.stdout.split())
    assert names_in(here) == {*INPUTS, *results}

    resumed = contents(here / "out")
    gif = (here / "out.gif").read_bytes() if options else b""
    assert vidstyle(*command(*options), "--overwrite").code == 0
    assert contents(here / "out") == resumed
    if options:
        assert (here / "out.gif").read_bytes() == gif


@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")],
)
def test_signal_is_answered_and_the_work_is_kept(
    here: Path,
    begin: Callable[..., subprocess.Popen[str]],
    number: int,
    word: str,
) -> None:
    said = end(begin("--quiet", frames=1), number)
    assert said.code == -number  # so that a shell ends its loop, too
    assert said.stdout == ""
    assert said.lines == [f"{word}; run the same command again to resume."]
    assert names_in(here) == {*INPUTS, WORK}
    assert 1 <= painted(here) < FRAMES


def test_interrupted_before_the_first_frame_leaves_nothing(
    here: Path, interrupted: Callable[..., Said]
) -> None:
    said = interrupted(*command(), after=1)
    assert said.lines[-1] == "interrupted; nothing was written."
    assert names_in(here) == INPUTS


def test_interrupted_within_the_first_frame_goes_on_there(
    here: Path,
    vidstyle: Run,
    interrupted: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidstyle.clip.painter.BEGUN_S", 0)
    monkeypatch.setattr("vidstyle.clip.painter.COST", 0)
    arguments = command("--frames", ":2", "--log", "losses.jsonl")
    said = interrupted(*arguments, after=3)
    told = "interrupted; run the same command again to resume."
    assert said.lines[-1] == told
    said = vidstyle(*arguments)
    assert said.code == 0, said.stderr
    assert said.lines[1] == f"resuming in {WORK}: 0 frames already painted, 1 begun"
    lines = (here / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [report for report in map(json.loads, lines) if report["frame"] == 0]
    assert [report["step"] for report in steps] == [1, 2, 3, 4, 5]


def test_second_run_in_the_same_place_is_refused(
    here: Path, vidstyle: Run, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    process = begin(frames=0)
    wait_for((here / WORK / "source").is_dir, process)
    for option in ("--quiet", "--restart"):
        said = vidstyle(*command("--quiet", option))
        assert said.code == 7
        (line,) = said.lines
        assert line.startswith(f"error: process {process.pid} is working in {WORK};")
    assert end(process, signal.SIGKILL).code == -signal.SIGKILL
    # A dead process keeps nobody out.
    assert vidstyle(*command("--steps", "2", "--restart")).code == 0
    assert names_in(here) == {*INPUTS, "out"}


@pytest.fixture
def stopped(here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a run that was interrupted after three frames."""
    store = "vidstyle.clip.painter.FrameStore.put_stylized"
    with monkeypatch.context() as patched:
        put = _get(store)
        left = iter(range(3))

        def put_three(self: object, *arguments: object) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            put(self, *arguments)

        patched.setattr(store, put_three)
        said = vidstyle(*command("--init", "painting.png"))
    assert said.code == 130
    assert painted(here) == 3
    return here


def _get(name: str) -> Callable[..., None]:
    from vidstyle.video.work_dir import FrameStore

    return getattr(FrameStore, name.rpartition(".")[2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-w", "2"), "style_weight was 1.0 and is now 2.0"),
        (("--frames", ":8"), "frames was [0, None] and is now [0, 8]"),
        (("--gif",), "evolution was None and is now "),
        (("--batch", "2"), "batch was 1 and is now 2"),
        (("--init", "style"), "init has changed"),
    ],
)
def test_other_settings_are_refused_by_name(
    stopped: Path, vidstyle: Run, options: tuple[str, ...], words: str
) -> None:
    said = vidstyle(*command("--init", "painting.png", "--quiet", *options))
    assert said.code == 7
    (line,) = said.lines
    assert words in line
    assert "--restart to start over" in line
    assert painted(stopped) == 3


def test_what_only_changes_the_file_is_no_other_run(
    stopped: Path, vidstyle: Run
) -> None:
    options = ("--crf", "30", "--output-size", "source", "--sheet", "--strict")
    said = vidstyle(*command("--init", "painting.png", *options))
    assert said.code == 0
    assert f"resuming in {WORK}: 3 frames already painted" in said.lines


def test_other_painting_is_refused(stopped: Path, vidstyle: Run) -> None:
    painting = read_picture(stopped / "painting.png")
    painting[0, 0] = 255 - painting[0, 0]
    write_picture(stopped / "painting.png", painting)
    said = vidstyle(*command("--init", "painting.png", "--quiet"))
    assert said.code == 7
    assert "painting has changed" in said.stderr
    assert "init has changed" in said.stderr


def test_other_clip_is_refused(stopped: Path, vidstyle: Run) -> None:
    os.utime(stopped / "clip.mp4")
    said = vidstyle(*command("--init", "painting.png", "--quiet"))
    assert said.code == 7
    assert "clip_state was " in said.stderr


def test_other_picture_in_a_folder_is_refused(
    here: Path, vidstyle: Run, interrupted: Callable[..., Said]
) -> None:
    """The folder's own time of change would not tell."""
    assert vidstyle(*command("--steps", "1"), "-o", "shots").code == 0
    arguments = command("--quiet", clip="shots")
    interrupted(*arguments, after=2 * STEPS)
    assert painted(here) >= 1
    with (here / "shots" / "000009.png").open("ab") as picture:
        picture.write(b"\0")
    said = vidstyle(*arguments)
    assert said.code == 7
    assert "clip_state was " in said.stderr


def test_restart_begins_afresh(stopped: Path, vidstyle: Run) -> None:
    said = vidstyle(*command("-w", "2", "--steps", "2", "--restart"))
    assert said.code == 0
    assert not [line for line in said.lines if line.startswith("going on")]
    assert names_in(stopped) == {*INPUTS, "out"}


def test_log_of_a_run_that_goes_on_is_continued(stopped: Path, vidstyle: Run) -> None:
    (stopped / "losses.jsonl").write_text("of before\n", encoding="utf-8")
    options = ("--init", "painting.png", "--log", "losses.jsonl")
    assert vidstyle(*command(*options)).code == 0
    lines = (stopped / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "of before"
    frames = [json.loads(line)["frame"] for line in lines[1:]]
    assert {3, 6, 7, 8} <= {*frames} <= set(range(3, FRAMES))  # all key frames
