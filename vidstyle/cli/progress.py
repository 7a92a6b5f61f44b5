"""What is seen of a run while it goes on: a bar, a line of losses, the time left.

In a terminal they are drawn in place; a file gets a line a minute instead. Nothing here
is a result, and nothing goes to standard output.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.text import Text

from vidstyle.pace import Pace
from vidstyle.records import Download, Event, FrameReport, Plan, StepReport, StrPath

LINE_EVERY_S = 60  # between two lines in a file
PACE_S = 600  # seconds whose steps say how long the next ones will take
ECHO = 3  # columns left free: an echoed Ctrl-C must not begin another line
LEAST_SHARE = 0.01  # of the loss: a smaller term is not shown


class _Bar(Progress):
    """A bar with a line of text below it, or one on the newest step.

    Losses are read as often as it is drawn, and not at every step.
    """

    newest: StepReport | None = None
    line = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        losses = "" if self.newest is None else losses_line(self.newest.losses)
        if self.line or losses:
            line = Text(f"{self.line}{losses}", style="dim")
            line.truncate(self.console.width - ECHO, overflow="ellipsis")
            yield line


class ProgressView:
    """Show how far a run has come."""

    def __init__(
        self, console: Console, *, is_shown: bool = True, is_verbose: bool = False
    ) -> None:
        """Prepare; nothing is shown before the run reports something."""
        self._console, self._is_verbose = console, is_verbose
        self._newest: StrPath | None = None
        self._bar = _Bar(
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
        self.start, self.stop = self._bar.start, self._bar.stop
        self._writes_lines = is_shown and not console.is_terminal
        self._last_line_s = time.monotonic()
        self._pace: Pace | None = None

    def __call__(self, event: Event) -> None:
        """Take in what the run tells, and draw."""
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
                    self._bar.line = f"the newest frame: {self._newest}"
                self._write_line(self._draw(self._pace, self._pace.count))

    def _begin(self, description: str) -> None:
        for task in self._bar.tasks:
            self._bar.remove_task(task.id)
        self._bar.add_task(description, total=None, count="", left="")

    def _download(self, download: Download) -> None:
        if not self._bar.tasks:
            self._begin("")
        total = f" of {download.total / 1e6:.0f}" if download.total else ""
        self._bar.update(
            self._bar.task_ids[0],
            description=f"fetching {download.name}",
            completed=download.done,
            total=download.total or None,
            count=f"{download.done / 1e6:.0f}{total} MB",
            visible=download.done != download.total,
        )

    def _step(self, pace: Pace, report: StepReport) -> None:
        pace.step(report)
        if self._is_verbose:
            self._bar.newest = report
        if pace.frames != 1:
            if self._is_verbose:
                step = f"step {report.step}/{report.steps}"
                self._bar.line = f"{pace.unit} {report.frame} {step}: "
            self._draw(pace, pace.count)
            return
        count = f"{report.step} of {report.steps} steps"
        if report.levels > 1:
            count += f", size {report.level} of {report.levels}"
        self._write_line(self._draw(pace, count), report)

    def _draw(self, pace: Pace, count: str) -> Task:
        (task,) = self._bar.tasks
        left, done = pace.steps_left, pace.steps
        total = None if left is None else done + left
        if total == 0:  # no frame takes a step
            done, total = pace.finished, pace.frames
        # update() would forget the pace with each new total, and not begin again.
        task.total, task.finished_time = total, None
        self._bar.update(task.id, completed=done, count=count)
        if pace.steps and task.time_remaining is not None:
            seconds = timedelta(seconds=round(task.time_remaining))
            task.fields["left"] = f"{seconds} left"
        return task

    def _write_line(self, task: Task, report: StepReport | None = None) -> None:
        """Write where no bar is drawn, once a minute."""
        now = time.monotonic()
        if self._writes_lines and now - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s = now
            losses = losses_line(report.losses) if report else ""
            facts = filter(None, (task.fields["count"], task.fields["left"], losses))
            self._console.print(", ".join(facts), soft_wrap=True)


def losses_line(losses: Mapping[str, float]) -> str:
    """Name the terms of a loss that matter, with two digits each."""
    least = LEAST_SHARE * sum(losses.values())
    return " ".join(
        f"{name} {value:.2g}" for name, value in losses.items() if value >= least
    )
