from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from reading import read

from vidstyle.errors import ImageOpenError, VideoOpenError
from vidstyle.images import PICTURE_ENDINGS, write_picture
from vidstyle.records import Frame
from vidstyle.video.folder import numbered_pictures
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames


def test_folder_of_pictures_is_a_clip(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_picture(tmp_path / f"f{number}.png", np.zeros((20, 30, 3), np.uint8))
    write_picture(tmp_path / "cover.png", np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "notes1.txt").write_text("no picture")
    (tmp_path / ".hidden1.png").write_text("no picture")
    info = probe(tmp_path, fps=Fraction(12))
    assert (info.kind, info.height, info.width) == ("folder", 20, 30)
    assert (info.fps, info.frame_count, info.duration_s) == (12, 3, 0.25)
    names = [path.name for path in numbered_pictures(tmp_path)]
    assert names == ["f1.png", "f9.png", "f10.png"]


def test_folder_is_read_in_order(tmp_path: Path) -> None:
    for number in (10, 9, 8):
        level = np.full((16, 16, 3), number, np.uint8)
        write_picture(tmp_path / f"{number}.png", level)
    frames, _ = read(tmp_path)
    assert [int(timed.frame[0, 0, 0]) for timed in frames] == [8, 9, 10]
    assert [timed.time_s for timed in frames] == [0, 0.04, 0.08]


def noise(height: int, width: int) -> Frame:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def cut_off(path: Path) -> None:
    """Leave out a picture's end, as where a renderer is still writing it."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("ending", sorted(PICTURE_ENDINGS - {".heic"}))
def test_picture_of_another_size_is_named_before_the_work(
    ending: str, tmp_path: Path
) -> None:
    for number, width in enumerate((16, 16, 20), start=1):
        write_picture(tmp_path / f"{number}{ending}", noise(16, width))
    with pytest.raises(VideoOpenError, match=rf"3\{ending} is 20x16, but the first"):
        probe(tmp_path)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("harm", [cut_off, Path.unlink, Path.touch])
def test_broken_picture_is_named_before_the_work(
    ending: str, harm: Callable[[Path], None], tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        write_picture(tmp_path / f"{number}{ending}", noise(64, 64))
    broken = tmp_path / f"2{ending}"
    if harm is not cut_off:
        broken.unlink()
    if harm is Path.unlink:
        broken.write_text("no picture")
    else:
        harm(broken)
    with pytest.raises(ImageOpenError, match=rf"2\{ending} is not a picture"):
        probe(tmp_path)


def test_picture_that_changes_after_that_is_named_when_it_comes(tmp_path: Path) -> None:
    for number in (1, 2):
        write_picture(tmp_path / f"{number}.png", noise(16, 16))
    info = probe(tmp_path)
    write_picture(tmp_path / "2.png", noise(20, 16))
    with pytest.raises(VideoOpenError, match=r"2\.png is 16x20"):
        list(read_frames(info, on_warning=pytest.fail))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_turned_photographs_are_of_the_size_that_is_seen(
    ending: str, tmp_path: Path
) -> None:
    """As a telephone writes them: one is turned by its tag, the other by its pixels."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    Image.fromarray(noise(32, 48)).save(tmp_path / f"1{ending}", exif=tags)
    Image.fromarray(noise(48, 32)).save(tmp_path / f"2{ending}")
    frames, _ = read(tmp_path)
    assert [timed.frame.shape for timed in frames] == [(48, 32, 3)] * 2


def test_picture_that_only_opencv_knows_is_read_to_be_sure(tmp_path: Path) -> None:
    for name in ("1.tif", "2.tif"):
        cv2.imwrite(str(tmp_path / name), np.full((16, 20, 4), 0.5, np.float32))
    assert (probe(tmp_path).height, probe(tmp_path).width) == (16, 20)


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_may_be_transparent(channels: int, tmp_path: Path) -> None:
    opaque, last = noise(16, 16), np.zeros((16, 16, channels), np.uint8)
    for number in (1, 2):
        write_picture(tmp_path / f"{number}.png", opaque)
    write_picture(tmp_path / "3.png", last)
    info = probe(tmp_path)
    assert info.has_alpha == (channels == 4)
    assert info.pixel_format == ("rgba" if channels == 4 else "rgb24")


def test_gap_in_the_numbers_is_told_and_is_no_pause(tmp_path: Path) -> None:
    for number in (1, 2, 5, 6):
        level = np.full((16, 16, 3), number, np.uint8)
        write_picture(tmp_path / f"shot2_{number:04d}.png", level)
    assert probe(tmp_path).missing_numbers == 2
    frames, (warning,) = read(tmp_path)
    assert [int(timed.frame[0, 0, 0]) for timed in frames] == [1, 2, 5, 6]
    assert [timed.time_s for timed in frames] == [0, 0.04, 0.08, 0.12]
    assert "has no picture for 2 numbers" in warning


def test_any_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "Bilder %03d 花"
    folder.mkdir()
    for number in (1, 2):
        write_picture(folder / f"Gänse %d [{number}].png", noise(16, 16))
    assert len(read(folder)[0]) == 2


def test_one_picture_is_a_clip(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", np.zeros((16, 20, 3), np.uint8))
    frames, warnings = read(tmp_path)
    assert (len(frames), warnings) == (1, [])
    assert probe(tmp_path).duration_s == 0.04


@pytest.mark.parametrize(
    ("background", "color"), [("white", (255, 255, 255)), ("#204060", (32, 64, 96))]
)
def test_transparent_pictures_are_laid_over_the_background(
    background: str, color: tuple[int, int, int], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((16, 16, 4), np.uint8))
    info = probe(tmp_path, background=background)
    (timed,) = read_frames(info, on_warning=pytest.fail)
    assert tuple(timed.frame[0, 0]) == color
