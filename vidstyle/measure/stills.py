"""Painted pictures, one or a folder of them; how near they are to their sources.

A folder is measured as a set, by FID, and picture by picture where names say what
belongs together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vidstyle.config import MIN_SIDE, DeviceName, NetworkName
from vidstyle.errors import InputError
from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame
from vidstyle.measure.distance import (
    Compared,
    FrameMeter,
    Quantity,
    Ruler,
    check_shapes,
    compare,
    load_ruler,
)
from vidstyle.measure.fid import SetDistances, choose_features, measure_sets
from vidstyle.measure.pairing import Matched, pair_by_name, set_of
from vidstyle.networks.inception import SIDE
from vidstyle.records import Frame, FrameReport, Listener, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class StillMeasurement:
    """All that was measured of one picture."""

    height: int
    width: int
    network: str | None
    """That measured the distances. None: they were not."""
    quantities: dict[str, Compared]
    """By the names of ``FrameMeter.measure``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMeasurement(StillMeasurement):
    """The same of one result of a folder."""

    matched: Matched


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMeasurement:
    """All that was measured of folders."""

    results: int
    """Pictures in the folder of results."""
    contents: int
    styles: int
    sets: SetDistances
    network: str | None
    """That measured the distances of pictures. None: they were not."""
    pairs: tuple[PairMeasurement, ...]
    unmatched: Mapping[Path, str]
    """Results and contents that are in no pair, and why."""

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What was measured of the pictures, in the order of ``pairs``."""
        names = dict.fromkeys(name for pair in self.pairs for name in pair.quantities)
        found = {name: Quantity() for name in names}
        for pair in self.pairs:
            for name, quantity in found.items():
                quantity.add(*pair.quantities.get(name, (None, None))[:2])
        return found


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

    The content may be of any size. Without ``style`` it alone is compared with; without
    ``network`` the distances are slim's, or those of the one that ``weights`` fit.
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
    return StillMeasurement(
        height=height,
        width=width,
        network=None if ruler is None else ruler.network.name,
        quantities=_compared(meter, stylized, source),
    )


def measure_folders(
    result: Path,
    content: Path,
    *,
    style: Path | None,
    network: NetworkName | None,
    weights: Path | None = None,
    device: DeviceName,
    listener: Listener,
) -> FolderMeasurement:
    """Measure sets of pictures against one another, and each result against its own.

    ``style`` is a folder of paintings, one of them, or None: only contents are compared
    with. ``weights`` are Inception's, for FID alone, or the network's. Without either,
    FID is Inception v3's where its weights are at hand, and all else slim's.
    """
    results, contents = set_of(result), set_of(content)
    styles = [] if style is None else [style]
    if style is not None and style.is_dir():
        styles = set_of(style)
    pairing = pair_by_name(results, contents, styles)
    features = choose_features(
        network, weights=weights, device=device, listener=listener
    )
    ruler = None
    if any(each.style is not None for each in pairing.matched):
        ruler = features.ruler or load_ruler(network, device=device, listener=listener)
    total = len(results) + len(contents) + len(styles) + len(pairing.matched)
    listener(
        Plan(height=SIDE, width=SIDE, frames=total, unit="picture", work="measuring")
    )
    advance = _counter(total, listener)
    sets = (results, contents, styles)
    distances = measure_sets(sets, features, on_picture=advance, listener=listener)
    pairs, unmatched = list[PairMeasurement](), dict(pairing.unmatched)
    meters: Meters = {}
    for matched in pairing.matched:
        measured = _measured(matched, ruler, meters)
        if isinstance(measured, str):
            unmatched[matched.result] = measured
        else:
            pairs.append(measured)
        advance()
    return FolderMeasurement(
        results=len(results),
        contents=len(contents),
        styles=len(styles),
        sets=distances,
        network=None if ruler is None else ruler.network.name,
        pairs=tuple(pairs),
        unmatched=unmatched,
    )


def _counter(total: int, listener: Listener) -> Callable[[], None]:
    """Make what tells the listener of one picture after another."""
    numbers = count()

    def advance() -> None:
        report = FrameReport(
            frame=next(numbers), steps=0, frames_known=total, all_known=True
        )
        listener(report)

    return advance


Meters = dict[Path | None, tuple[tuple[int, int], FrameMeter]]
"""The newest size of each painting: an album has all paintings of a picture's size."""


def _measured(
    each: Matched, ruler: Ruler | None, meters: Meters
) -> PairMeasurement | str:
    """Measure one result; a string is the reason why that cannot be done."""
    stylized, source = read_picture(each.result), read_picture(each.content)
    (height, width), (tall, wide) = stylized.shape[:2], source.shape[:2]
    if min(height, width) < MIN_SIDE:
        return f"{width}x{height} is less than {MIN_SIDE} pixels a side"
    try:
        check_shapes(each.result, (height, width), each.content, (tall, wide))
    except InputError:
        return f"it is {width}x{height}, and {each.content.name} is {wide}x{tall}"
    if each.style not in meters or meters[each.style][0] != (height, width):
        meter = FrameMeter(each.style, ruler, height=height, width=width)
        meters[each.style] = (height, width), meter
    _, meter = meters[each.style]
    return PairMeasurement(
        matched=each,
        height=height,
        width=width,
        network=None if ruler is None else ruler.network.name,
        quantities=_compared(meter, stylized, source),
    )


def _compared(meter: FrameMeter, stylized: Frame, source: Frame) -> dict[str, Compared]:
    height, width, _ = stylized.shape
    source = resize_frame(source, height=height, width=width)
    measured = meter.measure(stylized, source, begins_shot=True)
    return {name: compare(*both) for name, both in measured.items()}
