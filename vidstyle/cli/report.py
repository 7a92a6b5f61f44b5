"""Report on a run: progress and notices on stderr, results on stdout.

A terminal shows a bar, a line of losses and the time left, drawn in place; a file gets
a line a minute instead.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Self

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.text import Text

from vidstyle.cli.request import Request
from vidstyle.errors import RESUMES, OutputError, counted
from vidstyle.pace import Pace
from vidstyle.records import Download, Event, FrameReport, Notice, Plan, StepReport

LINE_EVERY_S = 60  # interval between lines in a file
PACE_S = 600  # the time left is estimated from the steps of these last seconds
ECHO = 3  # columns left free, so that an echoed Ctrl-C does not begin another line
LEAST_SHARE = 0.01  # smallest fraction of the loss for which a term is shown


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


def print_line(line: str) -> None:
    # soft_wrap keeps a long path in one piece, so that it can be copied.
    with suppress(OSError):
        Console(stderr=True, soft_wrap=True, highlight=False).print(escape(line))


def print_facts(facts: object, lines: Iterable[object], *, as_json: bool) -> None:
    """Print facts as one JSON value, or as lines of text."""
    if as_json:
        lines = [json.dumps(facts, default=str)]
    for line in lines:
        typer.echo(line)


class Reporter:
    """A run's listener: shows progress, logs the losses, and prints the result."""

    def __init__(self, request: Request, parent: "Reporter | None" = None) -> None:
        """Prepare; one with a parent has no bar and writes above the parent's."""
        self._as_json, self._log_path = request.json, request.log
        self._console = Console(stderr=True, quiet=request.quiet, highlight=False)
        if parent is not None:
            self._console = parent._console
        is_shown = not request.quiet and parent is None
        self._view = ProgressView(
            self._console, is_shown=is_shown, is_verbose=request.verbose
        )
        self._log: IO[str] | None = None
        self._log_error = ""
        self._started = time.monotonic()
        self._facts: dict[str, Any] = {}
        self._kept = 0  # finished frames, which need not be painted again

    def __enter__(self) -> Self:
        """Open the log, or raise OutputError, and show the bar."""
        if self._log_path is not None:
            try:
                self._log = self._log_path.open("a", encoding="utf-8", buffering=1)
            except OSError as err:
                raise OutputError(
                    f"cannot write the log {self._log_path}: {err.strerror}."
                ) from err
        self._view.start()
        return self

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Remove the bar and close the log; after an error, delete an empty log."""
        self._view.stop()
        if err is not None and self._kept:
            err.add_note(RESUMES)
        if self._log is not None:
            log = Path(self._log.name)
            self._close_log()
            if err is not None and log.is_file() and log.stat().st_size == 0:
                log.unlink()

    def __call__(self, event: Event) -> None:
        match event:
            case Notice():
                text = f"warning: {event.text}" if event.is_warning else event.text
                self._console.print(escape(text), soft_wrap=True)
            case Plan():
                self._facts.update(width=event.width, height=event.height, steps=0)
                self._kept = event.done
                # A resumed run adds to its log.
                if self._log is not None and not (event.done or event.begun):
                    with suppress(OSError):  # a device or a pipe
                        self._log.truncate(0)
            case StepReport():
                self._facts["steps"] += 1
            case FrameReport():
                self._kept += 1
        self._view(event)
        if self._log is not None and isinstance(event, StepReport):
            self._write_log(self._log, event)

    def result(self, path: Path, **facts: object) -> None:
        """Print the result's path, or its facts; OutputError: the log is incomplete."""
        seconds = round(time.monotonic() - self._started, 2)
        minutes, rest = divmod(round(seconds), 60)
        frames = facts.get("frames")
        count = f", {counted(frames, 'frame')}" if isinstance(frames, int) else ""
        self._console.print(f"done in {minutes}:{rest:02}{count}")
        known = {"output": path, **self._facts, **facts, "seconds": seconds}
        paths = (each for each in (path, *facts.values()) if isinstance(each, Path))
        print_facts(known, paths, as_json=self._as_json)
        if self._log_error:
            raise OutputError(f"{self._log_error}; the result is complete.")

    def _write_log(self, log: IO[str], report: StepReport) -> None:
        known = asdict(replace(report, picture=None))
        facts = known | {"loss": report.loss, "losses": report.losses}
        del facts["read_losses"], facts["picture"]
        try:
            log.write(json.dumps(facts) + "\n")
        except OSError as err:  # which must not end hours of work
            self._log_error = f"cannot write the log {self._log_path}: {err.strerror}"
            self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            with suppress(OSError):  # closing tries again to write what failed before
                self._log.close()
        self._log = None


