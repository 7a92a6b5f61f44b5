"""Frames and their times, as a stream of bytes that ffmpeg can read from a pipe.

Raw video in a pipe has no times, so ffmpeg would give every clip a constant rate. This
is the smallest Matroska stream that carries them: one raw RGB track, one cluster a
frame, in microseconds. Nothing is compressed, held or written to a file here.

Source: RFC 9559 (Matroska).
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from vidstyle.records import Frame
from vidstyle.video.ebml import element, number

_TICK_NS: Final = 1000
_PIXELS: Final = {3: b"RGB\x18", 4: b"RGBA"}
"""ffmpeg's names of raw pixels, by their number of channels."""
_UNKNOWN_LENGTH: Final = b"\x01" + b"\xff" * 7


def timed_stream(
    frames: Iterable[Frame],
    times_s: Sequence[float],
    *,
    fps: Fraction,
    hold_s: float | None = None,
) -> Iterator[bytes]:
    """Write frames as a Matroska stream that begins at time 0.

    Args:
        frames: All of one shape; read once, one at a time. Or (H, W, 4), with alpha.
        times_s: One for each frame, ascending; only their differences count.
        fps: Nominal rate; it says how long the last frame is shown.
        hold_s: How long the last frame is shown, instead.

    Yields:
        Bytes, to be written one after the other.

    Raises:
        ValueError: If there are more or fewer frames than times, or a frame of another
            shape.
    """
    ticks = [round((time - times_s[0]) * 1e6) for time in times_s]
    ticks.append((ticks[-1] if ticks else 0) + round(1e6 * (hold_s or 1 / fps)))
    shape: tuple[int, ...] | None = None
    for index, frame in zip(range(len(times_s)), frames, strict=True):
        if shape is None:
            shape = frame.shape
            yield _header(shape, fps=fps)
        if frame.shape != shape:
            raise ValueError(f"frame {index} is {frame.shape}, the first was {shape}")
        shown = ticks[index + 1] - ticks[index]
        yield _cluster(np.ascontiguousarray(frame).tobytes(), ticks[index], shown)


def _header(shape: tuple[int, ...], *, fps: Fraction) -> bytes:
    """Return everything that comes before the first frame."""
    height, width, channels = shape
    document = [
        element(0x4282, b"matroska"),  # DocType
        element(0x4287, number(4)),  # its version
        element(0x4285, number(2)),  # the version that a reader needs
    ]
    information = [
        element(0x2AD7B1, number(_TICK_NS)),  # TimestampScale
        element(0x4D80, b"vidstyle"),  # MuxingApp
        element(0x5741, b"vidstyle"),  # WritingApp
    ]
    picture = [
        element(0xB0, number(width)),
        element(0xBA, number(height)),
        element(0x2EB524, _PIXELS[channels]),  # ColourSpace
    ]
    track = [
        element(0xD7, number(1)),  # TrackNumber
        element(0x73C5, number(1)),  # TrackUID
        element(0x83, number(1)),  # TrackType: video
        element(0x9C, number(0)),  # FlagLacing
        element(0x22B59C, b"und"),  # Language: undetermined
        element(0x23E383, number(round(1_000_000_000 / fps))),  # DefaultDuration
        element(0x86, b"V_UNCOMPRESSED"),  # CodecID
        element(0xE0, b"".join(picture)),
    ]
    return b"".join(
        [
            element(0x1A45DFA3, b"".join(document)),
            bytes.fromhex("18538067") + _UNKNOWN_LENGTH,  # Segment
            element(0x1549A966, b"".join(information)),
            element(0x1654AE6B, element(0xAE, b"".join(track))),
        ]
    )


def _cluster(pixels: bytes, tick: int, shown: int) -> bytes:
    """Return one frame with its time and how long it is shown, in microseconds."""
    block = element(0xA1, b"\x81\x00\x00\x00" + pixels)  # of track 1, at the tick
    group = element(0xA0, block + element(0x9B, number(shown)))
    return element(0x1F43B675, element(0xE7, number(tick)) + group)
