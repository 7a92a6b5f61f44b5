"""Frames -> one picture of them side by side, and the frames of a clip to put there."""

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
CAPTION = 18  # pixels below a picture for a line of text
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.42
LINE = 16  # pixels from one line of a heading to the next
HEADING = 132  # pixels of the headings beside the rows


def contact_sheet(rows: Sequence[Sequence[Frame]]) -> Frame:
    """Lay pictures out in a grid of equal rows, in the size of the first."""
    height, width = rows[0][0].shape[:2]
    shape = {"height": height, "width": width}
    return _grid([[resize_frame(each, **shape) for each in row] for row in rows])


def _grid(rows: Sequence[Sequence[Frame]]) -> Frame:
    strips = [np.hstack([_framed(cell) for cell in row]) for row in rows]
    return _framed(np.vstack(strips))


def _framed(cell: Frame) -> Frame:
    margin = GAP // 2
    return np.pad(cell, ((margin,), (margin,), (0,)), constant_values=255)


def captioned(picture: Frame | None, text: str, *, height: int, width: int) -> Frame:
    """Put a picture into the middle of a white field, and a line of text below that."""
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
    """Write a line in ASCII into a picture; what does not fit is cut off at its end."""
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
    """Lay captioned pictures out in a grid with a heading for each row and column.

    All pictures are brought to the size of the first; columns are wider where a text
    below one is. Rows need not be equally long. If all headings ``down`` are empty,
    they take no room; ``corner`` stands where the headings meet.
    """
    height, wide = rows[0][0][0].shape[:2]
    width = max(wide, *(_length(text) for row in rows for _, text in row))
    headings = [_lines(corner, HEADING), *(_lines(text, width) for text in across)]
    top = LINE * max(map(len, headings))
    strips = [[_field(text, height=top, width=width) for text in across]]
    for row in rows:
        strips.append([_blank(height + CAPTION, width) for _ in across])
        for place, (picture, text) in enumerate(row):
            resized = resize_frame(picture, height=height, width=wide)
            strips[-1][place] = captioned(resized, text, height=height, width=width)
    if any(down) or corner:
        for heading, strip in zip((corner, *down), strips, strict=True):
            strip.insert(0, _field(heading, height=strip[0].shape[0], width=HEADING))
    return _grid(strips)


def _field(text: str, *, height: int, width: int) -> Frame:
    """Write a text into a white field from its top, in as many lines as it takes."""
    cell = _blank(height, width)
    for number, line in enumerate(_lines(text, width), start=1):
        _write(cell, line, bottom=number * LINE - 4)
    return cell


def _lines(text: str, width: int) -> list[str]:
    """Break a text into lines of at most so many pixels, at spaces where it can."""
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
    """Read some frames of a clip, by index, up to the last of them.

    If the clip ends before that, its last frame is among them.
    """
    picked: dict[int, Frame] = {}
    newest: TimedFrame | None = None
    for newest in read_frames(info, on_warning=lambda _: None):
        if newest.index in indices:
            picked[newest.index] = resize_frame(
                newest.frame, height=height, width=width
            )
        if len(picked) == len(indices):
            return picked
    if newest is not None:
        picked[newest.index] = resize_frame(newest.frame, height=height, width=width)
    return picked


def thumbnail(path: Path, side: int) -> Frame | None:
    """Show a picture, or the frame in the middle of a clip; None: it cannot be read."""
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
