"""The one door to ffmpeg: where the binary is, how it runs, what its failures mean.

Arguments come in, bytes and error messages go out; which arguments make a good video is
the business of the modules that call. No ffmpeg outlives the block that started it.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, NamedTuple, cast

from vidstyle.errors import DependencyError, VidstyleError

_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)*(Error opening (in|out)put: )?")
# What follows the line that says why.
_SAYS_LITTLE = re.compile(
    r"Conversion failed|Error opening (in|out)put files?\b|Last message repeated"
    r"|Terminating thread|Task finished|Nothing was written|At least one output file"
    r"|Error sending frames|Error selecting|Could not open encoder before EOF"
    r"|Could not write header|Error while opening encoder|Invalid data found"
)
# Where messages bear their level.
_IS_ERROR = re.compile(r"\[(error|fatal|panic)\]")
_DISK_FULL = "No space left on device"


def ffmpeg_path() -> str:
    """Find the ffmpeg binary.

    Raises:
        DependencyError: If imageio-ffmpeg is missing, or has no binary here.
    """
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as err:
        raise DependencyError(
            "there is no ffmpeg here: install the package imageio-ffmpeg, or name a "
            "binary in the environment variable IMAGEIO_FFMPEG_EXE."
        ) from err


def file_url(path: Path) -> str:
    """Name a file so that no part of its name is an option or a protocol."""
    return f"file:{path}"


def describe(path: Path) -> str:
    """Return what ffmpeg says of a file: its streams, or why it cannot read them."""
    with _started(["-i", file_url(path)], loglevel="info") as process:
        _, said = process.communicate()
    return said.decode(errors="replace")


@contextlib.contextmanager
def follow_messages(arguments: Sequence[str]) -> Iterator[Iterator[str]]:
    """Run ffmpeg for what it says: its messages, line by line.

    Leaving the block kills it, if it has not ended.

    Raises:
        DependencyError: If ffmpeg cannot be started.
    """
    silent = subprocess.DEVNULL
    with _started(arguments, loglevel="info", stdout=silent) as process:
        said = cast("IO[bytes]", process.stderr)
        yield (line.decode(errors="replace") for line in said)


def run_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> bytes:
    """Run ffmpeg to its end.

    Args:
        arguments: Without the program and the options on messages and overwriting.
        error: What to raise when ffmpeg fails.
        failed: The beginning of its message, such as ``cannot write out.mp4``.

    Returns:
        What ffmpeg wrote to its standard output.

    Raises:
        VidstyleError: The given error, with ffmpeg's reason.
        DependencyError: If ffmpeg cannot be started.
    """
    with _started(arguments) as process:
        output, said = process.communicate()
    if process.returncode:
        raise error(f"{failed}: {last_reason(said.decode(errors='replace'))}.")
    return output


class Packet(NamedTuple):
    """One packet of a file: a frame, or a piece of sound."""

    time_s: float
    """When it is shown or heard, on the file's own clock."""
    duration_s: float
    size: int
    """Bytes."""


def list_packets(
    path: Path,
    streams: str,
    *,
    error: type[VidstyleError],
    decoded: int | None = None,
) -> list[Packet]:
    """List the packets of a file in its order, or its first frames.

    Args:
        path: The file.
        streams: Which, as ffmpeg's ``-map`` takes them.
        error: What to raise when ffmpeg fails.
        decoded: How many frames to decode and list; None: all packets, as they are.

    Raises:
        VidstyleError: The given error, with ffmpeg's reason.
    """
    source = ["-i", file_url(path), "-map", streams]
    arguments = ["-copyts", *source, "-copy_unknown", "-c", "copy"]
    if decoded is not None:
        clock = ["-fps_mode", "passthrough", "-enc_time_base", "demux"]
        arguments = [*source, "-frames:v", str(decoded), *clock]
    said = run_ffmpeg(
        [*arguments, "-f", "framecrc", "-"],
        error=error,
        failed=f"cannot list the packets of {path}",
    ).decode()
    ticks = {
        int(stream): Fraction(tick)
        for stream, tick in re.findall(r"^#tb (\d+): (\S+)$", said, re.MULTILINE)
    }
    row = r"^(\d+), *-?\d+, *(-?\d+), *(\d+), *(\d+),"
    return [
        Packet(
            float(int(time) * ticks[int(stream)]),
            float(int(shown) * ticks[int(stream)]),
            int(size),
        )
        for stream, time, shown, size in re.findall(row, said, re.MULTILINE)
    ]


