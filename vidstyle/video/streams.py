"""ffmpeg's description of a file comes in, facts about its streams go out.

It ships without ffprobe, so the facts are read from the text that it prints for people;
nothing here opens a file. What the facts mean for reading is ``video/route``'s affair.
"""

import math
import re
from fractions import Fraction
from typing import Final, NamedTuple

from vidstyle.records import StreamInfo

_INPUT = re.compile(r"^Input #0, (.+?), from '", re.MULTILINE)
_STREAM = re.compile(
    r"^\s+Stream #0:(\d+)(?:\[\w+\])?(?:\((\w+)\))?: (\w+): (\w+)(.*)$", re.MULTILINE
)
_PICTURE = re.compile(r", (\w+)(?:\((.*?)\))?, (\d+)x(\d+)")
_PIXEL_ASPECT = re.compile(r"\bSAR ([1-9]\d*):([1-9]\d*)")
_INTERLACED = re.compile(r"\b(top|bottom) (coded )?first\b")
_ROTATION = re.compile(r"Display Matrix: rotation of (-?[\d.]+) degrees")
_CROPPING = re.compile(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)")
_ALPHA_MODE = re.compile(r"^\s+alpha_mode\s*: 1$", re.MULTILINE | re.IGNORECASE)
_FILE_START = re.compile(r"\bstart: (-?[\d.]+)")
_STREAM_START = re.compile(r"\bstart (-?[\d.]+)")
_FILE_DURATION = re.compile(r"\bDuration: (\d+):(\d+):([\d.]+)")
_STREAM_DURATION = re.compile(r"\bDURATION *: (\d+):(\d+):([\d.]+)")
_CHAPTER = re.compile(r"^\s+Chapter #0:\d+: ", re.MULTILINE)
_AVERAGE_RATE = re.compile(r" ([\d.]+)(k?) fps\b")
_GUESSED_RATE = re.compile(r" ([\d.]+)(k?) tbr\b")
_DEPTH = re.compile(r"(\d+)(?:le|be)$")
_ALPHA_FORMAT = re.compile(r"yuva|uyva|vuya|ayuv|rgba|bgra|argb|abgr|gbrap|ya\d|pal8")

RESTARTED: Final = frozenset({"hls", "mpeg", "mpegts", "ogg"})
"""Containers in which ffmpeg counts from the start of the streams that are taken, and
not from the file's own as elsewhere."""
# Of a picture in a file of the kind of AVIF and HEIC, beside the moving ones.
_STILL_CLOCK: Final = " 1 fps, 1 tbr, 1 tbn"
_TEXT_CODECS: Final = frozenset({"ansi", "bintext", "idf", "xbin"})
# A guess above this is a variable rate's clock, unless the average confirms it.
_MOST_GUESSED_FPS: Final = 120
_NTSC_BASES: Final = (12, 15, 24, 30, 48, 60, 120, 240)
# The clock that ffmpeg gives to streams that have none, such as a bare .h264.
_RAW_CLOCK: Final = " 1200k tbn"
# Of pixel formats whose number counts the bits of a whole pixel.
_PACKED_DEPTHS: Final = {48: 16, 64: 16, 30: 10, 36: 12, 444: 8, 555: 8, 565: 8}


class Description(NamedTuple):
    """What ffmpeg says of a file."""

    said: str

    @property
    def container(self) -> str | None:
        """Such as ``matroska,webm``; None: ffmpeg cannot open the file."""
        found = _INPUT.search(self.said)
        return found[1] if found else None

    @property
    def start_s(self) -> float:
        """When its first stream begins, on its own clock."""
        return _value(_FILE_START, self.said)

    @property
    def duration_s(self) -> float | None:
        """Of the longest stream; None: not known."""
        return _seconds(_FILE_DURATION, self.said)

    @property
    def chapters(self) -> int:
        """How many there are."""
        return len(_CHAPTER.findall(self.said))

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """All of them, in the file's order."""
        return tuple(self._stream(match) for match in _STREAM.finditer(self.said))

    @property
    def has_stills(self) -> bool:
        """Whether there are pictures that do not move, and are no covers."""
        return _STILL_CLOCK in self.said

    def pictures(self) -> "list[PictureStream]":
        """Find the streams of moving pictures: no stills, and no text that is drawn."""
        matches = list(_STREAM.finditer(self.said))
        ends = [match.start() for match in matches[1:]] + [len(self.said)]
        return [
            PictureStream(info, match[5], picture, self.said[match.end() : end])
            for match, end in zip(matches, ends, strict=True)
            if (info := self._stream(match)).kind == "video"
            and not info.is_cover
            and _STILL_CLOCK not in match[5]
            and info.codec not in _TEXT_CODECS
            and (picture := _PICTURE.search(match[5]))
        ]

    def _stream(self, match: re.Match[str]) -> StreamInfo:
        index, language, kind, codec, line = match.groups()
        return StreamInfo(
            index=int(index),
            kind=kind.lower(),
            codec=codec,
            language=language if language != "und" else None,
            is_default="(default)" in line,
            is_cover="(attached pic)" in line,
            start_s=max(0.0, _value(_STREAM_START, line) - self.start_s),
        )


