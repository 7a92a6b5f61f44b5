"""A device against the CPU in float32: the same losses, gradients and pixels."""

from dataclasses import dataclass

import torch

from vidstyle.config import Precision, StyleConfig
from vidstyle.networks import choose_precision, slim
from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target

STEPS = 10
MOST = {"fp32": (1e-4, 1e-3, 0.5), "tf32": (0.02, 0.05, 2), "bf16": (0.02, 0.2, 2)}
"""How much losses and gradients may differ, relatively, and pixels in levels of 255."""


@dataclass(frozen=True)
class Difference:
    """How much a device differs from the CPU in float32."""

    precision: str
    losses: float
    """Relatively, of what the device computes at the same pixels."""
    gradients: float
    """Relatively, in norm."""
    levels: float
    """Mean difference of the pixels after some steps, in levels of 255."""

    @property
    def is_small(self) -> bool:
        found = self.losses, self.gradients, self.levels
        most = MOST[self.precision]
        return all(one <= bound for one, bound in zip(found, most, strict=True))


def compare(device: torch.device, precision: Precision, batch: int = 2) -> Difference:
    """Evaluate and optimize the same pictures on a device and on the CPU."""
    exact = _computed(slim(), torch.device("cpu"), batch)
    network = slim().to(device)
    network.set_precision(choose_precision(precision, device))
    found = _computed(network, device, batch)
    losses, gradients, pixels = zip(exact, found, strict=True)
    return Difference(
        network.precision,
        ((losses[0] - losses[1]).abs() / losses[0]).max().item(),
        ((gradients[0] - gradients[1]).norm() / gradients[0].norm()).item(),
        255 * (pixels[0] - pixels[1]).abs().mean().item(),
    )


def _computed(network: FeatureNetwork, device: torch.device, batch: int):
    """Return losses and gradients at a start, and the pixels after some steps."""
    pictures = torch.nn.functional.interpolate(natural_pictures(), (96, 144))
    pictures, config = pictures.to(device), StyleConfig()
    style = style_target(network, pictures[1:2], config)
    content = content_target(network, pictures[:1], config)
    objective = Objective(network, style, config)
    # Away from the content: at it, the content's error is nothing but rounding.
    starts = pictures[:1].lerp(pictures[1:2], 0.3).repeat(batch, 1, 1, 1)
    objective.allocate(starts)
    loop = BatchOptimization(network, style, config, slots=batch)
    for slot in range(batch):
        objective.set_slot(slot, content)
        task = FrameTask(frame=0, start=starts[:1], content=content, steps=STEPS)
        loop.load(slot, task)
    evaluation = objective.evaluate(starts)
    for _ in range(STEPS):
        loop.step()
    painted = torch.cat([loop.result(slot) for slot in range(batch)])
    computed = evaluation.losses, evaluation.gradients, painted
    return [each.cpu() for each in computed]
