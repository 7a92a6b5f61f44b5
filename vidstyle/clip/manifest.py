"""What a run makes, in a few values: no other run may go on with its frames.

All that changes a pixel is in it: settings, inputs, device, threads and versions. What
only changes how the frames are written is not.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vidstyle.config import EvolutionConfig, Region, StyleConfig, VideoConfig
from vidstyle.errors import ImageOpenError, WeightsError
from vidstyle.records import VideoInfo
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.folder import numbered_pictures

DIGITS = 16
"""Of a hash, as shown: enough to tell files apart, and short enough to read."""


def describe(
    info: VideoInfo,
    styles: Sequence[Path],
    config: VideoConfig,
    evolution: EvolutionConfig | None,
    stylizer: Stylizer,
) -> dict[str, Any]:
    """Describe a run by JSON values, each of which reads well in an error message.

    Raises:
        ImageOpenError: If a picture cannot be read any more.
        WeightsError: If the file of weights cannot.
    """
    settings = asdict(config)
    for name in ("style", "encoding", "output_size", "strict"):
        del settings[name]
    return {
        **{name: _plain(value) for name, value in settings.items()},
        **describe_style(config.style),
        "clip": str(info.path.resolve()),
        "clip_state": _state(
            numbered_pictures(info.path) if info.kind == "folder" else [info.path]
        ),
        "painting": describe_pictures(styles),
        "evolution": None if evolution is None else _plain(asdict(evolution)),
        "network": stylizer.network.name,
        **describe_machine(stylizer.device),
    }


def describe_style(config: StyleConfig) -> dict[str, Any]:
    """Describe how a picture is painted, with what is in the files that it names.

    Raises:
        ImageOpenError: If a picture cannot be read any more.
        WeightsError: If the file of weights cannot.
    """
    given = {name: _plain(value) for name, value in asdict(config).items()}
    if isinstance(config.init, Path):
        given["init"] = _digest(config.init, ImageOpenError)
    if config.weights is not None:
        given["weights"] = _digest(config.weights, WeightsError)
    return given


def describe_pictures(paths: Sequence[Path]) -> str:
    """Describe pictures by what is in their files.

    Raises:
        ImageOpenError: If one cannot be read.
    """
    return " and ".join(_digest(one, ImageOpenError) for one in paths)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Describe what rounding depends on."""
    return {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": f"vidstyle {version('vidstyle')}, torch {torch.__version__}",
    }


def describe_regions(regions: Sequence[Region]) -> dict[str, Any]:
    """Describe regions by what is in their files; without any by nothing."""
    found = {}
    for number, region in enumerate(regions, start=1):
        mask = region.mask
        found[f"region {number}"] = (
            f"{mask.resolve()}, {_state(numbered_pictures(mask))}"
            if mask.is_dir()
            else _digest(mask, ImageOpenError),
            _digest(region.style, ImageOpenError),
        )
    return found


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path | Fraction) else value


def _state(files: Sequence[Path]) -> str:
    """Sizes and times of change: enough to notice that a clip is another now."""
    states = [path.stat() for path in files]
    newest = datetime.fromtimestamp(max(each.st_mtime for each in states), UTC)
    size = sum(each.st_size for each in states)
    return f"{size} bytes in {len(states)} file(s) of {newest:%F %T.%f}"


def _digest(path: Path, error: type[ImageOpenError | WeightsError]) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise error(f"cannot read {path}: {err.strerror}.") from err
    return f"a file with SHA-256 {digest[:DIGITS]}..."
