"""Files and settings -> the tools of a run: network, paintings, masks."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from vidstyle.color.masks import Mask, soft_mask
from vidstyle.config import MIN_SIDE, Region, StyleConfig
from vidstyle.devices import choose_device
from vidstyle.errors import ConfigError
from vidstyle.images import fit_long_side, read_picture, resize_frame
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.pyramid import factors, shared_steps
from vidstyle.records import Frame, Listener, Notice
from vidstyle.stylize.style_bank import StyleBank

SHAPE_SLACK = 0.02
"""How much a mask's aspect ratio may differ from the picture's: sizes are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A smaller size in which a frame that follows no other is painted first."""

    height: int
    width: int
    steps: int
    look: StyleBank
    """With the paintings reduced alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every frame of a run is painted with."""

    device: torch.device
    network: FeatureNetwork
    look: StyleBank
    start_picture: Frame | None
    """The picture to start from, where the configuration names a file."""
    coarser: tuple[Level, ...] = ()
    """The smallest first."""


def working_size(
    *, height: int, width: int, long_side: int | None, what: str = "the result"
) -> tuple[int, int]:
    """Say in which size a source is painted.

    Returns:
        ``(height, width)``.

    Raises:
        ConfigError: If a side would be too short for the networks.
    """
    height, width = fit_long_side(height=height, width=width, long_side=long_side)
    if min(height, width) < MIN_SIDE:
        raise ConfigError(
            f"{what} would have {width}x{height} pixels; "
            f"each side must have at least {MIN_SIDE}."
        )
    return height, width


def prepare(
    style: Path | Sequence[Path],
    config: StyleConfig,
    *,
    height: int,
    width: int,
    listener: Listener,
    times_s: Sequence[float] = (),
    regions: Sequence[Region] = (),
    network: FeatureNetwork | None = None,
) -> Tools:
    """Load the network and measure the paintings, once for a run.

    Args:
        style: The painting's file, or several.
        config: Network, layers, sizes.
        height: Of the result.
        width: Of the result.
        listener: Is told which network was taken and why.
        times_s: Seconds of the clip at which each painting is alone; empty: they are
            mixed all along.
        regions: Their paintings are measured, too.
        network: One that was loaded for this configuration; None: load it.

    Raises:
        ImageOpenError: If a painting cannot be read.
        WeightsError: If a network that was named has no weights.
        ConfigError: If the network lacks a layer, the device is not there, or there
            are not as many weights or times as paintings.
    """
    styles = as_paths(style, regions)
    _check_count("style-mix", len(config.style_mix), len(styles))
    _check_count("style-at", len(times_s), len(styles))
    paintings = [
        _read_painting(path, config, max(height, width), listener)
        for path in (*styles, *(region.style for region in regions))
    ]
    start = read_picture(config.init) if isinstance(config.init, Path) else None
    device = choose_device(config.device)
    network = network or load_for(config, device, listener)
    make_look = partial(
        StyleBank,
        network=network,
        config=config,
        device=device,
        times_s=times_s,
        regions=len(regions),
    )
    return Tools(
        device=device,
        network=network,
        look=make_look(paintings),
        start_picture=start,
        coarser=_coarser(paintings, config, make_look, height=height, width=width),
    )


def _coarser(
    paintings: Sequence[Frame],
    config: StyleConfig,
    make_look: Callable[[Sequence[Frame]], StyleBank],
    *,
    height: int,
    width: int,
) -> tuple[Level, ...]:
    """Prepare the sizes that come before the result's own."""
    reduced = factors(min(config.pyramid, config.steps), min(height, width))
    steps = shared_steps(config.steps, len(reduced) + 1)
    return tuple(
        Level(
            height=round(height * factor),
            width=round(width * factor),
            steps=share,
            look=make_look([_reduced(painting, factor) for painting in paintings]),
        )
        for factor, share in zip(reduced, steps, strict=False)
    )


