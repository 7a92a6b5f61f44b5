"""What is seen of a run while it goes on: a bar, a line of losses, the time left.

In a terminal they are drawn in place; a file gets a line a minute instead. Nothing here
is a result, and nothing goes to standard output.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from statistics import mean, median_low

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from vidstyle.records import Download, FrameReport, Plan, StepReport

LINE_EVERY_S = 60
"""Between two lines in a file."""
RECENT = 20
"""Frames whose steps say how many the next ones will take."""
PACE = 200
"""Steps whose time says how long the next ones will take."""
ECHO = 3
"""Columns left free: a Ctrl-C that the terminal echoes must not begin another line."""
LEAST_SHARE = 0.01
"""Of the loss: a smaller term is not shown."""


class Pace:
    """How much work is left, and how long it will take, from the steps so far.

    Frames of a run take very different numbers of steps, so frames are no measure; and
    a step on a picture made smaller counts as the share of the pixels that it has.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin before the first step.

        Args:
            plan: The frames, and how many of them are done.
            clock: Seconds since any moment.
        """
        self.frames, self.finished = plan.frames, plan.done
        self.unit = plan.unit
        self._clock = clock
        self._recent: deque[float] = deque([plan.next_steps], maxlen=RECENT + 1)
        self._marks: deque[tuple[float, float]] = deque(maxlen=PACE + 1)
        self._busy: dict[int, float] = {}  # steps that a frame may still take
        self._works: dict[int, list[float]] = {}  # of unfinished frames' steps
        self.steps: float = plan.done * plan.next_steps
        """Taken, by earlier runs too."""

    def step(self, report: StepReport) -> None:
        """Take in a step."""
        left = report.work_left
        self._busy[report.frame] = report.steps - report.step if left is None else left
        self.steps += report.work
        self._works.setdefault(report.frame, []).append(report.work)
        self._marks.append((self._clock(), self.steps))

    def frame(self, report: FrameReport) -> None:
        """Take in a finished frame."""
        self._busy.pop(report.frame, None)
        self._recent.append(report.steps * mean(self._works.pop(report.frame, [1.0])))
        self.finished += 1
        if self.frames is not None or report.all_known:
            known = report.frames_known
            self.frames = known if report.all_known else max(self.frames or 0, known)

    @property
    def steps_left(self) -> float | None:
        """Steps to come, at most. None: the number of frames is not known."""
        if self.frames is None:
            return None
        waiting = max(0, self.frames - self.finished - len(self._busy))
        return sum(self._busy.values()) + waiting * median_low(self._recent)

    @property
    def seconds_left(self) -> float | None:
        """Time to come. None: not known."""
        left = self.steps_left
        if left is None or len(self._marks) < 2:
            return None
        (start_s, before), (end_s, now) = self._marks[0], self._marks[-1]
        return left * (end_s - start_s) / (now - before)


class _Bar(Progress):
    """A bar with a line on the newest step below it.

    Losses are read as often as it is drawn, and not at every step.
    """

    newest: StepReport | None = None
    about = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        if self.newest is not None:
            losses = losses_line(self.newest.losses)
            line = Text(f"{self.about}{losses}", style="dim")
            line.truncate(self.console.width - ECHO, overflow="ellipsis")
            yield line


class ProgressView:
    """Show how far a run has come."""

    def __init__(self, console: Console, *, is_shown: bool = True) -> None:
        """Prepare; nothing is shown before the run reports something."""
        self._console = console
        self._bar = _Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            expand=True,
            disable=not (is_shown and console.is_terminal),
        )
        self.start, self.stop = self._bar.start, self._bar.stop
        self._writes_lines = is_shown and not console.is_terminal
        self._last_line_s = time.monotonic()
        self._task: TaskID | None = None
        self._pace: Pace | None = None

    def download(self, download: Download) -> None:
        """Show how far a download has come."""
        if self._task is None:
            self._task = self._bar.add_task("", count="", left="")
        total = f" of {download.total / 1e6:.0f}" if download.total else ""
        self._bar.update(
            self._task,
            description=f"fetching {download.name}",
            completed=download.done,
            total=download.total or None,
            count=f"{download.done / 1e6:.0f}{total} MB",
        )
        if download.done == download.total:
            self._clear()

    def plan(self, plan: Plan) -> None:
        """Begin to show the painting."""
        self._clear()
        self._pace = Pace(plan)
        self._task = self._bar.add_task(plan.work, total=None, count="", left="")

    def step(self, report: StepReport) -> None:
        """Show a step."""
        if self._pace is None:
            return
        self._pace.step(report)
        self._bar.newest = report
        if self._pace.frames != 1:
            step = f"step {report.step}/{report.steps}"
            self._bar.about = f"{self._pace.unit} {report.frame} {step}: "
            self._draw(self._pace, _frames(self._pace))
            return
        count = f"{report.step} of {report.steps} steps"
        if report.levels > 1:
            count += f", size {report.level} of {report.levels}"
        self._draw(self._pace, count)
        self._write_line(self._pace, count, report)

    def frame(self, report: FrameReport) -> None:
        """Show a finished frame."""
        if self._pace is None:
            return
        self._pace.frame(report)
        self._draw(self._pace, _frames(self._pace))
        self._write_line(self._pace, _frames(self._pace))

    def _write_line(
        self, pace: Pace, count: str, report: StepReport | None = None
    ) -> None:
        """Write where no bar is drawn, once a minute."""
        now = time.monotonic()
        if self._writes_lines and now - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s = now
            losses = losses_line(report.losses) if report else ""
            facts = filter(None, (count, _left(pace), losses))
            self._console.print(", ".join(facts), soft_wrap=True)

    def _draw(self, pace: Pace, count: str) -> None:
        if self._task is None:
            return
        left, done = pace.steps_left, pace.steps
        total = None if left is None else done + left
        if total == 0:  # no frame takes a step
            done, total = pace.finished, pace.frames
        self._bar.update(
            self._task, completed=done, total=total, count=count, left=_left(pace)
        )

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


def losses_line(losses: Mapping[str, float]) -> str:
    """Name the terms of a loss that matter, with two digits each."""
    least = LEAST_SHARE * sum(losses.values())
    return " ".join(
        f"{name} {value:.2g}" for name, value in losses.items() if value >= least
    )


def _frames(pace: Pace) -> str:
    if pace.frames is None:
        return f"{pace.finished} {pace.unit}{'s' * (pace.finished != 1)} so far"
    return f"{pace.finished} of {pace.frames} {pace.unit}s"


def _left(pace: Pace) -> str:
    seconds = pace.seconds_left
    return "" if seconds is None else f"{timedelta(seconds=round(seconds))} left"
