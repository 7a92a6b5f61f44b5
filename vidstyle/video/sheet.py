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
LINE = 16
"""Pixels from one line of a heading to the next."""
HEADING = 132
"""Pixels of the headings beside the rows."""


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
    _write(cell, text, bottom=height + CAPTION - 5)
    return cell


def _write(cell: Frame, text: str, *, bottom: int) -> None:
    """Write a line into a picture; what does not fit is cut off at its end."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    while plain and _length(plain) > cell.shape[1]:
        plain = plain[:-1]
    black = (0, 0, 0)
    cv2.putText(cell, plain, (0, bottom), FONT, FONT_SCALE, black, 1, cv2.LINE_AA)


def _length(text: str) -> int:
    length: int = cv2.getTextSize(text, FONT, FONT_SCALE, 1)[0][0]
    return length


def labelled_sheet(
    rows: Sequence[Sequence[tuple[Frame, str]]],
    *,
    across: Sequence[str],
    down: Sequence[str],
    corner: str = "",
) -> Frame:
    """Lay captioned pictures out in a grid with a heading for each row and column.

    Args:
        rows: Pictures and what stands below them; rows need not be equally long. All
            pictures are brought to the size of the first; columns are wider where a
            text below one is.
        across: Headings of the columns.
        down: Headings of the rows; if all are empty, they take no room.
        corner: What stands where the headings meet.
    """
    height, wide = rows[0][0][0].shape[:2]
    width = max(wide, *(_length(text) for row in rows for _, text in row))
    has_beside = any(down) or corner != ""
    lines = max(len(_lines(text, width)) for text in across)
    if has_beside:
        lines = max(lines, len(_lines(corner, HEADING)))
    strips = [[_field(text, height=lines * LINE, width=width) for text in across]]
    empty = np.full((height + CAPTION, width, 3), 255, np.uint8)
    for row in rows:
        cells = [
            captioned(
                resize_frame(picture, height=height, width=wide),
                text,
                height=height,
                width=width,
            )
            for picture, text in row
        ]
        strips.append(cells + [empty] * (len(across) - len(cells)))
    if has_beside:
        for heading, strip in zip((corner, *down), strips, strict=True):
            strip.insert(0, _field(heading, height=strip[0].shape[0], width=HEADING))
    return _framed(
        np.vstack([np.hstack([_framed(cell) for cell in strip]) for strip in strips])
    )


def _framed(cell: Frame) -> Frame:
    """Put white around a picture."""
    margin = GAP // 2
    return np.pad(cell, ((margin,), (margin,), (0,)), constant_values=255)


def _field(text: str, *, height: int, width: int) -> Frame:
    """Write a text into a white field from its top, in as many lines as it takes."""
    cell = np.full((height, width, 3), 255, np.uint8)
    for number, line in enumerate(_lines(text, width), start=1):
        _write(cell, line, bottom=number * LINE - 4)
    return cell


def _lines(text: str, width: int) -> list[str]:
    """Break a text into lines of at most so many pixels, where it has spaces.

    A word that is longer than a line is broken, too.
    """
    lines = [""]
    for word in text.replace(",", ", ").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _length(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
        while (fits := _fitting(lines[-1], width)) < len(lines[-1]):
            lines[-1:] = lines[-1][:fits], lines[-1][fits:]
    return lines


def _fitting(text: str, width: int) -> int:
    """Count the letters of a text, at least one, that are not wider than a line."""
    counts = range(len(text), 1, -1)
    return next((count for count in counts if _length(text[:count]) <= width), 1)


def evenly_spaced(first: int, count: int, pictures: int) -> list[int]:
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
