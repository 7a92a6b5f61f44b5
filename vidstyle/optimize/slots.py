"""Frames of one size, optimised a batch at a time, each frame for itself."""

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

CHECK_EVERY: Final = 5  # steps between looks at whether frames have settled: they wait
SAFER: Final = 0.1  # factor of the first steps of a frame that begins anew

OTHERS: Final = 24  # float32 pictures held beside an optimiser's history, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTask:
    """One frame's optimisation: where it starts and what it should become."""

    frame: int  # index of the frame in the source
    start: Tensor  # (1, 3, H, W); what smaller sizes have changed is added
    content: ContentTarget | None  # None: it takes no steps
    steps: int  # at most, at this size; 0: it is finished as it starts
    least_steps: int = 1  # fewest steps before goal ends it
    goal: float = math.nan
    """``own_loss`` with which it is finished, looked at after every other step; nan:
    none is."""
    style: StyleTarget | None = None  # None: like the other frames of the batch
    mask: Tensor | None = None  # (1, 1, H, W) in [0, 1], where it gets the style
    warped: Tensor | None = None  # (1, 3, H, W), the previous frame brought here
    consistency: Tensor | None = None  # (1, 1, H, W), where that may be trusted
    coarser: tuple["FrameTask", ...] = ()  # the same frame smaller, smallest first
    begun: Callable[[], bytes] = bytes  # reads the state it goes on from; empty: none


class LevelOptimization:
    """A fixed number of slots in which frames of one size are optimised.

    Frames enter with ``load`` and leave with ``release``. An idle slot goes on holding
    its last picture, so that the batch keeps its shape: a frame's pixels are the same
    whatever its neighbours are.
    """

    def __init__(
        self,
        objective: Objective,
        config: StyleConfig,
        start: Tensor,
        *,
        slots: int = 1,
    ) -> None:
        """Make room on the device for frames like ``start``, (1, 3, H, W).

        The objective has no slots allocated yet.
        """
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
        """Put a frame into an idle slot; every frame must have the same shape.

        ``coarser`` is where it was finished in the same slot of a smaller size: the
        optimiser goes on from what it has learned there.
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
        """Return the best picture of a slot so far, (1, 3, H, W), a copy."""
        return self._optimizer.best.images[slot : slot + 1].clone()

    def release(self, slot: int) -> None:
        del self._entered[slot]

    def state(self, slot: int) -> dict[str, Tensor]:
        """Return all that a frame needs to go on in such a slot, by name."""
        task, progress = self._entered[slot]
        own = {"start": task.start, "image": self._images[slot]}
        return {**own, **progress.state(), **self._optimizer.state(slot)}

    def load_state(self, slot: int, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state with a frame that has just been loaded."""
        self._images[slot] = state["image"]
        self._optimizer.load_state(slot, state)
        self._entered[slot][1].load_state(state, self._images.device)

    def step(self) -> dict[int, tuple[StepReport, bool]]:
        """Evaluate every slot once; tell reports, and whether frames are finished.

        OptimizationError: a frame's loss was no finite number, and is none again after
        it has begun anew; DeviceMemoryError: the batch does not fit on the device.
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
            over = progress.step - self._config.min_steps
            is_checked = over >= 0 and over % CHECK_EVERY == 0
            is_finished = (
                progress.step >= task.steps
                or (is_checked and progress.has_settled)
                or _is_reached(task, report)
            )
            if (is_finished or progress.step == 1) and progress.is_lost:
                self._begin_anew(slot)
                is_finished = False
            outcomes[slot] = (report, is_finished)
        return outcomes

    def _begin_anew(self, slot: int) -> None:
        """Give a frame whose loss is no number any more a second chance, and no third.

        A single such loss is taken back by the optimiser itself.
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
    """Whether a frame is as good as it has to be; a loss is read when it may be."""
    is_checked = report.step >= task.least_steps and report.step % 2 == 0
    return is_checked and not math.isnan(task.goal) and report.own_loss <= task.goal


class Progress:
    """The losses of one frame, as far as the rule for stopping needs them."""

    def __init__(self, config: StyleConfig, *, is_second: bool = False) -> None:
        self.is_second = is_second  # whether the frame has begun anew
        self.step = 0
        self.evaluations = 0
        self._is_balanced = config.balance == "gradients"
        self._window, self._min_delta = config.patience, config.min_delta
        self._losses: deque[Tensor] = deque(maxlen=2 * self._window)

    def add(self, loss: Tensor | float, *, products: int = 0) -> None:
        """Take in the loss before the next step; it is not read."""
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
        """Whether none of the newest losses is finite, or the only one is not."""
        newest = [*self._losses][min(1, self.step - 1) :][-CHECK_EVERY:]
        return not any(math.isfinite(loss) for loss in torch.stack(newest).tolist())

    @property
    def has_settled(self) -> bool:
        """Whether the newest window gained too little on the one before it.

        Never while gradients are balanced: no loss is minimised then.
        """
        if self._is_balanced or len(self._losses) < 2 * self._window:
            return False
        kept = torch.stack(list(self._losses)).nan_to_num(nan=torch.inf)
        losses: list[float] = kept.tolist()
        before, now = min(losses[: self._window]), min(losses[self._window :])
        return before - now <= self._min_delta * abs(before)


def make_optimizer(images: Tensor, config: StyleConfig, hessian: Hessian) -> Optimizer:
    """Make the optimiser of a batch; ``hessian`` is of its losses.

    Balanced gradients are those of no loss. So there is no best point then, and the
    newest is kept.
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
    """How much memory a pixel takes beside what the network sees of it."""
    pairs = config.history if config.optimizer == "lbfgs" else 0
    return 4 * 3 * (2 * pairs + OTHERS)
