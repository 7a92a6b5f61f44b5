"""A stream comes in; whether its frames show one moment or two goes out.

ffmpeg's description is about the first frames only, and a stream may turn interlaced
later. H.264 and H.265 announce it in parameter sets, wherever they change: all of them
are read here, and no picture is decoded.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.video.ffmpeg import file_url, follow_messages
from vidstyle.video.streams import PictureStream

_BROADCAST: Final = frozenset({"mpegts", "mpeg"})
"""Containers in which films and interlaced programmes take turns."""


class _Announcement(NamedTuple):
    """What a codec's sequence parameter sets say, where they say it."""

    unit: int
    """Type of the units that hold them."""
    name: str
    """Of the flag that does."""
    value: str
    """With which it does."""
    meaning: str
    """What a stream is then."""


_ANNOUNCED: Final = {
    # ITU-R H.264, 7.4.2.1.1: 1 if there are frames only, and no fields.
    "h264": _Announcement(7, "frame_mbs_only_flag", "0", "mixed"),
    # ITU-R H.265, E.3.1: 1 if each picture is a field of its own.
    "hevc": _Announcement(33, "field_seq_flag", "1", "separate"),
}
# Others that can hold interlaced pictures: they may begin at any frame, and often the
# file does not say whether there are any.
_WITH_FIELDS: Final = frozenset(
    {"dnxhd", "dvvideo", "mjpeg", "mpeg2video", "mpeg4", "vc1", "wmv3"}
)


def find_fields(path: Path, stream: PictureStream, *, container: str) -> str:
    """Find out whether the frames of a stream show one moment or two, from end to end.

    The whole file is read where its codec says so in parameter sets.

    Returns:
        ``progressive``, ``interlaced``, ``unknown``; ``mixed``: of both kinds, or at
        least free to be; ``separate``: each frame is a field of its own.
    """
    codec, said = stream.info.codec, stream.fields
    if said == "interlaced":
        return said
    is_free = container in _BROADCAST or codec in _WITH_FIELDS
    if codec in _ANNOUNCED and not (is_free and _ANNOUNCED[codec].meaning == "mixed"):
        state = path.stat()
        said = _announced(
            *(path, state.st_size, state.st_mtime_ns),
            index=stream.info.index,
            codec=codec,
            otherwise=said,
        )
    return "mixed" if is_free and said != "separate" else said


@lru_cache(maxsize=16)
def _announced(
    path: Path, _size: int, _changed_ns: int, *, index: int, codec: str, otherwise: str
) -> str:
    """Find out what the parameter sets of a stream announce, all of them.

    A run asks several times; size and time of the file tell it from an earlier one.
    """
    unit, name, value, meaning = _ANNOUNCED[codec]
    # The first filter puts in-band what the container holds apart.
    filters = f"{codec}_mp4toannexb,filter_units=pass_types={unit},trace_headers"
    source = ["-i", file_url(path), "-map", f"0:{index}", "-c", "copy"]
    with follow_messages([*source, "-bsf:v", filters, "-f", "null", "-"]) as lines:
        values = {line.split()[-1] for line in lines if f" {name} " in line}
    if value in values:
        return meaning
    return "progressive" if values else otherwise
