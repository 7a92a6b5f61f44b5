"""A painted picture comes in, how near it is to content and painting goes out."""

from dataclasses import dataclass
from pathlib import Path

from vidstyle.config import MIN_SIDE, DeviceName, NetworkName
from vidstyle.errors import InputError
from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame
from vidstyle.measure.distance import load_ruler
from vidstyle.measure.frame import FrameMeter
from vidstyle.measure.matching import check_shapes
from vidstyle.measure.series import Compared, compare
from vidstyle.records import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class StillMeasurement:
    """All that was measured of one picture."""

    height: int
    width: int
    network: str | None
    """That measured the distances. None: they were not."""
    quantities: dict[str, Compared]
    """By the names of ``FrameMeter.measure``."""


def is_picture(path: Path) -> bool:
    """Whether a name is a picture's, and not a clip's or a folder's."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.is_dir()


def measure_still(
    result: Path,
    content: Path,
    *,
    style: Path | None,
    network: NetworkName | None,
    weights: Path | None = None,
    device: DeviceName,
    listener: Listener,
) -> StillMeasurement:
    """Measure how near a painted picture is to what it shows and to its painting.

    Args:
        result: A picture.
        content: The picture that it was painted from, of any size.
        style: The painting's file; None: only the content is compared with.
        network: For the distances. None: slim, or the one that ``weights`` fit.
        weights: Its file of them; None: the built-in or published ones.
        device: For the distances.
        listener: Is told of a download, and what ``auto`` chose.

    Raises:
        InputError: If a file cannot be used, or the two do not belong together.
        WeightsError: If the network's weights are not to be had.
        DeviceMemoryError: If the picture does not fit on the device.
    """
    stylized, source = read_picture(result), read_picture(content)
    height, width = stylized.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{result} is {width}x{height}; to be measured, a picture needs at least "
            f"{MIN_SIDE} pixels a side."
        )
    check_shapes(result, (height, width), content, source.shape[:2])
    ruler = None
    if style is not None:
        ruler = load_ruler(network, weights=weights, device=device, listener=listener)
    meter = FrameMeter(style, ruler, height=height, width=width)
    source = resize_frame(source, height=height, width=width)
    measured = meter.measure(stylized, source, begins_shot=True)
    return StillMeasurement(
        height=height,
        width=width,
        network=None if ruler is None else ruler.network.name,
        quantities={name: compare(*both) for name, both in measured.items()},
    )
