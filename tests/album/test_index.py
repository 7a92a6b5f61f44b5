from pathlib import Path

import numpy as np

from vidstyle.album.index import CELL_SIDES, index_sheet
from vidstyle.album.pairs import make_pairs
from vidstyle.images import read_picture, write_picture
from vidstyle.video.sheet import CAPTION, GAP


def test_sheet_has_a_row_a_picture_and_a_column_a_painting(folder: Path) -> None:
    photos = sorted((folder / "photos").iterdir())
    styles = [(path,) for path in sorted((folder / "styles").iterdir())]
    pairs = make_pairs(photos, styles, folder)
    green = np.full((32, 24, 3), (0, 255, 0), np.uint8)
    write_picture(pairs[3].output, green)  # b after y: the third row, the third column
    sheet = index_sheet(pairs)
    side = CELL_SIDES[1]
    down, across = side + CAPTION + GAP, side + GAP  # portrait: as high as wide
    assert sheet.shape == (4 * down + GAP, 3 * across + GAP, 3)

    def middle(row: int, column: int) -> list[int]:
        top, left = GAP + row * down + side // 2, GAP + column * across + side // 2
        return sheet[top, left].tolist()  # type: ignore[no-any-return]

    assert middle(2, 2) == [0, 255, 0]
    assert middle(2, 1) == middle(0, 0) == [255, 255, 255]
    first = read_picture(photos[0])[12, 16]
    assert np.abs(np.subtract(middle(1, 0), first)).max() < 60
    caption = sheet[GAP + side : GAP + side + CAPTION, GAP + across :]
    assert caption.min() < 100
