"""How much work is left of a run, from what it tells, and how long it takes."""

from collections import deque
from statistics import fmean

from vidstyle.records import FrameReport, Plan, StepReport

RECENT = 40  # frames whose steps say how many the next ones will take


class Pace:
    """How much work is left, counted in steps.

    Frames of a run take very different numbers of steps, so frames are no measure; and
    a step on a picture made smaller counts as the share of the pixels that it has. A
    shot's first frame takes many times the work of one that follows it.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin before the first step."""
        self.frames, self.finished, self.unit = plan.frames, plan.done, plan.unit
        self.steps: float = plan.done * plan.next_steps  # taken, by earlier runs too
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


def duration(seconds: float) -> str:
    """Tell roughly how long something takes, in words."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
