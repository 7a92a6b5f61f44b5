"""Frames and their times, as a stream of bytes that ffmpeg can read from a pipe.

Raw video in a pipe has no times, so ffmpeg would give every clip a constant rate. This
is the smallest Matroska stream that carries them: one raw RGB track, one cluster a
frame, in microseconds. Nothing is compressed, held or written to a file here.

ffmpeg's concat demuxer would not do: it keeps times, but gives frames no durations, so
that the last one is not held, and it needs each frame as a file.

Source: RFC 9559 (Matroska), RFC 8794 (EBML).
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from vidstyle.records import Frame

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
        _element(0x4282, b"matroska"),  # DocType
        _element(0x4287, _number(4)),  # its version
        _element(0x4285, _number(2)),  # the version that a reader needs
    ]
    information = [
        _element(0x2AD7B1, _number(_TICK_NS)),  # TimestampScale
        _element(0x4D80, b"vidstyle"),  # MuxingApp
        _element(0x5741, b"vidstyle"),  # WritingApp
    ]
    picture = [
        _element(0xB0, _number(width)),
        _element(0xBA, _number(height)),
        _element(0x2EB524, _PIXELS[channels]),  # ColourSpace
    ]
    track = [
        _element(0xD7, _number(1)),  # TrackNumber
        _element(0x73C5, _number(1)),  # TrackUID
        _element(0x83, _number(1)),  # TrackType: video
        _element(0x9C, _number(0)),  # FlagLacing
        _element(0x22B59C, b"und"),  # Language: undetermined
        _element(0x23E383, _number(round(1_000_000_000 / fps))),  # DefaultDuration
        _element(0x86, b"V_UNCOMPRESSED"),  # CodecID
        _element(0xE0, b"".join(picture)),
    ]
    return b"".join(
        [
            _element(0x1A45DFA3, b"".join(document)),
            bytes.fromhex("18538067") + _UNKNOWN_LENGTH,  # Segment
            _element(0x1549A966, b"".join(information)),
            _element(0x1654AE6B, _element(0xAE, b"".join(track))),
        ]
    )


def _cluster(pixels: bytes, tick: int, shown: int) -> bytes:
    """Return one frame with its time and how long it is shown, in microseconds."""
    block = _element(0xA1, b"\x81\x00\x00\x00" + pixels)  # of track 1, at the tick
    group = _element(0xA0, block + _element(0x9B, _number(shown)))
    return _element(0x1F43B675, _element(0xE7, _number(tick)) + group)


def _element(name: int, content: bytes) -> bytes:
    """Return one element: its identity, its length in eight bytes, its content."""
    identity = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return identity + (len(content) | 1 << 56).to_bytes(8, "big") + content


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
