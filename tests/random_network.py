"""Seeded random weights, which stand in for real ones."""

import torch
from torch import Tensor

from vidstyle.networks.vgg import Topology

TINY = Topology(
    name="tiny", blocks=((4, 4), (6,), (8,)), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)
)


def random_weights(topology: Topology, seed: int = 0) -> dict[str, Tensor]:
    """Draw weights that keep the strength of the signal from layer to layer."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in topology.weight_shapes.items():
        drawn = torch.randn(shape, generator=generator)
        scale = (2 / drawn[0].numel()) ** 0.5 if drawn.dim() > 1 else 0.1
        weights[name] = drawn * scale
    return weights
