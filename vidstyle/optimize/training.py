"""Train a painting network on pairs of frames, with the losses of the optimization."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import StyleConfig
from vidstyle.devices import memory_errors_named
from vidstyle.errors import OptimizationError
from vidstyle.networks.painter import PaintingNetwork
from vidstyle.networks.vgg import FeatureNetwork, convolutions_in
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import StyleTarget, content_target

RATE: Final = 4e-3
"""Adam's learning rate, with linear warm-up and decay."""
RISE: Final = 20
"""Steps of the warm-up."""
FALL: Final = 0.4
"""Fraction of the training with decay, at the end."""
MOMENTS: Final = "step", "exp_avg", "exp_avg_sq"
"""Adam's state of each weight, by torch's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two neighboring frames of a clip; the size is the same in all pairs."""

    contents: Tensor
    """(2, 3, H, W) in [0, 1]."""
    flow: Tensor
    """(1, 2, H, W) pixels, from the later frame to the earlier."""
    consistency: Tensor
    """(1, 1, H, W) in [0, 1], where that is trusted."""
    styles: Mapping[float, StyleTarget]
    """Targets by the factor that images are downscaled by; 1 comes first."""


class Training:
    """Training steps of a painting network.

    The gradient of the objective at its outputs is backpropagated into its weights. The
    temporal loss compares the later output with the warped earlier one.

    Source: Johnson et al. 2016 for the feature losses, Gao et al. 2018, "ReCoNet", for
    the temporal loss on pairs. They train on 80,000 photographs; here it is one clip
    and one painting.
    """

    def __init__(
        self,
        painter: PaintingNetwork,
        network: FeatureNetwork,
        config: StyleConfig,
        *,
        temporal_weight: float,
    ) -> None:
        """Start; ``network`` is on the device of all tensors."""
        self._painter, self._network, self._config = painter, network, config
        self._temporal_weight = temporal_weight
        self._objectives: dict[tuple[int, float], Objective] = {}
        self._weights = list(painter.parameters())
        self._adam = torch.optim.Adam(self._weights, lr=RATE, betas=(0.9, 0.99))
        # One core per image takes half the time of both cores for each in turn.
        threads = max(1, torch.get_num_threads() // 2)
        count = 2 if network.mean.device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(
            count, "learn", torch.set_num_threads, (threads,)
        )
        self.steps = 0

    def step(self, pair: Pair, progress: float) -> Mapping[str, Tensor]:
        """Train on one pair, at a progress in [0, 1] of the whole training.

        Returns:
            The weighted terms of the loss by name, (2,) each.

        Raises:
            OptimizationError: If the loss is not a finite number.
        """
        contents = pair.contents[:1], pair.contents[1:]
        what, precision = "a training step", self._network.precision
        with memory_errors_named(what), convolutions_in(precision):
            painted = list(self._pool.map(self._painter, contents))
            moved, inside = move_roughly(painted[0].detach(), pair.flow)
            learned = [
                self._pool.submit(self._learn, slot, pair, painted[slot], *held)
                for slot, held in enumerate([(), (moved, pair.consistency * inside)])
            ]
            (first, terms), (second, later) = [future.result() for future in learned]
        for weight, a, b in zip(self._weights, first, second, strict=True):
            weight.grad = a + b
        rise, fall = (self.steps + 1) / RISE, (1 - progress) / FALL
        for group in self._adam.param_groups:
            group["lr"] = RATE * max(0.02, min(1.0, rise, fall))
        self._adam.step()
        self.steps += 1
        return {name: torch.cat([terms[name], later[name]]) for name in terms}

    def _learn(
        self,
        slot: int,
        pair: Pair,
        painted: Tensor,
        moved: Tensor | None = None,
        trusted: Tensor | None = None,
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Tensor]]:
        """Compute the weights' gradients from one image, and its loss terms."""
        content = pair.contents[slot : slot + 1]
        images = [_reduced(painted, factor) for factor in pair.styles]
        evaluations = []
        for image, (factor, style) in zip(images, pair.styles.items(), strict=True):
            objective = self._objective(slot, factor, style, image.detach())
            target = content_target(
                self._network, _reduced(content, factor), self._config
            )
            objective.set_slot(
                0, target, style=style, warped=moved, consistency=trusted
            )
            evaluations.append(objective.evaluate(image))
            if not bool(evaluations[-1].losses.isfinite().all()):
                raise OptimizationError(
                    "the network's loss is not finite; try the defaults."
                )
        gradients = [evaluation.gradients for evaluation in evaluations]
        weight_gradients = torch.autograd.grad(images, self._weights, gradients)
        return weight_gradients, evaluations[0].terms

    def _objective(
        self, slot: int, factor: float, style: StyleTarget, picture: Tensor
    ) -> Objective:
        if (slot, factor) not in self._objectives:
            weight = self._temporal_weight if factor == 1 else 0
            made = Objective(self._network, style, self._config, temporal_weight=weight)
            made.allocate(picture)
            self._objectives[slot, factor] = made
        return self._objectives[slot, factor]

    def state(self) -> dict[str, Tensor]:
        """Return everything needed to resume the training, by name."""
        adam = self._adam.state_dict()["state"]
        return {
            "steps": torch.tensor(self.steps),
            **{
                f"painter.{name}": each
                for name, each in self._painter.state_dict().items()
            },
            **{
                f"adam.{number}.{name}": each
                for number, values in adam.items()
                for name, each in values.items()
            },
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Resume from a result of ``state``; KeyError or RuntimeError for others."""
        self.steps = int(state["steps"])
        self._painter.load_state_dict(
            {name: state[f"painter.{name}"] for name in self._painter.state_dict()}
        )
        values = {
            number: {kind: state[f"adam.{number}.{kind}"] for kind in MOMENTS}
            for number in range(len(self._weights))
        }
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": values, "param_groups": groups})


def _reduced(image: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return image
    size = [round(factor * side) for side in image.shape[-2:]]
    return F.interpolate(image, size, mode="area")


def move_roughly(images: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Warp images (N, C, H, W) along a flow: ``out[p] = images[p + flow[p]]``.

    Bicubic, unlike the 12x12 kernel of ``motion.warp``: the result is compared once and
    not warped again.

    Returns:
        The images, and (N, 1, H, W), 1 where the flow points inside, otherwise 0.
    """
    height, width = images.shape[-2:]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    grid = torch.stack([(2 * x + 1) / width, (2 * y + 1) / height], dim=-1) - 1
    moved = F.grid_sample(
        images, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return moved, (grid.abs() <= 1).all(dim=-1).to(images.dtype)[:, None]
