"""Frames -> a folder of numbered PNGs: 000001.png for the first."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from vidstyle.errors import OutputError
from vidstyle.images import resize_frame, write_picture
from vidstyle.records import Frame

_NUMBERED: Final = re.compile(r"\d{6,}\.png")


def write_pictures(
    frames: Iterable[Frame],
    folder: Path,
    *,
    height: int | None = None,
    width: int | None = None,
) -> None:
    """Write each frame without loss; the folder appears when all are there.

    Args:
        frames: In order; read one at a time.
        folder: An existing one is replaced if it holds such pictures only.
        height: Of the result; None: the frames'. They are resampled to it.
        width: Of the result; None: the frames'.

    Raises:
        OutputError: If they cannot be written, or the folder holds something else.
    """
    check_folder(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for number, frame in enumerate(frames, start=1):
            shaped = resize_frame(
                frame, height=height or frame.shape[0], width=width or frame.shape[1]
            )
            write_picture(partial / f"{number:06d}.png", shaped)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as err:
        raise OutputError(f"cannot write {folder}: {err.strerror}.") from err
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Check, before the work, that numbered pictures may go into a folder.

    Raises:
        OutputError: If it is a file, holds something else, or has no place to be in.
    """
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name another folder, or an ending.")
    if folder.is_dir():
        others = [p.name for p in folder.iterdir() if not _NUMBERED.fullmatch(p.name)]
        if others:
            raise OutputError(
                f"{folder} holds other files ({min(others)}); name another folder."
            )
