"""Load feature networks by name, and download their weights where needed.

The built-in network is slim: VGG-16's layers up to relu5_1, narrowed, with features
mapped into VGG-19's metric. Its weights ship with the package in half precision, so it
needs no download; ``SLIM.md`` is its model card. The energies stored with them are
medians over 250 of its training photographs, 256x256 pixels each.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPException
from itertools import groupby
from pathlib import Path
from typing import Final

import torch

from vidstyle.config import NetworkName, Pooling, Precision
from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import (
    MIB,
    Progress,
    cache_directory,
    check_hash,
    downloaded,
    find_file,
    packaged_vgg19,
    read_weights,
    reason_of,
    write_weights,
)
from vidstyle.records import Download, Listener, Notice, ignore

SLIM: Final = Topology(
    name="slim",
    blocks=((16, 16), (64, 40), (128, 64, 64), (128, 128, 128), (256,)),
    mean=(0.45, 0.45, 0.45),
    std=(0.26, 0.26, 0.26),
    padding="replicate",
    poolings=("average",),
)
FETCHED: Final[tuple[NetworkName, ...]] = ("vgg16", "vgg19")  # to be downloaded


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """A network and its weights file, without loading either."""

    name: str
    layers: tuple[str, ...]
    built_in: bool
    path: Path | None = None  # local weights file; None: built in or not downloaded
    size_mb: float = 0  # of torchvision's download; 0: built in
    url: str | None = None  # of torchvision's download; None: built in


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A downloadable weights file."""

    topology: Topology
    url: str  # of the whole file, including the classifier
    sha256: str  # of the whole file: the hex digest or a prefix of it
    size_mb: float

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def stored_name(self) -> str:
        return f"{self.topology.name}-{self.sha256}.npz"


def choose_network(name: NetworkName, device: torch.device) -> tuple[str, str]:
    """Resolve ``auto`` for a device; return the network and the reason in one line."""
    if name != "auto":
        return name, f"network {name}: as requested"
    if device.type == "cpu":
        return "slim", "network slim: built in, and made for a CPU"
    return "vgg19", f"network vgg19: found a GPU ({device.type})"


def choose_precision(name: Precision, device: torch.device) -> Precision:
    """Resolve ``auto`` for a device, or raise ConfigError if it cannot do ``name``."""
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
    """Load a network onto a device, downloading its weights if necessary.

    ``layers`` are checked before anything is downloaded; ``weights`` is a file to use
    instead of the built-in or published ones, from which ``auto`` is then resolved. The
    listener receives the progress of the download, and what ``auto`` chose and why.

    Raises:
        ConfigError: If the network lacks a layer or does not support the pooling.
        WeightsError: If its weights cannot be loaded. With ``auto``, a failed download
            falls back to slim instead.
    """
    precision = choose_precision(precision, device)
    chosen, notice = choose_network(name, device)
    if weights is not None:
        names = (SLIM.name, *FETCHED) if name == "auto" else (name,)
        network = _load_fitting(names, weights, pooling)
        notice = f"network {network.name}: matches the weights in {weights}"
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
    network.topology.check_layers(layers)
    if name == "auto":
        listener(Notice(text=notice))
    if device.type == "cpu":
        # Features and gradients inherit this layout: a quarter faster on a CPU.
        network = network.to(memory_format=torch.channels_last)
    network.set_precision(precision)
    return network.to(device)


def slim(*, pooling: Pooling = "average") -> FeatureNetwork:
    """Build the built-in network, on the CPU in float32.

    Raises ConfigError if the pooling is not average, and WeightsError if the package's
    weights file is missing or damaged.
    """
    path = Path(__file__).with_name("slim.npz")
    try:
        weights = read_weights(path, SLIM)
    except WeightsError as err:
        raise WeightsError(f"{err} Reinstall vidstyle.") from err
    return FeatureNetwork(SLIM, weights, pooling=pooling)


def _topology(name: str) -> Topology:
    return SLIM if name == SLIM.name else published_weights(name).topology


def _load_file(name: str, path: Path, pooling: Pooling) -> FeatureNetwork:
    topology = _topology(name)
    return FeatureNetwork(topology, read_weights(path, topology), pooling=pooling)


