"""Image sequences: probe, read and write a folder of numbered pictures as a clip.

Frames are in the order of their numbers; a gap in the numbering is not a pause. All
pictures are checked up front, since hours may pass before the last one is read.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from vidstyle.errors import OutputError, VideoOpenError, counted
from vidstyle.images import PICTURE_ENDINGS, read_picture, write_picture
from vidstyle.images.decode import read_header
from vidstyle.records import Frame, TimedFrame, VideoInfo

_ENDS: Final = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
"""The end-of-file markers of formats that have one."""
_NUMBERED: Final = re.compile(r"\d{6,}\.png")


def list_pictures(folder: Path) -> list[Path]:
    """List the files with a picture's extension, in natural order."""
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    pictures = [path for path in visible if path.suffix.lower() in PICTURE_ENDINGS]
    return sorted(pictures, key=natural_order)


def numbered_pictures(folder: Path) -> list[Path]:
    """List the pictures that have a number in their names, in natural order."""
    return [path for path in list_pictures(folder) if re.search(r"\d", path.stem)]


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that compares digits by value, so that 9 comes before 10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def probe_folder(folder: Path, *, fps: Fraction, background: str) -> VideoInfo:
    """Describe a folder of at least one numbered picture as a clip.

    VideoOpenError: no numbered pictures, or of different sizes; ImageOpenError: one of
    them cannot be read.
    """
    pictures = numbered_pictures(folder)
    if not pictures:
        raise VideoOpenError(
            f"the folder {folder} has no numbered pictures, such as 0001.png; "
            "give a video file or a folder of frames."
        )
    numbers = {int(re.findall(r"\d+", path.stem)[-1]) for path in pictures}
    height, width, _ = read_picture(pictures[0]).shape
    alphas = [_check(picture, (height, width)) for picture in pictures]
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
        pixel_format="rgba" if any(alphas) else "rgb24",
        has_alpha=any(alphas),
        has_times=False,
        missing_numbers=max(numbers) - min(numbers) + 1 - len(numbers),
        background=background,
    )


def read_folder(
    info: VideoInfo, *, on_warning: Callable[[str], None]
) -> Iterator[TimedFrame]:
    """Read a folder's pictures in order, at a constant rate."""
    if info.missing_numbers:
        on_warning(
            f"{info.path} has no picture for {counted(info.missing_numbers, 'number')} "
            "between its first and last; the rest is used"
        )
    for index, picture in enumerate(numbered_pictures(info.path)):
        frame = read_picture(picture, background=info.background)
        _check_size(picture, frame.shape, (info.height, info.width))
        yield TimedFrame(index=index, time_s=float(index / info.fps), frame=frame)


def _check(picture: Path, shape: tuple[int, int]) -> bool:
    """Check that a picture is complete and of a shape; return whether it has alpha.

    It is decoded only if its header and end-of-file marker do not settle that.
    """
    header = None
    with contextlib.suppress(OSError, ValueError), picture.open("rb") as file:
        header = read_header(file)
        if header is not None:
            end = _ENDS.get(header.format, b"")
            file.seek(-len(end), os.SEEK_END)
            upright = header.height, header.width
            if header.turn > 4:
                upright = header.width, header.height
            if file.read() == end and upright == shape:
                return header.has_alpha
    _check_size(picture, read_picture(picture).shape, shape)
    return header is not None and header.has_alpha


def _check_size(picture: Path, shape: tuple[int, ...], first: tuple[int, ...]) -> None:
    if shape[:2] != first:
        raise VideoOpenError(
            f"{picture} is {shape[1]}x{shape[0]}, but the first picture is "
            f"{first[1]}x{first[0]}; all frames must have the same size."
        )


def write_pictures(frames: Iterable[Frame], folder: Path) -> None:
    """Write frames as PNGs; the folder appears once it is complete.

    A folder of such pictures is replaced; for any other, ``check_folder`` raises.
    """
    check_folder(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for number, frame in enumerate(frames, start=1):
            write_picture(partial / f"{number:06d}.png", frame)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as err:
        raise OutputError(f"cannot write {folder}: {err.strerror}.") from err
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def holds_frames(folder: Path) -> bool:
    """Return whether a folder holds numbered pictures, and nothing else."""
    names = [path.name for path in folder.iterdir()]
    return bool(names) and all(_NUMBERED.fullmatch(name) for name in names)


def check_folder(folder: Path) -> None:
    """Check that numbered pictures may be written to a folder, or raise OutputError."""
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; choose another folder or extension.")
    if folder.is_dir():
        names = [path.name for path in folder.iterdir()]
        others = [name for name in names if not _NUMBERED.fullmatch(name)]
        if others:
            raise OutputError(
                f"{folder} holds other files ({min(others)}); choose another folder."
            )
