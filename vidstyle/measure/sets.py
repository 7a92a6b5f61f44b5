"""Sets of results, contents and paintings come in; how far apart they are, FID, out.

A set is compared as a whole: no result is paired with its content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from vidstyle.config import DeviceName, NetworkName
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.images import frame_to_image, read_picture, resize_frame
from vidstyle.measure.distance import Ruler, load_ruler
from vidstyle.measure.frechet import Gaussian, fit_gaussian, frechet_distance
from vidstyle.measure.series import Compared, compare
from vidstyle.networks.inception import (
    FILE_NAME,
    SIDE,
    SIZE_MB,
    URL,
    find_inception,
    load_inception,
    read_inception,
)
from vidstyle.networks.published import cache_directory
from vidstyle.records import Listener, Notice

LAYER: Final = "relu5_1"
"""Of our networks, averaged over the picture; all of them have it."""
LEAST: Final = 2
"""Pictures in a set that has a covariance."""
POOLING: Final = "Inception v3's last pooling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is measured of each picture."""

    name: str
    """In words: which network's, and where in it."""
    compute: Callable[[Tensor], Tensor]
    """(1, 3, 299, 299) in [0, 1] -> (1, D)."""
    device: torch.device
    ruler: Ruler | None = None
    """The network that stands in for Inception. None: it is Inception."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDistances:
    """How far sets are apart."""

    features: str
    """Which were compared: numbers from others do not compare."""
    dimensions: int
    """How many there are of a picture."""
    content: Compared
    """Of the results to the contents; the contents' own is 0. Nones where one of the
    sets has too few pictures."""
    style: Compared
    """To the paintings, likewise."""


def choose_features(
    network: NetworkName | None,
    *,
    weights: Path | None,
    device: DeviceName,
    listener: Listener,
) -> Features:
    """Load what sets are compared by.

    Args:
        network: Whose features are compared. None: Inception v3's where its weights are
            at hand, slim's otherwise.
        weights: A file of weights that are taken instead: Inception's by torchvision's
            names, or the network's.
        device: Where they are computed.
        listener: Is told of a download, and where features stand in for Inception's.

    Raises:
        WeightsError: If the weights are not to be had, or not the network's.
    """
    computing = choose_device(device)
    if weights is not None and (own := read_inception(weights, device=computing)):
        name = f"{POOLING}, weights of {weights}"
        return Features(name=name, compute=own, device=computing)
    if network is None and weights is None:
        if (path := find_inception()) is not None:
            return Features(
                name=f"{POOLING}, torchvision's weights",
                compute=load_inception(path, device=computing),
                device=computing,
            )
        text = (
            f"the weights of Inception v3 are not at hand ({FILE_NAME}, {SIZE_MB} MB, "
            f"{URL}; it belongs into {cache_directory()}), so slim's features are "
            "compared"
        )
        listener(Notice(text=text))
    ruler = load_ruler(
        network, weights=weights, device=device, listener=listener, layers=[LAYER]
    )
    chosen = ruler.network
    of = "" if weights is None else f" with the weights of {weights}"
    return Features(
        name=f"{LAYER} of {chosen.name}{of}, averaged over the picture",
        compute=lambda images: chosen(images, [LAYER])[LAYER].mean((2, 3)),
        device=computing,
        ruler=ruler,
    )


def measure_sets(
    sets: Sequence[Sequence[Path]],
    features: Features,
    *,
    on_picture: Callable[[], None],
    listener: Listener,
) -> SetDistances:
    """Measure how far a set of pictures is from its contents and from paintings: FID.

    Every picture is brought to 299x299 pixels, as Inception saw them in its training;
    shrinking averages areas.

    Args:
        sets: Files of results, contents and paintings, in this order; all but the
            paintings need at least one.
        features: What of each picture is compared.
        on_picture: Is called after each picture.
        listener: Is told where there are too few for the numbers to mean much.

    Raises:
        ImageOpenError: If a picture cannot be read.
        DeviceMemoryError: If one does not fit on the device.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    measured = [
        [_measure(path, features, on_picture) for path in paths] for paths in sets
    ]
    dimensions = len(measured[0][0])
    _warn_of_few([len(rows) for rows in measured], dimensions, listener)
    results, contents, styles = (
        fit_gaussian(torch.stack(rows)) if len(rows) >= LEAST else None
        for rows in measured
    )
    own = None if contents is None else 0.0
    return SetDistances(
        features=features.name,
        dimensions=dimensions,
        content=compare(_distance(results, contents), own),
        style=compare(_distance(results, styles), _distance(contents, styles)),
    )


def _distance(one: Gaussian | None, other: Gaussian | None) -> float | None:
    if one is None or other is None:
        return None
    return frechet_distance(one, other)


@torch.no_grad()
def _measure(path: Path, features: Features, on_picture: Callable[[], None]) -> Tensor:
    """Measure one picture: (D,) on the CPU."""
    frame = resize_frame(read_picture(path), height=SIDE, width=SIDE)
    with memory_errors_named(f"a picture of {SIDE}x{SIDE}"):
        image = frame_to_image(frame, device=features.device)
        row = features.compute(image)[0].cpu()
    on_picture()
    return row


def _warn_of_few(counts: Sequence[int], dimensions: int, listener: Listener) -> None:
    """Warn where a set has fewer pictures than there are features."""
    names = "results", "contents", "paintings"
    counted = dict(zip(names, counts, strict=True))
    alone = [name for name, count in counted.items() if 0 < count < LEAST]
    few = [
        f"{name} ({count})"
        for name, count in counted.items()
        if LEAST <= count < dimensions
    ]
    if alone:
        text = (
            f"no FID with one picture only ({', '.join(alone)}): a set needs at least "
            f"{LEAST}, and hundreds to mean much"
        )
        listener(Notice(text=text, is_warning=True))
    if few:
        text = (
            f"fewer pictures than the {dimensions} features: {', '.join(few)}; FIDs "
            "come out too large, and compare only with those of sets as large"
        )
        listener(Notice(text=text, is_warning=True))