class Stream:
    """What flows out of a running ffmpeg."""

    def __init__(
        self, descriptor: int, process: subprocess.Popen[bytes], said: IO[bytes]
    ) -> None:
        """Watch a process whose output can be read, and whose errors go to a file."""
        self.descriptor = descriptor
        self._process, self._said = process, said

    def finish(self) -> "Ended":
        """Wait, after the end of the stream, for ffmpeg to end."""
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")
        errors = [line for line in said.splitlines() if _IS_ERROR.search(line)]
        reason = last_reason("\n".join(errors)) if errors else ""
        return Ended(code == 0, reason, said)


class Ended(NamedTuple):
    """How an ffmpeg ended."""

    is_good: bool
    reason: str
    """Its last error; empty: none."""
    said: str
    """All its messages."""


@contextlib.contextmanager
def stream_ffmpeg(arguments: Sequence[str]) -> Iterator[Stream]:
    """Run ffmpeg while the caller reads its standard output, ``pipe:1``.

    It is told to say much. Leaving the block kills it, if it has not ended.

    Raises:
        DependencyError: If ffmpeg cannot be started.
    """
    reading, writing = os.pipe()
    try:
        with (
            tempfile.TemporaryFile() as said,
            _started(
                arguments, loglevel="level+verbose", stdout=writing, stderr=said
            ) as process,
        ):
            os.close(writing)  # so that the end of ffmpeg is the end of the pipe
            writing = -1
            yield Stream(reading, process, said)
    finally:
        for end in (reading, writing):
            if end >= 0:
                os.close(end)


@contextlib.contextmanager
def feed_ffmpeg(
    arguments: Sequence[str], *, error: type[VidstyleError], failed: str
) -> Iterator[IO[bytes]]:
    """Run ffmpeg while the caller writes to its standard input, ``pipe:0``.

    Leaving the block waits for ffmpeg to finish; an exception in it kills ffmpeg.
    Arguments and errors are those of ``run_ffmpeg``.
    """
    with (
        tempfile.TemporaryFile() as said,
        _started(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        pipe = cast("IO[bytes]", process.stdin)
        ended_early = False
        try:
            yield pipe
            pipe.close()
        except BrokenPipeError:
            ended_early = True  # its own message says more than ours would
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        if process.wait() or ended_early:
            said.seek(0)
            reason = last_reason(said.read().decode(errors="replace"))
            raise error(f"{failed}: {reason}.")


def last_reason(said: str) -> str:
    """Find the sentence in ffmpeg's messages that tells a user most.

    Args:
        said: Standard error of a run that failed.
    """
    if _DISK_FULL in said:
        return "the disk is full"
    lines = [_PREFIX.sub("", line).strip(" .") for line in said.splitlines()]
    useful = [line for line in lines if line and not _SAYS_LITTLE.match(line)]
    return next(reversed(useful or lines), "ffmpeg ended without saying why")


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
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, and no shell
            [program, *options, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            # Ctrl-C is for us to answer: ffmpeg would end the file as if it were whole.
            start_new_session=True,
        )
    except OSError as err:
        raise DependencyError(
            f"cannot start ffmpeg at {program}: {err.strerror}; see the environment "
            "variable IMAGEIO_FFMPEG_EXE."
        ) from err
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()
