"""What a run says: each failure's sentence and code, notices, the log, the result."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import pytest
import typer
from running import FEW, names_in, start

from vidstyle import errors
from vidstyle.cli import reported_errors
from vidstyle.cli.report import Reporter
from vidstyle.cli.request import Request
from vidstyle.records import Notice, Plan, StepReport

FAMILY = sorted(
    {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.VidstyleError)
    },
    key=lambda each: each.__name__,
)


def report(loss: float = 1.5) -> StepReport:
    return StepReport(
        frame=4, step=2, steps=9, evaluations=2, read_losses=lambda: {"style": loss}
    )


def code_of(error: BaseException, on_stop: str = "nothing was written") -> int:
    """Let an error end a command."""
    with pytest.raises(typer.Exit) as ended, reported_errors(on_stop):
        raise error
    return ended.value.exit_code


@pytest.mark.parametrize("kind", FAMILY)
def test_each_of_the_family_is_a_line_and_its_code(
    kind: type[errors.VidstyleError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(kind("cannot [red]read[/red] it.")) == kind.exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: cannot [red]read[/red] it.\n"


def test_long_sentence_stays_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/".join(["folder"] * 100)
    code_of(errors.OutputError(f"cannot write {path}."))
    assert capsys.readouterr().err == f"error: cannot write {path}.\n"


def test_bug_is_shown_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), reported_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["__enter__", "__exit__"])
def test_signal_that_meets_a_lock_waits_until_it_is_taken_and_let_go(
    number: signal.Signals, place: str
) -> None:
    def strike(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code.co_name == place and event == "call":
            sys.setprofile(None)
            handle = signal.getsignal(number)
            assert callable(handle)
            handle(number, frame)

    condition, passed = threading.Condition(), threading.Event()

    def work() -> None:
        sys.setprofile(strike)
        with condition:
            pass
        passed.set()
        time.sleep(10)

    with pytest.raises(typer.Exit) as ended, reported_errors():
        work()
    assert passed.is_set()
    assert ended.value.exit_code == 128 + number


def test_interruption_while_the_program_is_loaded_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "vidstyle", "presets"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == "interrupted; nothing was written.\n"
    assert ended.returncode == (-2 if os.name == "posix" else 2)


def test_interruption_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(KeyboardInterrupt(), "the work is kept") == 130
    assert capsys.readouterr().err == "interrupted; the work is kept.\n"


def test_termination_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit) as ended, reported_errors():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.exit_code == 143
    assert capsys.readouterr().err == "terminated; nothing was written.\n"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ImportError("libGL.so.1: cannot open shared object file"), "libgl1"),
        (ImportError("libgthread-2.0.so.0: cannot open shared"), "libglib2.0-0"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "with pip"),
    ],
)
def test_missing_library_is_named_with_what_to_install(
    capsys: pytest.CaptureFixture[str], error: ImportError, advice: str
) -> None:
    assert code_of(error) == errors.DependencyError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert advice in line


def test_our_own_wrong_import_is_a_bug() -> None:
    with pytest.raises(ImportError), reported_errors():
        raise ModuleNotFoundError("No module named 'vidstyle.gone'", name="vidstyle")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cv2.py", "cv2/__init__.py"])
def test_opencv_without_its_libraries_is_one_sentence(here: Path, name: str) -> None:
    """As on a server: cv2 is installed, but the system has no libGL."""
    words = "libGL.so.1: cannot open shared object file: No such file or directory"
    fake = here / "fake" / name
    fake.parent.mkdir(parents=True)
    fake.write_text(f"raise ImportError({words!r})\n", encoding="utf-8")
    arguments = ["video", "clip.mp4", "-s", "painting.png", *FEW]
    process = start(*arguments, PYTHONPATH=str(here / "fake"))
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 3
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith("error: OpenCV needs the system library libGL; install it")
    assert names_in(here) == {"clip.mp4", "painting.png", "fake"}


@pytest.mark.slow
def test_decoder_does_not_chatter(here: Path) -> None:
    """OpenCV and its ffmpeg would write to stderr past Python: see it from outside."""
    data = (here / "clip.mp4").read_bytes()
    (here / "clip.mp4").write_bytes(data[:3000] + bytes(200) + data[3200:])
    process = start("video", "clip.mp4", "-s", "painting.png", *FEW, "--quiet")
    assert process.communicate(timeout=300) == ("clip.painting.mp4\n", "")


def reporter(**settings: object) -> Reporter:
    return Reporter(Request(**settings))


def test_notices_go_to_stderr_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with reporter() as listener:
        listener(Notice(text="clip[1].mp4: 3 frames"))
        listener(Notice(text="torn.", is_warning=True))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "clip[1].mp4: 3 frames\nwarning: torn.\n"


def test_quiet_keeps_even_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with reporter(quiet=True) as listener:
        listener(Notice(text="torn.", is_warning=True))
    assert capsys.readouterr().err == ""


def test_result_is_each_path_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    reporter().result(Path("a.mp4"), frames=3, gif=Path("a b.gif"), sheet=None)
    assert capsys.readouterr().out == "a.mp4\na b.gif\n"


def test_json_has_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    listener = reporter(json=True)
    listener(Plan(height=18, width=32, frames=3))
    listener(report())
    listener.result(Path("ä.mp4"), gif=None, sheet=Path("s.png"))
    result = json.loads(capsys.readouterr().out)
    assert result.pop("seconds") >= 0
    assert result == {
        "output": "ä.mp4",
        "width": 32,
        "height": 18,
        "steps": 1,
        "gif": None,
        "sheet": "s.png",
    }


def test_log_is_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of another run\n", encoding="utf-8")
    with reporter(log=path) as listener:
        listener(Plan(height=18, width=32, frames=3))
        listener(report(2.5))
        # Each line is there at once, for who follows it.
        assert json.loads(path.read_text(encoding="utf-8")) == {
            "frame": 4,
            "step": 2,
            "steps": 9,
            "evaluations": 2,
            "loss": 2.5,
            "losses": {"style": 2.5},
            "level": 1,
            "levels": 1,
            "work": 1.0,
            "work_left": None,
            "begins_shot": False,
        }


def test_log_of_an_earlier_run_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of the same run\n", encoding="utf-8")
    with reporter(log=path) as listener:
        listener(Plan(height=18, width=32, frames=3, done=1))
        listener(report())
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_log_of_a_run_that_failed_at_once_is_not_left(tmp_path: Path) -> None:
    with pytest.raises(errors.OutputError), reporter(log=tmp_path / "log"):
        raise errors.OutputError
    assert names_in(tmp_path) == set()


def test_log_of_a_run_without_a_step_is_there(tmp_path: Path) -> None:
    with reporter(log=tmp_path / "log") as listener:
        listener(Plan(height=18, width=32, frames=3, next_steps=0))
    assert (tmp_path / "log").read_text(encoding="utf-8") == ""


def test_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(
            errors.OutputError, match=r"cannot write the log .*: Is a direct"
        ),
        reporter(log=tmp_path),
    ):
        pass
