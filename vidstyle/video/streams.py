"""Parse the streams of a file from ffmpeg's output, and list their packets.

imageio-ffmpeg ships without ffprobe, so metadata is parsed from the description that
ffmpeg prints for people; this is the only place that does so. The description covers
the first frames only, but a stream may become interlaced later: H.264 and H.265 signal
that in parameter sets, so all of these are read, without decoding a picture.
"""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.config import FOLDER_FPS
from vidstyle.errors import VideoOpenError, VidstyleError
from vidstyle.records import StreamInfo, VideoInfo
from vidstyle.video.ffmpeg import file_url, follow_messages, run_ffmpeg
from vidstyle.video.normalize import read_color

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

# The time base of still images in AVIF and HEIC files, which may hold video as well.
_STILL_CLOCK: Final = " 1 fps, 1 tbr, 1 tbn"
_TEXT_CODECS: Final = frozenset({"ansi", "bintext", "idf", "xbin"})
# A higher tbr is the time base of a variable rate, unless the average confirms it.
_MOST_GUESSED_FPS: Final = 120
_NTSC_BASES: Final = (12, 15, 24, 30, 48, 60, 120, 240)
# The time base that ffmpeg assigns to raw streams, such as a bare .h264.
_RAW_CLOCK: Final = " 1200k tbn"
# Bits per channel of formats whose name gives the bits per pixel.
_PACKED_DEPTHS: Final = {48: 16, 64: 16, 30: 10, 36: 12, 444: 8, 555: 8, 565: 8}
_BROADCAST: Final = frozenset({"mpegts", "mpeg"})
"""Broadcast containers, in which progressive and interlaced content may alternate."""
# Codecs that allow interlaced frames anywhere, often without signaling them.
_WITH_FIELDS: Final = frozenset(
    {"dnxhd", "dvvideo", "mjpeg", "mpeg2video", "mpeg4", "vc1", "wmv3"}
)
# How sequence parameter sets signal it: NAL unit type, flag, value, resulting fields.
# ITU-T H.264, 7.4.2.1.1: 1 if the stream has frame macroblocks only, and no fields.
# ITU-T H.265, E.3.1: 1 if each picture is a single field.
_SIGNALED: Final = {
    "h264": (7, "frame_mbs_only_flag", "0", "mixed"),
    "hevc": (33, "field_seq_flag", "1", "separate"),
}


class Description:
    """The description that ``ffmpeg -i`` prints of a file, parsed."""

    def __init__(self, text: str, path: Path) -> None:
        self.text: Final = text
        self.path: Final = path
        container = _INPUT.search(text)
        self.container = container[1] if container else None
        """The demuxer, such as ``matroska,webm``; None: ffmpeg cannot open the file."""
        self.start_s = _value(_FILE_START, text)
        self.duration_s = _seconds(_FILE_DURATION, text)
        self.chapters = len(_CHAPTER.findall(text))
        self.tags = tuple(sorted(set(_TAG.findall(text))))
        date = _DATE.search(text)
        self.date = date[1] if date else None
        self.has_stills = _STILL_CLOCK in text
        """Whether there are still images other than cover art."""
        self._parts = [
            (self._stream(index, language, kind, codec, line), line, details)
            for index, language, kind, codec, line, details in _STREAM.findall(text)
        ]
        self.streams = tuple(stream for stream, _, _ in self._parts)

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

    def clips(self) -> list[VideoInfo]:
        """List what is known of each video stream; not still images or text art."""
        clips = list[VideoInfo]()
        for stream, line, details in self._parts:
            if stream.kind != "video" or stream.is_cover or _STILL_CLOCK in line:
                continue
            picture = _PICTURE.search(line)
            if picture is not None and stream.codec not in _TEXT_CODECS:
                clips.append(self._clip(stream, line, picture, details))
        return clips

    def _clip(
        self, stream: StreamInfo, line: str, picture: re.Match[str], details: str
    ) -> VideoInfo:
        """Parse the line of a video stream, and the details in the lines below it."""
        pixel_format, tags = picture[1], picture[2] or ""
        shape = int(picture[4]), int(picture[3])
        turn = round(-_value(_ROTATION, details)) % 360
        rotation = turn if turn % 90 == 0 else 0
        square = _PIXEL_ASPECT.search(line)
        aspect = Fraction(int(square[1]), int(square[2])) if square else Fraction(1)
        crop = _crop(details)
        height, width = _displayed_shape(shape, crop, rotation, aspect)
        fields = "progressive" if "progressive" in tags else "unknown"
        is_alpha = _ALPHA_MODE.search(details) or _ALPHA_FORMAT.match(pixel_format)
        duration_s = _seconds(_STREAM_DURATION, details) or self.duration_s
        fps = _rate(stream.codec, line)
        return VideoInfo(
            path=self.path,
            kind="video",
            height=height,
            width=width,
            fps=fps,
            frame_count=round(duration_s * fps) if duration_s else None,
            duration_s=duration_s,
            rotation=rotation,
            codec=stream.codec,
            pixel_format=pixel_format,
            container=self.container or "",
            file_start_s=self.start_s,
            start_s=_value(_STREAM_START, line) - self.start_s,
            tags=self.tags,
            date=self.date,
            streams=self.streams,
            stream_index=stream.index,
            color=read_color(tags, pixel_format, _bit_depth(pixel_format), shape=shape),
            stored_shape=shape,
            crop=crop,
            is_turned=_ROTATION.search(details) is not None,
            pixel_aspect=aspect,
            fields="interlaced" if _INTERLACED.search(tags) else fields,
            has_alpha=is_alpha is not None,
            has_times=_RAW_CLOCK not in line,
            chapters=self.chapters,
        )


