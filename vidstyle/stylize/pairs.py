"""Files and folders of pictures and paintings -> pairs, and a sheet of the results.

The sheet shows clips, too, by the frame in their middle.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import ConfigError, ImageOpenError, InputError, OutputError
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame
from vidstyle.video.folder import list_pictures
from vidstyle.video.probe import probe
from vidstyle.video.sheet import captioned, contact_sheet, pick_frames

INDEX = "index.png"  # name of the sheet in the folder of the results
CELL_SIDES = 96, 256  # least and most pixels of the side of a picture on the sheet
SHEET_WIDTH = 3000  # pixels that the sheet should not be wider than


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A picture or a clip after one painting, or after several that are mixed."""

    number: int  # among all pairs, from 0
    content: Path
    styles: tuple[Path, ...]
    output: Path

    @property
    def style_name(self) -> str:
        return "+".join(path.stem for path in self.styles)


def pictures_in(path: Path) -> list[Path]:
    """List the pictures of a folder by their names, or raise InputError; or a file."""
    if not path.is_dir():
        return [path]
    try:
        found = [one for one in list_pictures(path) if one.is_file()]
    except OSError as err:
        raise InputError(f"cannot read the folder {path}: {err.strerror}.") from err
    if not found:
        raise InputError(f"there is no picture in the folder {path}.")
    return found


def make_pairs(
    contents: Sequence[Path], styles: Sequence[tuple[Path, ...]], folder: Path
) -> list[Pair]:
    """Combine every picture with every painting; those of one tuple are mixed.

    Results are called ``PICTURE.PAINTING.png``, with their endings where names would be
    alike without.
    """
    rows, columns = _names([(path,) for path in contents]), _names(styles)
    return [
        Pair(
            number=down * len(styles) + across,
            content=content,
            styles=style,
            output=folder / f"{rows[down]}.{columns[across]}.png",
        )
        for down, content in enumerate(contents)
        for across, style in enumerate(styles)
    ]


def alternatives(style: Path | tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """Turn a folder into its paintings, each alone; leave a mix as it is."""
    if isinstance(style, tuple):
        yield style
        return
    for path in pictures_in(style):
        yield (path,)


def check_pairs(
    pairs: Sequence[Pair],
    contents: Sequence[Path],
    styles: Sequence[Path | tuple[Path, ...]],
    folder: Path,
) -> None:
    """Check, before the work, that results have a place and are no inputs, or raise."""
    inputs = [*contents, *(one for one in styles if isinstance(one, Path))]
    for given in inputs:
        if given.is_dir() and given.resolve() == folder.resolve():
            raise ConfigError(f"{folder} holds inputs; name another --output.")
    outputs = [pair.output.name for pair in pairs]
    if len(set(outputs)) < len(outputs):
        twice = next(name for name in outputs if outputs.count(name) > 1)
        raise ConfigError(f"two results would be called {twice}; rename an input.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; results of several need a folder.")
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        raise OutputError(f"the folder {folder} cannot be written to.")


def _names(files: Sequence[tuple[Path, ...]]) -> list[str]:
    """Name files without their endings, or with them where those tell them apart."""
    stems, names = (
        ["+".join(getattr(path, part) for path in paths) for paths in files]
        for part in ("stem", "name")
    )
    return stems if len(set(stems)) == len(set(names)) else names


def index_sheet(pairs: Sequence[Pair]) -> Frame:
    """Lay out the results that there are, below and beside what they were made of.

    Pairs are every picture with every painting, picture by picture.
    """
    contents = list(dict.fromkeys(pair.content for pair in pairs))
    styles = {pair.styles: pair.style_name for pair in pairs}
    least, most = CELL_SIDES
    side = max(least, min(most, SHEET_WIDTH // (len(styles) + 1)))
    cells: list[list[tuple[Frame | None, str]]] = [
        [(None, ""), *((_thumbnail(one[0], side), styles[one]) for one in styles)]
    ]
    results = iter(pairs)
    for content in contents:
        made = [_thumbnail(next(results).output, side) for _ in styles]
        texts = ["-" if shown is None else "" for shown in made]
        first = _thumbnail(content, side), content.stem
        cells.append([first, *zip(made, texts, strict=True)])
    there = [shown for row in cells for shown, _ in row if shown is not None]
    height = max(shown.shape[0] for shown in there)
    return contact_sheet(
        [
            [captioned(shown, text, height=height, width=side) for shown, text in row]
            for row in cells
        ]
    )


def _thumbnail(path: Path, side: int) -> Frame | None:
    """Show a picture, or the frame in the middle of a clip; None: it cannot be read."""
    try:
        picture = read_picture(path)
    except ImageOpenError:
        try:
            info = probe(path)
            shape = {"height": info.height, "width": info.width}
            middle = (info.frame_count or 0) // 2
            (picture,) = pick_frames(info, [middle], **shape).values()
        except InputError:
            return None
    scale = side / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return resize_frame(picture, height=height, width=width)
