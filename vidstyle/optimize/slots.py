"""Batched optimization of independent frames at one pyramid level."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import torch
from torch import Tensor

from vidstyle.config import DEFAULT_LR, StyleConfig
from vidstyle.devices import memory_errors_named
from vidstyle.errors import OptimizationError
from vidstyle.optimize.first_order import Adam, Langevin, Momentum, StepSize
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.optimizer import Hessian, Optimizer
from vidstyle.optimize.second_order import LBFGS, NewtonCG
from vidstyle.optimize.targets import ContentTarget, StyleTarget
from vidstyle.records import StepReport

CHECK_EVERY: Final = 5  # steps between convergence checks, which wait for the device
SAFER: Final = 0.1  # factor of the first steps of a restarted frame

OTHERS: Final = 24  # float32 images held besides the optimizer's history, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTask:
    """The optimization of one frame: its initial image and targets."""

    frame: int  # index in the source
    start: Tensor  # (1, 3, H, W); the change made at coarser levels is added
    content: ContentTarget | None  # None: it takes no steps
    steps: int  # at most, at this level; 0: the result is ``start``
    least_steps: int = 1  # before ``goal`` can end it
    goal: float = math.nan
    """``own_loss`` at which it is finished, checked every other step; nan: no goal."""
    style: StyleTarget | None = None  # None: that of the batch
    mask: Tensor | None = None  # (1, 1, H, W) in [0, 1], where it gets the style
    warped: Tensor | None = None  # (1, 3, H, W), the warped previous frame
    consistency: Tensor | None = None  # (1, 1, H, W), where that is trusted
    coarser: tuple["FrameTask", ...] = ()  # its coarser levels, the coarsest first
    begun: Callable[[], Mapping[str, Tensor]] = dict
    """Reads the checkpoint to resume from; empty: there is none."""


class LevelOptimization:
    """A fixed number of slots in which frames of one size are optimized.

    Frames enter with ``load`` and leave with ``release``. An idle slot keeps its last
    image so that the shape of the batch is constant, and a frame's pixels do not depend
    on the others in the batch.
    """

    def __init__(
        self,
        objective: Objective,
        config: StyleConfig,
        start: Tensor,
        *,
        slots: int = 1,
    ) -> None:
        """Allocate slots, also in ``objective``, for frames like ``start``."""
        self._config, self._objective = config, objective
        self._entered: dict[int, tuple[FrameTask, Progress]] = {}
        height, width = start.shape[-2:]
        self._what = f"{slots} frame(s) of {width}x{height}"
        with memory_errors_named(self._what):
            self._images = start.repeat(slots, 1, 1, 1)
            self._optimizer = make_optimizer(self._images, config, objective.hessian)
            objective.allocate(self._images)

    @property
    def is_busy(self) -> bool:
        return bool(self._entered)

    def load(
        self, slot: int, task: FrameTask, *, coarser: "LevelOptimization | None" = None
    ) -> None:
        """Put a frame into an idle slot; all frames have the same shape.

        ``coarser`` is the level at which the same slot has just finished, from which
        the optimizer is warm-started.
        """
        self._images[slot] = task.start[0]
        if coarser is None:
            self._optimizer.reset(slot, task.start[0], frame=task.frame)
            if task.warped is not None:
                self._optimizer.begin_gently(slot)
        else:
            self._optimizer.warm_start(slot, task.start[0], coarser._optimizer)
        if task.content is not None:
            self._objective.set_slot(
                slot,
                task.content,
                style=task.style,
                mask=task.mask,
                warped=task.warped,
                consistency=task.consistency,
            )
        self._entered[slot] = task, Progress(self._config)

    def result(self, slot: int) -> Tensor:
        """Return a slot's best image so far, (1, 3, H, W), a copy."""
        return self._optimizer.best.images[slot : slot + 1].clone()

    def release(self, slot: int) -> None:
        del self._entered[slot]

    def state(self, slot: int) -> dict[str, Tensor]:
        """Return a checkpoint of the frame in a slot, by name."""
        task, progress = self._entered[slot]
        own = {"start": task.start, "image": self._images[slot]}
        return {**own, **progress.state(), **self._optimizer.state(slot)}

    def load_state(self, slot: int, state: Mapping[str, Tensor]) -> None:
        """Restore a checkpoint of a frame that has just been loaded."""
        self._images[slot] = state["image"]
        self._optimizer.load_state(slot, state)
        self._entered[slot][1].load_state(state, self._images.device)

    def step(self) -> dict[int, tuple[StepReport, bool]]:
        """Evaluate every slot once; return reports, and whether frames are finished.

        Raises OptimizationError if a frame's loss is not finite, even after a restart,
        and DeviceMemoryError if the batch does not fit on the device.
        """
        with memory_errors_named(self._what):
            evaluation = self._objective.evaluate(self._images)
            self._images = self._optimizer.step(
                self._images, evaluation.losses, evaluation.gradients
            )
        names = tuple(evaluation.terms)
        rows = cache(torch.stack(list(evaluation.terms.values()), dim=1).tolist)

        def read(slot: int) -> dict[str, float]:
            return dict(zip(names, rows()[slot], strict=True))

        outcomes = {}
        for slot, (task, progress) in sorted(self._entered.items()):
            progress.add(
                evaluation.losses[slot], products=self._optimizer.products[slot]
            )
            report = StepReport(
                frame=task.frame,
                step=progress.step,
                steps=task.steps,
                evaluations=progress.evaluations,
                read_losses=partial(read, slot),
            )
            extra_steps = progress.step - self._config.min_steps
            is_checked = extra_steps >= 0 and extra_steps % CHECK_EVERY == 0
            is_finished = (
                progress.step >= task.steps
                or (is_checked and progress.has_settled)
                or _is_reached(task, report)
            )
            if (is_finished or progress.step == 1) and progress.is_lost:
                self._retry(slot)
                is_finished = False
            outcomes[slot] = (report, is_finished)
        return outcomes

    def _retry(self, slot: int) -> None:
        """Restart a frame whose loss is no longer finite, with shorter steps, once.

        The optimizer itself recovers from a single such loss.
        """
        task, progress = self._entered[slot]
        if progress.is_second:
            raise OptimizationError(
                f"the loss of frame {task.frame} is not finite, even with shorter "
                "steps: the weights of the network or of the losses are out of "
                "proportion; try the defaults."
            )
        self._images[slot] = task.start[0]
        self._optimizer.reset(slot, task.start[0], frame=task.frame)
        self._optimizer.shorten(slot, SAFER)
        self._entered[slot] = task, Progress(self._config, is_second=True)