def _crop(details: str) -> tuple[int, int]:
    """Parse the rows and columns that ffmpeg crops."""
    cropped = _CROPPING.search(details)
    if cropped is None:
        return 0, 0
    left, right, top, bottom = map(int, cropped.groups())
    # Rounded up to even numbers: an odd crop would split a subsampled chroma pair.
    return (top + bottom + 1) // 2 * 2, (left + right + 1) // 2 * 2


def _displayed_shape(
    stored: tuple[int, int], crop: tuple[int, int], rotation: int, aspect: Fraction
) -> tuple[int, int]:
    """Return the displayed height and width: cropped, upright, in square pixels."""
    height, width = stored[0] - crop[0], stored[1] - crop[1]
    if rotation % 180:
        height, width, aspect = width, height, 1 / aspect
    return height, math.floor(width * aspect + Fraction(1, 2))


def _bit_depth(pixel_format: str) -> int:
    depth = _DEPTH.search(pixel_format)
    bits = int(depth[1]) if depth else 8
    return _PACKED_DEPTHS.get(bits, bits % 100)


def _rate(codec: str, line: str) -> Fraction:
    average, guessed = _value(_AVERAGE_RATE, line), _value(_GUESSED_RATE, line)
    if codec == "h264" and _RAW_CLOCK in line:
        guessed /= 2  # of fields
    is_confirmed = abs(guessed - average) < 0.01 * average
    if 0 < guessed <= _MOST_GUESSED_FPS or is_confirmed:
        return snap_rate(guessed)
    return snap_rate(average) if average else FOLDER_FPS


def snap_rate(printed: float) -> Fraction:
    """Recover the exact rate that ffmpeg printed with two decimals.

    The nearest integer or NTSC rate (such as 30000/1001) if it is close enough,
    otherwise the number as printed.
    """
    ntsc = (Fraction(base * 1000, 1001) for base in _NTSC_BASES)
    for rate in (Fraction(round(printed)), *ntsc):
        if rate > 0 and abs(printed - rate) <= 0.006:
            return rate
    return Fraction(printed).limit_denominator(1000)


def _value(pattern: re.Pattern[str], text: str) -> float:
    """Parse a number, with ``k`` for thousands; 0 if it is absent."""
    match = pattern.search(text)
    if match is None:
        return 0.0
    factor = 1000 if "k" in match[0] else 1
    return factor * float(match[1])


def _seconds(pattern: re.Pattern[str], text: str) -> float | None:
    """Parse a duration such as 00:00:05.06; None if it is absent or 0."""
    match = pattern.search(text)
    if match is None:
        return None
    seconds = 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])
    return seconds or None


def find_fields(info: VideoInfo) -> str:
    """Determine whether a clip is interlaced anywhere; see ``VideoInfo.fields``.

    Reads the whole file if the codec signals it in parameter sets.
    """
    codec, fields = info.codec, info.fields
    if fields == "interlaced":
        return fields
    may_alternate = info.container in _BROADCAST or codec in _WITH_FIELDS
    # Where fields may alternate, H.264 can signal nothing more.
    if codec in _SIGNALED and not (may_alternate and codec == "h264"):
        fields = _signaled_fields(info) or fields
    return "mixed" if may_alternate and fields != "separate" else fields


def _signaled_fields(info: VideoInfo) -> str | None:
    unit, name, value, meaning = _SIGNALED[info.codec]
    # The first bitstream filter moves parameter sets from the container in-band.
    start = f"{info.codec}_mp4toannexb"
    filters = f"{start},filter_units=pass_types={unit},trace_headers"
    source = ["-i", file_url(info.path), "-map", f"0:{info.stream_index}"]
    lines = follow_messages(
        [*source, "-c", "copy", "-bsf:v", filters, "-f", "null", "-"]
    )
    values = {line.split()[-1] for line in lines if f" {name} " in line}
    if value in values:
        return meaning
    return "progressive" if values else None


class Packet(NamedTuple):
    """One packet of a stream."""

    time_s: float  # on the file's clock
    duration_s: float
    size: int


def list_packets(
    path: Path, streams: str, *, error: type[VidstyleError] = VideoOpenError
) -> list[Packet]:
    """List the packets of the streams that ffmpeg's ``-map`` selects, in file order."""
    source = ["-copyts", "-i", file_url(path), "-map", streams, "-copy_unknown"]
    failed = f"cannot list the packets of {path}"
    table = [*source, "-c", "copy", "-f", "framecrc", "-"]
    crc = run_ffmpeg(table, error=error, failed=failed).decode()
    bases = dict(re.findall(r"^#tb (\d+): (\S+)$", crc, re.MULTILINE))
    time_bases = {stream: Fraction(base) for stream, base in bases.items()}
    rows = re.findall(r"^(\d+), *-?\d+, *(-?\d+), *(\d+), *(\d+),", crc, re.MULTILINE)
    return [
        Packet(
            float(int(pts) * time_bases[stream]),
            float(int(duration) * time_bases[stream]),
            int(size),
        )
        for stream, pts, duration, size in rows
    ]
