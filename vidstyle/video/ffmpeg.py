"""Run ffmpeg: locate the binary, start it, stream to or from it, explain its errors.

The only module that starts processes. No ffmpeg process outlives the ``with`` block or
the call that started it.
"""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from vidstyle.errors import DependencyError, VidstyleError
from vidstyle.records import Frame

RESTARTED: Final = frozenset({"mpeg", "mpegts", "ogg"})
"""Demuxers whose timestamps count from the mapped streams' start, not the file's."""
_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)*(Error opening (in|out)put: )?")
# Generic messages that follow the one that gives the reason.
_UNINFORMATIVE = re.compile(
    r"Conversion failed|Error opening (in|out)put files?\b|Last message repeated"
    r"|Terminating thread|Task finished|Nothing was written|At least one output file"
    r"|Error sending frames|Error selecting|Could not open encoder before EOF"
    r"|Could not write header|Error while opening encoder|Invalid data found"
)
_IS_ERROR = re.compile(r"\[(error|fatal|panic)\]")


def ffmpeg_path() -> str:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as err:
        raise DependencyError(
            "cannot find ffmpeg: install the package imageio-ffmpeg, or set the "
            "environment variable IMAGEIO_FFMPEG_EXE to a binary."
        ) from err


def file_url(path: Path) -> str:
    """Write a path so that ffmpeg takes no part of it for an option or a protocol."""
    return f"file:{path}"


def describe(path: Path) -> str:
    """Return the description of a file that ``ffmpeg -i`` prints."""
    return "".join(follow_messages(["-i", file_url(path)]))


def follow_messages(arguments: Sequence[str]) -> Iterator[str]:
    """Run ffmpeg and yield the lines of its log; closing the iterator kills it."""
    silent = subprocess.DEVNULL
    with _started(arguments, loglevel="info", stdout=silent) as process:
        for line in cast("IO[bytes]", process.stderr):
            yield line.decode(errors="replace")


def run_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> bytes:
    """Run ffmpeg to completion and return its standard output.

    If it fails, raises ``error`` with ``failed``, such as ``cannot write out.mp4``, and
    ffmpeg's reason. DependencyError: it cannot be started.
    """
    with _started(arguments) as process:
        output, log = process.communicate()
    if process.returncode:
        raise error(f"{failed}: {last_reason(log.decode(errors='replace'))}.")
    return output


class Ended(NamedTuple):
    """How an ffmpeg process ended."""

    is_good: bool  # exit status 0
    reason: str  # its last error; empty: none
    log: str


class Stream:
    """The standard output of a running ffmpeg."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.pipe = cast("IO[bytes]", process.stdout)
        self.descriptor = self.pipe.fileno()
        self._process, self._log = process, log

    def finish(self) -> Ended:
        """Wait for ffmpeg to exit, once its output has been read to the end."""
        code = self._process.wait()
        self._log.seek(0)
        log = self._log.read().decode(errors="replace")
        errors = [line for line in log.splitlines() if _IS_ERROR.search(line)]
        reason = last_reason("\n".join(errors)) if errors else ""
        return Ended(code == 0, reason, log)


@contextlib.contextmanager
def stream_ffmpeg(arguments: Sequence[str]) -> Iterator[Stream]:
    """Run ffmpeg while the caller reads its ``pipe:1``; leaving the block kills it."""
    with (
        tempfile.TemporaryFile() as log,
        _started(arguments, loglevel="level+verbose", stderr=log) as process,
    ):
        yield Stream(process, log)


@contextlib.contextmanager
def feed_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> Iterator[IO[bytes]]:
    """Run ffmpeg while the caller writes to its standard input, ``pipe:0``.

    Leaving the block waits for ffmpeg to finish; an exception inside it kills ffmpeg.
    Raises what ``run_ffmpeg`` does.
    """
    with (
        tempfile.TemporaryFile() as log,
        _started(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
        ) as process,
    ):
        pipe = cast("IO[bytes]", process.stdin)
        is_whole = False
        # If ffmpeg exits early, its own message says more than a broken pipe.
        with contextlib.suppress(BrokenPipeError):
            yield pipe
            pipe.close()
            is_whole = True
        if process.wait() or not is_whole:
            log.seek(0)
            reason = last_reason(log.read().decode(errors="replace"))
            raise error(f"{failed}: {reason}.")


def last_reason(log: str) -> str:
    """Extract the most informative error from ffmpeg's log."""
    if "No space left on device" in log:
        return "the disk is full"
    lines = [_PREFIX.sub("", line).strip(" .") for line in log.splitlines()]
    useful = [line for line in lines if line and not _UNINFORMATIVE.match(line)]
    reasons = useful or lines
    return reasons[-1] if reasons else "ffmpeg exited without a message"


