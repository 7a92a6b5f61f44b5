"""A file that says: one process is at work here.

The operating system holds the lock, not the file, so a process that is killed leaves
none behind. Where the system has no such locks (Windows, some network folders), two
runs in one place are not noticed.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


class LockedError(Exception):
    """Another process is at work here; its number is the argument."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock for the time of the block; its file is deleted at the end.

    Raises:
        LockedError: If another process holds it.
        OSError: If the file cannot be made.
    """
    handle = _take(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _take(path: Path) -> int:
    """Open a file, lock it, and write our number into it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(handle):
            owner = os.read(handle, 20).decode() or "unknown"
            os.close(handle)
            raise LockedError(owner)
        if _is_there(path, handle):
            os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)  # its last owner deleted it while we came


def _lock(handle: int) -> bool:
    """Lock an open file; False: another process has."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the file system knows no locks
        os.ftruncate(handle, 0)
    return True


def _is_there(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False
