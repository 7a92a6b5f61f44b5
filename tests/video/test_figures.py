from pathlib import Path

import numpy as np
import pytest

from vidstyle.records import Frame, VideoInfo
from vidstyle.video.figures import (
    CAPTION,
    GAP,
    HEADING,
    LINE,
    contact_sheet,
    evenly_spaced,
    labelled_sheet,
    pick_frames,
)
from vidstyle.video.folder import write_pictures
from vidstyle.video.probe import probe


def level(value: int, height: int = 20, width: int = 32) -> Frame:
    return np.full((height, width, 3), value, np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> VideoInfo:
    """Ten frames; every pixel of frame i is 10 * i."""
    write_pictures([level(10 * index) for index in range(10)], tmp_path / "clip")
    return probe(tmp_path / "clip")


@pytest.mark.parametrize(
    ("first", "count", "pictures", "chosen"),
    [
        (0, 3, 3, [0, 1, 2]),
        (0, 48, 3, [8, 24, 40]),
        (0, 48, 4, [6, 18, 30, 42]),
        (100, 48, 3, [108, 124, 140]),
        (0, 1, 3, [0]),
        (7, 2, 3, [7, 8]),
        (0, 0, 3, []),
    ],
)
def test_spread_frames(
    first: int, count: int, pictures: int, chosen: list[int]
) -> None:
    assert evenly_spaced(first, count, pictures) == chosen


def test_spread_frames_are_different_ones_of_the_range() -> None:
    for first, count, pictures in np.ndindex(3, 60, 7):
        chosen = evenly_spaced(first, count, pictures)
        assert len(set(chosen)) == min(count, pictures)
        assert chosen == sorted(chosen)
        assert all(first <= index < first + count for index in chosen)


def test_sheet_is_white_with_every_picture_in_its_place() -> None:
    sheet = contact_sheet([[level(10), level(20)], [level(30), level(40)]])
    assert sheet.shape == (2 * 20 + 3 * GAP, 2 * 32 + 3 * GAP, 3)
    assert sheet.dtype == np.uint8
    down, right = GAP + 20 + GAP, GAP + 32 + GAP
    for value, top, left in ((10, GAP, GAP), (20, GAP, right), (30, down, GAP)):
        assert (sheet[top : top + 20, left : left + 32] == value).all()
    covered = sheet.astype(int).sum()
    gaps = sheet[..., 0].size - 4 * 20 * 32
    assert covered == 3 * (255 * gaps + 20 * 32 * (10 + 20 + 30 + 40))


def test_other_sizes_are_brought_to_the_first() -> None:
    sheet = contact_sheet([[level(10), level(20, 40, 20)]])
    assert sheet.shape == (20 + 2 * GAP, 2 * 32 + 3 * GAP, 3)
    assert (sheet[GAP:-GAP, -GAP - 32 : -GAP] == 20).all()


def test_picked_frames_are_those_of_the_indices(clip: VideoInfo) -> None:
    picked = pick_frames(clip, [7, 2, 3], height=10, width=16)
    assert list(picked) == [2, 3, 7]
    for index, frame in picked.items():
        assert frame.shape == (10, 16, 3)
        assert (frame == 10 * index).all()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [([2, 40, 50], [2, 9]), ([40], [9]), ([2, 9, 16], [2, 9]), ([0], [0])],
)
def test_clip_that_ends_early_gives_its_last_frame(
    clip: VideoInfo, wanted: list[int], found: list[int]
) -> None:
    picked = pick_frames(clip, wanted, height=20, width=32)
    assert list(picked) == found
    assert all((frame == 10 * index).all() for index, frame in picked.items())


def test_reading_ends_with_the_last_frame_wanted(clip: VideoInfo) -> None:
    (clip.path / "000005.png").write_bytes(b"no picture")
    assert list(pick_frames(clip, [1, 3], height=20, width=32)) == [1, 3]


def test_labelled_sheet_has_headings_and_room_for_short_rows() -> None:
    rows = [[(level(90, 20, 64), "a"), (level(150, 20, 64), "")], [(level(30), "b")]]

    sheet = labelled_sheet(rows, across=["one", "two"], down=["first", "second"])

    assert sheet.shape == (
        GAP + LINE + GAP + 2 * (20 + CAPTION + GAP),
        GAP + HEADING + GAP + 2 * (64 + GAP),
        3,
    )
    top, left = GAP + LINE + GAP, GAP + HEADING + GAP
    assert (sheet[top : top + 20, left : left + 64] == 90).all()
    assert (sheet[top : top + 20, left + 64 + GAP : -GAP] == 150).all()
    below = top + 20 + CAPTION + GAP
    assert (sheet[below : below + 20, left : left + 64] == 30).all()
    assert (sheet[below:, left + 64 + GAP :] == 255).all()
    assert (sheet[:top, left:] < 100).any()  # headings
    assert (sheet[top : top + 20, :left] < 100).any()


def test_labelled_sheet_breaks_long_headings_and_drops_empty_ones() -> None:
    sheet = labelled_sheet(
        [[(level(90, 20, 64), "")]], across=["relu1_1,relu2_1,relu3_1"], down=[""]
    )

    assert sheet.shape == (GAP + 3 * LINE + GAP + 20 + CAPTION + GAP, 64 + 2 * GAP, 3)


def test_labelled_sheet_breaks_long_words() -> None:
    word = "w" * 30
    sheets = [
        labelled_sheet([[(level(90, 20, 64), "")]], across=[text], down=[""])
        for text in ("w", word)
    ]

    lines, left_over = divmod(sheets[1].shape[0] - sheets[0].shape[0], LINE)
    assert lines >= 3
    assert left_over == 0
    # Each of the letters is there: as much ink as of thirty single ones.
    ink = [int((255 - sheet[:-44].astype(int)).sum()) for sheet in sheets]
    assert ink[1] == pytest.approx(30 * ink[0], rel=0.1)


def test_labelled_sheet_is_as_wide_as_what_stands_below() -> None:
    rows = [[(level(90, 20, 32), "c 0.0051 s 0.0042")], [(level(30), "")]]

    sheet = labelled_sheet(rows, across=["one"], down=["", ""])

    assert sheet.shape[1] > 32 + 2 * GAP + 40
    assert (sheet == 90).all(axis=2).sum() == 20 * 32
    caption = sheet[-2 * CAPTION - 3 * GAP - 20 : -CAPTION - 2 * GAP - 20]
    assert (caption[:, -GAP // 2 :] == 255).all()