class PictureStream(NamedTuple):
    """What ffmpeg says of a stream of moving pictures."""

    info: StreamInfo
    line: str
    """All that stands in its line after the codec."""
    picture: re.Match[str]
    details: str
    """The lines below it."""

    @property
    def pixel_format(self) -> str:
        """As ffmpeg says it, such as ``yuv420p``."""
        return self.picture[1]

    @property
    def color_tags(self) -> str:
        """As ffmpeg says them, such as ``tv, bt709, progressive``."""
        return self.picture[2] or ""

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Height and width as they are in the file."""
        return int(self.picture[4]), int(self.picture[3])

    @property
    def fields(self) -> str:
        """Whether a frame shows one moment (progressive), two (interlaced), unknown."""
        if _INTERLACED.search(self.color_tags):
            return "interlaced"
        return "progressive" if "progressive" in self.color_tags else "unknown"

    @property
    def is_turned(self) -> bool:
        """Whether metadata says to turn or mirror it."""
        return _ROTATION.search(self.details) is not None

    @property
    def rotation(self) -> int:
        """Degrees by which reading turns the stored picture."""
        degrees = round(-_value(_ROTATION, self.details)) % 360
        return degrees if degrees % 90 == 0 else 0

    @property
    def crop(self) -> tuple[int, int]:
        """Rows and columns of the stored picture that ffmpeg leaves out, as told."""
        found = _CROPPING.search(self.details)
        left, right, top, bottom = map(int, found.groups()) if found else (0, 0, 0, 0)
        # An odd side would lose its share of a color that stands for two.
        return (top + bottom + 1) // 2 * 2, (left + right + 1) // 2 * 2

    @property
    def pixel_aspect(self) -> Fraction:
        """Width over height of a stored pixel."""
        found = _PIXEL_ASPECT.search(self.line)
        return Fraction(int(found[1]), int(found[2])) if found else Fraction(1)

    @property
    def bit_depth(self) -> int:
        """Of a channel, as the name of the pixel format says it."""
        found = _DEPTH.search(self.pixel_format)
        number = int(found[1]) if found else 8
        return _PACKED_DEPTHS.get(number, number % 100)

    @property
    def has_alpha(self) -> bool:
        """Whether its pixels may be transparent; in WebM, a tag says so."""
        is_tagged = _ALPHA_MODE.search(self.details) is not None
        return is_tagged or _ALPHA_FORMAT.match(self.pixel_format) is not None

    @property
    def has_times(self) -> bool:
        """Whether frames have times of their own; those of a raw stream have none."""
        return _RAW_CLOCK not in self.line

    @property
    def start_s(self) -> float:
        """When its first frame is shown, on the file's own clock."""
        return _value(_STREAM_START, self.line)

    @property
    def duration_s(self) -> float | None:
        """As a tag of the stream says; None: there is no such tag."""
        return _seconds(_STREAM_DURATION, self.details)

    @property
    def fps(self) -> Fraction | None:
        """Nominal rate; exact, although ffmpeg prints two decimals. None: unknown."""
        average = _value(_AVERAGE_RATE, self.line)
        guessed = _value(_GUESSED_RATE, self.line)
        is_confirmed = abs(guessed - average) < 0.01 * average
        if 0 < guessed <= _MOST_GUESSED_FPS or is_confirmed:
            return snap_rate(guessed)
        return snap_rate(average) if average else None


def displayed_shape(stream: PictureStream) -> tuple[int, int]:
    """Say how large a stream is as displayed: upright, and in square pixels.

    Rows stay as many as they are; columns are added or taken away.

    Returns:
        ``(height, width)``.
    """
    (height, width), aspect = stream.stored_shape, stream.pixel_aspect
    rows, columns = stream.crop
    height, width = height - rows, width - columns
    if stream.rotation % 180:
        height, width, aspect = width, height, 1 / aspect
    return height, math.floor(width * aspect + Fraction(1, 2))


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
