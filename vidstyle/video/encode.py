"""Frames and their times, as a stream of bytes that ffmpeg reads from a pipe.

Raw video in a pipe has no times, so ffmpeg would give every clip a constant rate. This
is the smallest Matroska stream that carries them: one raw RGB track, one cluster a
frame, in microseconds. Nothing is compressed, held or written to a file here. What
ffmpeg makes of it has a partial name until it is whole.

ffmpeg's concat demuxer would not do: it keeps times, but gives frames no durations, so
that the last one is not held, and it needs each frame as a file.

Source: RFC 9559 (Matroska), RFC 8794 (EBML).
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from vidstyle.errors import VideoWriteError
from vidstyle.records import Frame
from vidstyle.video.ffmpeg import list_packets

_TICK_NS: Final = 1000
_PIXELS: Final = {3: b"RGB\x18", 4: b"RGBA"}
"""ffmpeg's names of raw pixels, by their number of channels."""


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
    """Check that a file holds as many frames as went into it."""
    written = len(list_packets(path, "0:v:0", error=VideoWriteError))
    if written != frames:
        raise VideoWriteError(f"{failed}: it holds {written} of {frames} frames.")


def check_place(path: Path) -> None:
    """Check that there is a folder for a file, and that it can be written to."""
    _make_partial(path).unlink()


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
    document = _element(
        *(0x1A45DFA3, _element(0x4282, b"matroska")),  # DocType
        _element(0x4287, 4),  # its version
        _element(0x4285, 2),  # the version that a reader needs
    )
    picture = _element(
        *(0xE0, _element(0xB0, width), _element(0xBA, height)),
        _element(0x2EB524, _PIXELS[channels]),  # ColourSpace
    )
    track = _element(
        *(0xAE, _element(0xD7, 1)),  # TrackNumber
        _element(0x73C5, 1),  # TrackUID
        _element(0x83, 1),  # TrackType: video
        _element(0x22B59C, b"und"),  # Language: undetermined
        _element(0x23E383, round(1_000_000_000 / fps)),  # DefaultDuration
        _element(0x86, b"V_UNCOMPRESSED"),  # CodecID
        picture,
    )
    segment = bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7  # of unknown length
    scale = _element(0x1549A966, _element(0x2AD7B1, _TICK_NS))  # TimestampScale
    return document + segment + scale + _element(0x1654AE6B, track)


def _cluster(pixels: bytes, tick: int, shown: int) -> bytes:
    """Return one frame with its time and how long it is shown, in microseconds."""
    block = _element(0xA1, b"\x81\x00\x00\x00", pixels)  # of track 1, at the tick
    group = _element(0xA0, block, _element(0x9B, shown))
    return _element(0x1F43B675, _element(0xE7, tick), group)


def _element(name: int, *parts: bytes | int) -> bytes:
    """Return one element: its identity, its length in eight bytes, its content."""
    content = b"".join(
        part.to_bytes(8, "big") if isinstance(part, int) else part for part in parts
    )
    identity = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return identity + (len(content) | 1 << 56).to_bytes(8, "big") + content
