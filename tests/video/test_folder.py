from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from reading import read

from vidstyle.errors import ImageOpenError, VideoOpenError
from vidstyle.images import write_picture
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


def test_folder_with_two_sizes_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", np.zeros((16, 16, 3), np.uint8))
    write_picture(tmp_path / "2.png", np.zeros((16, 20, 3), np.uint8))
    with pytest.raises(VideoOpenError, match=r"2\.png is 20x16"):
        read(tmp_path)


def test_folder_with_a_broken_picture_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "2.png").write_text("no picture")
    with pytest.raises(ImageOpenError, match=r"2\.png"):
        read(tmp_path)


def test_gap_in_the_numbers_is_told_and_is_no_pause(tmp_path: Path) -> None:
    for number in (1, 2, 5, 6):
        level = np.full((16, 16, 3), number, np.uint8)
        write_picture(tmp_path / f"shot2_{number:04d}.png", level)
    assert probe(tmp_path).missing_numbers == 2
    frames, (warning,) = read(tmp_path)
    assert [int(timed.frame[0, 0, 0]) for timed in frames] == [1, 2, 5, 6]
    assert [timed.time_s for timed in frames] == [0, 0.04, 0.08, 0.12]
    assert "lacks pictures for 2 numbers" in warning


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
