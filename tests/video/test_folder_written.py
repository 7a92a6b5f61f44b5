from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vidstyle.errors import OutputError, VideoOpenError
from vidstyle.records import Frame
from vidstyle.video.folder import check_folder, write_pictures
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames


def noise(count: int) -> list[Frame]:
    random = np.random.default_rng(count)
    return list(random.integers(0, 256, (count, 18, 32, 3), np.uint8))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_is_a_clip_again(tmp_path: Path) -> None:
    frames = noise(11)
    write_pictures(iter(frames), tmp_path / "painted")
    assert names_in(tmp_path / "painted")[0] == "000001.png"
    assert names_in(tmp_path) == ["painted"]
    found = read_frames(probe(tmp_path / "painted"), on_warning=pytest.fail)
    assert np.array_equal([timed.frame for timed in found], frames)


def test_older_pictures_are_replaced_by_fewer(tmp_path: Path) -> None:
    write_pictures(noise(5), tmp_path / "painted")
    write_pictures(noise(2), tmp_path / "painted")
    assert names_in(tmp_path / "painted") == ["000001.png", "000002.png"]


@pytest.mark.parametrize("name", ["holiday.png", "thesis.txt", "1.png", "000001.jpg"])
def test_folder_with_other_files_is_left_alone(tmp_path: Path, name: str) -> None:
    write_pictures(noise(2), tmp_path / "painted")
    (tmp_path / "painted" / name).write_text("mine", encoding="utf-8")
    before = names_in(tmp_path / "painted")
    refused = rf"painted holds other files \({name}\); choose another folder"
    with pytest.raises(OutputError, match=refused):
        check_folder(tmp_path / "painted")
    with pytest.raises(OutputError, match=refused):
        write_pictures(noise(1), tmp_path / "painted")
    assert names_in(tmp_path / "painted") == before


def test_file_in_the_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "painted").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="painted is a file; choose another"):
        write_pictures(noise(1), tmp_path / "painted")
    assert (tmp_path / "painted").read_text(encoding="utf-8") == "mine"


def test_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder .*nowhere does not exist"):
        check_folder(tmp_path / "nowhere" / "painted")


def test_new_and_empty_folders_pass(tmp_path: Path) -> None:
    check_folder(tmp_path / "new")
    check_folder(tmp_path)
    assert names_in(tmp_path) == []


def test_what_breaks_off_leaves_the_older_pictures(tmp_path: Path) -> None:
    def broken() -> Iterator[Frame]:
        yield from noise(2)
        raise VideoOpenError("broken")

    write_pictures(noise(3), tmp_path / "painted")
    with pytest.raises(VideoOpenError, match="broken"):
        write_pictures(broken(), tmp_path / "painted")
    assert len(names_in(tmp_path / "painted")) == 3
    assert names_in(tmp_path) == ["painted"]


def test_folder_that_cannot_be_replaced_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(self: Path, target: Path) -> Path:
        if self.name == ".painted.partial":
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    replace = Path.replace
    monkeypatch.setattr(Path, "replace", keep)
    with pytest.raises(OutputError, match=r"cannot write .*painted: Permission denied"):
        write_pictures(noise(1), tmp_path / "painted")
    assert names_in(tmp_path) == []
