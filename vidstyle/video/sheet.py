"""Lay frames out as one picture (a contact sheet), and pick the frames of a clip."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final
from unicodedata import normalize

import cv2
import numpy as np

from vidstyle.errors import ImageOpenError, InputError
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

GAP = 6  # pixels of white around and between the pictures
CAPTION = 18  # height in pixels of the line of text below a picture
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.42
LINE = 16  # line height of headings, in pixels
HEADING = 132  # width of row headings, in pixels


def contact_sheet(rows: Sequence[Sequence[Frame]]) -> Frame:
    """Lay pictures out in a grid of rows of equal length, resized to the first one."""
    height, width = rows[0][0].shape[:2]
    shape = {"height": height, "width": width}
    return _grid([[resize_frame(cell, **shape) for cell in row] for row in rows])


def _grid(rows: Sequence[Sequence[Frame]]) -> Frame:
    strips = [np.hstack([_framed(cell) for cell in row]) for row in rows]
    return _framed(np.vstack(strips))


def _framed(cell: Frame) -> Frame:
    margin = GAP // 2
    return np.pad(cell, ((margin,), (margin,), (0,)), constant_values=255)


def captioned(picture: Frame | None, text: str, *, height: int, width: int) -> Frame:
    """Center a picture in a white cell, with a line of text below."""
    cell = _blank(height + CAPTION, width)
    if picture is not None:
        tall, wide = picture.shape[:2]
        top, left = (height - tall) // 2, (width - wide) // 2
        cell[top : top + tall, left : left + wide] = picture
    _write(cell, text, bottom=height + CAPTION - 5)
    return cell


def _blank(height: int, width: int) -> Frame:
    return np.full((height, width, 3), 255, np.uint8)


def _write(cell: Frame, text: str, *, bottom: int) -> None:
    """Draw a line of text, reduced to ASCII, cut off at the cell's width."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = plain[: _fitting(plain, cell.shape[1])]
    cv2.putText(cell, plain, (0, bottom), FONT, FONT_SCALE, (0,) * 3, 1, cv2.LINE_AA)


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
    """Lay captioned pictures out in a grid with headings for its rows and columns.

    All pictures are resized to the first one; the columns are as wide as the widest
    caption. Rows may differ in length. ``across`` are the column headings, ``down`` the
    row headings (none if all are empty), and ``corner`` stands where they meet.
    """
    height, wide = rows[0][0][0].shape[:2]
    width = max(wide, *(_length(text) for row in rows for _, text in row))
    headings = [_lines(corner, HEADING), *(_lines(text, width) for text in across)]
    top = LINE * max(map(len, headings))
    strips = [[_field(text, height=top, width=width) for text in across]]
    for row in rows:
        strips.append([_blank(height + CAPTION, width) for _ in across])
        for column, (picture, text) in enumerate(row):
            resized = resize_frame(picture, height=height, width=wide)
            strips[-1][column] = captioned(resized, text, height=height, width=width)
    if any(down) or corner:
        for heading, strip in zip((corner, *down), strips, strict=True):
            strip.insert(0, _field(heading, height=strip[0].shape[0], width=HEADING))
    return _grid(strips)


def _field(text: str, *, height: int, width: int) -> Frame:
    """Draw text into a white cell from the top, wrapped to its width."""
    cell = _blank(height, width)
    for number, line in enumerate(_lines(text, width), start=1):
        _write(cell, line, bottom=number * LINE - 4)
    return cell


def _lines(text: str, width: int) -> list[str]:
    """Wrap text to a width in pixels, at spaces where possible."""
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
    """Count how many leading characters, at least one, fit a width in pixels."""
    counts = range(len(text), 1, -1)
    return next((count for count in counts if _length(text[:count]) <= width), 1)


def evenly_spaced(first: int, count: int, pictures: int) -> list[int]:
    """Return the midpoints of equal parts of the indices [first, first + count)."""
    pictures = min(pictures, count)
    return [first + (2 * i + 1) * count // (2 * pictures) for i in range(pictures)]


def pick_frames(
    info: VideoInfo, indices: Collection[int], *, height: int, width: int
) -> dict[int, Frame]:
    """Read the frames of a clip at some indices, resized.

    If the clip ends before the last index, its last frame is included.
    """
    shape = {"height": height, "width": width}
    picked: dict[int, Frame] = {}
    last: TimedFrame | None = None
    for last in read_frames(info, on_warning=lambda _: None):
        if last.index in indices:
            picked[last.index] = resize_frame(last.frame, **shape)
        if len(picked) == len(indices):
            return picked
    if last is not None:
        picked[last.index] = resize_frame(last.frame, **shape)
    return picked


def thumbnail(path: Path, side: int) -> Frame | None:
    """Scale a picture, or a clip's middle frame, to ``side``; None: unreadable."""
    try:
        picture = read_picture(path)
    except ImageOpenError:
        try:
            info = probe(path)
            shape = {"height": info.height, "width": info.width}
            middle = (info.frame_count or 0) // 2
            (picture,) = pick_frames(info, [middle], **shape).values()
        except InputError:
            return None
    scale = side / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return resize_frame(picture, height=height, width=width)
