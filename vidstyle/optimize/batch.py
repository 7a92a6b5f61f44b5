"""Batched optimization of independent frames over all pyramid levels."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import torch
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.devices import memory_of
from vidstyle.errors import DeviceMemoryError
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.pyramid import enlarged, step_work
from vidstyle.optimize.slots import FrameTask, LevelOptimization, held_bytes
from vidstyle.optimize.targets import StyleTarget
from vidstyle.optimize.tiles import TILE_BYTES
from vidstyle.records import Listener, Notice, StepReport, ignore


@dataclass(slots=True)
class PyramidState:
    """A frame's progress through its pyramid levels."""

    tasks: tuple[FrameTask, ...]  # of each level, the coarsest first
    level: int = 0  # the current one
    steps: int = 0  # taken at earlier levels
    evaluations: int = 0  # made at earlier levels

    @property
    def task(self) -> FrameTask:
        return self.tasks[self.level]

    @property
    def is_last(self) -> bool:
        return self.level == len(self.tasks) - 1

    def rescale_report(self, report: StepReport) -> StepReport:
        """Convert the report of a step at one level to counts over all levels."""
        now, *later = self.tasks[self.level :]
        left = (report.steps - report.step) * self._work_of(now)
        return replace(
            report,
            step=self.steps + report.step,
            steps=self.steps + report.steps + sum(task.steps for task in later),
            evaluations=self.evaluations + report.evaluations,
            level=self.level + 1,
            levels=len(self.tasks),
            work=self._work_of(now),
            work_left=left + sum(task.steps * self._work_of(task) for task in later),
        )

    def _work_of(self, task: FrameTask) -> float:
        share = task.start[0, 0].numel() / self.tasks[-1].start[0, 0].numel()
        return step_work(share)


_END: Final = object()


@dataclass(frozen=True, slots=True)
class SlotOutcome:
    """The outcome of a step for the frame in a slot."""

    slot: int
    task: FrameTask
    report: StepReport | None  # None: the frame takes no steps
    is_finished: bool


