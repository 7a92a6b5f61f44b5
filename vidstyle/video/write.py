"""Encode timestamped frames as a video file or GIF, with the source's audio.

A single ffmpeg process encodes frames from a pipe and copies all other streams from the
source. The file has a temporary name until it is complete and its frames have been
counted. Callers decide whether an existing file may be replaced. Stylization changes
colors only, so an alpha channel that is kept is read from the source.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from glob import escape
from itertools import chain, compress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from vidstyle.config import EncodingConfig
from vidstyle.errors import ConfigError, VideoOpenError, VideoWriteError, counted
from vidstyle.images import (
    PARTIAL,
    check_free,
    check_picture_path,
    partial_file,
    partial_prefix,
    resize_frame,
)
from vidstyle.records import Frame, VideoInfo
from vidstyle.video import codecs
from vidstyle.video.ffmpeg import feed_ffmpeg, file_url, timed_stream
from vidstyle.video.folder import check_folder
from vidstyle.video.mux import mux_args, source_input
from vidstyle.video.read import read_opaque
from vidstyle.video.streams import list_packets

MOST_FPS: Final = 50  # of a GIF; browsers slow down faster ones
_LEAST_DELAY_CS: Final = 100 // MOST_FPS
_VARIABLE_CLOCK: Final = 90_000  # ticks per second of a variable-rate clip
_LEAST_CLOCK: Final = 10_000  # ticks per second, to place a late first frame exactly
_JITTER_S: Final = 0.00075  # tolerance for millisecond timestamps of a constant rate

# The palette favors what changes; ordered dithering is stable where the picture is,
# which keeps the file small.
_MAKE_PALETTE: Final = ("-vf", "palettegen=stats_mode=diff", "-f", "image2")
_USE_PALETTE: Final = (
    "[0:v][1:v]paletteuse=dither=bayer:bayer_scale=5:diff_mode=rectangle"
)
_FRAMES: Final = ("-f", "matroska", "-i", "pipe:0")


class Outputs(NamedTuple):
    """Output paths of a run."""

    video: Path  # without an extension: a folder of pictures
    evolution: Path | None  # GIF or MP4 of one frame's optimization
    sheet: Path | None
    compare: Path | None = None  # video of source and result side by side
    network: Path | None = None  # the trained network


def write_video(
    frames: Iterable[Frame],
    path: Path,
    *,
    times_s: Sequence[float],
    fps: Fraction,
    hold_s: float | None = None,
    source: VideoInfo | None = None,
    span: tuple[float, float] | None = None,
    loops: int = 0,
    config: EncodingConfig | None = None,
) -> None:
    """Write a video or a GIF, replacing an existing one.

    Frames of one shape are read one at a time, for a GIF twice. An odd row or column is
    cropped if the codec requires it. Times are in seconds after the source's start: a
    constant rate stays exact, any other is rounded to 1/90000 s (Matroska: 1 ms). The
    last frame is shown for ``hold_s``, by default one period of ``fps``; ``loops`` are
    a GIF's repetitions, as ffmpeg's -loop: 0 is forever. Audio and other streams come
    from ``source`` (see ``mux``), cut to ``span`` in seconds.

    ConfigError: the container cannot hold the codec; VideoWriteError: writing failed,
    and no file is left; ValueError: frames and times differ in number, or frames in
    shape.
    """
    config = config or EncodingConfig()
    check_writable(path, config)
    if not times_s:
        raise VideoWriteError(f"cannot write {path}: there are no frames.")
    if codecs.container_of(path) == "gif":
        write_gif(frames, path, times_s=times_s, fps=fps, hold_s=hold_s, loops=loops)
        return
    encoded = iter(frames)
    if config.keep_alpha and source and source.has_alpha:
        encoded = with_alpha(frames, source, start_s=times_s[0])
    first = next(encoded, None)
    if first is None:
        raise ValueError("there are times, but no frames")
    begin_s = span[0] if span else 0.0
    delay_s = max(0.0, times_s[0] - begin_s)
    clock, times_s = _clock(times_s, fps)
    arguments = [
        *("-itsoffset", f"{delay_s:.6f}", *_FRAMES, *source_input(source, span)),
        *_encoding(path, config, clock=clock, first=first),
        *mux_args(source, span, codecs.container_of(path), config),
    ]
    stream = timed_stream(chain([first], encoded), times_s, fps=fps, hold_s=hold_s)
    with _counted_file(path, len(times_s)) as output:
        _feed(stream, [*arguments, *output], path)


def _encoding(
    path: Path, config: EncodingConfig, *, clock: int, first: Frame
) -> list[str]:
    """Build the arguments that encode frames of the first one's shape."""
    codec, container = codecs.codec_for(path, config), codecs.container_of(path)
    height, width, channels = first.shape
    has_alpha = channels == 4
    crf, hardware = config.crf, None
    if config.hardware_encoder:
        hardware = codecs.find_hardware(codec, crf=crf, shape=(height, width))
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


def check_outputs(
    outputs: Outputs, encoding: EncodingConfig, *, overwrite: bool
) -> None:
    """Check, before hours of work, that the results can be written.

    ConfigError: a wrong extension; DependencyError: ffmpeg or its encoder is missing;
    OutputError: a folder is not writable, or a result exists already.
    """
    if outputs.video.suffix:
        check_writable(outputs.video, encoding)
    else:
        check_folder(outputs.video)
    if outputs.evolution is not None:
        check_evolution_name(outputs.evolution)
    if outputs.sheet is not None:
        check_picture_path(outputs.sheet)
    if outputs.compare is not None:
        codecs.codec_for(outputs.compare, EncodingConfig())
    check_free(*outputs, overwrite=overwrite)


