"""The one door to ffmpeg: where the binary is, how it runs, what its failures mean.

Which arguments make a good video is the business of the modules that call. No ffmpeg
outlives the block that started it.
"""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

from vidstyle.errors import DependencyError, VidstyleError
from vidstyle.records import Frame

_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)*(Error opening (in|out)put: )?")
# What follows the line that says why.
_SAYS_LITTLE = re.compile(
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
    """Name a file so that no part of its name is an option or a protocol."""
    return f"file:{path}"


def describe(path: Path) -> str:
    return "".join(follow_messages(["-i", file_url(path)]))


def follow_messages(arguments: Sequence[str]) -> Iterator[str]:
    """Run ffmpeg for its messages, line by line; it ends with the iterator."""
    silent = subprocess.DEVNULL
    with _started(arguments, loglevel="info", stdout=silent) as process:
        for line in cast("IO[bytes]", process.stderr):
            yield line.decode(errors="replace")


def run_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> bytes:
    """Run ffmpeg to its end, and return what it wrote to its standard output.

    Where it fails, ``error`` is raised: ``failed``, such as ``cannot write out.mp4``,
    and ffmpeg's reason. DependencyError: it cannot be started.
    """
    with _started(arguments) as process:
        output, said = process.communicate()
    if process.returncode:
        raise error(f"{failed}: {last_reason(said.decode(errors='replace'))}.")
    return output


class Ended(NamedTuple):
    """How an ffmpeg ended."""

    is_good: bool
    reason: str  # its last error; empty: none
    said: str  # all its messages


class Stream:
    """The standard output of a running ffmpeg."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self.pipe = cast("IO[bytes]", process.stdout)
        self.descriptor = self.pipe.fileno()
        self._process, self._said = process, said

    def finish(self) -> Ended:
        """Wait, after the end of the stream, for ffmpeg to end."""
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")
        errors = [line for line in said.splitlines() if _IS_ERROR.search(line)]
        reason = last_reason("\n".join(errors)) if errors else ""
        return Ended(code == 0, reason, said)


@contextlib.contextmanager
def stream_ffmpeg(arguments: Sequence[str]) -> Iterator[Stream]:
    """Run ffmpeg while the caller reads from ``pipe:1``; the block's end kills it."""
    with (
        tempfile.TemporaryFile() as said,
        _started(arguments, loglevel="level+verbose", stderr=said) as process,
    ):
        yield Stream(process, said)


@contextlib.contextmanager
def feed_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> Iterator[IO[bytes]]:
    """Run ffmpeg while the caller writes to its standard input, ``pipe:0``.

    Leaving the block waits for ffmpeg to finish; an exception in it kills ffmpeg.
    Errors are those of ``run_ffmpeg``.
    """
    with (
        tempfile.TemporaryFile() as said,
        _started(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        pipe = cast("IO[bytes]", process.stdin)
        is_whole = False
        # An ffmpeg that ends early says more than our error would.
        with contextlib.suppress(BrokenPipeError):
            yield pipe
            pipe.close()
            is_whole = True
        if process.wait() or not is_whole:
            said.seek(0)
            reason = last_reason(said.read().decode(errors="replace"))
            raise error(f"{failed}: {reason}.")


def last_reason(said: str) -> str:
    """Find the sentence in ffmpeg's messages that tells a user most."""
    if "No space left on device" in said:
        return "the disk is full"
    lines = [_PREFIX.sub("", line).strip(" .") for line in said.splitlines()]
    useful = [line for line in lines if line and not _SAYS_LITTLE.match(line)]
    return next(reversed(useful or lines), "ffmpeg exited without a message")


@contextlib.contextmanager
def _started(
    arguments: Sequence[str],
    *,
    loglevel: str = "error",
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ffmpeg, and see to it that it has ended when the block is left."""
    program = ffmpeg_path()
    options = ["-hide_banner", "-nostdin", "-y", "-loglevel", loglevel]
    # A file may name others: no input reaches onto the network.
    local = ["-protocol_whitelist", "file,pipe", "-i"]
    given = [part for each in arguments for part in (local if each == "-i" else [each])]
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, and no shell
            [program, *options, *given],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            # Ctrl-C is for us to answer: ffmpeg would end the file as if it were whole.
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
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
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
    """Write frames as a Matroska stream of raw video, which alone has no times.

    Frames are (H, W, 3), or (H, W, 4) with alpha, read once; the first is at time 0,
    the last held for ``hold_s``, or as the rate says. (ffmpeg's concat demuxer holds no
    last frame, and needs each as a file.) Source: RFC 9559 (Matroska), 8794 (EBML).

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
        # A block of track 1 at the cluster's time, with how long it is shown.
        block = _element(0xA1, b"\x81\x00\x00\x00", frame.tobytes())
        group = _element(0xA0, block, _element(0x9B, end - tick))
        yield _element(0x1F43B675, _element(0xE7, tick), group)


def _header(shape: tuple[int, ...], *, fps: Fraction) -> bytes:
    height, width, channels = shape
    document = _element(
        *(0x1A45DFA3, _element(0x4282, b"matroska")),  # DocType
        _element(0x4287, 4),  # its version
        _element(0x4285, 2),  # the version that a reader needs
    )
    picture = _element(
        *(0xE0, _element(0xB0, width), _element(0xBA, height)),
        _element(0x2EB524, b"RGBA" if channels == 4 else b"RGB\x18"),  # ColourSpace
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
    scale = _element(0x1549A966, _element(0x2AD7B1, 1000))  # TimestampScale, ns
    return document + segment + scale + _element(0x1654AE6B, track)


def _element(name: int, *parts: bytes | int) -> bytes:
    """Return one element: its identity, its length in eight bytes, its content."""
    content = b"".join(
        part.to_bytes(8, "big") if isinstance(part, int) else part for part in parts
    )
    identity = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return identity + (len(content) | 1 << 56).to_bytes(8, "big") + content
