"""A network's name -> the network, ready on its device."""

from collections.abc import Callable
from pathlib import Path

import torch

from vidstyle.config import NetworkName, Pooling
from vidstyle.errors import WeightsError
from vidstyle.networks.slim import slim
from vidstyle.networks.vgg import FeatureNetwork


def choose_network(name: NetworkName, device: torch.device) -> tuple[str, str]:
    """Turn ``auto`` into a network: vgg16 on a GPU, slim on a CPU.

    Returns:
        Its name, and the reason in one line.
    """
    if name != "auto":
        return name, f"network {name}, as asked"
    if device.type == "cpu":
        return "slim", "network slim: the small built-in one, made for a CPU"
    return "vgg16", f"network vgg16: there is a GPU ({device.type})"


def load_network(
    name: NetworkName,
    *,
    device: torch.device,
    pooling: Pooling = "average",
    weights: Path | None = None,  # noqa: ARG001 - until vgg is there
    on_progress: Callable[[int, int], None] | None = None,  # noqa: ARG001
    on_notice: Callable[[str], None] | None = None,
) -> FeatureNetwork:
    """Load a network onto its device; only slim for now."""
    chosen, reason = choose_network(name, device)
    if name == "auto" and on_notice is not None:
        on_notice(reason)
    if chosen != "slim":
        raise WeightsError(f"{chosen} cannot be loaded yet; use --network slim.")
    return slim(pooling=pooling).to(device)