def _reduced(frame: Frame, factor: float) -> Frame:
    """Reduce a painting as the picture is, as far as there is something to measure."""
    height, width = frame.shape[:2]
    factor = max(factor, min(1.0, MIN_SIDE / min(height, width)))
    return resize_frame(
        frame, height=round(height * factor), width=round(width * factor)
    )


def load_for(
    config: StyleConfig,
    device: torch.device,
    listener: Listener,
    *,
    layers: Collection[str] = (),
) -> FeatureNetwork:
    """Load the network of a configuration.

    Args:
        config: Says which, and which layers it must have.
        device: Where it will compute.
        listener: Is told of a download, and which network was taken and why.
        layers: That it must have besides.

    Raises:
        WeightsError: If a network that was named has no weights.
        ConfigError: If the network lacks a layer, or cannot work with that pooling.
    """
    own = [layer for layer, _ in (*config.content_layers, *config.style_layers)]
    return load_network(
        config.network,
        device=device,
        pooling=config.pooling,
        layers={*own, *layers},
        weights=config.weights,
        listener=listener,
    )


def as_paths(
    style: Path | Sequence[Path], regions: Sequence[Region] = ()
) -> list[Path]:
    """Make a list of one painting's file or several.

    Raises:
        ConfigError: If there is none, and no region with one.
    """
    paths = [style] if isinstance(style, Path) else list(style)
    if not paths and not regions:
        raise ConfigError("there is no painting; name at least one.")
    return paths


def _check_count(name: str, given: int, paintings: int) -> None:
    """Check that there is one value for each painting, if there are any."""
    if given not in {0, paintings}:
        raise ConfigError(
            f"{name} has {given} values and there are {paintings} paintings; "
            "give one for each."
        )


def read_mask(path: Path, *, height: int, width: int) -> Mask:
    """Read the mask of a region.

    Raises:
        ImageOpenError: If it cannot be read.
        ConfigError: If it is of another shape than the picture, or empty.
    """
    picture = read_picture(path)
    check_mask_shape(path, *picture.shape[:2], height=height, width=width)
    mask = soft_mask(picture, height=height, width=width)
    if not mask.any():
        raise ConfigError(f"the mask {path} is black; white says where its region is.")
    return mask


def check_mask_shape(
    path: Path, tall: int, wide: int, *, height: int, width: int
) -> None:
    """Check that a mask has the shape of the picture, at whichever size.

    Raises:
        ConfigError: If not.
    """
    if abs(tall * width - wide * height) > SHAPE_SLACK * wide * height:
        raise ConfigError(
            f"the mask {path} is {wide}x{tall}, which is not the shape of {width}x"
            f"{height}; draw it over the picture itself."
        )


def _read_painting(
    path: Path, config: StyleConfig, long_side: int, listener: Listener
) -> Frame:
    """Read a painting in the size in which it is taken."""
    painting = read_picture(path)
    wanted = _wanted_side(config, long_side)
    is_asked = config.style_side is not None or config.style_scale is not None
    if is_asked and wanted > (there := max(painting.shape[:2])):
        text = f"{path.name} is taken at its own {there} pixels; it has no {wanted}"
        listener(Notice(text=text, is_warning=True))
    height, width = painting_size(painting, config, long_side)
    return resize_frame(painting, height=height, width=width)


def painting_size(
    painting: Frame, config: StyleConfig, long_side: int
) -> tuple[int, int]:
    """Say in which size a painting is taken for results with that longest side.

    Returns:
        ``(height, width)``.

    Raises:
        ConfigError: If a side would be too short for the networks.
    """
    return working_size(
        height=painting.shape[0],
        width=painting.shape[1],
        long_side=_wanted_side(config, long_side),
        what="the painting",
    )


def _wanted_side(config: StyleConfig, long_side: int) -> int:
    return config.style_side or round((config.style_scale or 1) * long_side)