def check_evolution_name(path: Path) -> None:
    if path.suffix.lower() not in {".gif", ".mp4"}:
        raise ConfigError(f"{path} must end in .gif or .mp4 to show the optimization.")


def check_writable(path: Path, config: EncodingConfig | None = None) -> None:
    """Check, before hours of work, that a video can be written to a path.

    ConfigError: the container cannot hold the codec; DependencyError: ffmpeg or its
    encoder is missing; VideoWriteError: no file can be created there.
    """
    config = config or EncodingConfig()
    codec, container = codecs.codec_for(path, config), codecs.container_of(path)
    if container != "gif":
        codecs.encoder_arguments(codec, crf=config.crf, container=container)
    if path.exists() and not path.is_file():
        raise VideoWriteError(f"cannot write {path}: it exists and is not a file.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as err:
        raise VideoWriteError(f"cannot write {path}: {err.strerror}.") from err


@contextmanager
def _counted_file(path: Path, count: int) -> Iterator[list[str]]:
    """Yield ffmpeg's arguments for an output file; check its frame count afterwards."""
    for stale in path.parent.glob(f"{escape(partial_prefix(path))}*{PARTIAL}"):
        with suppress(OSError):  # left by a run that was killed while writing
            stale.unlink()
    with partial_file(path, error=VideoWriteError) as (partial, handle):
        os.close(handle)
        yield ["-f", codecs.container_of(path), file_url(partial)]
        written = len(list_packets(partial, "0:v:0", error=VideoWriteError))
        if written != count:
            raise VideoWriteError(
                f"cannot write {path}: it holds only {written} of "
                f"{counted(count, 'frame')}."
            )


def _feed(stream: Iterable[bytes], arguments: Sequence[str], path: Path) -> None:
    failed = f"cannot write {path}"
    with feed_ffmpeg(arguments, error=VideoWriteError, failed=failed) as pipe:
        for piece in stream:
            pipe.write(piece)


def _clock(times_s: Sequence[float], fps: Fraction) -> tuple[int, Sequence[float]]:
    """Choose the clock in ticks per second, and remove a constant rate's jitter."""
    constant = [times_s[0] + float(index / fps) for index in range(len(times_s))]
    pairs = zip(times_s, constant, strict=True)
    if any(abs(actual - nominal) > _JITTER_S for actual, nominal in pairs):
        return _VARIABLE_CLOCK, times_s
    clock = fps.numerator
    while clock < _LEAST_CLOCK:
        clock *= 2
    return clock, constant


def with_alpha(
    frames: Iterable[Frame], source: VideoInfo, *, start_s: float
) -> Iterator[Frame]:
    """Add the source's alpha channel to stylized frames: (H, W, 3) -> (H, W, 4).

    ``start_s`` is the first one's time. VideoOpenError, ImageOpenError: the source is
    gone or ends early.
    """
    opaque = read_opaque(source, start_s)
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
    loops: int = 0,
) -> None:
    """Write frames as a GIF; the arguments are those of ``write_video``.

    GIF delays are in hundredths of a second; a frame that would be shown for less than
    two is dropped. Frames are read twice, first for the palette.
    """
    times_cs = [round(100 * (time - times_s[0])) for time in times_s]
    is_shown = _shown(times_cs)
    shown_s = [cs / 100 for cs in compress(times_cs, is_shown)]
    last_cs = max(_LEAST_DELAY_CS, round(100 * (hold_s or 1 / fps)))
    rate, end_s = Fraction(100, last_cs), shown_s[-1] + last_cs / 100

    def shown() -> Iterator[Frame]:
        return (frame for frame, keep in zip(frames, is_shown, strict=True) if keep)

    with (
        _counted_file(path, len(shown_s)) as output,
        tempfile.TemporaryDirectory() as folder,
    ):
        palette = file_url(Path(folder) / "palette.png")
        stream = timed_stream(_with_sentinel(shown()), [*shown_s, end_s], fps=rate)
        _feed(stream, [*_FRAMES, *_MAKE_PALETTE, "-update", "1", palette], path)
        arguments = [
            *(*_FRAMES, "-i", palette, "-filter_complex", _USE_PALETTE),
            *("-fps_mode", "passthrough", "-enc_time_base", "1:100"),
            *("-loop", str(loops), "-final_delay", str(last_cs), *output),
        ]
        _feed(timed_stream(shown(), shown_s, fps=rate), arguments, path)


def _shown(times_cs: Sequence[int]) -> list[bool]:
    """Return which frames are shown: those at least the least delay after another."""
    is_shown = []
    last_cs = -_LEAST_DELAY_CS  # the first frame is always shown
    for time_cs in times_cs:
        is_shown.append(time_cs - last_cs >= _LEAST_DELAY_CS)
        if is_shown[-1]:
            last_cs = time_cs
    return is_shown


def _with_sentinel(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Append the inverted last frame: palettegen counts colors only as they change."""
    frame = None
    for frame in frames:
        yield frame
    if frame is not None:
        yield ~frame
