"""How much work is left of a run, from what it tells, and how long it takes."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from vidstyle.errors import counted
from vidstyle.records import FrameReport, Plan, StepReport

RECENT = 40  # frames, at least, whose work says how much the next ones will take


@dataclass(slots=True)
class _Shot:
    begin: int  # its first frame
    end: int = 0  # its farthest frame that is finished; 0: none but the first two
    work: float = 0.0
    """What all others took; a key frame comes before those that lead to it."""

    @property
    def frames(self) -> int:
        return max(0, self.end - self.begin - 1)


class Pace:
    """How much work is left, counted in steps.

    Frames of a run take very different numbers of steps, so frames are no measure; and
    a step on a picture made smaller counts as the share of the time that it takes. A
    shot's first frame takes many times the work of one that follows it.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin before the first step."""
        self.frames, self.finished, self.unit = plan.frames, plan.done, plan.unit
        self._guess, self._frame_work = plan.next_steps, plan.frame_work
        self._done = plan.done
        self.steps = plan.done * (self._guess + self._frame_work)
        """Taken, by earlier runs too, and what finished frames count as."""
        self._first: list[float] = []  # work of shots' first frames
        self._busy: dict[int, StepReport] = {}  # newest report of unfinished frames
        self._works: dict[int, list[float]] = defaultdict(list)  # of unfinished frames
        self._shots: list[_Shot] = []  # of regions, in each pass
        self._shot_share = 0.0  # of the frames after the first: those that begin a shot

    def step(self, report: StepReport) -> None:
        """Take in a step."""
        if report.begins_shot and report.frame not in self._busy:
            self._shots.append(_Shot(report.frame))
        self._busy[report.frame] = report
        self.steps += report.work
        self._works[report.frame].append(report.work)

    def frame(self, report: FrameReport) -> None:
        """Take in a finished frame."""
        self._busy.pop(report.frame, None)
        work = report.steps * fmean(self._works.pop(report.frame, [1.0]))
        self.finished += 1
        self.steps += self._frame_work
        shot = next((s for s in reversed(self._shots) if s.begin <= report.frame), None)
        if shot is None:  # its beginning was painted by an earlier run
            shot = _Shot(report.frame - 2)
            self._shots.append(shot)
        if shot.begin == report.frame:
            self._first.append(work)
        elif report.frame > shot.begin + 1:
            # The second takes all its steps to become as good as the first.
            shot.end = max(shot.end, report.frame)
            shot.work += work
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
        other = self._other
        first = fmean(self._first or [other])
        shots = 1 + self._shot_share * (self.frames - 1 - self._done)
        beginning = min(waiting, max(0, shots - len(self._shots)))
        busy = sum(self._left(report, other) for report in self._busy.values())
        beside = self._frame_work * (waiting + len(self._busy))
        return busy + beginning * first + (waiting - beginning) * other + beside

    @property
    def _other(self) -> float:
        """The work of a frame that follows another, as in the newest shots."""
        work = frames = 0.0
        for shot in reversed(self._shots):
            work, frames = work + shot.work, frames + shot.frames
            if frames >= RECENT:
                break
        return work / frames if frames else self._guess

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
            return f"{counted(self.finished, self.unit)} so far"
        return f"{self.finished} of {counted(self.frames, self.unit)}"


def duration(seconds: float) -> str:
    """Tell roughly how long something takes, in words."""
    if seconds < 90:
        return counted(round(seconds), "second")
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
