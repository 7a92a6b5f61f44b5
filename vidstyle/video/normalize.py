"""Decide whether ffmpeg has to decode a clip for OpenCV, and build its filter graph.

OpenCV decodes whatever it is known to decode correctly. Anything else goes through
ffmpeg, which pipes frames to OpenCV that are progressive, upright, with square pixels,
8-bit sRGB, composited over a background, and keep their timestamps. Nothing is written
to disk. Untagged colors are interpreted as players do.
"""

import re
from contextlib import AbstractContextManager
from typing import Final

from vidstyle.records import ColorInfo, VideoInfo
from vidstyle.video.ffmpeg import RESTARTED, Stream, file_url, stream_ffmpeg

_RGB = re.compile(r"rgb|bgr|gbr|argb|abgr|0rgb|0bgr|x2|pal8|gray|mono|ya\d")
_CURVES: Final = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_WIDE: Final = frozenset({"bt2020", "film", "smpte428", "smpte431", "smpte432"})
# swscale does not support others, such as YCgCo, and OpenCV turns them into noise.
_ORDINARY_MATRICES: Final = frozenset(
    {"bt2020nc", "bt470bg", "bt709", "fcc", "gbr", "smpte170m", "smpte240m"}
)
_SRGB = "iec61966-2-1"  # ffmpeg's name of the sRGB transfer curve
_UNKNOWN = "unknown"
_HD_WIDTH, _SD_HEIGHT = 1280, 576
EXACT: Final = "flags=lanczos+accurate_rnd+full_chroma_int"
"""Scaler flags: full chroma interpolation, and rounding instead of truncation."""
_UNDECODED: Final = frozenset({"av1", "webp", "webp_anim"})
# Only libvpx decodes WebM's alpha channel.
_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_PACKED: Final = "its B-frames share packets and arrive a frame late"
_DECODE_ERRORS = re.compile(r"\bframes decoded; (\d+) decode errors")


def reasons_to_normalize(
    info: VideoInfo, *, is_first: bool, is_packed: bool = False
) -> tuple[str, ...]:
    """List why OpenCV would misread a clip; empty: it may read it directly.

    ``is_first``: it is the file's first video stream; ``is_packed``: see ``_PACKED``.
    """
    color, aspect = info.color, info.pixel_aspect
    if color is None:  # a folder of pictures
        return ()
    cases = {
        f"OpenCV cannot decode {info.codec}": info.codec in _UNDECODED,
        "it is not the file's only video stream": not is_first,
        _PACKED: is_packed,
        "it is interlaced": info.fields == "interlaced",
        "it may be interlaced": info.fields == "mixed",
        "its frames are single fields": info.fields == "separate",
        f"its {aspect.numerator}:{aspect.denominator} pixels are made square": (
            aspect != 1
        ),
        "its picture is cropped by metadata": any(info.crop),
        "it is rotated or mirrored by metadata": info.is_turned,
        f"OpenCV misreads {color.bit_depth} bits per channel": color.bit_depth > 8,
        "its transparent parts get a background": info.has_alpha,
        "it is a raw stream without timestamps": not info.has_times,
        "it is HD without color tags, so BT.709 is assumed": is_guessed_hd(color),
        **_color_cases(color),
    }
    return tuple(reason for reason, holds in cases.items() if holds)


def _color_cases(color: ColorInfo) -> dict[str, bool]:
    if color.transfer in _CURVES:
        name = _CURVES[color.transfer]
        return {f"its {name} high dynamic range is tone-mapped": True}
    is_rare = color.matrix not in _ORDINARY_MATRICES
    return {
        f"its {color.primaries} colors are mapped to sRGB": color.primaries in _WIDE,
        f"OpenCV does not know the matrix {color.matrix}": is_rare,
    }


def normalized(info: VideoInfo) -> AbstractContextManager[Stream]:
    """Decode a clip with ffmpeg while the caller reads from its pipe.

    The stream is raw video in NUT, which keeps the source's time base; Matroska would
    round to milliseconds. The first frame's timestamp is set to 0, because OpenCV
    reports times relative to the first frame it gets, and that is a later one if the
    beginning of the file is damaged. The others are relative to the file's start.
    """
    has_fields = info.fields in {"interlaced", "mixed"}
    is_restarted = info.container in RESTARTED
    early = f"{float(-1 / info.fps):.6f}"
    arguments = [
        *(["-itsoffset", early] if _PACKED in info.normalizing else []),
        *(alpha_decoder(info) if info.has_alpha else []),
        *(["-itsoffset", f"{info.start_s:.6f}"] if is_restarted else []),
        *(["-reinit_filter", "0"] if has_fields else []),
        *([] if info.has_times else ["-r", str(info.fps)]),
        *("-i", file_url(info.path), "-map", f"0:{info.stream_index}"),
        *("-fps_mode", "passthrough", "-enc_time_base", "demux"),
        *("-vf", _graph(info, has_fields=has_fields), "-c:v", "rawvideo"),
        *("-bsf:v", r"setts=ts=if(eq(N\,0)\,0\,TS)", "-f", "nut", "pipe:1"),
    ]
    return stream_ffmpeg(arguments)


