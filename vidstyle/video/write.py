"""Frames and their times come in, and the source's sound; a whole video file goes out.

ffmpeg encodes, in one run: pictures from a pipe, all else copied from the source.
The file has a partial name until it is complete and its frames have been counted. What
the frames show, and whether an old result may be replaced, is decided elsewhere.

Only colors are painted, so transparency that is kept is the source's. Where a clip
becomes a clip, ffmpeg has the source open beside the frames, for its sound, and takes
the transparency from there, by the frames' times. Where either is a folder of pictures,
it is read here, and goes along with each frame.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np

from vidstyle.config import EncodingConfig
from vidstyle.errors import VideoOpenError, VideoWriteError
from vidstyle.images import read_alpha, resize_frame
from vidstyle.records import Frame, VideoInfo
from vidstyle.video.codecs import (
    codec_for,
    container_of,
    encoder_arguments,
    find_hardware,
    held_shape,
    to_pixels,
)
from vidstyle.video.encode import (
    check_count,
    check_place,
    partial_file,
    timed_stream,
)
from vidstyle.video.ffmpeg import feed_ffmpeg, file_url, stream_ffmpeg
from vidstyle.video.folder import numbered_pictures
from vidstyle.video.gif import write_gif
from vidstyle.video.mux import source_input, taken_over
from vidstyle.video.normalize import alpha_decoder

_VARIABLE_CLOCK: Final = 90_000
"""Ticks a second of a clip whose rate varies."""
_LEAST_CLOCK: Final = 10_000
"""Ticks a second that leave room for a first frame that is shown late."""
_JITTER_S: Final = 0.00075
"""How far a container that rounds to milliseconds moves times of a constant rate."""
_EARLIER_S: Final = 0.002
"""So that no rounding of times gives a frame the transparency of the one before."""


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
    """Write a video with the frames' own times and the source's sound.

    Colors are BT.709's, and tagged so. H.264 and H.265 hold even sides only here: an
    odd one loses its last row or column. Sound, subtitles, chapters and metadata are
    the source's, packet for packet where they fit (see ``mux.misfits``).

    Args:
        frames: In order, of one shape; read one at a time, and for a GIF twice.
        path: Its ending says what kind of file; an existing one is replaced.
        times_s: When each frame is shown, in seconds after the source's start. A
            constant rate stays exact, any other is kept to 1/90000 s (Matroska: 1 ms).
        fps: Nominal rate.
        hold_s: How long the last frame is shown; None: as the rate says.
        source: Where sound and the rest come from; None: nowhere.
        span: The part of the source, in seconds after its start, that the result
            begins and ends with; sound is cut to it. None: all of it.
        height: Of the result; None: the frames'. They are resampled to it.
        width: Of the result; None: the frames'.
        config: Codec, quality, and which metadata travel along; None: the defaults.

    Raises:
        ConfigError: If a file with this ending cannot hold the codec.
        DependencyError: If there is no ffmpeg, or not with this encoder.
        VideoWriteError: If it cannot be written; nothing is left under the name.
        ValueError: If frames and times differ in number, or frames in shape.
    """
    config = config or EncodingConfig()
    codec, container = codec_for(path, config), container_of(path)
    if not times_s:
        raise VideoWriteError(f"cannot write {path}: there is not one frame.")
    if container == "gif":
        write_gif(
            frames,
            path,
            times_s=times_s,
            fps=fps,
            hold_s=hold_s,
            height=height,
            width=width,
        )
        return
    shaped = _resampled(frames, codec, height=height, width=width)
    shape, shaped = _peeked(shaped)
    clear = source if config.keep_alpha and source and source.has_alpha else None
    if clear is not None and clear.kind == "folder":
        shaped = with_alpha(shaped, clear, first=round(times_s[0] * fps))
    encoding = _encoding(
        codec, container, config, clear, shape=shape, count=len(times_s)
    )
    first_s = max(0.0, times_s[0] - (span[0] if span else 0.0))
    clock, times_s = _clock(times_s, fps)
    tracks = ["-video_track_timescale", str(clock), "-movflags", "+faststart"]
    with partial_file(path) as partial:
        arguments = [
            *("-itsoffset", f"{first_s:.6f}", "-f", "matroska", "-i", "pipe:0"),
            *source_input(source, span, with_alpha=clear is not None),
            *(*encoding, "-fps_mode:v:0", "passthrough"),
            *("-enc_time_base:v:0", f"1:{clock}"),
            *(tracks if container in {"mp4", "mov"} else []),
            *taken_over(source, span, container, config),
            *("-f", container, file_url(partial)),
        ]
        failed = f"cannot write {path}"
        with feed_ffmpeg(arguments, error=VideoWriteError, failed=failed) as pipe:
            for piece in timed_stream(shaped, times_s, fps=fps, hold_s=hold_s):
                pipe.write(piece)
        check_count(partial, len(times_s), failed=failed)


def _encoding(
    codec: str,
    container: str,
    config: EncodingConfig,
    clear: VideoInfo | None,
    *,
    shape: tuple[int, int],
    count: int,
) -> list[str]:
    """Return the arguments that encode frames, with a source's transparency if any."""
    hardware, has_alpha = None, clear is not None
    if config.hardware_encoder and any(shape):
        hardware = find_hardware(codec, crf=config.crf, shape=shape)
    filters = to_pixels(codec, with_alpha=has_alpha)
    mapped = ["-map", "0:v:0", "-filter:v:0", filters]
    if clear is not None and clear.kind == "video":
        mapped = _alpha_graph(clear, filters, shape=shape, count=count)
    encoder = encoder_arguments(
        codec,
        crf=config.crf,
        container=container,
        with_alpha=has_alpha,
        hardware=hardware,
    )
    return [*mapped, *encoder]


