"""Quality metrics of stylized pictures: one, or a folder of them.

A folder is measured as a set, by FID, and picture by picture where names tell which
ones belong together: results are named ``PICTURE.PAINTING.png``, as ``vidstyle image``
does, or like their picture, which leaves the painting open.
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
OWN: Final = "style_mse", "style_distance"  # metrics not trivial for the content itself


class Matched(NamedTuple):
    """A result with the content and the painting that its name refers to."""

    result: Path
    content: Path
    style: Path | None  # None: no painting, or an ambiguous one


def is_picture(path: Path) -> bool:
    """Whether a path has a picture's extension and is not a folder."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.is_dir()


def measure_still(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Compare a stylized picture with its content and, with ``style``, its painting.

    The content may be of any size. InputError: the aspect ratios differ, or the picture
    is too small.
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
    """Measure folders of pictures as sets, and each result against its own sources.

    ``style`` is a folder of paintings, a painting, or None: results are compared with
    contents only. See ``choose_features`` for the network that FID uses; if that is
    Inception, the other distances use ``network``, by default slim.
    """
    style = config.style
    results, contents = set_of(result), set_of(config.content)
    styles = [] if style is None else set_of(style) if style.is_dir() else [style]
    matched, unmatched = pair_by_name(results, contents, styles)
    features = choose_features(config, listener)
    loaded = None
    if any(match.style is not None for match in matched):
        loaded = features.network or load_distance_network(
            config.network, device=config.device, listener=listener
        )
    sets = results, contents, styles
    counts = [len(paths) for paths in sets]
    total, numbers = sum(counts) + len(matched), count()
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
        "pictures": dict(zip(("result", "content", "style"), counts, strict=True)),
        **distances,
        "note": NOTE,
        "network": None if loaded is None else loaded.name,
        "means": {
            name: compare(metric["result"]["mean"], metric["content"]["mean"])
            for name, metric in collect([row for _, row in measured]).items()
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
    """Measure each result; add those that cannot be compared to ``unmatched``."""

    # An album repeats each painting for every picture, at that picture's size.
    @lru_cache(len({match.style for match in matched}))
    def meter(painting: Path | None, height: int, width: int) -> FrameMeter | None:
        if painting is None or network is None:
            return None
        return FrameMeter(painting, network, height=height, width=width)

    none = None, None
    for match in matched:
        stylized, source = read_picture(match.result), read_picture(match.content)
        (height, width, _), (tall, wide, _) = stylized.shape, source.shape
        shape = f"{width}x{height}"
        if min(height, width) < MIN_SIDE:
            unmatched[match.result] = f"{shape} is less than {MIN_SIDE} pixels per side"
        elif is_stretched((height, width), (tall, wide)):
            other = f"{match.content.name} is {wide}x{tall}"
            unmatched[match.result] = f"it is {shape}, and {other}"
        else:
            row = _measure(stylized, source, meter(match.style, height, width))
            own = {f"{name}_of_content": row.get(name, none)[1] for name in OWN}
            numbers = {name: row.get(name, none)[0] for name in OF_PAIRS}
            size = {"width": width, "height": height}
            yield {**match._asdict(), **size, **numbers, **own}, row
        on_picture()


def pair_by_name(
    results: Sequence[Path], contents: Sequence[Path], styles: Sequence[Path]
) -> tuple[list[Matched], dict[Path, str]]:
    """Match results with contents and paintings by name; give reasons for the others.

    A result belongs to the content whose name is the longest prefix of its own, up to a
    dot; the remainder names the painting. Names count with and without extensions. A
    result named exactly like its content belongs to the painting if there is only one.
    """
    pictures, paintings = _by_name(contents), _by_name(styles)
    matched, unmatched = list[Matched](), dict[Path, str]()
    for result in results:
        prefixes = accumulate(result.stem.split("."), "{}.{}".format)
        candidates = [
            (prefix, result.stem.removeprefix(prefix).removeprefix("."))
            for prefix in [*prefixes][::-1]
            if prefix in pictures
        ]
        if not candidates:
            unmatched[result] = "its name does not begin with that of any content"
            continue
        # Prefer a shorter prefix if the longest one's remainder is no painting.
        name, rest = next((c for c in candidates if c[1] in paintings), candidates[0])
        if len(pictures[name]) > 1:
            several = " and ".join(picture.name for picture in pictures[name])
            unmatched[result] = f"it could belong to {several}"
            continue
        named = paintings.get(rest, []) if rest else styles
        style = named[0] if len(named) == 1 else None
        matched.append(Matched(result, pictures[name][0], style))
    unused = dict.fromkeys(contents, "no result is named after it")
    for match in matched:
        unused.pop(match.content, None)
    return matched, unmatched | unused


def _by_name(paths: Sequence[Path]) -> dict[str, list[Path]]:
    by_name = defaultdict[str, list[Path]](list)
    for path in paths:
        for name in (path.stem, path.name):
            by_name[name].append(path)
    return by_name


def set_of(folder: Path) -> list[Path]:
    """List the pictures of a folder, without an album's contact sheet."""
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise InputError(
            f"{folder} {problem}; to compare sets of pictures, the result and "
            "--content must be folders."
        )
    return [path for path in pictures_in(folder) if path.name != INDEX]


def are_sets(result: Path, content: Path) -> bool:
    """Whether two folders hold separate pictures rather than the frames of clips.

    They do if one has no numbered pictures, or if a result is named after a content and
    a painting.
    """
    folders = result, content
    try:
        if not all(folder.is_dir() and any(folder.iterdir()) for folder in folders):
            return False
        if not all(numbered_pictures(folder) for folder in folders):
            return True
    except OSError as err:
        raise InputError(
            f"cannot read the folder {err.filename}: {err.strerror}."
        ) from err
    matched, _ = pair_by_name(set_of(result), set_of(content), [])
    return any(
        match.result.stem not in {match.content.stem, match.content.name}
        for match in matched
    )
