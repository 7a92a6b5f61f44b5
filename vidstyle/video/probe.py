"""A file or a folder comes in, a VideoInfo goes out; no frame is decoded here.

ffmpeg's description of the file is the source of facts, since it ships without ffprobe
and OpenCV averages rates and hides tags. OpenCV is asked for what only it knows: the
shape that it will deliver, and the container's count of frames.
"""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import cv2

from vidstyle.config import MIN_SIDE
from vidstyle.errors import VideoOpenError
from vidstyle.images import read_picture
from vidstyle.records import VideoInfo
from vidstyle.video.ffmpeg import describe, last_reason

PICTURE_ENDINGS: Final = frozenset(
    {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Of the files that a folder of pictures may hold."""

FOLDER_FPS: Final = Fraction(25)
"""Of a folder of pictures, unless the user says otherwise."""

_INPUT = re.compile(r"^Input #0, (.+?), from '", re.MULTILINE)
_STREAM = re.compile(r"^\s+Stream #0:\d+\S*: (\w+): (\w+)(.*)$", re.MULTILINE)
_PICTURE = re.compile(r", (\w+)(?:\((.*?)\))?, (\d+)x(\d+)")
_PIXEL_ASPECT = re.compile(r"\bSAR ([1-9]\d*):([1-9]\d*)")
_INTERLACED = re.compile(r"\b(top|bottom) (coded )?first\b")
_ROTATION = re.compile(r"Display Matrix: rotation of (-?[\d.]+) degrees")
_FILE_START = re.compile(r"\bstart: (-?[\d.]+)")
_STREAM_START = re.compile(r"\bstart (-?[\d.]+)")
_FILE_DURATION = re.compile(r"\bDuration: (\d+):(\d+):([\d.]+)")
_STREAM_DURATION = re.compile(r"\bDURATION *: (\d+):(\d+):([\d.]+)")
_AVERAGE_RATE = re.compile(r" ([\d.]+)(k?) fps\b")
_GUESSED_RATE = re.compile(r" ([\d.]+)(k?) tbr\b")

_TEXT_CODECS: Final = frozenset({"ansi", "bintext", "idf", "xbin"})
# No OpenCV reads animated WebP, and those on PyPI open AV1 and then deliver nothing.
_UNREADABLE_CODECS: Final = frozenset({"av1", "webp", "webp_anim"})
# A guess above this is a variable rate's clock, unless the average confirms it.
_MOST_GUESSED_FPS: Final = 120
_NTSC_BASES: Final = (12, 15, 24, 30, 48, 60, 120, 240)


def probe(path: Path, *, folder_fps: Fraction = FOLDER_FPS) -> VideoInfo:
    """Find out what a clip is.

    Args:
        path: A video, an animated GIF, or a folder of numbered pictures.
        folder_fps: Rate of a folder; a file has its own.

    Raises:
        VideoOpenError: If there is no clip that can be read, or it is too small.
        ImageOpenError: If a folder's first picture cannot be read.
        DependencyError: If there is no ffmpeg.
    """
    try:
        if path.is_dir():
            info = _probe_folder(path, folder_fps)
        else:
            _check_readable(path)
            info = _probe_file(path)
    except OSError as err:
        raise VideoOpenError(f"cannot read {path}: {err.strerror}.") from err
    if min(info.height, info.width) < MIN_SIDE:
        raise VideoOpenError(
            f"{path} is {info.width}x{info.height}; a clip needs at least "
            f"{MIN_SIDE} pixels a side."
        )
    return info


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
    return sorted(pictures, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order 9 before 10: numbers by value, what lies between them by letters."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _probe_folder(folder: Path, fps: Fraction) -> VideoInfo:
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
    )


def _check_readable(path: Path) -> None:
    """Check that there is a file with something in it, and that we may read it."""
    if path.exists() and not path.is_file():
        raise VideoOpenError(f"{path} is not a file; name a video file or a folder.")
    with path.open("rb") as file:
        if not file.read(1):
            raise VideoOpenError(f"{path} is empty: there is no video in it.")


def _probe_file(path: Path) -> VideoInfo:
    said = describe(path)
    container = _INPUT.search(said)
    if container is None:
        raise VideoOpenError(
            f"{path} is not a video that can be read: {last_reason(said)}."
        )
    if container[1].endswith("_pipe") or container[1] == "image2":
        raise VideoOpenError(
            f"{path} is a still picture, not a clip; use the image command for it."
        )
    sound = _codecs(said, "Audio")
    stream = _video_stream(said)
    if stream is None:
        holds = "sound, but no picture" if sound else "nothing that can be decoded"
        raise VideoOpenError(f"{path} holds {holds}; name a video file.")
    seen = None if stream.is_misread else _ask_opencv(path)
    height, width, count = seen or (*stream.shape, None)
    duration = _seconds(_STREAM_DURATION, stream.details)
    duration = duration or _seconds(_FILE_DURATION, said)
    if count is None and duration:
        count = round(duration * stream.fps)
    return VideoInfo(
        path=path,
        kind="video",
        height=height,
        width=width,
        fps=stream.fps,
        frame_count=count,
        duration_s=duration,
        rotation=stream.rotation,
        codec=stream.codec,
        pixel_format=stream.pixel_format,
        has_audio=bool(sound),
        container=container[1],
        start_s=_value(_STREAM_START, stream.line) - _value(_FILE_START, said),
        color_tags=stream.color_tags,
        audio_codecs=sound,
        subtitle_codecs=_codecs(said, "Subtitle"),
        needs_normalizing=seen is None,
    )


class _VideoStream(NamedTuple):
    """What ffmpeg says of a video stream."""

    codec: str
    pixel_format: str
    color_tags: str
    stored_height: int
    stored_width: int
    line: str
    """All that stands in its line after the codec."""
    details: str
    """The lines below it."""

    @property
    def is_misread(self) -> bool:
        """Whether OpenCV opens it, and then delivers wrong pixels or none."""
        return (
            self.codec in _UNREADABLE_CODECS
            or _INTERLACED.search(self.color_tags) is not None
            or "bt2020" in self.color_tags
            or self.pixel_aspect != 1
        )

    @property
    def rotation(self) -> int:
        """Degrees by which reading turns the stored picture."""
        degrees = round(-_value(_ROTATION, self.details)) % 360
        return degrees if degrees % 90 == 0 else 0

    @property
    def pixel_aspect(self) -> Fraction:
        """Width over height of a stored pixel."""
        found = _PIXEL_ASPECT.search(self.line)
        return Fraction(int(found[1]), int(found[2])) if found else Fraction(1)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width as displayed, in square pixels."""
        height, width, aspect = self.stored_height, self.stored_width, self.pixel_aspect
        if self.rotation % 180:
            height, width, aspect = width, height, 1 / aspect
        return height, math.floor(width * aspect + Fraction(1, 2))

    @property
    def fps(self) -> Fraction:
        """Nominal rate; exact, although ffmpeg prints two decimals of it."""
        average = _value(_AVERAGE_RATE, self.line)
        guessed = _value(_GUESSED_RATE, self.line)
        is_confirmed = abs(guessed - average) < 0.01 * average
        if 0 < guessed <= _MOST_GUESSED_FPS or is_confirmed:
            return snap_rate(guessed)
        return snap_rate(average) if average else FOLDER_FPS


def snap_rate(printed: float) -> Fraction:
    """Find the rate of frames that ffmpeg rounded to two decimals.

    Returns:
        A whole number, or one of NTSC's rates such as 30000/1001, if one is as near as
        the rounding allows; otherwise the number as printed.
    """
    ntsc = (Fraction(base * 1000, 1001) for base in _NTSC_BASES)
    for rate in (Fraction(round(printed)), *ntsc):
        if abs(printed - rate) <= 0.006 and rate:
            return rate
    return Fraction(printed).limit_denominator(1000)


def _video_stream(said: str) -> _VideoStream | None:
    """Find the first stream of moving pictures in ffmpeg's description."""
    streams = list(_STREAM.finditer(said))
    ends = [stream.start() for stream in streams[1:]] + [len(said)]
    for stream, end in zip(streams, ends, strict=True):
        kind, codec, line = stream.groups()
        picture = _PICTURE.search(line)
        is_cover = "(attached pic)" in line
        if kind != "Video" or is_cover or codec in _TEXT_CODECS or picture is None:
            continue
        return _VideoStream(
            codec=codec,
            pixel_format=picture[1],
            color_tags=picture[2] or "",
            stored_height=int(picture[4]),
            stored_width=int(picture[3]),
            line=line,
            details=said[stream.end() : end],
        )
    return None


def _ask_opencv(path: Path) -> tuple[int, int, int | None] | None:
    """Ask for the height and width of its frames, and the container's count of them.

    Returns:
        None if OpenCV cannot open the file.
    """
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    return (height, width, count if count > 0 else None) if height * width else None


def _codecs(said: str, kind: str) -> tuple[str, ...]:
    return tuple(match[2] for match in _STREAM.finditer(said) if match[1] == kind)


def _value(pattern: re.Pattern[str], text: str) -> float:
    """Read a number, perhaps in thousands; 0 where it does not stand."""
    found = pattern.search(text)
    if found is None:
        return 0.0
    return float(found[1]) * (1000 if "k" in found.groups()[1:] else 1)


def _seconds(pattern: re.Pattern[str], text: str) -> float | None:
    """Read a duration such as 00:00:05.06; None where it does not stand, or is 0."""
    found = pattern.search(text)
    if found is None:
        return None
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) or None
