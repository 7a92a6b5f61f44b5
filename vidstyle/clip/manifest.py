"""The manifest that identifies a run, so that only the same run is resumed.

It holds everything that affects pixels: settings, inputs, device, threads and versions;
not what only affects how frames are encoded.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vidstyle.clip.reader import file_state
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.config import EvolutionConfig, Region, StyleConfig
from vidstyle.errors import ImageOpenError, WeightsError
from vidstyle.video.folder import numbered_pictures

DIGITS = 16  # of a hash: enough to distinguish files, and readable


def describe(
    masks: RegionMasks,
    machine: Mapping[str, Any],
    styles: Sequence[Path],
    keys: Mapping[float, Path],
    evolution: EvolutionConfig | None,
) -> dict[str, Any]:
    """Describe a run as JSON values that are readable in error messages.

    ``machine`` is the network's name and the result of ``describe_machine``. Raises
    ImageOpenError or WeightsError if a file cannot be read.
    """
    settings = asdict(masks.config)
    for name in ("style", "encoding", "output_size", "strict"):
        del settings[name]
    regions = enumerate(masks.regions, start=1)
    return {
        **{name: _plain(value) for name, value in settings.items()},
        **describe_style(masks.config.style),
        "clip": str(masks.reader.info.path.resolve()),
        "clip_state": masks.reader.state,
        "painting": describe_pictures(styles),
        "evolution": None if evolution is None else _plain(asdict(evolution)),
        **machine,
        **{f"key {at:g}": _digest(path, ImageOpenError) for at, path in keys.items()},
        **{f"region {number}": _region(region) for number, region in regions},
    }


def describe_style(config: StyleConfig) -> dict[str, Any]:
    """Describe the style settings; files by their contents."""
    settings = {name: _plain(value) for name, value in asdict(config).items()}
    if isinstance(config.init, Path):
        settings["init"] = _digest(config.init, ImageOpenError)
    for name in ("weights", "painter"):
        if (path := getattr(config, name)) is not None:
            settings[name] = _digest(path, WeightsError)
    return settings


def describe_pictures(paths: Sequence[Path]) -> str:
    """Describe pictures by the contents of their files."""
    return " and ".join(_digest(path, ImageOpenError) for path in paths)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Describe what affects rounding."""
    return {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": f"vidstyle {version('vidstyle')}, torch {torch.__version__}",
    }


def _region(region: Region) -> tuple[str, str]:
    """Describe a region's mask and its painting by the contents of their files."""
    mask = region.mask
    if mask.is_dir():
        described = f"{mask.resolve()}, {file_state(numbered_pictures(mask))}"
    else:
        described = _digest(mask, ImageOpenError)
    return described, _digest(region.style, ImageOpenError)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path | Fraction) else value


def _digest(path: Path, error: type[ImageOpenError | WeightsError]) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise error(f"cannot read {path}: {err.strerror}.") from err
    return f"a file with SHA-256 {digest[:DIGITS]}..."
