"""What is in a file: its streams by ffmpeg's description of it, and their packets.

ffmpeg ships without ffprobe, so the facts are read from the text that it prints for
people, in one place. That text is about the first frames only, and a stream may turn
interlaced later: H.264 and H.265 announce it in parameter sets, wherever they change,
and all of them are read here. No picture is decoded for it.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.errors import VideoOpenError, VidstyleError
from vidstyle.records import StreamInfo
from vidstyle.video.ffmpeg import file_url, follow_messages, run_ffmpeg

_INPUT = re.compile(r"^Input #0, (.+?), from '", re.MULTILINE)
_STREAM = re.compile(
    r"^\s+Stream #0:(\d+)(?:\[\w+\])?(?:\((\w+)\))?: (\w+): (\w+)(.*)"
    r"((?:\n(?! +Stream #0:).*)*)",  # the lines below it
    re.MULTILINE,
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
_TAG = re.compile(r"^ {4,6}([^\s:][^:\n]*?) *: ", re.MULTILINE)
_DATE = re.compile(r"^ +creation_time *: ([^;\s]+)", re.MULTILINE)
_NAME = re.compile(r"\((\w+) / 0x")
_CHAPTER = re.compile(r"^\s+Chapter #0:\d+: ", re.MULTILINE)
_AVERAGE_RATE = re.compile(r" ([\d.]+)(k?) fps\b")
_GUESSED_RATE = re.compile(r" ([\d.]+)(k?) tbr\b")
_DEPTH = re.compile(r"(\d+)(?:le|be)$")
_ALPHA_FORMAT = re.compile(r"yuva|uyva|vuya|ayuv|rgba|bgra|argb|abgr|gbrap|ya\d|pal8")

RESTARTED: Final = frozenset({"mpeg", "mpegts", "ogg"})
"""Where ffmpeg counts from the start of the streams that are taken, not the file's."""
# The clock of a still picture in an AVIF or HEIC file, beside the moving ones.
_STILL_CLOCK: Final = " 1 fps, 1 tbr, 1 tbn"
_TEXT_CODECS: Final = frozenset({"ansi", "bintext", "idf", "xbin"})
# A guess above this is a variable rate's clock, unless the average confirms it.
_MOST_GUESSED_FPS: Final = 120
_NTSC_BASES: Final = (12, 15, 24, 30, 48, 60, 120, 240)
# The clock that ffmpeg gives to streams that have none, such as a bare .h264.
_RAW_CLOCK: Final = " 1200k tbn"
# Bits a channel, where the number in a format's name counts those of a whole pixel.
_PACKED_DEPTHS: Final = {48: 16, 64: 16, 30: 10, 36: 12, 444: 8, 555: 8, 565: 8}
_BROADCAST: Final = frozenset({"mpegts", "mpeg"})
"""Containers in which films and interlaced programmes take turns."""
# Others that can hold interlaced pictures: they may begin at any frame, and often the
# file does not say whether there are any.
_WITH_FIELDS: Final = frozenset(
    {"dnxhd", "dvvideo", "mjpeg", "mpeg2video", "mpeg4", "vc1", "wmv3"}
)
# What sequence parameter sets say: the type of their unit, a flag, its value, and what
# a stream with it is. ITU-R H.264, 7.4.2.1.1: 1 if there are frames only, and no
# fields. ITU-R H.265, E.3.1: 1 if each picture is a field of its own.
_ANNOUNCED: Final = {
    "h264": (7, "frame_mbs_only_flag", "0", "mixed"),
    "hevc": (33, "field_seq_flag", "1", "separate"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureStream:
    """What ffmpeg says of a stream of moving pictures; see ``VideoInfo``, too."""

    info: StreamInfo
    pixel_format: str
    color_tags: str
    stored_shape: tuple[int, int]
    fields: str  # one moment a frame (progressive), two (interlaced), unknown
    is_turned: bool  # whether metadata says to turn or mirror it
    rotation: int
    crop: tuple[int, int]  # rows and columns that ffmpeg leaves out, as told
    pixel_aspect: Fraction
    bit_depth: int
    has_alpha: bool
    has_times: bool
    start_s: float  # when its first frame is shown, on the file's own clock
    duration_s: float | None  # as a tag of the stream says; None: there is no such tag
    fps: Fraction | None  # nominal, and exact although two decimals are printed


class Description:
    """What ffmpeg says of a file, each fact read once."""

    def __init__(self, said: str) -> None:
        self.said: Final = said
        container = _INPUT.search(said)
        self.container = container[1] if container else None
        """Such as ``matroska,webm``; None: ffmpeg cannot open the file."""
        self.start_s = _value(_FILE_START, said)
        self.duration_s = _seconds(_FILE_DURATION, said)
        self.chapters = len(_CHAPTER.findall(said))
        self.tags = tuple(sorted(set(_TAG.findall(said))))
        date = _DATE.search(said)
        self.date = date[1] if date else None
        self.has_stills = _STILL_CLOCK in said
        """Whether there are pictures that do not move, and are no covers."""
        found = _STREAM.findall(said)
        self._parts = [(self._stream(*each[:5]), *each[4:]) for each in found]
        self.streams = tuple(info for info, _, _ in self._parts)

    def pictures(self) -> list[PictureStream]:
        """Find the streams of moving pictures: no stills, and no text that is drawn."""
        return [
            _picture_stream(info, line, picture, details)
            for info, line, details in self._parts
            if info.kind == "video"
            and not info.is_cover
            and _STILL_CLOCK not in line
            and info.codec not in _TEXT_CODECS
            and (picture := _PICTURE.search(line))
        ]

    def _stream(
        self, index: str, language: str, kind: str, codec: str, line: str
    ) -> StreamInfo:
        name = _NAME.search(line)
        return StreamInfo(
            index=int(index),
            kind=kind.lower(),
            codec=codec,
            name=name[1] if name else codec,
            language=None if language in {"", "und"} else language,
            is_default="(default)" in line,
            is_cover="(attached pic)" in line,
            start_s=max(0.0, _value(_STREAM_START, line) - self.start_s),
        )


def _picture_stream(
    info: StreamInfo, line: str, picture: re.Match[str], details: str
) -> PictureStream:
    """Read what stands in a stream's line after the codec, and in those below it."""
    pixel_format, tags, width, height = picture.groups()
    tags = tags or ""
    fields = "progressive" if "progressive" in tags else "unknown"
    turn = round(-_value(_ROTATION, details)) % 360
    cropped = _CROPPING.search(details)
    left, right, top, bottom = map(int, cropped.groups()) if cropped else (0, 0, 0, 0)
    aspect = _PIXEL_ASPECT.search(line)
    depth = _DEPTH.search(pixel_format)
    bits = int(depth[1]) if depth else 8
    is_alpha = _ALPHA_MODE.search(details) or _ALPHA_FORMAT.match(pixel_format)
    return PictureStream(
        info=info,
        pixel_format=pixel_format,
        color_tags=tags,
        stored_shape=(int(height), int(width)),
        fields="interlaced" if _INTERLACED.search(tags) else fields,
        is_turned=_ROTATION.search(details) is not None,
        rotation=turn if turn % 90 == 0 else 0,
        # Up to even numbers: an odd one would cut through a color that stands for two.
        crop=((top + bottom + 1) // 2 * 2, (left + right + 1) // 2 * 2),
        pixel_aspect=Fraction("/".join(aspect.groups()) if aspect else 1),
        bit_depth=_PACKED_DEPTHS.get(bits, bits % 100),
        has_alpha=is_alpha is not None,
        has_times=_RAW_CLOCK not in line,
        start_s=_value(_STREAM_START, line),
        duration_s=_seconds(_STREAM_DURATION, details),
        fps=_rate(line),
    )


def _rate(line: str) -> Fraction | None:
    average, guessed = _value(_AVERAGE_RATE, line), _value(_GUESSED_RATE, line)
    is_confirmed = abs(guessed - average) < 0.01 * average
    if 0 < guessed <= _MOST_GUESSED_FPS or is_confirmed:
        return snap_rate(guessed)
    return snap_rate(average) if average else None


def displayed_shape(stream: PictureStream) -> tuple[int, int]:
    """Return the height and width when displayed: upright, and in square pixels."""
    (height, width), aspect = stream.stored_shape, stream.pixel_aspect
    rows, columns = stream.crop
    height, width = height - rows, width - columns
    if stream.rotation % 180:
        height, width, aspect = width, height, 1 / aspect
    return height, math.floor(width * aspect + Fraction(1, 2))


def snap_rate(printed: float) -> Fraction:
    """Find the rate that ffmpeg rounded to two decimals.

    That is a whole number or one of NTSC's rates, such as 30000/1001, if one is near
    enough; otherwise the number as printed.
    """
    ntsc = (Fraction(base * 1000, 1001) for base in _NTSC_BASES)
    for rate in (Fraction(round(printed)), *ntsc):
        if abs(printed - rate) <= 0.006 and rate:
            return rate
    return Fraction(printed).limit_denominator(1000)


def _value(pattern: re.Pattern[str], text: str) -> float:
    """Read a number, perhaps in thousands; 0 where it does not stand."""
    found = pattern.search(text)
    return float(found[1]) * (1000 if "k" in found[0] else 1) if found else 0.0


def _seconds(pattern: re.Pattern[str], text: str) -> float | None:
    """Read a duration such as 00:00:05.06; None where it does not stand, or is 0."""
    found = pattern.search(text)
    if found is None:
        return None
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) or None


def find_fields(path: Path, stream: PictureStream, *, container: str) -> str:
    """Find out whether the frames show one moment or two, to the end of a stream.

    The whole file is read where its codec says so in parameter sets.
    """
    codec, said = stream.info.codec, stream.fields
    if said == "interlaced":
        return said
    is_free = container in _BROADCAST or codec in _WITH_FIELDS
    if codec in _ANNOUNCED and not (is_free and codec == "h264"):
        said = _announced(path, stream.info) or said
    return "mixed" if is_free and said != "separate" else said


def _announced(path: Path, stream: StreamInfo) -> str | None:
    unit, name, value, meaning = _ANNOUNCED[stream.codec]
    # The first filter puts in-band what the container holds apart.
    start = f"{stream.codec}_mp4toannexb"
    filters = f"{start},filter_units=pass_types={unit},trace_headers"
    source = ["-i", file_url(path), "-map", f"0:{stream.index}", "-c", "copy"]
    lines = follow_messages([*source, "-bsf:v", filters, "-f", "null", "-"])
    values = {line.split()[-1] for line in lines if f" {name} " in line}
    if value in values:
        return meaning
    return "progressive" if values else None


class Packet(NamedTuple):
    """One packet of a file: a frame, or a piece of sound."""

    time_s: float  # on the file's own clock
    duration_s: float
    size: int


def list_packets(
    path: Path,
    streams: str,
    *,
    error: type[VidstyleError] = VideoOpenError,
    decoded: int | None = None,
) -> list[Packet]:
    """List the packets of streams, named as for ffmpeg's ``-map``, in their order.

    With ``decoded``, so many frames are decoded and listed instead.
    """
    source = ["-i", file_url(path), "-map", streams]
    arguments = ["-copyts", *source, "-copy_unknown", "-c", "copy"]
    if decoded is not None:
        clock = ["-fps_mode", "passthrough", "-enc_time_base", "demux"]
        arguments = [*source, "-frames:v", str(decoded), *clock]
    failed = f"cannot list the packets of {path}"
    table = [*arguments, "-f", "framecrc", "-"]
    said = run_ffmpeg(table, error=error, failed=failed).decode()
    ticks = dict(re.findall(r"^#tb (\d+): (\S+)$", said, re.MULTILINE))
    clocks = {stream: Fraction(tick) for stream, tick in ticks.items()}
    rows = re.findall(r"^(\d+), *-?\d+, *(-?\d+), *(\d+), *(\d+),", said, re.MULTILINE)
    return [
        Packet(float(int(at) * clocks[n]), float(int(shown) * clocks[n]), int(size))
        for n, at, shown, size in rows
    ]
