from pathlib import Path

import numpy as np
import pytest

from vidstyle.errors import ConfigError, InputError, OutputError
from vidstyle.images import read_picture, write_picture
from vidstyle.stylize.album import (
    CELL_SIDES,
    alternatives,
    check_pairs,
    index_sheet,
    make_pairs,
    pictures_in,
)
from vidstyle.video.figures import CAPTION, GAP

OUT = Path("out")


def test_folder_is_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b10.jpg", "b9.PNG", "a.webp", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.name for path in pictures_in(tmp_path)]
    assert names == ["a.webp", "b9.PNG", "b10.jpg"]
    assert pictures_in(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_folder_without_a_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no picture in the folder"):
        pictures_in(tmp_path)


def test_every_picture_meets_every_painting() -> None:
    styles = [(Path("x.jpg"),), (Path("y.jpg"), Path("z.jpg"))]
    pairs = make_pairs([Path("p/a.jpg"), Path("p/b.jpg")], styles, OUT)
    assert [pair.number for pair in pairs] == [0, 1, 2, 3]
    assert [pair.output.name for pair in pairs] == [
        "a.x.png",
        "a.y+z.png",
        "b.x.png",
        "b.y+z.png",
    ]
    assert pairs[3].styles == styles[1]
    assert pairs[3].style_name == "y+z"


def test_endings_tell_apart_what_is_called_alike() -> None:
    pairs = make_pairs([Path("a.jpg"), Path("a.png")], [(Path("x.jpg"),)], OUT)
    assert [pair.output.name for pair in pairs] == ["a.jpg.x.png", "a.png.x.png"]


def test_folder_of_paintings_is_each_of_them_alone(folder: Path) -> None:
    names = [one.name for (one,) in alternatives(folder / "styles")]
    assert names == ["x.png", "y.png"]
    mix = (Path("x.jpg"), Path("y.jpg"))
    assert list(alternatives(mix)) == [mix]


def check(folder: Path, output: Path, *contents: Path) -> None:
    styles = [folder / "styles"]
    found = [one for style in styles for one in alternatives(style)]
    files = [file for path in contents for file in pictures_in(path)]
    check_pairs(make_pairs(files, found, output), contents, styles, output)


def test_results_neither_meet_nor_become_inputs(folder: Path) -> None:
    photos = folder / "photos"
    check(folder, folder / "out", photos)
    with pytest.raises(ConfigError, match="holds inputs; choose another --output"):
        check(folder, folder / "photos" / ".", photos)
    with pytest.raises(ConfigError, match="holds inputs"):
        check(folder, folder / "styles", photos)
    with pytest.raises(ConfigError, match=r"would be named a\.x\.png; rename"):
        check(folder, folder / "out", photos, photos / "a.png")
    with pytest.raises(OutputError, match="is a file; several results need"):
        check(folder, photos / "a.png", photos)
    with pytest.raises(OutputError, match="gone does not exist"):
        check(folder, folder / "gone" / "out", photos)


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
