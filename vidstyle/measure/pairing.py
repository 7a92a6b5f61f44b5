"""Names of results come in, what each was painted from and after goes out.

Results are called as ``vidstyle image`` calls them, ``PICTURE.PAINTING.png``, or like
their picture, which names no painting.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.stylize.pairs import INDEX, pictures_in
from vidstyle.video.folder import numbered_pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A result, and what its name says."""

    result: Path
    content: Path
    style: Path | None
    """None: the name says none of the paintings, or several."""
    names_a_painting: bool
    """Whether it says more than the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """All results, with what they were painted from as far as the names say it."""

    matched: tuple[Matched, ...]
    """In the order of the results."""
    unmatched: Mapping[Path, str]
    """Files that are in no pair, and why."""


def pair_by_name(
    results: Sequence[Path], contents: Sequence[Path], styles: Sequence[Path]
) -> Pairing:
    """Find the picture and the painting of each result.

    A result belongs to the content with the longest name that its own begins with, up
    to a dot; the rest is the painting's. Names count with their endings and without. A
    result that is only called like its content was painted after the painting, if
    there is but one.
    """
    known, paintings = _by_name(contents), _by_name(styles)
    matched, unmatched = list[Matched](), dict[Path, str]()
    for result in results:
        found = [
            (name, result.stem.removeprefix(name).removeprefix("."))
            for name in _beginnings(result.stem)
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
        matched.append(
            Matched(
                result=result,
                content=known[name][0],
                style=after[0] if len(after) == 1 else None,
                names_a_painting=bool(rest),
            )
        )
    painted = {each.content for each in matched}
    for content in contents:
        if content not in painted:
            unmatched[content] = "no result is called after it"
    return Pairing(matched=tuple(matched), unmatched=unmatched)


def _by_name(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Collect files by their names, with and without endings."""
    named = defaultdict[str, list[Path]](list)
    for path in paths:
        for name in (path.stem, path.name):
            named[name].append(path)
    return named


def _beginnings(stem: str) -> list[str]:
    """List what a name begins with up to a dot, the longest first: itself."""
    parts = stem.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


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
    pairing = pair_by_name(set_of(result), set_of(content), [])
    return any(each.names_a_painting for each in pairing.matched)
