"""A source's transparency -> that of the painted frames, within the run that encodes.

The source is open beside the frames, for its sound; so ffmpeg takes its transparency
from there, by the frames' times, and no more than colors has to be read or painted.
"""

from collections.abc import Iterator
from itertools import chain

from vidstyle.records import Frame, VideoInfo
from vidstyle.video.prepass import ALPHA_DECODERS

_EARLIER_S = 0.002
"""So that no rounding of times gives a frame the transparency of the one before."""


def has_kept_alpha(source: VideoInfo | None) -> bool:
    """Whether there is a transparency to keep: a folder's pictures are read without."""
    return source is not None and source.has_alpha and source.kind == "video"


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
