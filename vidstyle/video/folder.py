"""A folder of numbered pictures comes in; a VideoInfo, or its frames, go out.

Pictures follow one another in the order of their numbers; a gap in the numbering is no
pause.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import VideoOpenError
from vidstyle.images import PICTURE_ENDINGS, read_picture
from vidstyle.records import TimedFrame, VideoInfo


def numbered_pictures(folder: Path) -> list[Path]:
    """List a folder's numbered pictures in the order of their numbers.

    Files of other kinds, hidden ones, and names without a number are passed over.
    """
    pictures = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_ENDINGS
        and not path.name.startswith(".")
        and re.search(r"\d", path.stem)
    ]
    return sorted(pictures, key=natural_order)


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Order 9 before 10: numbers by value, what lies between them by letters."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def probe_folder(folder: Path, *, fps: Fraction, background: str) -> VideoInfo:
    """Find out what a folder of pictures is as a clip.

    Args:
        folder: One picture in it is enough.
        fps: How many of them a second shows.
        background: What lies behind transparent pixels, as ``#rrggbb``.

    Raises:
        VideoOpenError: If it holds no numbered pictures.
        ImageOpenError: If the first of them cannot be read.
    """
    pictures = numbered_pictures(folder)
    if not pictures:
        raise VideoOpenError(
            f"the folder {folder} holds no numbered pictures, such as 0001.png; "
            "name a video file or a folder of frames."
        )
    height, width = read_picture(pictures[0]).shape[:2]
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
        pixel_format="rgb24",
        has_audio=False,
        has_times=False,
        missing_numbers=_missing_numbers(pictures),
        background=background,
    )


def _missing_numbers(pictures: list[Path]) -> int:
    """Count the numbers between first and last that no picture has."""
    found = [re.findall(r"\d+", path.stem)[-1] for path in pictures]
    numbers = {int(number) for number in found}
    return max(numbers) - min(numbers) + 1 - len(numbers)


def read_folder(info: VideoInfo) -> Iterator[TimedFrame]:
    """Read a folder's pictures in order, at even times.

    Raises:
        VideoOpenError: If one has another size than the first.
        ImageOpenError: If one cannot be read.
    """
    for index, picture in enumerate(numbered_pictures(info.path)):
        frame = read_picture(picture, background=info.background)
        height, width = frame.shape[:2]
        if (height, width) != (info.height, info.width):
            raise VideoOpenError(
                f"{picture} is {width}x{height}, but the first picture is "
                f"{info.width}x{info.height}; a clip has frames of one size."
            )
        yield TimedFrame(index=index, time_s=float(index / info.fps), frame=frame)
