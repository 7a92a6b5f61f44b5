"""Frames and their times -> a whole video file or GIF, with the source's sound.

ffmpeg encodes, in one run: pictures from a pipe, all else copied from the source.
The file has a partial name until it is complete and its frames have been counted.
Whether an old result may be replaced is decided elsewhere. Only colors are painted, so
transparency that is kept is the source's, read beside the frames.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from glob import escape
from itertools import chain, compress, islice
from pathlib import Path
from typing import Final

import numpy as np

from vidstyle.config import EncodingConfig
from vidstyle.errors import VideoOpenError, VideoWriteError
from vidstyle.images import PARTIAL, partial_file, partial_prefix, resize_frame
from vidstyle.records import Frame, VideoInfo
from vidstyle.video import codecs
from vidstyle.video.ffmpeg import feed_ffmpeg, file_url, timed_stream
from vidstyle.video.mux import mux_args, source_input
from vidstyle.video.read import read_opaque
from vidstyle.video.streams import list_packets

MOST_FPS: Final = 50  # of a GIF; browsers slow down one that asks for more
_LEAST_DELAY_CS: Final = 100 // MOST_FPS
_VARIABLE_CLOCK: Final = 90_000  # ticks a second of a clip whose rate varies
_LEAST_CLOCK: Final = 10_000  # ticks a second with room for a late first frame
_JITTER_S: Final = 0.00075  # by which rounding to milliseconds moves a constant rate

# Made for what changes; an ordered dither stays still where the picture does, which
# keeps the file small.
_MAKE_PALETTE: Final = ("-vf", "palettegen=stats_mode=diff", "-f", "image2")
_USE_PALETTE: Final = (
    "[0:v][1:v]paletteuse=dither=bayer:bayer_scale=5:diff_mode=rectangle"
)
_FRAMES: Final = ("-f", "matroska", "-i", "pipe:0")


def write_video(
    frames: Iterable[Frame],
    path: Path,
    *,
    times_s: Sequence[float],
    fps: Fraction,
    hold_s: float | None = None,
    source: VideoInfo | None = None,
    span: tuple[float, float] | None = None,
    height: int | None = None,
    width: int | None = None,
    config: EncodingConfig | None = None,
) -> None:
    """Write a video or a GIF; an existing one is replaced.

    Frames, of one shape, are read one at a time, and for a GIF twice. They are resized
    to ``height`` and ``width``; an odd row or column is cut where the codec cannot hold
    it. Times are in seconds after the source's start: a constant rate stays exact, any
    other is kept to 1/90000 s (Matroska: 1 ms). The last frame is shown for ``hold_s``,
    or as ``fps`` says. Sound and the rest are those of ``source`` (see ``mux``), from
    the part of it, in seconds, that ``span`` says.

    ConfigError: such a file cannot hold the codec; VideoWriteError: it cannot be
    written, and nothing is left; ValueError: frames and times differ in number, or
    frames in shape.
    """
    config = config or EncodingConfig()
    check_writable(path, config)
    if not times_s:
        raise VideoWriteError(f"cannot write {path}: there are no frames.")
    resized = _Resized(frames, codecs.codec_for(path, config), height, width)
    if codecs.container_of(path) == "gif":
        write_gif(resized, path, times_s=times_s, fps=fps, hold_s=hold_s)
        return
    clear = source if config.keep_alpha and source and source.has_alpha else None
    made = with_alpha(resized, clear, start_s=times_s[0]) if clear else iter(resized)
    if (first := next(made, None)) is None:
        raise ValueError("there are times, but no frames")
    late_s = max(0.0, times_s[0] - (span[0] if span else 0.0))
    clock, times_s = _clock(times_s, fps)
    arguments = [
        *("-itsoffset", f"{late_s:.6f}", *_FRAMES, *source_input(source, span)),
        *_encoding(path, config, clock=clock, first=first),
        *mux_args(source, span, codecs.container_of(path), config),
    ]
    stream = timed_stream(chain([first], made), times_s, fps=fps, hold_s=hold_s)
    with _counted_file(path, len(times_s)) as output:
        _feed(stream, [*arguments, *output], path)


def _encoding(
    path: Path, config: EncodingConfig, *, clock: int, first: Frame
) -> list[str]:
    """Return the arguments that encode frames like the first one."""
    codec, container = codecs.codec_for(path, config), codecs.container_of(path)
    crf, shape, has_alpha = config.crf, first.shape[:2], first.shape[2] == 4
    hardware = None
    if config.hardware_encoder:
        hardware = codecs.find_hardware(codec, crf=crf, shape=shape)
    encoder = codecs.encoder_arguments(
        codec, crf=crf, container=container, with_alpha=has_alpha, hardware=hardware
    )
    tracks = ["-video_track_timescale", str(clock), "-movflags", "+faststart"]
    return [
        *("-map", "0:v:0"),
        *("-filter:v:0", codecs.to_pixels(codec, with_alpha=has_alpha)),
        *(*encoder, "-fps_mode:v:0", "passthrough"),
        *("-enc_time_base:v:0", f"1:{clock}"),
        *(tracks if container in {"mp4", "mov"} else []),
    ]


def check_writable(path: Path, config: EncodingConfig | None = None) -> None:
    """Check, before the hours of work, that a video could be written under a name.

    ConfigError: a file with this ending cannot hold the codec; DependencyError: there
    is no ffmpeg, or not with this encoder; VideoWriteError: no file can be made there.
    """
    config = config or EncodingConfig()
    codec, container = codecs.codec_for(path, config), codecs.container_of(path)
    if container != "gif":
        codecs.encoder_arguments(codec, crf=config.crf, container=container)
    if path.exists() and not path.is_file():
        raise VideoWriteError(f"cannot write {path}: it exists and is not a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=partial_prefix(path), dir=path.parent)
    except OSError as err:
        raise VideoWriteError(f"cannot write {path}: {err.strerror}.") from err
    os.close(handle)
    Path(name).unlink()


@contextmanager
def _counted_file(path: Path, count: int) -> Iterator[list[str]]:
    """Yield ffmpeg's arguments for an output; check its number of frames in the end."""
    for stale in path.parent.glob(f"{escape(partial_prefix(path))}*{PARTIAL}"):
        with suppress(OSError):  # of a run that was killed as it wrote
            stale.unlink()
    with partial_file(path, error=VideoWriteError) as (partial, handle):
        os.close(handle)
        yield ["-f", codecs.container_of(path), file_url(partial)]
        written = len(list_packets(partial, "0:v:0", error=VideoWriteError))
        if written != count:
            raise VideoWriteError(
                f"cannot write {path}: it holds only {written} of {count} frames."
            )


