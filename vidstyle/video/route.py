"""What a probe found -> whether ffmpeg has to decode first, and why, in sentences.

OpenCV splits wherever it is known to be right. Each reason here is a case in which it
was seen to deliver wrong pixels, wrong times or nothing (opencv-python 5.0.0).
"""

from typing import Final

from vidstyle.records import ColorInfo
from vidstyle.video import colors
from vidstyle.video.streams import PictureStream

_UNDECODED: Final = frozenset({"av1", "webp", "webp_anim"})


def reasons_to_normalize(
    stream: PictureStream,
    color: ColorInfo,
    *,
    fields: str,
    is_first: bool,
) -> tuple[str, ...]:
    """Say why OpenCV must not read a stream by itself; nothing: it may.

    Args:
        stream: The one that is read.
        color: How its numbers stand for colors.
        fields: As ``find_fields`` says.
        is_first: Whether it is the only one of moving pictures, and the first.
    """
    depth = color.bit_depth
    aspect = f"{stream.pixel_aspect.numerator}:{stream.pixel_aspect.denominator}"
    cases = {
        f"OpenCV does not decode {stream.info.codec}": stream.info.codec in _UNDECODED,
        "it is not the file's only video stream": not is_first,
        "it is interlaced": fields == "interlaced",
        "it may be interlaced": fields == "mixed",
        "its frames are single fields": fields == "separate",
        f"its pixels are {aspect}, and are made square": stream.pixel_aspect != 1,
        "only a part of its picture is shown": any(stream.crop),
        "it is turned or mirrored by metadata": stream.is_turned,
        f"OpenCV misreads {depth} bits a channel": depth > 8,
        "its transparent parts get a background": stream.has_alpha,
        "it is a raw stream, without times": not stream.has_times,
        "it is untagged and HD, so taken as BT.709": colors.is_guessed_hd(color),
        **_color_cases(color),
    }
    return tuple(reason for reason, holds in cases.items() if holds)


def _color_cases(color: ColorInfo) -> dict[str, bool]:
    if colors.is_hdr(color):
        name = colors.curve_name(color)
        return {f"its {name} high dynamic range is tone-mapped": True}
    return {
        f"its {color.primaries} colors are mapped to sRGB": colors.is_wide(color),
        f"OpenCV does not know the matrix {color.matrix}": colors.is_rare(color),
    }
