"""Painted pictures, one or a folder of them; how near they are to their sources.

A folder is measured as a set, by FID, and picture by picture where names say what
belongs together: results are called as ``vidstyle image`` calls them,
``PICTURE.PAINTING.png``, or like their picture, which names no painting.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, count
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.config import MIN_SIDE
from vidstyle.errors import InputError
from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import (
    Facts,
    FrameMeter,
    Pair,
    check_shapes,
    collect,
    compare,
    is_stretched,
    load_distance_network,
    make_meter,
    measure_frame,
)
from vidstyle.measure.fid import SIDE, choose_features, measure_sets
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, FrameReport, Listener, Plan
from vidstyle.stylize.album import INDEX, pictures_in
from vidstyle.video.folder import numbered_pictures

NOTE: Final = "FIDs are comparable only for the same features and set sizes."
OF_PAIRS: Final = (
    *("content_mse", "style_mse", "content_ssim"),
    *("style_distance", "content_distance"),
)
OWN: Final = "style_mse", "style_distance"  # the content's own is neither 0 nor 1


class Matched(NamedTuple):
    """A result, and what its name says."""

    result: Path
    content: Path
    style: Path | None  # None: the name says none of the paintings, or several


def is_picture(path: Path) -> bool:
    """Whether a name is a picture's, and not a clip's or a folder's."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.is_dir()


def measure_still(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Measure how near a painted picture is to what it shows and to its painting.

    The content may be of any size. Without ``style`` it alone is compared with.
    """
    stylized, source = read_picture(result), read_picture(config.content)
    height, width = stylized.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{result} is {width}x{height}; a picture needs at least {MIN_SIDE} pixels "
            "per side to be measured."
        )
    check_shapes(result, (height, width), config.content, source.shape[:2])
    meter = make_meter(config, listener, height=height, width=width)
    measured = _measure(stylized, source, meter)
    return {
        "result": result,
        "content": config.content,
        "width": width,
        "height": height,
        "network": meter.network.name if meter else None,
        **{name: compare(*pair) for name, pair in measured.items()},
    }


def _measure(
    stylized: Frame, source: Frame, meter: FrameMeter | None
) -> dict[str, Pair]:
    height, width, _ = stylized.shape
    source = resize_frame(source, height=height, width=width)
    return measure_frame(stylized, source, meter, begins_shot=True)


def measure_folders(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Measure sets of pictures against one another, and each result against its own.

    ``style`` is a folder of paintings, one of them, or None: only contents are compared
    with. ``weights`` are Inception's, for FID alone, or the network's. Without either,
    FID is Inception v3's where its weights are at hand, and all else slim's.
    """
    style = config.style
    results, contents = set_of(result), set_of(config.content)
    styles = [] if style is None else set_of(style) if style.is_dir() else [style]
    matched, unmatched = pair_by_name(results, contents, styles)
    features = choose_features(config, listener)
    loaded = None
    if any(each.style is not None for each in matched):
        loaded = features.network or load_distance_network(
            config.network, device=config.device, listener=listener
        )
    sets = results, contents, styles
    pictures = [len(each) for each in sets]
    total, numbers = sum(pictures) + len(matched), count()
    plan = Plan(height=SIDE, width=SIDE, frames=total, unit="picture", work="measuring")
    listener(plan)

    def advance() -> None:
        listener(FrameReport(frame=next(numbers), frames_known=total))

    distances = measure_sets(sets, features, on_picture=advance, listener=listener)
    measured = [*_measure_pairs(matched, loaded, unmatched, advance)]
    return {
        "result": result,
        "content": config.content,
        "style": style,
        "pictures": dict(zip(("result", "content", "style"), pictures, strict=True)),
        **distances,
        "note": NOTE,
        "network": None if loaded is None else loaded.name,
        "means": {
            name: compare(each["result"]["mean"], each["content"]["mean"])
            for name, each in collect([row for _, row in measured]).items()
        },
        "pairs": [facts for facts, _ in measured],
        "unmatched": [
            {"file": path, "reason": reason} for path, reason in unmatched.items()
        ],
    }


def _measure_pairs(
    matched: Sequence[Matched],
    network: FeatureNetwork | None,
    unmatched: dict[Path, str],
    on_picture: Callable[[], None],
) -> Iterator[tuple[Facts, dict[str, Pair]]]:
    """Measure results; those that do not compare go to ``unmatched``, with a reason."""
    paintings = len({each.style for each in matched})

    @lru_cache(paintings)  # an album has all paintings of a picture's size
    def meter(painting: Path | None, height: int, width: int) -> FrameMeter | None:
        if painting is None or network is None:
            return None
        return FrameMeter(painting, network, height=height, width=width)

    none = None, None
    for each in matched:
        stylized, source = read_picture(each.result), read_picture(each.content)
        (height, width, _), (tall, wide, _) = stylized.shape, source.shape
        shape = f"{width}x{height}"
        if min(height, width) < MIN_SIDE:
            unmatched[each.result] = f"{shape} is less than {MIN_SIDE} pixels per side"
        elif is_stretched((height, width), (tall, wide)):
            other = f"{each.content.name} is {wide}x{tall}"
            unmatched[each.result] = f"it is {shape}, and {other}"
        else:
            row = _measure(stylized, source, meter(each.style, height, width))
            own = {f"{name}_of_content": row.get(name, none)[1] for name in OWN}
            numbers = {name: row.get(name, none)[0] for name in OF_PAIRS}
            size = {"width": width, "height": height}
            yield {**each._asdict(), **size, **numbers, **own}, row
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
            unmatched[result] = "its name does not begin with that of any content"
            continue
        # The longest name may be another picture's: then the rest is no painting.
        name, rest = next((one for one in found if one[1] in paintings), found[0])
        if len(known[name]) > 1:
            several = " and ".join(one.name for one in known[name])
            unmatched[result] = f"it could belong to {several}"
            continue
        after = paintings.get(rest, []) if rest else styles
        style = after[0] if len(after) == 1 else None
        matched.append(Matched(result, known[name][0], style))
    painted = {each.content for each in matched}
    without = "no result is named after it"
    return matched, unmatched | {one: without for one in contents if one not in painted}


def _by_name(paths: Sequence[Path]) -> dict[str, list[Path]]:
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
            "must be folders."
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
