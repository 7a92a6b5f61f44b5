"""Estimate how much work is left of a run, from its reports; durations in words."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from vidstyle.errors import counted
from vidstyle.records import FrameReport, Plan, StepReport

RECENT = 40  # number of frames, at least, whose work predicts that of the next ones


@dataclass(slots=True)
class _Shot:
    first: int  # index of its first frame
    last: int = 0  # largest index of a frame that is counted in work; 0: none yet
    work: float = 0.0  # of its finished frames from the third on, in steps

    @property
    def frames(self) -> int:
        """The number of frames from the third to the last, whether finished or not."""
        return max(0, self.last - self.first - 1)


class Pace:
    """Estimates how much work is left, counted in steps.

    Frames are no measure, since they take very different numbers of steps: a shot's
    first frame takes many times the work of a later one. A step at a reduced size
    counts as a fraction of a step, by its duration.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.unit = plan.unit
        self.frames = plan.frames
        self.finished = plan.done
        self.steps = plan.done * (plan.next_steps + plan.frame_work)
        """Steps so far, and finished frames' overhead; an earlier run's are a guess."""
        self._first_works: list[float] = []  # work of shots' first frames
        self._begun: dict[int, StepReport] = {}  # newest report of unfinished frames
        self._works: dict[int, list[float]] = defaultdict(list)  # of their steps
        self._shots: list[_Shot] = []  # of regions, in each pass
        self._shot_share = 0.0  # fraction of frames after the first that begin a shot

    def step(self, report: StepReport) -> None:
        if report.begins_shot and report.frame not in self._begun:
            self._shots.append(_Shot(report.frame))
        self._begun[report.frame] = report
        self.steps += report.work
        self._works[report.frame].append(report.work)

    def frame(self, report: FrameReport) -> None:
        self._begun.pop(report.frame, None)
        work = report.steps * fmean(self._works.pop(report.frame, [1.0]))
        self.finished += 1
        self.steps += self._plan.frame_work
        begun = (shot for shot in reversed(self._shots) if shot.first <= report.frame)
        shot = next(begun, None)
        if shot is None:  # its first frame was painted by an earlier run
            shot = _Shot(report.frame - 2)
            self._shots.append(shot)
        if shot.first == report.frame:
            self._first_works.append(work)
        elif report.frame > shot.first + 1:
            # The second takes all its steps to become as good as the first.
            shot.last = max(shot.last, report.frame)
            shot.work += work
        if report.all_known:
            self.frames = report.frames_known
        elif self.frames is not None:
            self.frames = max(self.frames, report.frames_known)
        self._shot_share = (report.shots_known - 1) / max(1, report.frames_known - 1)

    @property
    def steps_left(self) -> float | None:
        """Expected steps to come; None: the number of frames is not known."""
        if self.frames is None:
            return None
        waiting = max(0, self.frames - self.finished - len(self._begun))
        later = self._later_work()
        first = fmean(self._first_works or [later])
        shots = 1 + self._shot_share * (self.frames - 1 - self._plan.done)
        firsts = min(waiting, max(0, shots - len(self._shots)))
        begun = sum(self._left(report, later) for report in self._begun.values())
        overhead = self._plan.frame_work * (waiting + len(self._begun))
        return begun + firsts * first + (waiting - firsts) * later + overhead

    def _later_work(self) -> float:
        """Estimate the work of a shot's later frame from the newest shots."""
        work = frames = 0.0
        for shot in reversed(self._shots):
            work += shot.work
            frames += shot.frames
            if frames >= RECENT:
                break
        return work / frames if frames else self._plan.next_steps

    def _left(self, report: StepReport, later: float) -> float:
        """Estimate what is left of an unfinished frame; later ones take ``later``."""
        most = report.work_left
        if most is None:
            most = report.steps - report.step
        if report.begins_shot:
            return most
        return min(most, max(0, later - sum(self._works[report.frame])))

    @property
    def count(self) -> str:
        """The number of finished frames, in words."""
        if self.frames is None:
            return f"{counted(self.finished, self.unit)} so far"
        return f"{self.finished} of {counted(self.frames, self.unit)}"


def duration(seconds: float) -> str:
    """Format an approximate duration in words."""
    if seconds < 90:
        return counted(round(seconds), "second")
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
