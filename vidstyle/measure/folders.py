"""Folders of results, contents and paintings come in; how far the sets are apart, out.

A set is compared as a whole: no result is paired with its content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from vidstyle.album.index import INDEX
from vidstyle.album.pairs import pictures_in
from vidstyle.config import DeviceName, NetworkName
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import InputError
from vidstyle.images import frame_to_image, read_picture, resize_frame
from vidstyle.measure.frechet import fit_gaussian, frechet_distance
from vidstyle.measure.series import Compared, compare
from vidstyle.networks.inception import (
    FILE_NAME,
    SIDE,
    SIZE_MB,
    URL,
    find_inception,
    load_inception,
)
from vidstyle.networks.load import load_network
from vidstyle.networks.published import cache_directory
from vidstyle.records import Download, FrameReport, Listener, Notice, Plan

LAYER: Final = "relu5_1"
"""Of our networks, averaged over the picture; all of them have it."""
LEAST: Final = 2
"""Pictures in a set that has a covariance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is measured of each picture."""

    name: str
    """In words: which network's, and where in it."""
    compute: Callable[[Tensor], Tensor]
    """(1, 3, 299, 299) in [0, 1] -> (1, D)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMeasurement:
    """All that was measured of folders."""

    results: int
    """Pictures in the folder of results."""
    contents: int
    styles: int
    features: str
    """Which were compared: numbers from others do not compare."""
    dimensions: int
    """How many there are of a picture."""
    content_fid: Compared
    """Of the results to the contents; the contents' own is 0."""
    style_fid: Compared
    """To the paintings."""


def measure_folders(
    result: Path,
    content: Path,
    *,
    style: Path,
    network: NetworkName | None,
    device: DeviceName,
    listener: Listener,
) -> FolderMeasurement:
    """Measure how far a set of pictures is from its contents and from paintings: FID.

    Every picture is brought to 299x299 pixels, as Inception saw them in its training;
    shrinking averages areas.

    Args:
        result: A folder of painted pictures; its sheet, index.png, is left out.
        content: The folder of what they were painted from.
        style: A folder of paintings.
        network: Whose features are compared. None: Inception v3's where its weights are
            at hand, slim's otherwise.
        device: Where.
        listener: Is told every picture and every warning.

    Raises:
        InputError: If a folder holds fewer than two pictures, or one of them cannot be
            read.
        WeightsError: If the network's weights are not to be had, or not its own.
        DeviceMemoryError: If a picture does not fit on the device.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    sets = [_pictures(folder) for folder in (result, content, style)]
    computing = choose_device(device)
    features = _choose_features(network, computing, listener)
    total = sum(len(paths) for paths in sets)
    listener(Plan(height=SIDE, width=SIDE, frames=total, work="measuring"))
    measured: list[Tensor] = []
    for paths in sets:
        done = sum(len(rows) for rows in measured)
        measured.append(
            _measure(paths, features, computing, listener, done=done, total=total)
        )
    _warn_of_few(measured, (result, content, style), listener)
    results, contents, styles = (fit_gaussian(rows) for rows in measured)
    return FolderMeasurement(
        results=len(sets[0]),
        contents=len(sets[1]),
        styles=len(sets[2]),
        features=features.name,
        dimensions=measured[0].shape[1],
        content_fid=compare(frechet_distance(results, contents), 0.0),
        style_fid=compare(
            frechet_distance(results, styles), frechet_distance(contents, styles)
        ),
    )


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        there = "is a file" if folder.exists() else "does not exist"
        raise InputError(
            f"{folder} {there}; where --style is a folder, sets are compared, so the "
            "result and --content have to be folders of pictures, too."
        )
    paths = [path for path in pictures_in(folder) if path.name != INDEX]
    if len(paths) < LEAST:
        raise InputError(
            f"{folder} holds {len(paths)} picture(s); to compare sets, each needs at "
            f"least {LEAST}, and hundreds to mean much."
        )
    return paths


def _choose_features(
    network: NetworkName | None, device: torch.device, listener: Listener
) -> Features:
    if network is None and (path := find_inception()) is not None:
        return Features(
            name="Inception v3's last pooling, torchvision's weights",
            compute=load_inception(path, device=device),
        )
    if network is None:
        text = (
            f"the weights of Inception v3 are not at hand ({FILE_NAME}, {SIZE_MB} MB, "
            f"{URL}; it belongs into {cache_directory()}), so slim's features are "
            "compared"
        )
        listener(Notice(text=text))
    chosen = load_network(
        network or "slim",
        device=device,
        layers=[LAYER],
        on_progress=lambda done, total: listener(
            Download(name=network or "slim", done=done, total=total)
        ),
        on_notice=lambda text: listener(Notice(text=text)),
    )
    return Features(
        name=f"{LAYER} of {chosen.name}, averaged over the picture",
        compute=lambda images: chosen(images, [LAYER])[LAYER].mean((2, 3)),
    )


@torch.no_grad()
def _measure(
    paths: Sequence[Path],
    features: Features,
    device: torch.device,
    listener: Listener,
    *,
    done: int,
    total: int,
) -> Tensor:
    """Measure each picture of a set: (N, D) on the CPU."""
    rows = []
    for index, path in enumerate(paths, start=done):
        frame = resize_frame(read_picture(path), height=SIDE, width=SIDE)
        with memory_errors_named(f"a picture of {SIDE}x{SIDE}"):
            image = frame_to_image(frame, device=device)
            rows.append(features.compute(image)[0].cpu())
        listener(FrameReport(frame=index, steps=0, frames_known=total, all_known=True))
    return torch.stack(rows)


def _warn_of_few(
    measured: Sequence[Tensor], folders: Sequence[Path], listener: Listener
) -> None:
    """Warn where a set has fewer pictures than there are features."""
    few = [
        f"{folder} ({len(rows)})"
        for rows, folder in zip(measured, folders, strict=True)
        if len(rows) < rows.shape[1]
    ]
    if few:
        text = (
            f"fewer pictures than the {measured[0].shape[1]} features: "
            f"{', '.join(few)}; the distances come out too large, and compare only "
            "with those of sets as large"
        )
        listener(Notice(text=text, is_warning=True))
