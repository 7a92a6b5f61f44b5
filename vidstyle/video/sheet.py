"""Frames -> one picture of them side by side, and the frames of a clip to put there."""

from collections.abc import Collection, Sequence
from typing import Final
from unicodedata import normalize

import cv2
import numpy as np

from vidstyle.images import resize_frame
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.read import read_frames

GAP = 6
"""Pixels of white around and between the pictures."""
CAPTION = 18
"""Pixels below a picture for a line of text."""
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.42


def contact_sheet(rows: Sequence[Sequence[Frame]]) -> Frame:
    """Lay pictures out in a grid.

    Args:
        rows: As many pictures in each; all are brought to the size of the first.
    """
    height, width = rows[0][0].shape[:2]
    across = len(rows[0])
    sheet = np.full(
        (len(rows) * (height + GAP) + GAP, across * (width + GAP) + GAP, 3),
        255,
        np.uint8,
    )
    for down, row in enumerate(rows):
        for place, frame in enumerate(row):
            top, left = GAP + down * (height + GAP), GAP + place * (width + GAP)
            sheet[top : top + height, left : left + width] = resize_frame(
                frame, height=height, width=width
            )
    return sheet


def captioned(picture: Frame | None, text: str, *, height: int, width: int) -> Frame:
    """Put a picture into the middle of a white field, and a line of text below it.

    Args:
        picture: Not larger than the field; None: the field stays white.
        text: What does not fit is cut off at its end; marks on letters are left out.
        height: Of the field, in pixels.
        width: Of the field.

    Returns:
        (height + CAPTION, width, 3).
    """
    cell = np.full((height + CAPTION, width, 3), 255, np.uint8)
    if picture is not None:
        tall, wide = picture.shape[:2]
        top, left = (height - tall) // 2, (width - wide) // 2
        cell[top : top + tall, left : left + wide] = picture
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    while plain and cv2.getTextSize(plain, FONT, FONT_SCALE, 1)[0][0] > width:
        plain = plain[:-1]
    place = (0, height + CAPTION - 5)
    cv2.putText(cell, plain, place, FONT, FONT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return cell


def spread(first: int, count: int, pictures: int) -> list[int]:
    """Choose indices in the middles of equal parts of ``[first, first + count)``."""
    pictures = min(pictures, count)
    return [
        first + (2 * place + 1) * count // (2 * pictures) for place in range(pictures)
    ]


def pick_frames(
    info: VideoInfo, indices: Collection[int], *, height: int, width: int
) -> dict[int, Frame]:
    """Read some frames of a clip in one pass that ends with the last of them.

    Returns:
        By index, resized, in order. If the clip ends before the last of them, those
        there are, and its last frame.
    """
    picked: dict[int, Frame] = {}
    newest: TimedFrame | None = None
    for timed in read_frames(info, on_warning=lambda _: None):
        newest = timed
        if timed.index in indices:
            picked[timed.index] = resize_frame(timed.frame, height=height, width=width)
        if len(picked) == len(indices):
            return picked
    if newest is not None:
        picked[newest.index] = resize_frame(newest.frame, height=height, width=width)
    return picked
