"""What a run says: progress on stderr, results on stdout, errors as exit codes."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from vidstyle.errors import (
    ConfigError,
    DependencyError,
    OutputError,
    VidstyleError,
)
from vidstyle.records import Download, Event, FrameReport, Notice, Plan, StepReport

INTERRUPTED, TERMINATED = 130, 143


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


@contextmanager
def reported_errors(on_stop: str = "nothing was written") -> Iterator[None]:
    """Turn every way in which a command can fail into one line and an exit code.

    Args:
        on_stop: What an interrupted user should know.
    """
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except VidstyleError as err:
        _say(f"error: {err}")
        raise typer.Exit(err.exit_code) from None
    except ImportError as err:
        known = _dependency_error(err)
        if known is None:
            raise
        _say(f"error: {known}")
        raise typer.Exit(known.exit_code) from None
    except KeyboardInterrupt:
        _say(f"interrupted; {on_stop}.")
        raise typer.Exit(INTERRUPTED) from None
    except Terminated:
        _say(f"terminated; {on_stop}.")
        raise typer.Exit(TERMINATED) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _say(line: str) -> None:
    # soft_wrap: a long path must stay in one piece for whoever copies it.
    Console(stderr=True, soft_wrap=True, highlight=False).print(escape(line))


def _dependency_error(err: ImportError) -> DependencyError | None:
    """Say what to install where a library that we stand on cannot be loaded."""
    words = str(err)
    if "libGL" in words:
        return DependencyError(
            "OpenCV needs the system library libGL; install it "
            "(Debian, Ubuntu: apt-get install libgl1; Fedora: dnf install mesa-libGL)."
        )
    if "libgthread" in words or "libglib" in words:
        return DependencyError(
            "OpenCV needs the system library GLib; install it "
            "(Debian, Ubuntu: apt-get install libglib2.0-0; Fedora: dnf install glib2)."
        )
    if err.name in {"cv2", "torch", "torchvision", "numpy", "imageio_ffmpeg"}:
        return DependencyError(
            f"the Python package {err.name} cannot be loaded ({words}); "
            "install vidstyle again with pip."
        )
    return None


def check_output(path: Path, *, overwrite: bool, inputs: tuple[Path, ...]) -> None:
    """Check that a result may go where it is to go, before any work is done.

    Raises:
        OutputError: If it exists and may not be replaced, or its folder is missing.
        ConfigError: If it would replace an input.
    """
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} for {path.name} does not exist.")
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise ConfigError(f"the result {path} would replace an input.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists; use --overwrite, or another --output.")


class Reporter:
    """Subscribe to a run: a bar on stderr, a log of the losses, and the result."""

    def __init__(self, *, quiet: bool, as_json: bool, log: Path | None) -> None:
        """Prepare; nothing is shown before the run says something.

        Args:
            quiet: Show nothing but errors.
            as_json: Print the result as one JSON object.
            log: File for the losses of every step, as JSON lines.
        """
        self._quiet, self._as_json, self._log_path = quiet, as_json, log
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[facts]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet,
        )
        self._log: IO[str] | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started = time.monotonic()
        self._facts: dict[str, Any] = {}
        self._painted = self._steps = 0

    def __enter__(self) -> Self:
        """Open the log and start the bar.

        Raises:
            OutputError: If the log cannot be written.
        """
        if self._log_path is not None:
            try:
                self._log = self._log_path.open("w", encoding="utf-8", buffering=1)
            except OSError as err:
                raise OutputError(
                    f"cannot write the log {self._log_path}: {err.strerror}."
                ) from err
        self._progress.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Take the bar away and close the log."""
        self._progress.stop()
        if self._log is not None:
            self._log.close()

    def __call__(self, event: Event) -> None:
        """Take in what the run tells."""
        match event:
            case Notice():
                text = f"warning: {event.text}" if event.is_warning else event.text
                self._console.print(escape(text), soft_wrap=True)
            case Plan():
                self._on_plan(event)
            case StepReport():
                self._on_step(event)
            case FrameReport():
                self._on_frame(event)
            case Download():
                self._on_download(event)

    def result(self, path: Path, **facts: object) -> None:
        """Print where the result is: a path, or a JSON object with what is known."""
        seconds = round(time.monotonic() - self._started, 2)
        if self._as_json:
            known = {"output": str(path), **self._facts, "steps": self._steps, **facts}
            typer.echo(json.dumps({**known, "seconds": seconds}, default=str))
            return
        typer.echo(path)
        for fact in facts.values():
            if isinstance(fact, Path):
                typer.echo(fact)

    def _on_plan(self, plan: Plan) -> None:
        self._facts.update(width=plan.width, height=plan.height)
        self._painted = plan.done
        if plan.frames is not None and plan.frames == 1:
            return
        self._tasks["frames"] = self._progress.add_task(
            "frames", total=plan.frames, completed=plan.done, facts=""
        )

    def _on_download(self, download: Download) -> None:
        if "download" not in self._tasks:
            self._tasks["download"] = self._progress.add_task(
                f"fetching {download.name} (MB)", facts=""
            )
        self._progress.update(
            self._tasks["download"],
            completed=download.done // 10**6,
            total=download.total // 10**6,
            visible=download.done < download.total,
        )

    def _on_step(self, report: StepReport) -> None:
        self._steps += 1
        if self._log is not None:
            self._log.write(json.dumps(asdict(report)) + "\n")
        if "steps" not in self._tasks:
            self._tasks["steps"] = self._progress.add_task("steps", facts="")
        parts = " ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
        self._progress.update(
            self._tasks["steps"],
            description=f"frame {report.frame}",
            total=report.steps,
            completed=report.step,
            facts=parts,
        )

    def _on_frame(self, report: FrameReport) -> None:
        self._painted += 1
        self._facts["frames"] = self._painted
        if "frames" in self._tasks:
            # A total of None means: leave it as it is.
            self._progress.update(
                self._tasks["frames"],
                completed=self._painted,
                total=report.frames_known if report.all_known else None,
            )
