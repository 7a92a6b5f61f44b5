"""Pairs -> a sheet of their results: a picture a row, a painting a column."""

from collections.abc import Sequence
from pathlib import Path

from vidstyle.album.pairs import Pair
from vidstyle.errors import ImageOpenError
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame
from vidstyle.video.sheet import captioned, contact_sheet

INDEX = "index.png"
"""Name of the sheet in the folder of the results."""
CELL_SIDES = 96, 256
"""Least and most pixels of the side of a picture on the sheet."""
SHEET_WIDTH = 3000
"""Pixels that the sheet should not be wider than."""


def index_sheet(pairs: Sequence[Pair]) -> Frame:
    """Lay out the results that there are, below and beside what they were made of.

    Args:
        pairs: Every picture with every painting, picture by picture.
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
    try:
        picture = read_picture(path)
    except ImageOpenError:
        return None
    scale = side / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return resize_frame(picture, height=height, width=width)
