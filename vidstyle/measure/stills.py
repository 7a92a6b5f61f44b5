"""Painted pictures, one or a folder of them; how near they are to their sources.

A folder is measured as a set, by FID, and picture by picture where names say what
belongs together: results are called as ``vidstyle image`` calls them,
``PICTURE.PAINTING.png``, or like their picture, which names no painting.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, count
from pathlib import Path
from typing import NamedTuple

from vidstyle.config import MIN_SIDE, DeviceName, NetworkName
from vidstyle.errors import InputError
from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame
from vidstyle.measure.distance import (
    Compared,
    FrameMeter,
    Quantity,
    check_shapes,
    collect,
    compare,
    is_stretched,
    load_distance_network,
    measure_frame,
)
from vidstyle.measure.fid import SIDE, SetDistances, choose_features, measure_sets
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, FrameReport, Listener, Plan
from vidstyle.stylize.album import INDEX, pictures_in
from vidstyle.video.folder import numbered_pictures


class Matched(NamedTuple):
    """A result, and what its name says."""

    result: Path
    content: Path
    style: Path | None
    """None: the name says none of the paintings, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillMeasurement:
    """All that was measured of one picture."""

    matched: Matched
    height: int
    width: int
    network: str | None
    """That measured the distances. None: they were not."""
    quantities: dict[str, Compared]
    """By the names of ``measure_frame``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMeasurement:
    """All that was measured of folders; counts are of pictures."""

    results: int
    contents: int
    styles: int
    sets: SetDistances
    network: str | None
    """That measured the distances of pictures. None: they were not."""
    pairs: Sequence[StillMeasurement]
    unmatched: Mapping[Path, str]
    """Results and contents that are in no pair, and why."""

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What was measured of the pictures, in the order of ``pairs``."""
        return collect([pair.quantities for pair in self.pairs])


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
    meter = None
    if style is not None:
        loaded = load_distance_network(
            network, weights=weights, device=device, listener=listener
        )
        meter = FrameMeter(style, loaded, height=height, width=width)
    return _measured(Matched(result, content, style), meter, stylized, source)


def _measured(
    matched: Matched, meter: FrameMeter | None, stylized: Frame, source: Frame
) -> StillMeasurement:
    height, width, _ = stylized.shape
    source = resize_frame(source, height=height, width=width)
    measured = measure_frame(stylized, source, meter, begins_shot=True)
    return StillMeasurement(
        matched=matched,
        height=height,
        width=width,
        network=meter.network.name if meter else None,
        quantities={name: compare(*both) for name, both in measured.items()},
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
    styles = [] if style is None else set_of(style) if style.is_dir() else [style]
    matched, unmatched = pair_by_name(results, contents, styles)
    features = choose_features(
        network, weights=weights, device=device, listener=listener
    )
    loaded = None
    if any(each.style is not None for each in matched):
        loaded = features.network or load_distance_network(
            network, device=device, listener=listener
        )
    sets = results, contents, styles
    total = sum(len(each) for each in sets) + len(matched)
    listener(
        Plan(height=SIDE, width=SIDE, frames=total, unit="picture", work="measuring")
    )
    numbers = count()

    def advance() -> None:
        listener(FrameReport(frame=next(numbers), frames_known=total))

    distances = measure_sets(sets, features, on_picture=advance, listener=listener)
    pairs = [*_measure_pairs(matched, loaded, unmatched, advance)]
    return FolderMeasurement(
        results=len(results),
        contents=len(contents),
        styles=len(styles),
        sets=distances,
        network=None if loaded is None else loaded.name,
        pairs=pairs,
        unmatched=unmatched,
    )


def _measure_pairs(
    matched: Sequence[Matched],
    network: FeatureNetwork | None,
    unmatched: dict[Path, str],
    on_picture: Callable[[], None],
) -> Iterator[StillMeasurement]:
    """Measure results; those that do not compare go to ``unmatched``, with a reason."""
    paintings = len({each.style for each in matched})

    @lru_cache(paintings)  # an album has all paintings of a picture's size
    def meter(painting: Path | None, height: int, width: int) -> FrameMeter | None:
        if painting is None or network is None:
            return None
        return FrameMeter(painting, network, height=height, width=width)

    for each in matched:
        stylized, source = read_picture(each.result), read_picture(each.content)
        (height, width, _), (tall, wide, _) = stylized.shape, source.shape
        if min(height, width) < MIN_SIDE:
            reason = f"{width}x{height} is less than {MIN_SIDE} pixels a side"
            unmatched[each.result] = reason
        elif is_stretched((height, width), (tall, wide)):
            reason = f"it is {width}x{height}, and {each.content.name} is {wide}x{tall}"
            unmatched[each.result] = reason
        else:
            yield _measured(each, meter(each.style, height, width), stylized, source)
        on_picture()


def pair_by_name(
    results: Sequence[Path], contents: Sequence[Path], styles: Sequence[Path]
) -> tuple[list[Matched], dict[Path, str]]:
    """Find the picture and the painting of each result, and why some have none.

    A result belongs to the content with the longest name that its own begins with, up
    to a dot; the rest is the painting's. Names count with their endings and without. A
    result that is only called like its content was painted after the painting, if
    there is but one.
    """
    known, paintings = _by_name(contents), _by_name(styles)
    matched, unmatched = list[Matched](), dict[Path, str]()
    for result in results:
        beginnings = accumulate(result.stem.split("."), "{}.{}".format)
        found = [
            (name, result.stem.removeprefix(name).removeprefix("."))
            for name in [*beginnings][::-1]
            if name in known
        ]
        if not found:
            unmatched[result] = "no content has a name that its own begins with"
            continue
        # The longest name may be another picture's: then the rest is no painting.
        name, rest = next((one for one in found if one[1] in paintings), found[0])
        if len(known[name]) > 1:
            several = " and ".join(one.name for one in known[name])
            unmatched[result] = f"it may be of {several}"
            continue
        after = paintings.get(rest, []) if rest else styles
        style = after[0] if len(after) == 1 else None
        matched.append(Matched(result, known[name][0], style))
    painted = {each.content for each in matched}
    without = "no result is called after it"
    return matched, unmatched | {one: without for one in contents if one not in painted}


def _by_name(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Collect files by their names, with and without endings."""
    named = defaultdict[str, list[Path]](list)
    for path in paths:
        for name in (path.stem, path.name):
            named[name].append(path)
    return named


def set_of(folder: Path) -> list[Path]:
    """List the pictures of a folder, without the sheet of an album."""
    if not folder.is_dir():
        there = "is a file" if folder.exists() else "does not exist"
        raise InputError(
            f"{folder} {there}; to compare sets of pictures, the result and --content "
            "have to be folders of them."
        )
    return [path for path in pictures_in(folder) if path.name != INDEX]


def are_sets(result: Path, content: Path) -> bool:
    """Whether two folders hold pictures for themselves, and not the frames of clips.

    They do if one has no numbered pictures, or if a result is called after one of the
    contents and a painting.
    """
    folders = result, content
    try:
        if not all(one.is_dir() and any(one.iterdir()) for one in folders):
            return False
        if not all(numbered_pictures(one) for one in folders):
            return True
    except OSError as err:
        raise InputError(
            f"cannot read the folder {err.filename}: {err.strerror}."
        ) from err
    matched, _ = pair_by_name(set_of(result), set_of(content), [])
    return any(
        each.result.stem not in {each.content.stem, each.content.name}
        for each in matched
    )
