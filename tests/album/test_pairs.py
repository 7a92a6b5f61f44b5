from pathlib import Path

import pytest

from vidstyle.album.pairs import alternatives, check_pairs, make_pairs, pictures_in
from vidstyle.errors import ConfigError, InputError, OutputError

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
    with pytest.raises(ConfigError, match="holds inputs; name another --output"):
        check(folder, folder / "photos" / ".", photos)
    with pytest.raises(ConfigError, match="holds inputs"):
        check(folder, folder / "styles", photos)
    with pytest.raises(ConfigError, match=r"would be called a\.x\.png; rename"):
        check(folder, folder / "out", photos, photos / "a.png")
    with pytest.raises(OutputError, match="is a file; results of several need"):
        check(folder, photos / "a.png", photos)
    with pytest.raises(OutputError, match="gone does not exist"):
        check(folder, folder / "gone" / "out", photos)