def check_writable(path: Path, config: EncodingConfig | None = None) -> None:
    """Check, before the hours of work, that a video could be written under a name.

    Args:
        path: The name.
        config: Codec and quality; None: the defaults.

    Raises:
        ConfigError: If a file with this ending cannot hold the codec.
        DependencyError: If there is no ffmpeg, or not with this encoder.
        VideoWriteError: If the folder is missing or cannot be written to.
    """
    config = config or EncodingConfig()
    codec, container = codec_for(path, config), container_of(path)
    if container != "gif":
        encoder_arguments(codec, crf=config.crf, container=container)
    check_place(path)


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


def _resampled(
    frames: Iterable[Frame], codec: str, *, height: int | None, width: int | None
) -> Iterator[Frame]:
    """Resample frames, if a shape is given, and leave out what a codec cannot hold."""
    for frame in frames:
        shape = height or frame.shape[0], width or frame.shape[1]
        held_height, held_width = held_shape(codec, shape)
        resized = resize_frame(frame, height=shape[0], width=shape[1])
        yield resized[:held_height, :held_width]


def _alpha_graph(
    source: VideoInfo, filters: str, *, shape: tuple[int, int], count: int
) -> list[str]:
    """Return the arguments that map the frames, with the second input's transparency.

    Args:
        source: The second input.
        filters: To the encoder's pixels.
        shape: Height and width of the frames.
        count: How many there are.
    """
    painted = "[0:v:0]format=rgba[painted]"
    clear = (
        f"[1:{source.stream_index}]setpts=PTS-{_EARLIER_S}/TB,format=rgba,alphaextract,"
        f"scale=w={shape[1]}:h={shape[0]}:flags=area[clear]"
    )
    merged = f"[painted][clear]alphamerge,{filters}[merged]"
    graph = ";".join([painted, clear, merged])
    return ["-filter_complex", graph, "-map", "[merged]", "-frames:v:0", str(count)]


def _peeked(frames: Iterator[Frame]) -> tuple[tuple[int, int], Iterator[Frame]]:
    """Look at the first frame.

    Returns:
        Its height and width, and all frames; ``(0, 0)`` if there is none.
    """
    first = next(frames, None)
    if first is None:
        return (0, 0), frames
    return (first.shape[0], first.shape[1]), chain([first], frames)


def with_alpha(
    frames: Iterable[Frame], source: VideoInfo, *, first: int
) -> Iterator[Frame]:
    """Give painted frames their source's transparency, from an index in it.

    Yields:
        uint8 (H, W, 4), RGB and how opaque.

    Raises:
        VideoOpenError: If the source cannot be read any more.
        ImageOpenError: If a picture of a folder cannot.
    """
    opaque = islice(_read_opaque(source), first, None)
    for frame in frames:
        alpha = next(opaque, None)
        if alpha is None:
            raise VideoOpenError(f"the transparency of {source.path} breaks off.")
        height, width = frame.shape[:2]
        yield np.dstack([frame, resize_frame(alpha, height=height, width=width)])


def _read_opaque(source: VideoInfo) -> Iterator[Frame]:
    """Read how opaque each frame is, (H, W), in order from the first."""
    if source.kind == "folder":
        yield from (read_alpha(path) for path in numbered_pictures(source.path))
        return
    height, width = source.height, source.width
    graph = f"format=rgba,alphaextract,scale=w={width}:h={height}:flags=area"
    arguments = [
        *(*alpha_decoder(source), "-i", file_url(source.path)),
        *("-map", f"0:{source.stream_index}", "-fps_mode", "passthrough"),
        *("-vf", f"{graph},format=gray", "-f", "rawvideo", "pipe:1"),
    ]
    size = height * width
    with (
        stream_ffmpeg(arguments) as stream,
        os.fdopen(stream.descriptor, "rb", closefd=False) as pipe,
    ):
        while len(pixels := pipe.read(size)) == size:
            yield np.frombuffer(pixels, np.uint8).reshape(height, width)
