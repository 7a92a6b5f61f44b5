"""Why ffmpeg has to decode a clip for OpenCV, and how it does.

OpenCV splits wherever it is known to be right. Otherwise ffmpeg decodes, and hands its
frames over through a pipe: progressive, upright, in square pixels, 8-bit sRGB, over a
background, with the frames' own times. Nothing is written to disk. Colors that a file
does not tag are taken as players take them.
"""

import re
from contextlib import AbstractContextManager
from typing import Final

from vidstyle.records import ColorInfo, VideoInfo
from vidstyle.video.ffmpeg import Stream, file_url, stream_ffmpeg
from vidstyle.video.streams import RESTARTED, PictureStream

_RGB = re.compile(r"rgb|bgr|gbr|argb|abgr|0rgb|0bgr|x2|pal8|gray|mono|ya\d")
_CURVES: Final = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_WIDE: Final = frozenset({"bt2020", "film", "smpte428", "smpte431", "smpte432"})
# Others, such as YCgCo, are unknown to swscale, and OpenCV makes noise of them.
_ORDINARY_MATRICES: Final = frozenset(
    {"bt2020nc", "bt470bg", "bt709", "fcc", "gbr", "smpte170m", "smpte240m"}
)
# Given to tones that keep their curve where only the primaries change.
_SRGB = "iec61966-2-1"
_UNKNOWN = "unknown"
_HD_WIDTH, _SD_HEIGHT = 1280, 576
EXACT: Final = "flags=lanczos+accurate_rnd+full_chroma_int"
"""How ffmpeg scales and converts: chroma interpolated, and rounded."""
_UNDECODED: Final = frozenset({"av1", "webp", "webp_anim"})
# Only libvpx decodes the transparency of WebM.
_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_PACKED: Final = "its B-frames share packets and arrive a frame late"
_DECODE_ERRORS = re.compile(r"\bframes decoded; (\d+) decode errors")


def reasons_to_normalize(
    stream: PictureStream,
    color: ColorInfo,
    *,
    fields: str,
    is_first: bool,
    is_packed: bool = False,
) -> tuple[str, ...]:
    """List why OpenCV must not read a stream by itself; nothing: it may."""
    depth = color.bit_depth
    aspect = f"{stream.pixel_aspect.numerator}:{stream.pixel_aspect.denominator}"
    cases = {
        f"OpenCV cannot decode {stream.info.codec}": stream.info.codec in _UNDECODED,
        "it is not the file's only video stream": not is_first,
        _PACKED: is_packed,
        "it is interlaced": fields == "interlaced",
        "it may be interlaced": fields == "mixed",
        "its frames are single fields": fields == "separate",
        f"its {aspect} pixels are made square": stream.pixel_aspect != 1,
        "its picture is cropped by metadata": any(stream.crop),
        "it is rotated or mirrored by metadata": stream.is_turned,
        f"OpenCV misreads {depth} bits per channel": depth > 8,
        "its transparent parts get a background": stream.has_alpha,
        "it is a raw stream without timestamps": not stream.has_times,
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
    """Let ffmpeg decode a clip while the caller reads from its pipe.

    What flows is NUT with raw pixels. It keeps the source's clock, where Matroska would
    round times to milliseconds. The first frame's time is set to 0, since OpenCV counts
    from the first one that it gets, which is a later one in a file whose beginning is
    damaged; the others' times are after the file's own start.
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
    """Return the arguments, before an input, that decode its transparency, too."""
    decoder = _ALPHA_DECODERS.get(source.codec)
    return [] if decoder is None else [f"-c:{source.stream_index}", decoder]


def decode_errors(said: str) -> int:
    found = _DECODE_ERRORS.search(said)
    return int(found[1]) if found else 0


def _graph(info: VideoInfo, *, has_fields: bool) -> str:
    """Choose ffmpeg's filters; it turns the picture by itself, before all of them."""
    filters, color = _progressive(info) if has_fields else [], info.color
    if color is not None and (mapped := to_srgb(color)):
        filters, color = [*filters, *mapped], None
    if info.has_alpha and info.background is not None:
        back = info.background.replace("#", "0x")
        # Before scaling, which would mix in the color of transparent pixels.
        filters += [
            scale(color),
            f"format=rgba,split[back][front];[back]drawbox=c={back}:t=fill:replace=1"
            "[back];[back][front]overlay=format=rgb",
        ]
        color = None
    # The shape is fixed, for a stream may change its own on the way.
    shape = scale(color, f"w={info.width}:h={info.height}")
    return ",".join([*filters, shape, "setsar=1,setfield=prog,format=bgr24"])


def _progressive(info: VideoInfo) -> list[str]:
    """Choose the filters that leave one moment of the two that a frame shows.

    The deinterlacer waits for a frame's successor. Where a stream changes its format,
    ffmpeg would begin anew and lose the frame that waits, so the format is held on to.
    """
    height, width = info.stored_shape[:: -1 if info.rotation % 180 else 1]
    return [
        f"scale=w={width}:h={height}:interl=-1,format={info.pixel_format}",
        "bwdif=mode=send_frame:deint=interlaced",
    ]


def read_color(
    tags: str, pixel_format: str, bit_depth: int, *, shape: tuple[int, int]
) -> ColorInfo:
    """Find out how a stream's numbers stand for colors.

    A missing range is taken as limited. A missing matrix is taken as BT.709 for a
    stream more than 576 rows high or at least 1280 wide, else as BT.601: mpv's rule.
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
    assumed = tuple(name for name in missing if name not in implied)
    return ColorInfo(**taken, bit_depth=bit_depth, assumed=assumed)


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


def is_guessed_hd(color: ColorInfo) -> bool:
    """Whether BT.709's matrix is assumed, where decoders assume BT.601's."""
    return "matrix" in color.assumed and color.matrix == "bt709"


def scale(color: ColorInfo | None, shape: str = "") -> str:
    """Write the filter that scales, and converts to full range; no color: it is RGB."""
    matrix = color is not None and is_guessed_hd(color)
    options = [shape, EXACT, "in_color_matrix=bt709" if matrix else ""]
    return f"scale={':'.join(filter(None, options))}:out_range=pc"


def to_srgb(color: ColorInfo) -> list[str]:
    """Choose ffmpeg's filters that bring wide, bright or rare colors to sRGB, as RGB.

    There are none for ordinary video, for which ``scale`` is enough. High dynamic range
    is brought to 203 nits (the white of paper by ITU-R BT.2408) and tone-mapped above,
    in linear light.
    """
    if not any(_color_cases(color).values()):
        return []
    # zscale refuses a file whose tags are incomplete.
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
