"""A painting network learns from pairs of frames, by the losses that pixels follow."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import StyleConfig
from vidstyle.errors import OptimizationError
from vidstyle.networks.painter import PaintingNetwork
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import StyleTarget, content_target

RATE: Final = 4e-3
"""Adam's; it rises over the first steps and falls over the last part."""
RISE: Final = 20
"""Steps."""
FALL: Final = 0.4
"""Part of the training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two neighbouring frames of a clip, of the same size in every pair."""

    contents: Tensor
    """(2, 3, H, W) in [0, 1]."""
    flow: Tensor
    """(1, 2, H, W) pixels, from the later frame to the earlier."""
    consistency: Tensor
    """(1, 1, H, W) in [0, 1], where that is trusted."""
    styles: Mapping[float, StyleTarget]
    """By the factor, 1 first, to which a picture is reduced that is to have it."""


class Training:
    """Steps of a painting network.

    The gradient of the objective at the pictures that it has painted goes on into its
    weights. The later of two pictures is held to the earlier one, moved.

    Source: Johnson et al. 2016 for the losses of features, Gao et al. 2018, "ReCoNet",
    for those of pairs along the motion. One clip and one painting are learned here,
    where they learn from 80,000 photographs.
    """

    def __init__(
        self,
        painter: PaintingNetwork,
        network: FeatureNetwork,
        config: StyleConfig,
        *,
        temporal_weight: float,
    ) -> None:
        """Begin; ``network`` is on the device of all tensors."""
        self._painter, self._network, self._config = painter, network, config
        self._temporal_weight = temporal_weight
        self._objectives: dict[tuple[int, float], Objective] = {}
        self._weights = list(painter.parameters())
        self._adam = torch.optim.Adam(self._weights, lr=RATE, betas=(0.9, 0.99))
        # A core a picture takes half the time of both cores for both pictures.
        threads = max(1, torch.get_num_threads() // 2)
        count = 2 if network.mean.device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(
            count, "learn", torch.set_num_threads, (threads,)
        )
        self.steps = 0

    def step(self, pair: Pair, progress: float) -> Mapping[str, Tensor]:
        """Learn from a pair, at some part in [0, 1] of the whole training.

        Returns:
            The terms of the loss by name, each (2,) with its weight.

        Raises:
            OptimizationError: If the loss is not a finite number.
        """
        contents = pair.contents[:1], pair.contents[1:]
        painted = list(self._pool.map(self._painter, contents))
        moved, inside = move_roughly(painted[0].detach(), pair.flow)
        learned = [
            self._pool.submit(self._learn, slot, pair, painted[slot], *held)
            for slot, held in enumerate([(), (moved, pair.consistency * inside)])
        ]
        (gradients, terms), (others, later) = [each.result() for each in learned]
        for weight, one, other in zip(self._weights, gradients, others, strict=True):
            weight.grad = one + other
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
        """Return the gradients at the weights by one picture, and its terms."""
        content = pair.contents[slot : slot + 1]
        seen = [_reduced(painted, factor) for factor in pair.styles]
        found = []
        for picture, (factor, style) in zip(seen, pair.styles.items(), strict=True):
            objective = self._objective(slot, factor, style, picture.detach())
            target = content_target(
                self._network, _reduced(content, factor), self._config
            )
            objective.set_slot(
                0, target, style=style, warped=moved, consistency=trusted
            )
            found.append(objective.evaluate(picture))
            if not bool(found[-1].losses.isfinite().all()):
                raise OptimizationError(
                    "the network's loss is not finite; try the defaults."
                )
        gradients = [each.gradients for each in found]
        return torch.autograd.grad(seen, self._weights, gradients), found[0].terms

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
        """Return all that going on later needs, by name."""
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
        """Go on from what ``state`` has returned; KeyError or RuntimeError if not."""
        self.steps = int(state["steps"])
        parts = "painter.", "adam."
        weights, moments = (
            {
                name.removeprefix(part): state[name]
                for name in state
                if name.startswith(part)
            }
            for part in parts
        )
        self._painter.load_state_dict(weights)
        values: dict[int, dict[str, Any]] = {}
        for name, each in moments.items():
            number, kind = name.split(".")
            values.setdefault(int(number), {})[kind] = each
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": values, "param_groups": groups})


def _reduced(image: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return image
    size = [round(factor * side) for side in image.shape[-2:]]
    return F.interpolate(image, size, mode="area")


def move_roughly(images: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Move images (N, C, H, W) along a flow: ``out[p] = images[p + flow[p]]``.

    By four points to a side, where ``motion.warp`` has twelve: what is moved is only
    compared, and not moved on.

    Returns:
        The images, and where they come from inside: (N, 1, H, W), 0 or 1.
    """
    height, width = images.shape[-2:]
    across = torch.arange(width, device=flow.device) + flow[:, 0]
    down = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    places = (
        torch.stack([(2 * across + 1) / width, (2 * down + 1) / height], dim=-1) - 1
    )
    moved = F.grid_sample(
        images, places, mode="bicubic", padding_mode="border", align_corners=False
    )
    return moved, (places.abs() <= 1).all(dim=-1).to(images.dtype)[:, None]
