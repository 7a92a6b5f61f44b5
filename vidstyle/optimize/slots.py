"""Frames of one size, optimised a batch at a time, each frame for itself."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import torch
from torch import Tensor

from vidstyle.config import DEFAULT_LR, StyleConfig
from vidstyle.devices import memory_errors_named
from vidstyle.errors import OptimizationError
from vidstyle.optimize.first_order import Adam, Langevin, Momentum, StepSize
from vidstyle.optimize.lbfgs import LBFGS
from vidstyle.optimize.newton_cg import NewtonCG
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.optimizer import Hessian, Optimizer
from vidstyle.optimize.targets import ContentTarget, StyleTarget
from vidstyle.records import StepReport

CHECK_EVERY: Final = 5
"""Steps between two looks at whether a frame has settled: each waits for the device."""

OTHERS: Final = 24
"""Pictures in float32 that are held beside an optimiser's history, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTask:
    """One frame's optimisation: where it starts and what it should become."""

    frame: int
    """Index of the frame in the source."""
    start: Tensor
    """(1, 3, H, W), the first pixels; what smaller sizes have changed is added."""
    content: ContentTarget | None
    """What it shows; None: it takes no steps."""
    steps: int
    """Most steps at this size; 0: it is finished as it starts, and never stepped."""
    least_steps: int = 1
    """Fewest steps before ``goal`` ends it."""
    goal: float = math.nan
    """``own_loss`` with which it is finished, looked at after every other step; nan:
    none is."""
    style: StyleTarget | None = None
    """What it should look like; None: like the other frames of the batch."""
    mask: Tensor | None = None
    """(1, 1, H, W) in [0, 1], of the region that gets the style; None: all of it."""
    warped: Tensor | None = None
    """(1, 3, H, W), the previous stylized frame brought onto this one."""
    consistency: Tensor | None = None
    """(1, 1, H, W), where that may be trusted."""
    coarser: tuple["FrameTask", ...] = ()
    """The same frame smaller, the smallest first. Each is finished before the next."""


class LevelOptimization:
    """A fixed number of slots in which frames are optimised beside one another.

    Frames enter with ``load`` and leave when ``step`` says that their slot is finished.
    An idle slot goes on holding its last picture, so that the batch keeps its shape:
    a frame's pixels are the same whatever its neighbours are.
    """

    def __init__(
        self, objective: Objective, config: StyleConfig, *, slots: int = 1
    ) -> None:
        """Prepare empty slots.

        Args:
            objective: What is minimised; with no slots allocated yet.
            config: The optimiser and the rule for stopping early.
            slots: Frames beside one another.
        """
        self._config = config
        self._objective = objective
        self._tasks: list[FrameTask | None] = [None] * slots
        self._progress = [Progress(config) for _ in range(slots)]
        self._images: Tensor | None = None
        self._optimizer: Optimizer | None = None

    @property
    def is_busy(self) -> bool:
        """Whether any slot has a frame."""
        return any(task is not None for task in self._tasks)

    def load(
        self, slot: int, task: FrameTask, *, coarser: "LevelOptimization | None" = None
    ) -> None:
        """Put a frame into an idle slot; every frame must have the same shape.

        Args:
            slot: Which one.
            task: The frame at this size.
            coarser: Where it was finished in the same slot of a smaller size; the
                optimiser goes on from what it has learned there.
        """
        if self._images is None:
            count, (height, width) = len(self._tasks), task.start.shape[-2:]
            with memory_errors_named(f"{count} frame(s) of {width}x{height}"):
                self._images = task.start.repeat(count, 1, 1, 1)
                self._optimizer = make_optimizer(
                    self._images, self._config, self._objective.hessian
                )
                self._objective.allocate(self._images)
        assert self._optimizer is not None  # noqa: S101  # made with the images
        self._images[slot] = task.start[0]
        if coarser is None or coarser._optimizer is None:
            self._optimizer.reset(slot, task.start[0], frame=task.frame)
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
        self._tasks[slot] = task
        self._progress[slot] = Progress(self._config)

    def result(self, slot: int) -> Tensor:
        """Return the best picture of a slot so far, (1, 3, H, W), a copy."""
        assert self._optimizer is not None  # noqa: S101  # a slot was loaded
        return self._optimizer.best.images[slot : slot + 1].clone()

    def release(self, slot: int) -> None:
        """Take the frame out of a slot."""
        self._tasks[slot] = None

    def step(self) -> dict[int, tuple[StepReport, bool]]:
        """Evaluate every slot once and move its pixels.

        Returns:
            For each busy slot its report, and whether its frame is finished.

        Raises:
            OptimizationError: If a frame's first loss is not a finite number.
            DeviceMemoryError: If the batch does not fit on the device.
        """
        assert self._images is not None  # noqa: S101  # a slot was loaded
        assert self._optimizer is not None  # noqa: S101
        count, _, height, width = self._images.shape
        with memory_errors_named(f"{count} frame(s) of {width}x{height}"):
            evaluation = self._objective.evaluate(self._images)
            moved = self._optimizer.step(
                self._images, evaluation.losses, evaluation.gradients
            )
        names = tuple(evaluation.terms)
        read = cache(torch.stack(list(evaluation.terms.values()), dim=1).tolist)
        self._images = moved
        outcomes = {}
        for slot, loss in enumerate(evaluation.losses.unbind()):
            if (task := self._tasks[slot]) is None:
                continue
            progress = self._progress[slot]
            progress.add(loss, products=self._optimizer.products[slot])
            report = StepReport(
                frame=task.frame,
                step=progress.step,
                steps=task.steps,
                evaluations=progress.evaluations,
                read_losses=partial(_slot_losses, names, read, slot),
            )
            over = progress.step - self._config.min_steps
            is_checked = over >= 0 and over % CHECK_EVERY == 0
            is_finished = (
                progress.step >= task.steps
                or (is_checked and progress.has_settled)
                or _is_reached(task, report)
            )
            outcomes[slot] = (report, is_finished)
        return outcomes