def alpha_decoder(source: VideoInfo) -> list[str]:
    """Return the input options that make ffmpeg decode the alpha channel, too."""
    decoder = _ALPHA_DECODERS.get(source.codec)
    return [] if decoder is None else [f"-c:{source.stream_index}", decoder]


def decode_errors(log: str) -> int:
    match = _DECODE_ERRORS.search(log)
    return int(match[1]) if match else 0


def _graph(info: VideoInfo, *, has_fields: bool) -> str:
    """Build the filter graph; ffmpeg applies the rotation before it."""
    color = info.color
    filters = _progressive(info) if has_fields else []
    if color is not None and (mapped := to_srgb(color)):
        filters += mapped
        color = None  # it is RGB now
    if info.has_alpha and info.background is not None:
        color_code = info.background.replace("#", "0x")
        # Composite before scaling, which would blend in the color of hidden pixels.
        filters += [
            scale(color),
            "format=rgba,split[back][front];"
            f"[back]drawbox=c={color_code}:t=fill:replace=1[back];"
            "[back][front]overlay=format=rgb",
        ]
        color = None
    # Fix the output size: a stream may change its size midway.
    shape = scale(color, f"w={info.width}:h={info.height}")
    return ",".join([*filters, shape, "setsar=1,setfield=prog,format=bgr24"])


def _progressive(info: VideoInfo) -> list[str]:
    """Build the deinterlacing filters: one output frame per input frame.

    bwdif buffers a frame until the next one. If the stream's format changed, ffmpeg
    would reinitialize the graph and lose that frame, so the format is fixed first.
    """
    height, width = info.stored_shape
    if info.rotation % 180:
        height, width = width, height
    return [
        f"scale=w={width}:h={height}:interl=-1,format={info.pixel_format}",
        "bwdif=mode=send_frame:deint=interlaced",
    ]


def read_color(
    tags: str, pixel_format: str, bit_depth: int, *, shape: tuple[int, int]
) -> ColorInfo:
    """Determine a stream's color space from its tags.

    A missing range defaults to limited. A missing matrix defaults to BT.709 if the
    stream is more than 576 rows high or at least 1280 wide, else to BT.601, as in mpv.
    """
    tagged = _parse_tags(tags)
    is_rgb = _RGB.match(pixel_format) is not None
    is_full = is_rgb or pixel_format.startswith("yuvj")
    is_hd = shape[1] >= _HD_WIDTH or shape[0] > _SD_HEIGHT
    color = {
        "range": "pc" if is_full else "tv",
        "matrix": "gbr" if is_rgb else ("bt709" if is_hd else "smpte170m"),
        "primaries": "bt2020" if tagged["matrix"].startswith("bt2020") else "bt709",
        "transfer": "bt709",
    }
    missing = [name for name, value in tagged.items() if value == _UNKNOWN]
    color |= {name: value for name, value in tagged.items() if value != _UNKNOWN}
    implied = {"range", "matrix"} if is_rgb else set()
    assumed = tuple(name for name in missing if name not in implied)
    return ColorInfo(**color, bit_depth=bit_depth, assumed=assumed)


def _parse_tags(tags: str) -> dict[str, str]:
    """Parse tags such as ``tv, bt470bg/unknown/unknown, progressive``."""
    color = dict.fromkeys(("range", "matrix", "primaries", "transfer"), _UNKNOWN)
    for tag in tags.split(", "):
        if tag in {"tv", "pc"}:
            color["range"] = tag
        elif tag.count("/") == 2:
            color["matrix"], color["primaries"], color["transfer"] = tag.split("/")
        elif tag and " " not in tag and tag != "progressive":
            color["matrix"] = color["primaries"] = color["transfer"] = tag
    return color


def is_guessed_hd(color: ColorInfo) -> bool:
    """Whether an untagged matrix is taken as BT.709, where decoders assume BT.601."""
    return "matrix" in color.assumed and color.matrix == "bt709"


def scale(color: ColorInfo | None, shape: str = "") -> str:
    """Build the filter that scales to full range; ``color`` is None for RGB input."""
    size = [shape] if shape else []
    matrix = ["in_color_matrix=bt709"] if color and is_guessed_hd(color) else []
    return f"scale={':'.join([*size, EXACT, *matrix])}:out_range=pc"


def to_srgb(color: ColorInfo) -> list[str]:
    """Build the filters that convert wide-gamut, HDR or rare color spaces to sRGB.

    Empty for ordinary video, for which ``scale`` is enough. HDR is scaled so that
    diffuse white (203 nits, ITU-R BT.2408) maps to 1, and tone-mapped in linear light.
    """
    if not any(_color_cases(color).values()):
        return []
    # zscale rejects incomplete tags.
    tags = (
        f"setparams=range={color.range}:colorspace={color.matrix}"
        f":color_primaries={color.primaries}:color_trc={color.transfer}"
    )
    if color.transfer in _CURVES:
        linear = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709"
        mapped = f"tonemap=mobius:desat=0,zscale=t={_SRGB}:m=gbr:r=pc,format=gbrp"
        return [tags, linear, mapped]
    curve = _SRGB if color.transfer == _SRGB else "bt709"
    return [tags, f"zscale=p=bt709:t={curve}:m=gbr:r=pc,format=gbrp"]
