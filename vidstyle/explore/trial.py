"""What an experiment is made of, and what came of each part: facts only.

A trial is one picture with its settings; an experiment is a table of trials.
"""

from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vidstyle.config import StyleConfig
from vidstyle.records import Frame, StepReport

if TYPE_CHECKING:
    from vidstyle.measure.distance import Distances
    from vidstyle.networks.vgg import FeatureNetwork

Against = Literal["evaluations", "seconds", "steps"]
"""What losses are drawn over."""


def comparable(config: StyleConfig) -> StyleConfig:
    """Take one size, and no early stop: so losses compare."""
    return replace(config, min_steps=max(1, config.steps), pyramid=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One picture that an experiment paints."""

    row: str
    """The heading of its row on the sheet."""
    column: str
    """The heading of its column."""
    content: Path
    style: Path
    config: StyleConfig
    features: "FeatureNetwork | None" = None
    """The network, on the device, where it is none of the configuration's."""

    @property
    def label(self) -> str:
        """Its row and its column, as far as they have headings."""
        return " | ".join(filter(None, (self.row, self.column)))

    @property
    def whole(self) -> StyleConfig:
        """The settings that it is painted with."""
        return comparable(self.config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A table of trials."""

    name: str
    """That of its command."""
    config: StyleConfig
    """What its trials have in common, but for what each says itself."""
    rows: tuple[tuple[Trial, ...], ...]
    """Trials of one row have one heading; rows need not be equally long."""
    skipped: tuple[str, ...] = ()
    """What cannot be tried, and why; a sentence each."""
    against: tuple[Against, ...] = ("evaluations",)
    """What the losses are drawn over; a plot each."""
    batch: int = 1
    """Trials of the same settings that are painted beside one another."""
    per_round: int | None = None
    """Evaluations after each of which the loss is reported, too; None: it is not."""
    shows_styles: bool = False
    """Whether the sheet shows the paintings above the results."""

    @property
    def trials(self) -> list[Trial]:
        """All of them, row by row."""
        return [trial for row in self.rows for trial in row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step of a trial."""

    report: StepReport
    seconds: float
    """Since the first step began; of the whole batch, if it was in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    network: str
    """Name of the one that painted."""
    picture: Frame
    trace: tuple[Point, ...]
    """Every step; empty if none was to be taken."""
    distances: "Distances"
    """From painting and content, in the same network and layers for all trials."""

    @property
    def best_loss(self) -> float:
        """The lowest; nan if no step was taken.

        It is the picture's, unless gradients were balanced: then that is the newest.
        """
        losses = [point.report.loss for point in self.trace]
        return min((loss for loss in losses if isfinite(loss)), default=nan)

    def rounds(self, evaluations: int) -> list[float]:
        """List the best loss so far after every so many evaluations of it."""
        best: dict[int, float] = {}
        lowest = inf
        for point in self.trace:
            lowest = min(lowest, point.report.loss)
            best[(point.report.evaluations - 1) // evaluations] = lowest
        return list(best.values())

    @property
    def steps(self) -> int:
        """How many were taken."""
        return len(self.trace)

    @property
    def evaluations(self) -> int:
        """Of the loss; a Hessian-vector product counts as one."""
        return self.trace[-1].report.evaluations if self.trace else 0

    @property
    def seconds(self) -> float:
        """That the optimisation took."""
        return self.trace[-1].seconds if self.trace else 0.0
