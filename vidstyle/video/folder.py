"""A folder of numbered pictures as a clip: probed, read and written.

Pictures follow one another in the order of their numbers; a gap in the numbering is no
pause. All are checked before the work, since it may be hours until the last is read.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from vidstyle.errors import OutputError, VideoOpenError
from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame, write_picture
from vidstyle.images.decode import read_header
from vidstyle.records import Frame, TimedFrame, VideoInfo

_ENDS: Final = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
"""The last bytes of a whole file, where its format has such."""
_NUMBERED: Final = re.compile(r"\d{6,}\.png")


def list_pictures(folder: Path) -> list[Path]:
    """List what is called like a picture, by name, and numbers in it by value."""
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    pictures = [path for path in found if path.suffix.lower() in PICTURE_ENDINGS]
    return sorted(pictures, key=natural_order)


def numbered_pictures(folder: Path) -> list[Path]:
    """List the pictures that have a number in their names, in its order."""
    return [path for path in list_pictures(folder) if re.search(r"\d", path.stem)]


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Order 9 before 10: numbers by value, what lies between them by letters."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def probe_folder(folder: Path, *, fps: Fraction, background: str) -> VideoInfo:
    """Find out what a folder of pictures is as a clip; one picture is enough.

    VideoOpenError: it holds no numbered pictures, or of more than one size;
    ImageOpenError: one of them cannot be read.
    """
    pictures = numbered_pictures(folder)
    if not pictures:
        raise VideoOpenError(
            f"the folder {folder} has no numbered pictures, such as 0001.png; "
            "give a video file or a folder of frames."
        )
    numbers = {int(re.findall(r"\d+", path.stem)[-1]) for path in pictures}
    height, width = shape = read_picture(pictures[0]).shape[:2]
    are_clear = [_check(picture, shape) for picture in pictures]
    return VideoInfo(
        path=folder,
        kind="folder",
        height=height,
        width=width,
        fps=fps,
        frame_count=len(pictures),
        duration_s=float(len(pictures) / fps),
        rotation=0,
        codec=pictures[0].suffix.lower().removeprefix("."),
        pixel_format="rgba" if any(are_clear) else "rgb24",
        has_audio=False,
        has_alpha=any(are_clear),
        has_times=False,
        missing_numbers=max(numbers) - min(numbers) + 1 - len(numbers),
        background=background,
    )


def read_folder(
    info: VideoInfo, *, on_warning: Callable[[str], None]
) -> Iterator[TimedFrame]:
    """Read a folder's pictures in order, at even times."""
    if info.missing_numbers:
        on_warning(
            f"{info.path} has no pictures for {info.missing_numbers} numbers between "
            "its first and last; they are skipped"
        )
    for index, picture in enumerate(numbered_pictures(info.path)):
        frame = read_picture(picture, background=info.background)
        _check_size(picture, frame.shape, (info.height, info.width))
        yield TimedFrame(index=index, time_s=float(index / info.fps), frame=frame)


def _check(picture: Path, shape: tuple[int, ...]) -> bool:
    """Check that a picture is whole and of a shape; return whether it may be clear.

    It is decoded only where its header says something else, or nothing.
    """
    header = None
    with contextlib.suppress(OSError, ValueError), picture.open("rb") as file:
        if header := read_header(file):
            end = _ENDS.get(header.format, b"")
            file.seek(-len(end), os.SEEK_END)
            stored = header.height, header.width
            if file.read() == end and stored[:: 1 if header.turn <= 4 else -1] == shape:
                return header.has_alpha
    _check_size(picture, read_picture(picture).shape, shape)
    return header is not None and header.has_alpha


def _check_size(picture: Path, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape[:2] != wanted:
        raise VideoOpenError(
            f"{picture} is {shape[1]}x{shape[0]}, but the first picture is "
            f"{wanted[1]}x{wanted[0]}; all frames must have the same size."
        )


def write_pictures(
    frames: Iterable[Frame],
    folder: Path,
    *,
    height: int | None = None,
    width: int | None = None,
) -> None:
    """Write frames, resized, without loss; the folder appears when all are there.

    One with such pictures only is replaced; for others ``check_folder`` raises.
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


def holds_frames(folder: Path) -> bool:
    names = [path.name for path in folder.iterdir()]
    return bool(names) and all(map(_NUMBERED.fullmatch, names))


def check_folder(folder: Path) -> None:
    """Check that numbered pictures may go into a folder, or raise OutputError."""
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; choose another folder or extension.")
    if folder.is_dir():
        others = [p.name for p in folder.iterdir() if not _NUMBERED.fullmatch(p.name)]
        if others:
            raise OutputError(
                f"{folder} holds other files ({min(others)}); choose another folder."
            )
