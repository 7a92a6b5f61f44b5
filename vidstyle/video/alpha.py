"""A source's transparency -> that of the painted frames; only colors are painted.

Where ffmpeg encodes a clip into a clip, it has the source open beside the frames, for
its sound, and takes the transparency from there, by the frames' times. Where either is
a folder of pictures, it is read here, and goes along with each frame.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from vidstyle.errors import VideoOpenError
from vidstyle.images import read_alpha, resize_frame
from vidstyle.records import Frame, VideoInfo
from vidstyle.video.ffmpeg import file_url, stream_ffmpeg
from vidstyle.video.folder import numbered_pictures
from vidstyle.video.prepass import ALPHA_DECODERS

_EARLIER_S = 0.002
"""So that no rounding of times gives a frame the transparency of the one before."""


def has_kept_alpha(source: VideoInfo | None) -> bool:
    """Whether there is a transparency to keep."""
    return source is not None and source.has_alpha


def alpha_decoder(source: VideoInfo) -> list[str]:
    """Return the arguments, before an input, with which its transparency is decoded."""
    decoder = ALPHA_DECODERS.get(source.codec)
    return [] if decoder is None else [f"-c:{source.stream_index}", decoder]


def alpha_graph(
    source: VideoInfo, to_pixels: str, *, height: int, width: int, count: int
) -> list[str]:
    """Return the arguments that map the frames, with the second input's transparency.

    Args:
        source: The second input.
        to_pixels: Filters to the encoder's pixels.
        height: Of the frames.
        width: Of the frames.
        count: How many there are.
    """
    painted = "[0:v:0]format=rgba[painted]"
    clear = (
        f"[1:{source.stream_index}]setpts=PTS-{_EARLIER_S}/TB,format=rgba,alphaextract,"
        f"scale=w={width}:h={height}:flags=area[clear]"
    )
    merged = f"[painted][clear]alphamerge,{to_pixels}[merged]"
    graph = ";".join([painted, clear, merged])
    return ["-filter_complex", graph, "-map", "[merged]", "-frames:v:0", str(count)]


def peeked(frames: Iterator[Frame]) -> tuple[tuple[int, int], Iterator[Frame]]:
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
    """Give painted frames their source's transparency.

    Args:
        frames: In order, of any size.
        source: Where they come from.
        first: Index of the first of them there.

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