def _load_fitting(names: Sequence[str], path: Path, pooling: Pooling) -> FeatureNetwork:
    """Build the first of these networks that fits the weights in a file."""
    for name in names[:-1]:
        with suppress(WeightsError):
            return _load_file(name, path, pooling)
    return _load_file(names[-1], path, pooling)


def _load_published(name: str, pooling: Pooling, listener: Listener) -> FeatureNetwork:
    path = fetch(name, listener)
    try:
        return _load_file(name, path, pooling)
    except WeightsError as err:
        raise WeightsError(f"{err} Delete that file to download it again.") from err


def fetch(name: str, listener: Listener = ignore) -> Path:
    """Return the path of a network's weights, downloading them if necessary.

    Raises ConfigError unless the network is in ``FETCHED``, and WeightsError if the
    download fails.
    """
    if name not in FETCHED:
        raise ConfigError(f"{name} needs no download; choose {' or '.join(FETCHED)}.")

    def on_progress(done: int, total: int) -> None:
        listener(Download(name=name, done=done, total=total))

    published = published_weights(name)
    return _find(published) or fetch_weights(published, cache_directory(), on_progress)


def _find(published: PublishedWeights) -> Path | None:
    """Find the weights in an installed package or among earlier downloads."""
    packaged = packaged_vgg19() if published.topology.name == "vgg19" else None
    if packaged is not None:
        return packaged
    fetched = cache_directory() / published.stored_name
    return fetched if fetched.is_file() else None


def network_status() -> list[NetworkStatus]:
    """List every network, the built-in one first."""
    statuses = [NetworkStatus(name=SLIM.name, layers=SLIM.layers, built_in=True)]
    for name in FETCHED:
        published = published_weights(name)
        status = NetworkStatus(
            name=name,
            layers=published.topology.layers,
            built_in=False,
            path=_find(published),
            size_mb=published.size_mb,
            url=published.url,
        )
        statuses.append(status)
    return statuses


def published_weights(name: str) -> PublishedWeights:
    """Describe torchvision's weights for ``vgg16`` or ``vgg19``.

    $VIDSTYLE_WEIGHTS_URL is the URL of another directory with torchvision's files.
    """
    from torchvision.models import vgg as torchvision_vgg

    channels, weights = {
        "vgg16": (torchvision_vgg.cfgs["D"], torchvision_vgg.VGG16_Weights),
        "vgg19": (torchvision_vgg.cfgs["E"], torchvision_vgg.VGG19_Weights),
    }[name]
    published = weights.IMAGENET1K_V1
    preset = published.transforms()
    mirror = os.environ.get("VIDSTYLE_WEIGHTS_URL")
    file_name = published.url.rpartition("/")[2]  # such as vgg16-397923af.pth
    runs = groupby(channels, key=lambda entry: entry == "M")  # "M" is a pooling
    return PublishedWeights(
        topology=Topology(
            name=name,
            blocks=tuple(tuple(run) for is_pooling, run in runs if not is_pooling),
            mean=tuple(preset.mean),
            std=tuple(preset.std),
        ),
        url=f"{mirror.rstrip('/')}/{file_name}" if mirror else published.url,
        sha256=file_name.rpartition("-")[2].removesuffix(".pth"),
        size_mb=published.meta["_file_size"] * MIB / 1e6,
    )


def fetch_weights(
    published: PublishedWeights,
    directory: Path,
    on_progress: Progress = lambda *_: None,
) -> Path:
    """Store the feature layers' weights in a directory, unless they are there already.

    Uses a local copy of the published file, otherwise downloads it. Raises WeightsError
    with the file's name, size and URL, and where to put it.
    """
    path = directory / published.stored_name
    if path.is_file():
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        local, url = find_file(published.file_name, directory), published.url
        with (
            nullcontext(local) if local else downloaded(url, directory, on_progress)
        ) as file:
            source = str(local or url)
            check_hash(file, published.sha256, source=source)
            weights = read_weights(file, published.topology, source=source)
        write_weights(path, weights)
    except (WeightsError, OSError, ValueError, HTTPException) as err:
        name = published.topology.name
        put = 'Install "vidstyle[vgg19]" (20 MB), or put' if name == "vgg19" else "Put"
        raise WeightsError(
            f"no weights for {name}: {reason_of(err)}. {put} "
            f"{published.file_name} ({published.size_mb:.0f} MB, {published.url}) "
            f"into {directory}, or name it with --weights."
        ) from err
    return path
