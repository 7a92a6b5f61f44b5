"""A network's name -> the network, ready on its device.

The built-in one is slim: VGG-16's layers up to relu5_1, narrow, in VGG-19's metric. Its
weights lie in the package, in half precision, so that a fresh machine needs no
download. ``SLIM.md`` is its card: how it was trained, how good it is. The energies
beside them are medians over 250 photographs of its training, 256x256 pixels each.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import torch

from vidstyle.config import NetworkName, Pooling, Precision
from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks.published import (
    PublishedWeights,
    cache_directory,
    fetch_weights,
    packaged_vgg19,
    published_weights,
)
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import read_weights
from vidstyle.records import Download, Listener, Notice, ignore

SLIM: Final = Topology(
    name="slim",
    blocks=((16, 16), (64, 40), (128, 64, 64), (128, 128, 128), (256,)),
    mean=(0.45, 0.45, 0.45),
    std=(0.26, 0.26, 0.26),
    padding="replicate",
    poolings=("average",),
)
FETCHED: Final[tuple[NetworkName, ...]] = ("vgg16", "vgg19")
"""The networks that are not built in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """What is known of a network before it is loaded."""

    name: str
    layers: tuple[str, ...]
    built_in: bool
    path: Path | None = None  # where its weights are; None: built in, or not there yet
    size_mb: float = 0  # of torchvision's download; 0 for what is built in
    url: str | None = None  # where its weights are published; None: built in


def choose_network(name: NetworkName, device: torch.device) -> tuple[str, str]:
    """Turn ``auto`` into a network, and explain the choice in one line."""
    if name != "auto":
        return name, f"network {name}: as requested"
    if device.type == "cpu":
        return "slim", "network slim: built in, and made for a CPU"
    return "vgg19", f"network vgg19: found a GPU ({device.type})"


def choose_precision(name: Precision, device: torch.device) -> Precision:
    """Turn ``auto`` into what suits the device, or raise ConfigError if it lacks it."""
    if name == "auto":
        return "tf32" if device.type == "cuda" else "fp32"
    if name == "tf32" and device.type != "cuda":
        raise ConfigError("precision tf32 needs CUDA; use --precision fp32 or bf16.")
    return name


def load_network(
    name: NetworkName,
    *,
    device: torch.device,
    pooling: Pooling = "average",
    layers: Collection[str] = (),
    weights: Path | None = None,
    precision: Precision = "auto",
    listener: Listener = ignore,
) -> FeatureNetwork:
    """Load a network onto its device, fetching its weights where they are missing.

    ``layers`` are checked before anything is fetched; ``weights`` is a file to take
    instead of the built-in or published ones; the listener is told of a download, and
    what ``auto`` (the device's, or the weights') or a file chose and why.

    Raises:
        ConfigError: If the network lacks a layer, or cannot work with that pooling.
        WeightsError: If it has no weights; ``auto`` takes slim if a download fails.
    """
    precision = choose_precision(precision, device)
    chosen, notice = choose_network(name, device)
    if weights is not None:
        chosen = _fitting_network(weights) if name == "auto" else chosen
        notice = f"network {chosen}: matches the weights in {weights}"
        network = _load_file(chosen, weights, pooling)
    elif chosen == SLIM.name:
        network = slim(pooling=pooling)
    else:
        _topology(chosen).check_layers(layers)
        try:
            network = _load_published(chosen, pooling, listener)
        except WeightsError as err:
            if name != "auto":
                raise
            network = slim(pooling=pooling)
            notice = f"network slim, the built-in one: {err}"
    network.check_layers(layers)
    if name == "auto":
        listener(Notice(text=notice))
    if device.type == "cpu":
        # Features and gradients take the weights' layout: a quarter faster on a CPU.
        network = network.to(memory_format=torch.channels_last)
    network.set_precision(precision)
    return network.to(device)


def slim(*, pooling: Pooling = "average") -> FeatureNetwork:
    """Build the network with the weights in the package, on the CPU in float32.

    ConfigError: another pooling than average; WeightsError: the package's file is
    missing or damaged.
    """
    packaged = files("vidstyle.networks").joinpath("slim.npz")
    try:
        with as_file(packaged) as path:
            weights = read_weights(path, SLIM)
    except (OSError, WeightsError) as err:
        raise WeightsError(f"{err} Reinstall vidstyle.") from err
    return FeatureNetwork(SLIM, weights, pooling=pooling)


def fetch(name: str, listener: Listener = ignore) -> Path:
    """Fetch the weights of a network into the file that is returned, if need be.

    ConfigError: its weights are not fetched; WeightsError: they are not to be had.
    """
    if name not in FETCHED:
        raise ConfigError(f"{name} needs no download; choose {' or '.join(FETCHED)}.")

    def tell(done: int, total: int) -> None:
        listener(Download(name=name, done=done, total=total))

    published = _published(name)
    return _find(published) or fetch_weights(published, cache_directory(), tell)


def network_status() -> list[NetworkStatus]:
    """List every network, the built-in one first."""
    networks = [NetworkStatus(name=SLIM.name, layers=SLIM.layers, built_in=True)]
    for published in map(_published, FETCHED):
        status = NetworkStatus(
            name=published.topology.name,
            layers=published.topology.layers,
            built_in=False,
            path=_find(published),
            size_mb=published.size_mb,
            url=published.url,
        )
        networks.append(status)
    return networks


def _find(published: PublishedWeights) -> Path | None:
    packaged = packaged_vgg19() if published.topology.name == "vgg19" else None
    fetched = cache_directory() / published.stored_name
    return packaged or (fetched if fetched.is_file() else None)


def _published(name: str) -> PublishedWeights:
    return published_weights(name, mirror=os.environ.get("VIDSTYLE_WEIGHTS_URL"))


def _topology(name: str) -> Topology:
    return SLIM if name == SLIM.name else _published(name).topology


def _load_file(name: str, path: Path, pooling: Pooling) -> FeatureNetwork:
    topology = _topology(name)
    return FeatureNetwork(topology, read_weights(path, topology), pooling=pooling)


def _load_published(name: str, pooling: Pooling, listener: Listener) -> FeatureNetwork:
    path = fetch(name, listener)
    try:
        return _load_file(name, path, pooling)
    except WeightsError as err:
        raise WeightsError(f"{err} Delete that file to download it again.") from err


def _fitting_network(path: Path) -> str:
    reasons = []
    for name in (SLIM.name, *FETCHED):
        try:
            read_weights(path, _topology(name))
        except WeightsError as err:
            reasons.append(str(err))
        else:
            return name
    raise WeightsError(reasons[-1])