@contextlib.contextmanager
def _started(
    arguments: Sequence[str],
    *,
    loglevel: str = "error",
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ffmpeg, and kill it if it still runs when the block is left."""
    program = ffmpeg_path()
    command = [program, "-hide_banner", "-nostdin", "-y", "-loglevel", loglevel]
    for argument in arguments:
        if argument == "-i":
            # A playlist may refer to other files: keep every input off the network.
            command += ["-protocol_whitelist", "file,pipe"]
        command.append(argument)
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, and no shell
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            # Keep Ctrl-C from ffmpeg, which would finalize a truncated file.
            start_new_session=True,
        )
    except OSError as err:
        raise DependencyError(
            f"cannot start ffmpeg at {program}: {err.strerror}; check the environment "
            "variable IMAGEIO_FFMPEG_EXE."
        ) from err
    try:
        yield process
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def timed_stream(
    frames: Iterable[Frame],
    times_s: Sequence[float],
    *,
    fps: Fraction,
    hold_s: float | None = None,
) -> Iterator[bytes]:
    """Mux raw frames into a Matroska stream, which gives each one its timestamp.

    Frames are (H, W, 3), or (H, W, 4) with alpha, and are read once. The first is at
    time 0; the last is shown for ``hold_s``, by default one frame period. (ffmpeg's
    concat demuxer cannot hold a last frame, and needs each frame as a file.)

    Source: RFC 9559 (Matroska), RFC 8794 (EBML).

    ValueError: frames and times differ in number, or frames in shape.
    """
    ticks = [round((time - times_s[0]) * 1e6) for time in times_s]
    ticks.append(ticks[-1] + round(1e6 * (hold_s or 1 / fps)))
    shape: tuple[int, ...] = ()
    for frame, (tick, end) in zip(frames, pairwise(ticks), strict=True):
        if not shape:
            shape = frame.shape
            yield _header(shape, fps=fps)
        if frame.shape != shape:
            index = ticks.index(tick)
            raise ValueError(f"frame {index} is {frame.shape}, the first was {shape}")
        # A Block of track 1 at the Cluster's timestamp, and a BlockDuration.
        block = _element(0xA1, b"\x81\x00\x00\x00", frame.tobytes())
        group = _element(0xA0, block, _element(0x9B, end - tick))
        yield _element(0x1F43B675, _element(0xE7, tick), group)


def _header(shape: tuple[int, ...], *, fps: Fraction) -> bytes:
    height, width, channels = shape
    document = _element(0x1A45DFA3, _element(0x4282, b"matroska"))  # DocType
    color_space = b"RGBA" if channels == 4 else b"RGB\x18"
    picture = _element(0xB0, width) + _element(0xBA, height)
    picture += _element(0x2EB524, color_space)
    track = _element(0xD7, 1)  # TrackNumber
    track += _element(0x83, 1)  # TrackType: video
    track += _element(0x22B59C, b"und")  # Language: undetermined
    track += _element(0x23E383, round(1_000_000_000 / fps))  # DefaultDuration, ns
    track += _element(0x86, b"V_UNCOMPRESSED")  # CodecID
    tracks = _element(0x1654AE6B, _element(0xAE, track, _element(0xE0, picture)))
    segment = bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7  # of unknown length
    scale = _element(0x1549A966, _element(0x2AD7B1, 1000))  # TimestampScale, ns
    return document + segment + scale + tracks


def _element(name: int, *parts: bytes | int) -> bytes:
    """Encode one EBML element; its size, and each number in it, take eight bytes."""
    content = b"".join(
        part.to_bytes(8, "big") if isinstance(part, int) else part for part in parts
    )
    identity = name.to_bytes((name.bit_length() + 7) // 8, "big")
    size = (1 << 56) | len(content)  # the leading 1 says how many bytes the size has
    return identity + size.to_bytes(8, "big") + content