class ProgressView(Progress):
    """Shows the progress of a run; losses are read only when it is drawn."""

    _report: StepReport | None = None  # its losses are shown below the bar
    _line = ""  # precedes the losses

    def __init__(
        self, console: Console, *, is_shown: bool = True, is_verbose: bool = False
    ) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            speed_estimate_period=PACE_S,
            transient=True,
            expand=True,
            disable=not (is_shown and console.is_terminal),
        )
        self._is_verbose = is_verbose
        self._writes_lines = is_shown and not console.is_terminal
        self._last_line_s = time.monotonic()
        self._pace: Pace | None = None
        self._newest: Path | None = None  # the file of the newest frame

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        losses = "" if self._report is None else losses_line(self._report.losses)
        if self._line or losses:
            line = Text(f"{self._line}{losses}", style="dim")
            line.truncate(self.console.width - ECHO, overflow="ellipsis")
            yield line

    def __call__(self, event: Event) -> None:
        match event:
            case Download():
                self._download(event)
            case Plan():
                self._pace, self._newest = Pace(event), event.newest
                self._begin(event.work)
            case StepReport() if self._pace is not None:
                self._step(self._pace, event)
            case FrameReport() if self._pace is not None:
                self._pace.frame(event)
                if self._newest is not None and not self._is_verbose:
                    self._line = f"newest frame: {self._newest}"
                self._write_line(self._draw(self._pace, self._pace.count))

    def _begin(self, description: str) -> None:
        for task in self.tasks:
            self.remove_task(task.id)
        self.add_task(description, total=None, count="", left="")

    def _download(self, download: Download) -> None:
        if not self.tasks:
            self._begin("")
        total = f" of {download.total / 1e6:.0f}" if download.total else ""
        self.update(
            self.task_ids[0],
            description=f"downloading {download.name}",
            completed=download.done,
            total=download.total or None,
            count=f"{download.done / 1e6:.0f}{total} MB",
            visible=download.done != download.total,
        )

    def _step(self, pace: Pace, report: StepReport) -> None:
        pace.step(report)
        if self._is_verbose:
            self._report = report
        if pace.frames != 1:
            if self._is_verbose:
                step = f"step {report.step}/{report.steps}"
                self._line = f"{pace.unit} {report.frame} {step}: "
            self._draw(pace, pace.count)
            return
        count = f"{report.step} of {counted(report.steps, 'step')}"
        if report.levels > 1:
            count += f", size {report.level} of {report.levels}"
        self._write_line(self._draw(pace, count), report)

    def _draw(self, pace: Pace, count: str) -> Task:
        (task,) = self.tasks
        done, left = pace.steps, pace.steps_left
        total = None if left is None else done + left
        if total == 0:  # no frame takes a step
            done, total = pace.finished, pace.frames
        # Passing a new total to update() would discard the measured speed.
        task.total = total
        task.finished_time = None  # otherwise the time left would stay at 0
        self.update(task.id, completed=done, count=count)
        if pace.steps and task.time_remaining is not None:
            seconds = timedelta(seconds=round(task.time_remaining))
            task.fields["left"] = f"{seconds} left"
        return task

    def _write_line(self, task: Task, report: StepReport | None = None) -> None:
        """Print a line of progress to a file, at most once a minute."""
        now = time.monotonic()
        if self._writes_lines and now - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s = now
            losses = losses_line(report.losses) if report else ""
            facts = filter(None, (task.fields["count"], task.fields["left"], losses))
            self.console.print(", ".join(facts), soft_wrap=True)


def losses_line(losses: Mapping[str, float]) -> str:
    """Format the largest terms of a loss, with two digits each."""
    least = LEAST_SHARE * sum(losses.values())
    return " ".join(
        f"{name} {value:.2g}" for name, value in losses.items() if value >= least
    )