def _is_reached(task: FrameTask, report: StepReport) -> bool:
    """Return whether a frame has reached its goal; reads the loss only when due."""
    is_checked = report.step >= task.least_steps and report.step % 2 == 0
    return is_checked and not math.isnan(task.goal) and report.own_loss <= task.goal


class Progress:
    """The recent losses of one frame, for the early-stopping rule."""

    def __init__(self, config: StyleConfig, *, is_second: bool = False) -> None:
        self.is_second = is_second  # whether the frame was restarted
        self.step = 0
        self.evaluations = 0
        self._is_balanced = config.balance == "gradients"
        self._window, self._min_delta = config.patience, config.min_delta
        self._losses: deque[Tensor] = deque(maxlen=2 * self._window)

    def add(self, loss: Tensor | float, *, products: int = 0) -> None:
        """Record the loss before the next step, without reading it from the device."""
        self.step += 1
        self.evaluations += 1 + products
        self._losses.append(torch.as_tensor(loss))

    def state(self) -> dict[str, Tensor]:
        counts = [self.step, self.evaluations, self.is_second]
        losses = torch.tensor([float(loss) for loss in self._losses])
        return {"counts": torch.tensor(counts), "losses": losses}

    def load_state(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        self.step, self.evaluations, is_second = state["counts"].tolist()
        self.is_second = bool(is_second)
        self._losses.extend(state["losses"].to(device))

    @property
    def is_lost(self) -> bool:
        """Whether none of the latest losses is finite, or the only one is not."""
        latest = [*self._losses][min(1, self.step - 1) :][-CHECK_EVERY:]
        return not any(math.isfinite(loss) for loss in torch.stack(latest).tolist())

    @property
    def has_settled(self) -> bool:
        """Whether the latest window improved too little on the one before it.

        Never with balanced gradients, which do not minimize a fixed loss.
        """
        if self._is_balanced or len(self._losses) < 2 * self._window:
            return False
        kept = torch.stack(list(self._losses)).nan_to_num(nan=torch.inf)
        losses: list[float] = kept.tolist()
        before, now = min(losses[: self._window]), min(losses[self._window :])
        return before - now <= self._min_delta * abs(before)


def make_optimizer(images: Tensor, config: StyleConfig, hessian: Hessian) -> Optimizer:
    """Make the optimizer of a batch; ``hessian`` is that of its losses.

    Balanced gradients do not minimize a fixed loss, so the latest point is kept instead
    of the best.
    """
    optimizer: Optimizer
    if config.optimizer == "lbfgs":
        optimizer = LBFGS(images, history=config.history)
    elif config.optimizer == "newton-cg":
        optimizer = NewtonCG(images, hessian=hessian)
    else:
        step_size = StepSize(
            lr=DEFAULT_LR[config.optimizer] if config.lr is None else config.lr,
            decay=config.lr_decay,
            rate=config.lr_decay_rate,
            every=config.lr_decay_every,
        )
        if config.optimizer == "langevin":
            heat, seed = config.temperature, config.seed
            optimizer = Langevin(
                images, step_size=step_size, temperature=heat, seed=seed
            )
        else:
            kind = Momentum if config.optimizer == "momentum" else Adam
            optimizer = kind(images, step_size=step_size)
    optimizer.best.track_latest = config.balance == "gradients"
    return optimizer


def held_bytes(config: StyleConfig) -> int:
    """Return the memory per pixel without the features."""
    pairs = config.history if config.optimizer == "lbfgs" else 0
    return 4 * 3 * (2 * pairs + OTHERS)
