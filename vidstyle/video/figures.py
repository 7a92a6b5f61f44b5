"""Show work at a glance: contact sheets, and an animation of an optimization."""

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from textwrap import wrap
from typing import Final
from unicodedata import normalize

import cv2
import numpy as np

from vidstyle.config import EvolutionConfig
from vidstyle.errors import ImageOpenError, InputError, VideoWriteError
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.write import MOST_FPS, check_evolution_name, write_video

GAP = 6  # pixels of white around and between the pictures
CAPTION = 18  # height in pixels of the line of text below a picture
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.42
LINE = 16  # line height of headings, in pixels
HEADING = 132  # width of row headings, in pixels
_FINEST: Final = 0.25  # smallest visible mean difference, in 8-bit levels
_SPARE: Final = 4  # snapshots kept per picture shown, so that blending is smooth


def contact_sheet(rows: Sequence[Sequence[Frame]]) -> Frame:
    """Lay pictures out in a grid of rows of equal length, resized to the first one."""
    height, width = rows[0][0].shape[:2]
    resized = partial(resize_frame, height=height, width=width)
    return _grid([[resized(cell) for cell in row] for row in rows])


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
    while len(plain) > 1 and _length(plain) > cell.shape[1]:
        plain = plain[:-1]
    cv2.putText(cell, plain, (0, bottom), FONT, FONT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)


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
    text = text.replace(",", ", ")  # where lines may break
    lines = [""]
    for letters in range(len(text), 0, -1):
        lines = wrap(text, letters, break_on_hyphens=False)
        if all(_length(line) <= width for line in lines):
            break
    return lines


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
    picked: dict[int, Frame] = {}
    last: TimedFrame | None = None
    for last in read_frames(info, on_warning=lambda _: None):
        if last.index in indices:
            picked[last.index] = resize_frame(last.frame, height=height, width=width)
        if len(picked) == len(indices):
            return picked
    if last is not None:
        picked[last.index] = resize_frame(last.frame, height=height, width=width)
    return picked


def thumbnail(path: Path, side: int) -> Frame | None:
    """Scale a picture, or a clip's middle frame, to ``side``; None: unreadable."""
    try:
        picture = read_picture(path)
    except ImageOpenError:
        try:
            info = probe(path)
            middle = (info.frame_count or 0) // 2
            picked = pick_frames(info, [middle], height=info.height, width=info.width)
            (picture,) = picked.values()
        except InputError:
            return None
    scale = side / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return resize_frame(picture, height=height, width=width)


class Evolution:
    """Snapshots of an optimization, taken whenever the picture has changed visibly.

    Early steps change everything and late ones hardly anything, so pictures are spaced
    evenly by how much they changed, not by step. When there are too many, the required
    change is doubled and the snapshots are thinned out, which bounds memory however
    long the optimization runs.
    """

    def __init__(self, config: EvolutionConfig, source: Frame) -> None:
        self.config = config
        self._snapshots = [_limit_width(source, config.width).copy()]
        self._newest: Frame | None = None
        self._least_change = _FINEST

    def offer(self, frame: Frame) -> None:
        """Consider the picture after a step; the last one offered is the result."""
        self._newest = _limit_width(frame, self.config.width).copy()
        if change(self._snapshots[-1], self._newest) < self._least_change:
            return
        self._snapshots.append(self._newest)
        most = _SPARE * self.config.pictures
        if len(self._snapshots) > most:
            self._least_change *= 2
            self._snapshots = spaced(self._snapshots, self._least_change)
        if len(self._snapshots) > most:  # all of them differ by more than that
            self._snapshots = self._snapshots[::2]

    def pictures(self) -> list[Frame]:
        """Return evenly changing pictures, from the source to the result."""
        if self._newest is None:
            return self._snapshots[:1]
        frames = self._snapshots
        if frames[-1] is not self._newest:
            frames = [*frames, self._newest]
        return blended(frames, self.config.pictures)


def write_evolution(
    pictures: Iterable[Frame], path: Path, *, config: EvolutionConfig
) -> None:
    """Write pictures as a looping GIF, or an MP4, holding the last one."""
    check_evolution_name(path)
    frames = [_limit_width(picture, config.width) for picture in pictures]
    if not frames:
        raise VideoWriteError(f"cannot write {path}: there are no pictures.")
    step_s, hold_s = 1 / config.fps, None
    if path.suffix.lower() == ".gif":
        # GIF delays are whole 1/100 s: round the rate, or they would be uneven.
        step_s = max(1 / MOST_FPS, round(100 / config.fps) / 100)
        hold_s = max(step_s, config.hold_s)
    else:
        frames += frames[-1:] * round(config.hold_s * config.fps)
    times_s = [index * step_s for index in range(len(frames))]
    fps = Fraction(config.fps)
    write_video(frames, path, times_s=times_s, fps=fps, hold_s=hold_s)


def change(before: Frame, after: Frame) -> float:
    """Return the mean absolute difference of two pictures, in 8-bit levels."""
    return float(cv2.norm(before, after, cv2.NORM_L1)) / before.size


def spaced(frames: Sequence[Frame], least_change: float) -> list[Frame]:
    """Drop the frames that differ too little from the last one that stays."""
    result = list(frames[:1])
    for frame in frames[1:]:
        if change(result[-1], frame) >= least_change:
            result.append(frame)
    return result


def blended(frames: Sequence[Frame], most: int) -> list[Frame]:
    """Resample frames to even changes, by linear interpolation between neighbors.

    The first and last of two or more frames stay. Returns at most ``most`` frames, and
    fewer where they would be indistinguishable.
    """
    lengths = np.array([0.0, *accumulate(change(*pair) for pair in pairwise(frames))])
    count = min(most, 2 + int(lengths[-1] / _FINEST))
    pictures = [frames[0]]
    for position in np.linspace(0, lengths[-1], count)[1:-1]:
        after = max(1, int(np.searchsorted(lengths, position)))
        step = lengths[after] - lengths[after - 1]
        share = (position - lengths[after - 1]) / step if step else 1.0
        mixed = cv2.addWeighted(frames[after - 1], 1 - share, frames[after], share, 0)
        pictures.append(np.asarray(mixed, np.uint8))
    return [*pictures, frames[-1]]


def _limit_width(frame: Frame, most: int) -> Frame:
    width = min(most, frame.shape[1])
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return resize_frame(frame, height=height, width=width)
