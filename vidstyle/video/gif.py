"""Frames and their times come in, an animated GIF goes out, with one palette for all.

The frames are read twice, first for the palette, so that none has to be held. A GIF
counts time in hundredths of a second, and browsers slow down one that asks for a frame
in less than two.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import compress
from pathlib import Path
from typing import Final

from vidstyle.errors import VideoWriteError
from vidstyle.images import resize_frame
from vidstyle.records import Frame
from vidstyle.video.encode import check_count, partial_file, timed_stream
from vidstyle.video.ffmpeg import feed_ffmpeg, file_url

MOST_FPS: Final = 50
"""Frames a second that browsers show."""
_LEAST_DELAY_CS: Final = 100 // MOST_FPS

# Made for what changes; an ordered dither stays still where the picture does, which
# keeps the file small.
_MAKE_PALETTE: Final = ("-vf", "palettegen=stats_mode=diff", "-f", "image2")
_USE_PALETTE: Final = (
    "[0:v][1:v]paletteuse=dither=bayer:bayer_scale=5:diff_mode=rectangle"
)


def write_gif(
    frames: Iterable[Frame],
    path: Path,
    *,
    times_s: Sequence[float],
    fps: Fraction,
    hold_s: float | None = None,
    height: int | None = None,
    width: int | None = None,
) -> None:
    """Write frames as a GIF that repeats; the arguments are those of ``write_video``.

    The frames are read twice from the beginning. One that would be shown for less than
    two hundredths of a second is left out.

    Raises:
        VideoWriteError: If it cannot be written; nothing is left under the name.
        ValueError: If frames and times differ in number, or frames in shape.
    """
    times_cs = [round(100 * (time - times_s[0])) for time in times_s]
    is_shown = _shown(times_cs)
    shown_s = [cs / 100 for cs in compress(times_cs, is_shown)]
    last_cs = max(_LEAST_DELAY_CS, round(100 * (hold_s or 1 / fps)))
    failed = f"cannot write {path}"

    def picked() -> Iterator[Frame]:
        for frame, shown in zip(frames, is_shown, strict=True):
            if shown:
                rows, columns = frame.shape[:2]
                yield resize_frame(frame, height=height or rows, width=width or columns)

    def feed(shaped: Iterable[Frame], at_s: Sequence[float], *arguments: str) -> None:
        given = ["-f", "matroska", "-i", "pipe:0", *arguments]
        with feed_ffmpeg(given, error=VideoWriteError, failed=failed) as pipe:
            for piece in timed_stream(shaped, at_s, fps=Fraction(100, last_cs)):
                pipe.write(piece)

    with partial_file(path) as partial, tempfile.TemporaryDirectory() as folder:
        palette = file_url(Path(folder) / "palette.png")
        end_s = shown_s[-1] + last_cs / 100
        ended = _ended(picked())
        feed(ended, [*shown_s, end_s], *_MAKE_PALETTE, "-update", "1", palette)
        feed(
            picked(),
            shown_s,
            *("-i", palette, "-filter_complex", _USE_PALETTE),
            *("-fps_mode", "passthrough", "-enc_time_base", "1:100"),
            *("-loop", "0", "-final_delay", str(last_cs), "-f", "gif"),
            file_url(partial),
        )
        check_count(partial, len(shown_s), failed=failed)


def _shown(times_cs: Sequence[int]) -> list[bool]:
    """Choose the frames that leave the one before them time enough to be seen."""
    shown, last_cs = [], -_LEAST_DELAY_CS
    for time_cs in times_cs:
        shown.append(time_cs - last_cs >= _LEAST_DELAY_CS)
        if shown[-1]:
            last_cs = time_cs
    return shown


def _ended(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Add a frame that differs everywhere: ffmpeg counts colors as they go."""
    frame = None
    for frame in frames:
        yield frame
    if frame is not None:
        yield ~frame
