"""Files of paintings and masks -> a stylizer, and the masks of regions."""

import os
from collections.abc import Sequence
from pathlib import Path

from vidstyle.color.masks import Mask, soft_mask
from vidstyle.config import Region, StyleConfig, check_counts, check_mask_shape
from vidstyle.errors import ConfigError
from vidstyle.images import lay_over, read_picture
from vidstyle.images.decode import decode_picture, to_levels
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, Listener, Notice, StrPath
from vidstyle.stylize.style_bank import painting_size, wanted_side
from vidstyle.stylize.stylizer import Stylizer

Styles = StrPath | Sequence[StrPath]
"""The file of a painting, or several."""


def read_told(path: Path, listener: Listener) -> Frame:
    """Read a picture, and tell the listener if parts of it are transparent."""
    pixels = decode_picture(path)
    if pixels.shape[2] == 4 and to_levels(pixels[..., 3]).min() < 255:
        text = f"{path.name}: transparent parts are laid over white"
        listener(Notice(text=text))
    return lay_over(pixels)


def load_stylizer(
    style: Styles,
    config: StyleConfig,
    *,
    height: int,
    width: int,
    listener: Listener,
    times_s: Sequence[float] = (),
    regions: Sequence[Region] = (),
    network: FeatureNetwork | None = None,
) -> Stylizer:
    """Read the paintings and prepare a run.

    Args:
        style: The paintings of what is in no region.
        config: Network, layers, sizes.
        height: Of the result.
        width: Of the result.
        listener: Is told which network was taken and why, and of a small painting.
        times_s: Seconds of the clip at which each painting is alone; empty: they are
            mixed all along.
        regions: Their paintings come last.
        network: One that was loaded for this configuration; None: load it.

    Raises:
        ImageOpenError: If a painting cannot be read.
        WeightsError: If a network that was named has no weights.
        ConfigError: As ``Stylizer`` says.
    """
    styles = as_paths(style, regions)
    check_counts(config, times_s, len(styles))
    paintings = []
    for path in (*styles, *(region.style for region in regions)):
        painting = read_told(path, listener)
        wanted = wanted_side(config, max(height, width))
        is_asked = config.style_side is not None or config.style_scale is not None
        if is_asked and wanted > (there := max(painting.shape[:2])):
            text = f"{path.name} is taken at its own {there} pixels; it has no {wanted}"
            listener(Notice(text=text, is_warning=True))
        painting_size(painting, config, max(height, width))  # reported before the work
        paintings.append(painting)
    return Stylizer(
        paintings,
        config,
        size=(height, width),
        times_s=times_s,
        regions=len(regions),
        network=network,
        listener=listener,
    )


def as_paths(style: Styles, regions: Sequence[Region] = ()) -> list[Path]:
    """Make a list of one painting's file or several.

    Raises:
        ConfigError: If there is none, and no region with one.
    """
    given = [style] if isinstance(style, str | os.PathLike) else style
    paths = [Path(one) for one in given]
    if not paths and not regions:
        raise ConfigError("there is no painting; name at least one.")
    return paths


def as_regions(regions: Sequence[Region]) -> list[Region]:
    """Let the files of regions be named by text, too."""
    return [Region(Path(mask), Path(style)) for mask, style in regions]


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
