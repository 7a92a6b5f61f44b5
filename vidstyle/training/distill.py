"""Photographs and a teacher -> a student that gives the teacher's features.

Each layer's features, through a linear head that is thrown away afterwards, shall be
the teacher's; the loss is the sum of the relative errors.
"""

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim import AdamW, Muon, Optimizer

from vidstyle.config import TrainingConfig
from vidstyle.devices import memory_errors_named, seeded_generator
from vidstyle.errors import OptimizationError, WorkDirError
from vidstyle.images import write_whole
from vidstyle.networks.weights import DAMAGED
from vidstyle.records import Listener, Plan, StepReport
from vidstyle.training.photos import Crops
from vidstyle.training.student import Student
from vidstyle.training.teachers import TAUGHT, Teacher

JUDGED: Final = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
"""Layers that pictures are made of; the others have half their weight."""
STRIDES: Final = {1: 4, 2: 3, 3: 2, 4: 1, 5: 1}
"""By block: a step compares every so many-th pixel, down and across.

Neighbours say nearly the same, and the heads of all pixels would take more time than
the network.
"""
WARM_UP: Final = 50
"""Steps over which the steps' length rises from 0; then it falls to 0, evenly."""
FIRST_BATCHES: Final = 4
"""Batches that say how to begin: the weights' scale and the heads."""
CHECKPOINT_EVERY: Final = 250
RESTART_EVERY: Final = 500
LAST_RESTART: Final = 0.6
"""Share of the steps after which channels that die are left dead."""


