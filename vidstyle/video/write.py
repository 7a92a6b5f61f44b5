"""Frames and their times come in, and the source's sound; a whole video file goes out.

ffmpeg encodes, in one run: H.264 from a pipe, everything else copied from the source.
The file has a partial name until it is complete and its frames have been counted. What
the frames show, and whether an old result may be replaced, is decided elsewhere.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from vidstyle.errors import ConfigError, VideoWriteError
from vidstyle.images import resize_frame
from vidstyle.records import Frame, VideoInfo
from vidstyle.video.ffmpeg import feed_ffmpeg, file_url, list_packets
from vidstyle.video.matroska import timed_stream
from vidstyle.video.tracks import source_input, taken_over

_FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_VARIABLE_CLOCK: Final = 90_000
"""Ticks a second of a clip whose rate varies."""
_LEAST_CLOCK: Final = 10_000
"""Ticks a second that leave room for a first frame that is shown late."""
_JITTER_S: Final = 0.00075
"""Of a constant rate in a container that rounds times to milliseconds."""

_ENCODER: Final = (
    *("-c:v", "libx264", "-fps_mode", "passthrough", "-vf"),
    "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,"
    "format=yuv420p,setparams=range=tv"
    ":colorspace=bt709:color_primaries=bt709:color_trc=bt709",
)


def _ignore(_: str) -> None:
    """Be the listener of those who do not listen."""


def write_video(
    frames: Iterable[Frame],
    path: Path,
    *,
    times_s: Sequence[float],
    fps: Fraction,
    source: VideoInfo | None = None,
    span: tuple[float, float] | None = None,
    height: int | None = None,
    width: int | None = None,
    crf: int = 18,
    on_warning: Callable[[str], None] = _ignore,
) -> None:
    """Write a video with the frames' own times and the source's sound.

    H.264, yuv420p, BT.709. That format needs even sides: an odd one gains a row or
    column that repeats its edge. Sound, subtitles, chapters and metadata are the
    source's, packet for packet, but for where it was taken, which is private.

    Args:
        frames: In order, of one shape; read one at a time.
        path: ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``; an existing file is replaced.
        times_s: When each frame is shown, in seconds after the source's start. A
            constant rate stays exact, any other is kept to 1/90000 s (.mkv: to 1 ms).
        fps: Nominal rate.
        source: Where sound and the rest come from; None: nowhere.
        span: The part of the source, in seconds after its start, that the result
            begins and ends with; sound is cut to it. None: all of it.
        height: Of the result; None: the frames'. They are resampled to it.
        width: Of the result; None: the frames'.
        crf: H.264 quality, 0 lossless to 51 worst.
        on_warning: Is told, in a sentence, what of the source does not fit.

    Raises:
        ConfigError: If the name's ending is none of the above.
        VideoWriteError: If it cannot be written; nothing is left under the name.
        ValueError: If frames and times differ in number, or frames in shape.
    """
    container = _container(path)
    if not times_s:
        raise VideoWriteError(f"cannot write {path}: there is not one frame.")
    first_s = max(0.0, times_s[0] - (span[0] if span else 0.0))
    clock, times_s = _clock(times_s, fps)
    tracks = ["-video_track_timescale", str(clock), "-movflags", "+faststart"]
    with partial_file(path) as partial:
        arguments = [
            *("-itsoffset", f"{first_s:.6f}", "-f", "matroska", "-i", "pipe:0"),
            *source_input(source, span),
            *("-map", "0:v:0", *_ENCODER, "-crf", str(crf)),
            *("-enc_time_base", f"1:{clock}"),
            *taken_over(source, span, container, on_warning),
            *(tracks if container != "matroska" else []),
            *("-f", container, file_url(partial)),
        ]
        shaped = _shaped(frames, height=height, width=width)
        failed = f"cannot write {path}"
        with feed_ffmpeg(arguments, error=VideoWriteError, failed=failed) as pipe:
            for piece in timed_stream(shaped, times_s, fps=fps):
                pipe.write(piece)
        check_count(partial, len(times_s), failed=failed)


def check_writable(path: Path) -> None:
    """Check, before the hours of work, that a video could be written under a name.

    Raises:
        ConfigError: If the name has not a video's ending.
        VideoWriteError: If the folder is missing or cannot be written to.
    """
    _container(path)
    _make_partial(path).unlink()


@contextlib.contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Give a file a partial name for the time of the block, and its own at the end.

    Yields:
        The partial name, in the same folder and with the same ending.

    Raises:
        VideoWriteError: If there is no such folder, or it cannot be written to. After
            this or any other exception nothing is left under the partial name.
    """
    partial = _make_partial(path)
    try:
        yield partial
        try:
            partial.replace(path)
        except OSError as err:
            raise VideoWriteError(f"cannot write {path}: {err.strerror}.") from err
    finally:
        partial.unlink(missing_ok=True)


def check_count(path: Path, frames: int, *, failed: str) -> None:
    """Check that a file holds as many frames as went into it.

    Raises:
        VideoWriteError: If it does not.
    """
    written = len(list_packets(path, "0:v:0", error=VideoWriteError))
    if written != frames:
        raise VideoWriteError(f"{failed}: it holds {written} of {frames} frames.")


def _container(path: Path) -> str:
    """Choose ffmpeg's container by a name's ending."""
    container = _FORMATS.get(path.suffix.lower())
    if container is None:
        known = ", ".join(_FORMATS)
        raise ConfigError(f"{path} has no ending of a video; use one of {known}.")
    return container


def _make_partial(path: Path) -> Path:
    """Make an empty file in the folder of another, with its ending."""
    try:
        if path.exists() and not path.is_file():
            raise VideoWriteError(f"cannot write {path}: it is there, and no file.")
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=f".partial{path.suffix}", dir=path.parent
        )
        os.close(handle)
        Path(name).chmod(0o644)
    except OSError as err:
        raise VideoWriteError(f"cannot write {path}: {err.strerror}.") from err
    return Path(name)


def _clock(times_s: Sequence[float], fps: Fraction) -> tuple[int, Sequence[float]]:
    """Choose the ticks a second in which the times are whole.

    Returns:
        The ticks, and the times; of a constant rate without their rounding.
    """
    constant = [times_s[0] + float(index / fps) for index in range(len(times_s))]
    pairs = zip(times_s, constant, strict=True)
    if any(abs(time - even) > _JITTER_S for time, even in pairs):
        return _VARIABLE_CLOCK, times_s
    clock = fps.numerator
    while clock < _LEAST_CLOCK:
        clock *= 2
    return clock, constant


def _shaped(
    frames: Iterable[Frame], *, height: int | None, width: int | None
) -> Iterator[Frame]:
    """Resample frames if a shape is given, and make their sides even."""
    for frame in frames:
        shaped = resize_frame(
            frame, height=height or frame.shape[0], width=width or frame.shape[1]
        )
        odd_rows, odd_columns = shaped.shape[0] % 2, shaped.shape[1] % 2
        yield np.pad(shaped, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