class BatchOptimization:
    """Slots in which frames are optimized in parallel.

    A frame with several pyramid levels occupies the same slot in the batch of each, one
    after the other. Steps left over at a level that stops early are not made up for.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        style: StyleTarget,
        config: StyleConfig,
        *,
        slots: int = 1,
        temporal_weight: float = 0.0,
        listener: Listener = ignore,
    ) -> None:
        """Prepare empty slots on the network's device.

        ``style`` is used by frames without a style of their own. The listener is warned
        if the batch has to be reduced.
        """
        self._config, self._listener = config, listener
        self._make_objective = partial(Objective, network, style, config)
        self._temporal_weight = temporal_weight
        self._in_tiles = False
        self._make_slots(slots)

    def _make_slots(self, slots: int) -> None:
        self._slots = slots
        self._states: dict[int, PyramidState] = {}
        self._levels: dict[torch.Size, LevelOptimization] = {}

    @property
    def entered(self) -> dict[int, FrameTask]:
        """The frames in the batch, by slot, at full size."""
        return {slot: state.tasks[-1] for slot, state in self._states.items()}

    @property
    def idle(self) -> list[int]:
        return [slot for slot in range(self._slots) if slot not in self._states]

    @property
    def is_busy(self) -> bool:
        return bool(self._states)

    def load(self, slot: int, task: FrameTask) -> None:
        """Put a frame into an idle slot; every frame must have the same shape."""
        known = task.begun()
        if task.begun is not dict:  # used once: a frame that does not fit restarts
            task = replace(task, begun=dict)
        state = self._states[slot] = PyramidState((*task.coarser, task))
        if not known:
            self._level(state).load(slot, state.task)
            return
        state.level, state.steps, state.evaluations = known["sizes"].tolist()
        start = known["start"].to(task.start.device)
        self._level(state).load(slot, replace(state.task, start=start))
        self._level(state).load_state(slot, known)

    def state(self, slot: int) -> dict[str, Tensor]:
        """Return a checkpoint of a frame, which a task's ``begun`` hands back."""
        state = self._states[slot]
        sizes = torch.tensor([state.level, state.steps, state.evaluations])
        return {"sizes": sizes, **self._level(state).state(slot)}

    def result(self, slot: int) -> Tensor:
        """Return a slot's best image so far, (1, 3, H, W), a copy.

        At a coarser level, the initial image that the full size would get from it.
        """
        state = self._states[slot]
        if state.is_last:
            return self._level(state).result(slot)
        return self._carried(slot, state, state.tasks[-1].start)

    def _carried(self, slot: int, state: PyramidState, start: Tensor) -> Tensor:
        """Add the change made so far to the initial image at another level."""
        change = self._level(state).result(slot) - state.task.start
        return start + enlarged(change, start)

    def release(self, slot: int) -> None:
        self._level(self._states.pop(slot)).release(slot)

    def run(
        self,
        tasks: Iterable[FrameTask | None],
        *,
        most_evaluations: int | None = None,
    ) -> Iterator[SlotOutcome]:
        """Optimize frames until there are no more.

        A batch that does not fit on the device is halved and its frames restarted; a
        single frame that does not fit is computed tile by tile.

        Args:
            tasks: Consumed whenever a slot is idle. None: the next task is not ready
                yet; while no slot is busy, the iterator blocks instead.
            most_evaluations: Limits the evaluations of the loss per frame.

        Yields:
            Each step of each slot; its ``result`` can be read until the next one.

        Raises:
            OptimizationError: If a frame's loss is not finite, even after a restart.
            DeviceMemoryError: If not even one frame fits on the device in tiles.
        """
        source, again = iter(tasks), deque[FrameTask]()
        is_open = True
        while is_open or again or self.is_busy:
            while (again or is_open) and self.idle:
                task = again.popleft() if again else next(source, _END)
                is_open = is_open and task is not _END
                if not isinstance(task, FrameTask):
                    break
                slot = self.idle[0]
                with self._reduced_if_too_large(again):
                    self.load(slot, task)
                if task.steps == 0 and slot in self._states:
                    yield SlotOutcome(slot, task, None, is_finished=True)
                    self.release(slot)
            outcomes: dict[int, tuple[StepReport, bool]] = {}
            if self.is_busy:
                with self._reduced_if_too_large(again):
                    outcomes = self.step()
            for slot, (report, is_last) in outcomes.items():
                at_limit = most_evaluations and report.evaluations >= most_evaluations
                done = bool(is_last or at_limit)
                yield SlotOutcome(slot, self.entered[slot], report, is_finished=done)
                if done:
                    self.release(slot)

    @contextmanager
    def _reduced_if_too_large(self, again: deque[FrameTask]) -> Iterator[None]:
        """Halve the batch, or use tiles, if it does not fit; requeue its frames."""
        try:
            yield
        except DeviceMemoryError as err:
            before, start = self._slots, next(iter(self.entered.values())).start
            if self._in_tiles:
                raise DeviceMemoryError(f"{err}{self._what_fits(start)}") from err
            again.extendleft(reversed(self.entered.values()))
            self._in_tiles = before == 1
            self._make_slots(max(1, before // 2))
            left = "in tiles" if before == 1 else f"with {before // 2}"
            text = f"a batch of {before} does not fit in memory: continuing {left}"
            self._listener(Notice(text=text, is_warning=True))

    def _what_fits(self, image: Tensor) -> str:
        height, width = image.shape[-2:]
        room = memory_of(image.device) - TILE_BYTES
        scale = (max(room, 0) / (height * width * held_bytes(self._config))) ** 0.5
        if scale >= 1:  # other processes use the memory
            return ""
        return f" About {width * scale:.0f}x{height * scale:.0f} would fit."

    def step(self) -> dict[int, tuple[StepReport, bool]]:
        """Evaluate every slot once; return reports, and whether frames are finished."""
        outcomes = {}
        for shape in sorted(self._levels, key=torch.Size.numel, reverse=True):
            if not self._levels[shape].is_busy:
                continue
            for slot, (report, is_finished) in self._levels[shape].step().items():
                state = self._states[slot]
                is_over = is_finished and state.is_last
                outcomes[slot] = state.rescale_report(report), is_over
                if is_finished and not is_over:
                    self._enter_next_size(slot, state, report)
        return outcomes

    def _enter_next_size(
        self, slot: int, state: PyramidState, last: StepReport
    ) -> None:
        coarser, small = self._level(state), state.task
        start = self._carried(slot, state, state.tasks[state.level + 1].start)
        coarser.release(slot)
        state.level += 1
        state.steps += last.step
        state.evaluations += last.evaluations
        task = replace(state.task, start=start)
        self._level(state).load(slot, task, coarser=coarser)
        if not coarser.is_busy:  # free its memory
            del self._levels[small.start.shape]

    def _level(self, state: PyramidState) -> LevelOptimization:
        """Return the batch of a frame's current level, created on first use."""
        start = state.task.start
        if start.shape not in self._levels:
            objective = self._make_objective(
                temporal_weight=self._temporal_weight,
                in_tiles=self._in_tiles,
            )
            self._levels[start.shape] = LevelOptimization(
                objective, self._config, start, slots=self._slots
            )
        return self._levels[start.shape]