def _feed(stream: Iterable[bytes], arguments: Sequence[str], path: Path) -> None:
    failed = f"cannot write {path}"
    with feed_ffmpeg(arguments, error=VideoWriteError, failed=failed) as pipe:
        for piece in stream:
            pipe.write(piece)


def _clock(times_s: Sequence[float], fps: Fraction) -> tuple[int, Sequence[float]]:
    """Choose ticks a second in which the times, less a constant rate's jitter, fit."""
    constant = [times_s[0] + float(index / fps) for index in range(len(times_s))]
    pairs = zip(times_s, constant, strict=True)
    if any(abs(time - even) > _JITTER_S for time, even in pairs):
        return _VARIABLE_CLOCK, times_s
    clock = fps.numerator
    while clock < _LEAST_CLOCK:
        clock *= 2
    return clock, constant


@dataclass(frozen=True)
class _Resized:
    """Frames in the shape of a result, as often as they are read."""

    frames: Iterable[Frame]
    codec: str
    height: int | None
    width: int | None

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            height, width = self.height or frame.shape[0], self.width or frame.shape[1]
            rows, columns = codecs.held_shape(self.codec, (height, width))
            yield resize_frame(frame, height=height, width=width)[:rows, :columns]


def with_alpha(
    frames: Iterable[Frame], source: VideoInfo, *, first: int = 0, start_s: float = 0
) -> Iterator[Frame]:
    """Give painted frames their source's transparency, from an index or a time in it.

    They become (H, W, 4). VideoOpenError, ImageOpenError: the source is gone.
    """
    opaque = islice(read_opaque(source, start_s), first, None)
    for frame in frames:
        alpha = next(opaque, None)
        if alpha is None:
            raise VideoOpenError(f"the transparency of {source.path} is truncated.")
        height, width = frame.shape[:2]
        yield np.dstack([frame, resize_frame(alpha, height=height, width=width)])


def write_gif(
    frames: Iterable[Frame],
    path: Path,
    *,
    times_s: Sequence[float],
    fps: Fraction,
    hold_s: float | None = None,
) -> None:
    """Write frames as a GIF that repeats; the arguments are those of ``write_video``.

    A GIF counts time in hundredths of a second: a frame that would be shown for less
    than two is left out. They are read twice, first for the palette.
    """
    times_cs = [round(100 * (time - times_s[0])) for time in times_s]
    is_shown = _shown(times_cs)
    shown_s = [cs / 100 for cs in compress(times_cs, is_shown)]
    last_cs = max(_LEAST_DELAY_CS, round(100 * (hold_s or 1 / fps)))
    rate, end_s = Fraction(100, last_cs), shown_s[-1] + last_cs / 100

    def shown() -> Iterator[Frame]:
        return (each for each, is_in in zip(frames, is_shown, strict=True) if is_in)

    with (
        _counted_file(path, len(shown_s)) as output,
        tempfile.TemporaryDirectory() as folder,
    ):
        palette = file_url(Path(folder) / "palette.png")
        stream = timed_stream(_ended(shown()), [*shown_s, end_s], fps=rate)
        _feed(stream, [*_FRAMES, *_MAKE_PALETTE, "-update", "1", palette], path)
        arguments = [
            *(*_FRAMES, "-i", palette, "-filter_complex", _USE_PALETTE),
            *("-fps_mode", "passthrough", "-enc_time_base", "1:100"),
            *("-loop", "0", "-final_delay", str(last_cs), *output),
        ]
        _feed(timed_stream(shown(), shown_s, fps=rate), arguments, path)


def _shown(times_cs: Sequence[int]) -> list[bool]:
    """Choose the frames that leave the one before them time enough to be seen."""
    shown, last_cs = [], -_LEAST_DELAY_CS
    for time_cs in times_cs:
        shown.append(time_cs - last_cs >= _LEAST_DELAY_CS)
        last_cs = time_cs if shown[-1] else last_cs
    return shown


def _ended(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Add a frame that differs everywhere: ffmpeg counts colors as they go."""
    frame = None
    for frame in frames:
        yield frame
    if frame is not None:
        yield ~frame
