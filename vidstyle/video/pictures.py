"""Frames -> a folder of numbered PNGs: 000001.png for the first."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from vidstyle.errors import OutputError
from vidstyle.images import resize_frame, write_picture
from vidstyle.records import Frame


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
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        if folder.is_dir() and any(path.suffix != ".png" for path in folder.iterdir()):
            raise OutputError(f"{folder} holds other files; name another folder.")
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
