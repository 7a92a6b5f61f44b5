"""A result has a partial name until it is whole, and then its own."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vidstyle.errors import VideoWriteError
from vidstyle.video.ffmpeg import list_packets


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
    """Check that a file holds as many frames as went into it.

    Raises:
        VideoWriteError: If it does not.
    """
    written = len(list_packets(path, "0:v:0", error=VideoWriteError))
    if written != frames:
        raise VideoWriteError(f"{failed}: it holds {written} of {frames} frames.")


def check_place(path: Path) -> None:
    """Check that a file could be written under a name.

    Raises:
        VideoWriteError: If there is no such folder, or it cannot be written to.
    """
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
