"""The optimisation of frames' pixels, a batch at a time, each frame for itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.pyramid import enlarged
from vidstyle.optimize.slots import FrameTask, LevelOptimization
from vidstyle.optimize.targets import StyleTarget
from vidstyle.records import StepReport


@dataclass(slots=True)
class PyramidState:
    """A frame on its way from size to size."""

    jobs: tuple[FrameTask, ...]
    """Of each size, the smallest first."""
    level: int = 0
    """Which of them it is at."""
    steps: int = 0
    """Taken on those before."""
    evaluations: int = 0
    """Made on those before."""

    @property
    def job(self) -> FrameTask:
        """The frame at its present size."""
        return self.jobs[self.level]

    @property
    def is_last(self) -> bool:
        """Whether that is its own size."""
        return self.level == len(self.jobs) - 1

    def rescale_report(self, report: StepReport) -> StepReport:
        """Say of a step at one size which it is of all."""
        later = self.jobs[self.level + 1 :]
        full = _pixels(self.jobs[-1])
        left = (report.steps - report.step) * _pixels(self.job)
        return replace(
            report,
            step=self.steps + report.step,
            steps=self.steps + report.steps + sum(job.steps for job in later),
            evaluations=self.evaluations + report.evaluations,
            level=self.level + 1,
            levels=len(self.jobs),
            work=_pixels(self.job) / full,
            work_left=(left + sum(job.steps * _pixels(job) for job in later)) / full,
        )


def _pixels(job: FrameTask) -> int:
    return job.start.shape[-2] * job.start.shape[-1]


class BatchOptimization:
    """A fixed number of slots in which frames are optimised beside one another.

    Frames enter with ``load`` and leave when ``step`` says that their slot is finished.
    A frame that is painted in several sizes has its slot in a batch of each, one after
    the other; what it has left to it at one size lapses if it stops there early.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        style: StyleTarget,
        config: StyleConfig,
        *,
        slots: int = 1,
        temporal_weight: float = 0.0,
        guided: bool = False,
    ) -> None:
        """Prepare empty slots.

        Args:
            network: On the device to compute on.
            style: The painting.
            config: Weights, layers, optimiser and the rule for stopping early.
            slots: Frames beside one another.
            temporal_weight: Factor of the temporal term, for frames that have one.
            guided: Whether there are frames of which only a region gets the style.
        """
        self._config = config
        self._make_objective = partial(Objective, network, style, config, guided=guided)
        self._states: list[PyramidState | None] = [None] * slots
        self._busy = [False] * slots
        self._own = self._make_level(temporal_weight=temporal_weight)
        self._coarser: dict[torch.Size, LevelOptimization] = {}

    @property
    def idle(self) -> list[int]:
        """The slots without a frame."""
        return [slot for slot, busy in enumerate(self._busy) if not busy]

    @property
    def is_busy(self) -> bool:
        """Whether any slot has a frame."""
        return any(self._busy)

    def load(self, slot: int, job: FrameTask) -> None:
        """Put a frame into an idle slot; every frame must have the same shape."""
        state = PyramidState((*job.coarser, job))
        self._states[slot], self._busy[slot] = state, True
        self._level(state).load(slot, state.job)

    def result(self, slot: int) -> Tensor:
        """Return the best picture of a slot so far, (1, 3, H, W), a copy.

        At a smaller size it is what the largest would start from if it began now.
        """
        state = self._states[slot]
        assert state is not None  # noqa: S101  # a slot was loaded
        best = self._level(state).result(slot)
        if state.is_last:
            return best
        start = state.jobs[-1].start
        return start + enlarged(best - state.job.start, start)

    def release(self, slot: int) -> None:
        """Take the frame out of a slot."""
        state = self._states[slot]
        assert state is not None  # noqa: S101  # a slot was loaded
        self._level(state).release(slot)
        self._busy[slot] = False

    def step(self) -> dict[int, tuple[StepReport, bool]]:
        """Evaluate every slot once and move its pixels.

        Returns:
            For each busy slot its report, and whether its frame is finished.

        Raises:
            OptimizationError: If a frame's first loss at a size is not a finite number.
            DeviceMemoryError: If the batch does not fit on the device.
        """
        outcomes = {}
        stepped = [
            level.step()
            for level in (*self._coarser.values(), self._own)
            if level.is_busy
        ]
        for slot, (report, is_finished) in chain.from_iterable(
            each.items() for each in stepped
        ):
            state = self._states[slot]
            assert state is not None  # noqa: S101  # it was stepped
            outcomes[slot] = state.rescale_report(report), is_finished and state.is_last
            if is_finished and not state.is_last:
                self._state(slot, state, report)
        return outcomes

    def _state(self, slot: int, state: PyramidState, last: StepReport) -> None:
        """Take a frame from one size to the next."""
        coarser, small = self._level(state), state.job
        change = coarser.result(slot) - small.start
        coarser.release(slot)
        state.level += 1
        state.steps += last.step
        state.evaluations += last.evaluations
        job = state.job
        start = job.start + enlarged(change, job.start)
        self._level(state).load(slot, replace(job, start=start), coarser=coarser)
        if not coarser.is_busy:  # its memory is needed for nothing
            del self._coarser[small.start.shape]

    def _level(self, state: PyramidState) -> LevelOptimization:
        if state.is_last:
            return self._own
        size = state.job.start.shape
        if size not in self._coarser:
            self._coarser[size] = self._make_level()
        return self._coarser[size]

    def _make_level(self, *, temporal_weight: float = 0.0) -> LevelOptimization:
        objective = self._make_objective(temporal_weight=temporal_weight)
        return LevelOptimization(objective, self._config, slots=len(self._busy))


def optimize_batch(
    network: FeatureNetwork,
    style: StyleTarget,
    config: StyleConfig,
    jobs: Sequence[FrameTask],
    *,
    temporal_weight: float = 0.0,
    on_step: Callable[[StepReport, Tensor], None] | None = None,
) -> list[Tensor]:
    """Optimise frames of one shape in one batch, each until it is finished.

    Args:
        network: On the device of the jobs' tensors.
        style: The painting.
        config: Weights, layers and optimiser.
        jobs: One a frame.
        temporal_weight: Factor of the temporal term.
        on_step: Called with each frame's report and its best picture so far
            (1, 3, H, W); the picture is a copy.

    Returns:
        The best picture of each job, (1, 3, H, W), not clamped.

    Raises:
        OptimizationError: If a frame's first loss is not a finite number.
        DeviceMemoryError: If the batch does not fit on the device.
    """
    batch = BatchOptimization(
        network,
        style,
        config,
        slots=len(jobs),
        temporal_weight=temporal_weight,
        guided=any(job.mask is not None for job in jobs),
    )
    results: dict[int, Tensor] = {}
    for slot, job in enumerate(jobs):
        batch.load(slot, job)
        if job.steps == 0:
            results[slot] = batch.result(slot)
            batch.release(slot)
    while batch.is_busy:
        for slot, (report, is_finished) in batch.step().items():
            if on_step is not None:
                on_step(report, batch.result(slot))
            if is_finished:
                results[slot] = batch.result(slot)
                batch.release(slot)
    return [results[slot] for slot in range(len(jobs))]