def _slot_losses(
    names: Sequence[str], read: Callable[[], list[list[float]]], slot: int
) -> dict[str, float]:
    return dict(zip(names, read()[slot], strict=True))


def _is_reached(task: FrameTask, report: StepReport) -> bool:
    """Whether a frame is as good as it has to be; a loss is read when it may be."""
    is_checked = report.step >= task.least_steps and report.step % 2 == 0
    return is_checked and not math.isnan(task.goal) and report.own_loss <= task.goal


class Progress:
    """The losses of one frame, as far as the rule for stopping needs them."""

    def __init__(self, config: StyleConfig) -> None:
        """Start before the first step; the configuration says when to stop."""
        self.step = 0
        self.evaluations = 0
        self._is_balanced = config.balance == "gradients"
        self._window, self._min_delta = config.patience, config.min_delta
        self._losses: deque[Tensor] = deque(maxlen=2 * self._window)

    def add(self, loss: Tensor | float, *, products: int = 0) -> None:
        """Take in the loss of the next step; only the first one is read at once.

        Args:
            loss: Before the step was taken; a number, on any device.
            products: Hessian-vector products that the step took.

        Raises:
            OptimizationError: If the first one is not finite: there is no way back.
        """
        self.step += 1
        self.evaluations += 1 + products
        if self.step == 1 and not abs(first := float(loss)) < float("inf"):
            raise OptimizationError(
                f"the first loss is {first}: the weights of the network or the losses "
                "are out of proportion; try the defaults."
            )
        self._losses.append(torch.as_tensor(loss))

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
    """Make the optimiser of a batch.

    Balanced gradients are those of no loss. So there is no best point then, and the
    newest is kept.

    Args:
        images: (N, 3, H, W), the start of each sample; not modified.
        config: Which optimiser, and its settings.
        hessian: Of the losses, for those that want second derivatives.
    """
    optimizer = _new_optimizer(images, config, hessian)
    optimizer.best.track_latest = config.balance == "gradients"
    return optimizer


def held_bytes(config: StyleConfig) -> int:
    """How much memory a pixel takes beside what the network sees of it."""
    pairs = config.history if config.optimizer == "lbfgs" else 0
    return 4 * 3 * (2 * pairs + OTHERS)


def _new_optimizer(images: Tensor, config: StyleConfig, hessian: Hessian) -> Optimizer:
    if config.optimizer == "lbfgs":
        return LBFGS(images, history=config.history)
    if config.optimizer == "newton-cg":
        return NewtonCG(images, hessian=hessian)
    step_size = StepSize(
        lr=DEFAULT_LR[config.optimizer] if config.lr is None else config.lr,
        decay=config.lr_decay,
        rate=config.lr_decay_rate,
        every=config.lr_decay_every,
    )
    if config.optimizer == "langevin":
        return Langevin(
            images,
            step_size=step_size,
            temperature=config.temperature,
            seed=config.seed,
        )
    kind = Momentum if config.optimizer == "momentum" else Adam
    return kind(images, step_size=step_size)