class Distillation:
    """A training that can be interrupted: all that goes on from step to step."""

    def __init__(
        self,
        config: TrainingConfig,
        crops: Crops,
        teacher: Teacher,
        device: torch.device,
    ) -> None:
        """Begin: draw the weights and set the heads.

        Args:
            config: How to train.
            crops: What to train on.
            teacher: Whom to follow; on the same device.
            device: Where to compute.
        """
        self._config, self._crops, self._teacher = config, crops, teacher
        self._device = device
        self.step = 0
        """Steps that have been taken."""
        images = torch.cat([self._draw(-1 - at) for at in range(FIRST_BATCHES)])
        targets = {
            layer: teacher.widen(layer, maps)
            for layer, maps in teacher.features(images).items()
        }
        self._scale = {
            layer: float(maps.square().mean().sqrt()) for layer, maps in targets.items()
        }
        channels = {layer: maps.shape[1] for layer, maps in targets.items()}
        self.student = Student(channels, seeded_generator(config.seed, 2**40))
        self.student.to(device)
        self.student.spread_out(images)
        self.student.fit_heads(
            images,
            {layer: maps / self._scale[layer] for layer, maps in targets.items()},
        )
        self._optimizers = self._make_optimizers()

    def run(self, checkpoint: Path, listener: Listener) -> None:
        """Train to the end, from where the checkpoint left off.

        Args:
            checkpoint: File that holds what goes on; written every so many steps.
            listener: Told every step; ``losses`` are relative errors by layer.

        Raises:
            WorkDirError: If the checkpoint is another training's, or damaged.
            OptimizationError: If the loss is not finite any more.
        """
        self._resume(checkpoint)
        side = self._config.crop
        listener(Plan(height=side, width=side, frames=1, work="training"))
        what = f"a batch of {self._config.batch}"
        while self.step < self._config.steps:
            with memory_errors_named(what):
                errors = self._take_step()
            self.step += 1
            loss = sum(errors.values())
            if not math.isfinite(loss):
                raise OptimizationError(
                    f"the training's loss is {loss} at step {self.step}; use a smaller "
                    "--lr."
                )
            listener(
                StepReport(
                    frame=0,
                    step=self.step,
                    steps=self._config.steps,
                    evaluations=self.step,
                    loss=loss,
                    losses=errors,
                )
            )
            if self.step % CHECKPOINT_EVERY == 0:
                self._save(checkpoint)

    def _take_step(self) -> dict[str, float]:
        self._set_rates()
        images = self._draw(self.step)
        generator = seeded_generator(self._config.seed, 2**41 + self.step)
        if (
            self.step % RESTART_EVERY == 0
            and self.step < LAST_RESTART * self._config.steps
        ):
            self.student.restart_weak(images, generator)
        start = torch.randint(12, (2,), generator=generator).tolist()
        with self._precision():
            errors = dict(self._errors(images, start))
        loss = sum(
            error * (1.0 if layer in JUDGED else 0.5) for layer, error in errors.items()
        )
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        torch.as_tensor(loss).backward()  # type: ignore[no-untyped-call]
        for optimizer in self._optimizers:
            optimizer.step()
        return {layer: float(error.detach()) for layer, error in errors.items()}

    def _errors(self, images: Tensor, start: list[int]) -> Iterator[tuple[str, Tensor]]:
        """Measure each layer's relative error on a grid of its pixels."""
        theirs = self._teacher.features(images)
        ours = self.student.features(images)
        for layer in TAUGHT:
            stride = STRIDES[int(layer[4])]
            down, across = (slice(at % stride, None, stride) for at in start)
            wanted = self._teacher.widen(layer, theirs[layer][..., down, across])
            found = self.student.mapped(layer, ours[layer][..., down, across])
            difference = found.float() - wanted.float() / self._scale[layer]
            yield layer, difference.square().mean()

    def _draw(self, step: int) -> Tensor:
        images = self._crops.draw(step).to(self._device)
        return images.to(memory_format=torch.channels_last)

    def _precision(self) -> Any:  # noqa: ANN401
        """Compute convolutions in bfloat16 where that is faster."""
        kind = self._device.type
        is_faster = kind == "cuda" or (
            kind == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
        )
        return torch.autocast(kind, torch.bfloat16) if is_faster else nullcontext()

    def _make_optimizers(self) -> list[Optimizer]:
        parameters = list(self.student.parameters())
        matrices = [each for each in parameters if each.dim() == 2]
        vectors = [each for each in parameters if each.dim() == 1]
        lr = self._config.lr
        return [
            Muon(matrices, lr=lr, weight_decay=0, adjust_lr_fn="match_rms_adamw"),
            AdamW(vectors, lr=lr, weight_decay=0, betas=(0.9, 0.98)),
        ]

    def _set_rates(self) -> None:
        rising = min(1.0, (self.step + 1) / WARM_UP)
        rate = self._config.lr * rising * (1 - self.step / self._config.steps)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def _described(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self._config).items()}

    def _state(self) -> dict[str, Any]:
        return {
            "config": self._described(),
            "teacher": self._teacher.name,
            "step": self.step,
            "student": self.student.state_dict(),
            "scale": self._scale,
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }

    def _save(self, checkpoint: Path) -> None:
        buffer = io.BytesIO()
        torch.save(self._state(), buffer)
        write_whole(checkpoint, buffer.getvalue())

    def _resume(self, checkpoint: Path) -> None:
        if not checkpoint.exists():
            return
        try:
            state = torch.load(checkpoint, map_location="cpu", weights_only=True)
            self._check_same(state, checkpoint)
            self.student.load_state_dict(state["student"])
            for optimizer, theirs in zip(
                self._optimizers, state["optimizers"], strict=True
            ):
                optimizer.load_state_dict(theirs)
            self._scale, self.step = state["scale"], state["step"]
        except DAMAGED as err:
            raise WorkDirError(
                f"{checkpoint} is damaged; use --restart to train from the beginning."
            ) from err

    def _check_same(self, state: Mapping[str, Any], checkpoint: Path) -> None:
        mine = {**self._described(), "teacher": self._teacher.name}
        theirs = {**state["config"], "teacher": state["teacher"]}
        for name, value in mine.items():
            if theirs.get(name) != value:
                raise WorkDirError(
                    f"{checkpoint} belongs to a training with {name} "
                    f"{theirs.get(name)}, not {value}; use --restart to train from the "
                    "beginning."
                )
