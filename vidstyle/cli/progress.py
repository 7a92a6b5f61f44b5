"""What is seen of a run while it goes on: a bar, a line of losses, the time left.

In a terminal they are drawn in place; a file gets a line a minute instead. Nothing here
is a result, and nothing goes to standard output.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from statistics import fmean

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.text import Text

from vidstyle.records import Download, FrameReport, Plan, StepReport, StrPath

LINE_EVERY_S = 60
"""Between two lines in a file."""
RECENT = 40
"""Frames whose steps say how many the next ones will take."""
PACE_S = 600
"""Seconds whose steps say how long the next ones will take."""
ECHO = 3
"""Columns left free: a Ctrl-C that the terminal echoes must not begin another line."""
LEAST_SHARE = 0.01
"""Of the loss: a smaller term is not shown."""


class Pace:
    """How much work is left, counted in steps.

    Frames of a run take very different numbers of steps, so frames are no measure; and
    a step on a picture made smaller counts as the share of the pixels that it has. A
    shot's first frame takes many times the work of one that follows it.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin before the first step."""
        self.frames, self.finished, self.unit = plan.frames, plan.done, plan.unit
        self.steps: float = plan.done * plan.next_steps
        """Taken, by earlier runs too."""
        self._guess, self._done = plan.next_steps, plan.done
        self._first = deque[float](maxlen=RECENT)  # work of shots' first frames
        self._other = deque[float](maxlen=RECENT)  # and of all others
        self._busy: dict[int, StepReport] = {}  # newest report of unfinished frames
        self._works: dict[int, list[float]] = {}  # of unfinished frames' steps
        self._begun: list[int] = []  # shots' first frames; of regions, in each pass
        self._shot_share = 0.0  # of the frames after the first: those that begin a shot

    def step(self, report: StepReport) -> None:
        """Take in a step."""
        if report.begins_shot and report.frame not in self._busy:
            self._begun.append(report.frame)
        self._busy[report.frame] = report
        self.steps += report.work
        self._works.setdefault(report.frame, []).append(report.work)

    def frame(self, report: FrameReport) -> None:
        """Take in a finished frame."""
        self._busy.pop(report.frame, None)
        work = report.steps * fmean(self._works.pop(report.frame, [1.0]))
        if report.frame in self._begun:
            self._first.append(work)
        elif report.frame - 1 not in self._begun:
            # The second takes all its steps to become as good as the first.
            self._other.append(work)
        self.finished += 1
        if self.frames is not None or report.all_known:
            known = report.frames_known
            self.frames = known if report.all_known else max(self.frames or 0, known)
        self._shot_share = (report.shots_known - 1) / max(1, report.frames_known - 1)

    @property
    def steps_left(self) -> float | None:
        """Steps to come, probably. None: the number of frames is not known."""
        if self.frames is None:
            return None
        waiting = max(0, self.frames - self.finished - len(self._busy))
        other = fmean(self._other or [self._guess])
        first = fmean(self._first or [other])
        shots = 1 + self._shot_share * (self.frames - 1 - self._done)
        beginning = min(waiting, max(0, shots - len(self._begun)))
        busy = sum(self._left(report, other) for report in self._busy.values())
        return busy + beginning * first + (waiting - beginning) * other

    def _left(self, report: StepReport, other: float) -> float:
        """Estimate what is left of an unfinished frame."""
        most = report.work_left
        if most is None:
            most = report.steps - report.step
        if report.begins_shot:
            return most
        return min(most, max(0, other - sum(self._works[report.frame])))

    @property
    def count(self) -> str:
        """How many frames are finished, in words."""
        if self.frames is None:
            return f"{self.finished} {self.unit}{'s' * (self.finished != 1)} so far"
        return f"{self.finished} of {self.frames} {self.unit}s"


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

    def _begin(self, description: str) -> None:
        for task in self._bar.tasks:
            self._bar.remove_task(task.id)
        self._bar.add_task(description, total=None, count="", left="")

    def download(self, download: Download) -> None:
        """Show how far a download has come."""
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

    def plan(self, plan: Plan) -> None:
        """Begin to show the painting."""
        self._pace, self._newest = Pace(plan), plan.newest
        self._begin(plan.work)

    def step(self, report: StepReport) -> None:
        """Show a step."""
        if (pace := self._pace) is None:
            return
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

    def frame(self, report: FrameReport) -> None:
        """Show a finished frame."""
        if self._pace is not None:
            self._pace.frame(report)
            if self._newest is not None and not self._is_verbose:
                self._bar.line = f"the newest frame: {self._newest}"
            self._write_line(self._draw(self._pace, self._pace.count))

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
