"""Folders of results, contents and paintings come in; how near they are goes out.

As sets, by FID, and picture by picture where names say what belongs together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidstyle.config import MIN_SIDE, DeviceName, NetworkName
from vidstyle.errors import InputError
from vidstyle.images import read_picture, resize_frame
from vidstyle.measure.distance import Ruler, load_ruler
from vidstyle.measure.frame import FrameMeter
from vidstyle.measure.matching import check_shapes
from vidstyle.measure.pairing import Matched, pair_by_name, set_of
from vidstyle.measure.series import Compared, Quantity, compare
from vidstyle.measure.sets import SetDistances, choose_features, measure_sets
from vidstyle.networks.inception import SIDE
from vidstyle.records import Frame, FrameReport, Listener, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMeasurement:
    """What was measured of one result."""

    matched: Matched
    height: int
    width: int
    quantities: Mapping[str, Compared]
    """By the names of ``FrameMeter.measure``; without a painting only those of the
    content."""


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

    Args:
        result: A folder of painted pictures; its sheet, index.png, is left out.
        content: The folder of what they were painted from.
        style: A folder of paintings, or one of them. None: only contents are compared
            with.
        network: Whose features are compared. None: for FID Inception v3's where its
            weights are at hand, slim's otherwise and for each picture.
        weights: A file of weights: Inception's, for FID alone, or the network's.
        device: Where they are computed.
        listener: Is told every picture and every warning.

    Raises:
        InputError: If a folder holds no picture, or one of them cannot be read.
        WeightsError: If the network's weights are not to be had, or not its own.
        DeviceMemoryError: If a picture does not fit on the device.
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
    counter = _Counter(total, listener)
    sets = (results, contents, styles)
    distances = measure_sets(
        sets, features, on_picture=counter.advance, listener=listener
    )
    pairs, misfits = list[PairMeasurement](), dict[Path, str]()
    for matched, measured in _measured(pairing.matched, ruler):
        if isinstance(measured, str):
            misfits[matched.result] = measured
        else:
            pairs.append(measured)
        counter.advance()
    return FolderMeasurement(
        results=len(results),
        contents=len(contents),
        styles=len(styles),
        sets=distances,
        network=None if ruler is None else ruler.network.name,
        pairs=tuple(pairs),
        unmatched={**pairing.unmatched, **misfits},
    )


class _Counter:
    """Tells the listener of one picture after another."""

    def __init__(self, total: int, listener: Listener) -> None:
        self._done, self._total, self._listener = 0, total, listener

    def advance(self) -> None:
        report = FrameReport(
            frame=self._done, steps=0, frames_known=self._total, all_known=True
        )
        self._done += 1
        self._listener(report)


def _measured(
    pairs: tuple[Matched, ...], ruler: Ruler | None
) -> Iterator[tuple[Matched, PairMeasurement | str]]:
    """Measure each result; a string says why that cannot be done."""
    # The newest size of each painting: an album has all paintings of a picture's size.
    meters: dict[Path | None, tuple[tuple[int, int], FrameMeter]] = {}
    for each in pairs:
        stylized, source = read_picture(each.result), read_picture(each.content)
        height, width = stylized.shape[:2]
        if (reason := _misfit(each, stylized, source)) is not None:
            yield each, reason
            continue
        if each.style not in meters or meters[each.style][0] != (height, width):
            meter = FrameMeter(each.style, ruler, height=height, width=width)
            meters[each.style] = (height, width), meter
        source = resize_frame(source, height=height, width=width)
        found = meters[each.style][1].measure(stylized, source, begins_shot=True)
        quantities = {name: compare(*both) for name, both in found.items()}
        measurement = PairMeasurement(
            matched=each, height=height, width=width, quantities=quantities
        )
        yield each, measurement


def _misfit(each: Matched, stylized: Frame, source: Frame) -> str | None:
    """Say why two pictures cannot be compared. None: they can."""
    (height, width), (tall, wide) = stylized.shape[:2], source.shape[:2]
    if min(height, width) < MIN_SIDE:
        return f"{width}x{height} is less than {MIN_SIDE} pixels a side"
    try:
        check_shapes(each.result, (height, width), each.content, (tall, wide))
    except InputError:
        return f"it is {width}x{height}, and {each.content.name} is {wide}x{tall}"
    return None
