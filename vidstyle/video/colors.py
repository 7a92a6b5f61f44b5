"""A stream's color tags come in; how they are taken, and the filters to sRGB, go out.

Where a tag is missing, it is assumed as players do. Filters leave pixels in 8-bit RGB,
full range, with BT.709's primaries; none of them touches a shape or a time.
"""

import re
from typing import Final

from vidstyle.records import ColorInfo

_RGB = re.compile(r"rgb|bgr|gbr|argb|abgr|0rgb|0bgr|x2|pal8|gray|mono|ya\d")
_CURVES: Final = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_WIDE: Final = frozenset({"bt2020", "film", "smpte428", "smpte431", "smpte432"})
# Of the others, such as YCgCo, swscale knows nothing, and OpenCV makes noise.
_ORDINARY_MATRICES: Final = frozenset(
    {"bt2020nc", "bt470bg", "bt709", "fcc", "gbr", "smpte170m", "smpte240m"}
)
# Of tones that keep their curve where only the primaries change.
_SRGB = "iec61966-2-1"
_UNKNOWN = "unknown"
_HD_WIDTH, _SD_HEIGHT = 1280, 576
EXACT: Final = "flags=lanczos+accurate_rnd+full_chroma_int"
"""How ffmpeg scales and converts: chroma interpolated, and rounded."""


def read_color(
    tags: str, pixel_format: str, bit_depth: int, *, shape: tuple[int, int]
) -> ColorInfo:
    """Find out how a stream's numbers stand for colors.

    A missing range is taken as limited. A missing matrix is taken as BT.709 for a
    stream more than 576 rows high or at least 1280 wide, else as BT.601: mpv's rule.

    Args:
        tags: As ffmpeg says them, such as ``tv, bt709, progressive``.
        pixel_format: As ffmpeg says it.
        bit_depth: Of a channel.
        shape: Height and width as stored.
    """
    given = _tagged(tags)
    is_rgb = _RGB.match(pixel_format) is not None
    is_full = is_rgb or pixel_format.startswith("yuvj")
    is_hd = shape[1] >= _HD_WIDTH or shape[0] > _SD_HEIGHT
    taken = {
        "range": "pc" if is_full else "tv",
        "matrix": "gbr" if is_rgb else ("bt709" if is_hd else "smpte170m"),
        "primaries": "bt2020" if given["matrix"].startswith("bt2020") else "bt709",
        "transfer": "bt709",
    }
    missing = [name for name, value in given.items() if value == _UNKNOWN]
    taken |= {name: value for name, value in given.items() if value != _UNKNOWN}
    implied = {"range", "matrix"} if is_rgb else set()
    return ColorInfo(
        **taken,
        bit_depth=bit_depth,
        assumed=tuple(name for name in missing if name not in implied),
    )


def _tagged(tags: str) -> dict[str, str]:
    """Read ``tv, bt470bg/unknown/unknown, progressive``."""
    found = dict.fromkeys(("range", "matrix", "primaries", "transfer"), _UNKNOWN)
    for tag in tags.split(", "):
        if tag in {"tv", "pc"}:
            found["range"] = tag
        elif tag.count("/") == 2:
            found["matrix"], found["primaries"], found["transfer"] = tag.split("/")
        elif tag and " " not in tag and tag != "progressive":
            found["matrix"] = found["primaries"] = found["transfer"] = tag
    return found


def is_hdr(color: ColorInfo) -> bool:
    """Whether its brightest white is brighter than that of ordinary video."""
    return color.transfer in _CURVES


def is_wide(color: ColorInfo) -> bool:
    """Whether it has colors that sRGB has not."""
    return color.primaries in _WIDE


def is_rare(color: ColorInfo) -> bool:
    """Whether its matrix is one that OpenCV does not know."""
    return color.matrix not in _ORDINARY_MATRICES


def is_guessed_hd(color: ColorInfo) -> bool:
    """Whether BT.709's matrix is assumed, where decoders assume BT.601's."""
    return "matrix" in color.assumed and color.matrix == "bt709"


def curve_name(color: ColorInfo) -> str:
    """Name the curve of high dynamic range: PQ or HLG."""
    return _CURVES[color.transfer]


def scale(color: ColorInfo | None, shape: str = "") -> str:
    """Write the filter that scales, and converts to full range.

    Args:
        color: Says which matrix a stream without a tag has; None: it is RGB.
        shape: The filter's options on the new width and height.
    """
    matrix = color is not None and is_guessed_hd(color)
    options = [shape, EXACT, "in_color_matrix=bt709" if matrix else ""]
    return f"scale={':'.join(filter(None, options))}:out_range=pc"


def to_srgb(color: ColorInfo) -> list[str]:
    """Choose ffmpeg's filters that bring wide, bright or rare colors to sRGB, as RGB.

    High dynamic range is brought to 203 nits (the white of paper by ITU-R BT.2408) and
    tone-mapped above; zscale and tonemap do it, in linear light.

    Returns:
        Nothing for ordinary video, for which ``scale`` is enough.
    """
    if not (is_hdr(color) or is_wide(color) or is_rare(color)):
        return []
    # zscale refuses a file whose tags are incomplete.
    tags = (
        f"setparams=range={color.range}:colorspace={color.matrix}"
        f":color_primaries={color.primaries}:color_trc={color.transfer}"
    )
    if is_hdr(color):
        return [
            tags,
            "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709",
            f"tonemap=mobius:desat=0,zscale=t={_SRGB}:m=gbr:r=pc,format=gbrp",
        ]
    curve = _SRGB if color.transfer == _SRGB else "bt709"
    return [tags, f"zscale=p=bt709:t={curve}:m=gbr:r=pc,format=gbrp"]
