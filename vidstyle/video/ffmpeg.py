"""The one door to ffmpeg: where the binary is, how it runs, what its failures mean.

Arguments come in, bytes and error messages go out; which arguments make a good video is
the business of the modules that call. No ffmpeg outlives the block that started it.
"""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
_PATIENCE_S = 0.2
"""Between two questions whether to go on."""
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


class StoppedError(Exception):
    """The caller does not want the rest of ffmpeg's work."""


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    error: type[VidstyleError],
    failed: str,
    is_stopped: Callable[[], bool] | None = None,
) -> bytes:
    """Run ffmpeg to its end.

    Args:
        arguments: Without the program and the options on messages and overwriting.
        error: What to raise when ffmpeg fails.
        failed: The beginning of its message, such as ``cannot write out.mp4``.
        is_stopped: Asked now and then whether to give up; None: never.

    Returns:
        What ffmpeg wrote to its standard output.

    Raises:
        VidstyleError: The given error, with ffmpeg's reason.
        DependencyError: If ffmpeg cannot be started.
        StoppedError: If it was stopped.
    """
    with _started(arguments) as process:
        output, said = _communicate(process, is_stopped)
    if process.returncode:
        raise error(f"{failed}: {last_reason(said.decode(errors='replace'))}.")
    return output


def _communicate(
    process: subprocess.Popen[bytes], is_stopped: Callable[[], bool] | None
) -> tuple[bytes, bytes]:
    """Wait for a process and what it writes, as long as that is wanted."""
    while True:
        try:
            return process.communicate(timeout=_PATIENCE_S if is_stopped else None)
        except subprocess.TimeoutExpired:
            if is_stopped is not None and is_stopped():
                raise StoppedError from None


class Packet(NamedTuple):
    """One packet of a file: a frame, or a piece of sound."""

    time_s: float
    """When it is shown or heard, on the file's own clock."""
    duration_s: float


def list_packets(
    path: Path, streams: str, *, error: type[VidstyleError]
) -> list[Packet]:
    """List the packets of a file in its order, without decoding them.

    Args:
        path: The file.
        streams: Which, as ffmpeg's ``-map`` takes them.
        error: What to raise when ffmpeg fails.

    Raises:
        VidstyleError: The given error, with ffmpeg's reason.
    """
    which = ["-copyts", "-i", file_url(path), "-map", streams, "-copy_unknown"]
    said = run_ffmpeg(
        [*which, "-c", "copy", "-f", "framecrc", "-"],
        error=error,
        failed=f"cannot list the packets of {path}",
    ).decode()
    ticks = {
        int(stream): Fraction(tick)
        for stream, tick in re.findall(r"^#tb (\d+): (\S+)$", said, re.MULTILINE)
    }
    rows = re.findall(r"^(\d+), *-?\d+, *(-?\d+), *(\d+),", said, re.MULTILINE)
    return [
        Packet(
            float(int(time) * ticks[int(stream)]),
            float(int(shown) * ticks[int(stream)]),
        )
        for stream, time, shown in rows
    ]


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
