"""Codecs: their ffmpeg encoders, pixel formats and the containers that hold them.

An encoder counts as available once it has encoded one frame: a small one in software,
one of the output's size in hardware. The mapping from ``crf`` to a hardware encoder's
quality scale follows its documentation; it was never tested on such hardware.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from vidstyle.config import CRF, EncodingConfig, check_crf
from vidstyle.errors import ConfigError, DependencyError, VideoWriteError
from vidstyle.video.ffmpeg import ffmpeg_path, run_ffmpeg

CONTAINERS: Final = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".gif": "gif",
}
"""ffmpeg's muxers by file extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A video codec, as ffmpeg encodes it."""

    endings: tuple[str, ...]
    """Extensions of the containers that players accept it in; the default first."""
    encoder: tuple[str, ...]  # name and arguments
    pixels: str = "yuv420p"  # ffmpeg's pixel format
    alpha_pixels: str | None = None  # the same with alpha; None: unsupported
    alpha_arguments: tuple[str, ...] = ()  # further encoder arguments with alpha
    alpha_endings: tuple[str, ...] = ()
    needs_even_sides: bool = False  # the last row or column of an odd side is cropped


# Speed presets: those beyond which a slower one hardly reduces the file size. Matroska
# holds every codec, and comes last.
_APPLE: Final = (".mp4", ".m4v", ".mov", ".mkv")
CODECS: Final = {
    "h264": Codec(endings=_APPLE, encoder=("libx264",), needs_even_sides=True),
    "h265": Codec(
        endings=_APPLE,
        encoder=("libx265", "-x265-params", "log-level=error"),
        needs_even_sides=True,
    ),
    "av1": Codec(
        endings=(".mp4", ".m4v", ".webm", ".mkv"),
        encoder=("libsvtav1", "-preset", "8"),
    ),
    "vp9": Codec(
        endings=(".webm", ".mp4", ".m4v", ".mkv"),
        encoder=("libvpx-vp9", "-cpu-used", "4", "-row-mt", "1", "-b:v", "0"),
        alpha_pixels="yuva420p",
        alpha_endings=(".webm", ".mkv"),
    ),
    "prores": Codec(
        endings=(".mov", ".mkv"),
        encoder=("prores_ks", "-profile:v", "hq", "-vendor", "apl0"),
        pixels="yuv422p10le",
        alpha_pixels="yuva444p10le",
        alpha_arguments=("-profile:v", "4444", "-alpha_bits", "16"),
        alpha_endings=(".mov", ".mkv"),
    ),
    "gif": Codec(endings=(".gif",), encoder=("gif",), pixels="pal8"),
    "ffv1": Codec(
        endings=(".mkv",),
        encoder=("ffv1", "-level", "3", "-slices", "4", "-slicecrc", "1"),
        pixels="bgr0",
        alpha_pixels="bgra",
        alpha_endings=(".mkv",),
    ),
}
_BT709: Final = "color_primaries=bt709:color_trc=bt709"


def container_of(path: Path) -> str:
    """Look up ffmpeg's muxer by extension, or raise ConfigError."""
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        known = ", ".join(CONTAINERS)
        raise ConfigError(f"{path} has no video file extension; use one of {known}.")
    return container


def codec_for(path: Path, config: EncodingConfig) -> str:
    """Resolve the codec of an output file: the configured one, or its default.

    ConfigError: the container cannot hold it or its alpha, or crf is out of its range.
    """
    container_of(path)
    ending = path.suffix.lower()
    name: str = config.codec
    if name == "auto":
        name = {".webm": "vp9", ".gif": "gif"}.get(ending, "h264")
    endings = CODECS[name].endings
    if ending not in endings:
        raise ConfigError(
            f"{path}: a {ending} file cannot hold {name}; use "
            f"{' or '.join(endings)}, or leave --codec out."
        )
    check_crf(name, config.crf)
    if config.keep_alpha and ending not in CODECS[name].alpha_endings:
        ways = ", ".join(
            f"--codec {other} in {' or '.join(codec.alpha_endings)}"
            for other, codec in CODECS.items()
            if codec.alpha_endings
        )
        raise ConfigError(
            f"{path}: {name} in {ending} cannot hold transparency; use {ways}."
        )
    return name


def encoded_shape(codec: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Return a (height, width) as encoded: a codec may need to crop odd sides."""
    height, width = shape
    if CODECS[codec].needs_even_sides:
        return height - height % 2, width - width % 2
    return shape


def encoder_arguments(
    name: str,
    *,
    crf: int | None,
    container: str,
    with_alpha: bool = False,
    hardware: "HardwareEncoder | None" = None,
) -> list[str]:
    """Build the encoder arguments of the first video stream.

    DependencyError: this ffmpeg has no working encoder for the codec.
    """
    if hardware is not None:
        arguments = hardware.arguments(name, crf)
    else:
        arguments = ["-c:v:0", *_working_encoder(name, ffmpeg_path())]
        if name in CRF:
            quality = CRF[name].default if crf is None else crf
            arguments += ["-crf", str(quality)]
            if name == "vp9" and quality == 0:
                arguments += ["-lossless", "1"]
    if name == "h265" and container in {"mp4", "mov"}:
        arguments += ["-tag:v:0", "hvc1"]  # the only tag that Apple's players accept
    if with_alpha:
        arguments += CODECS[name].alpha_arguments
    return arguments


def to_pixels(name: str, *, with_alpha: bool = False) -> str:
    """Build the filters that convert RGB to a codec's shape and pixels, and tag it."""
    codec = CODECS[name]
    crop = "crop=iw-mod(iw\\,2):ih-mod(ih\\,2):0:0," if codec.needs_even_sides else ""
    pixels = codec.alpha_pixels if with_alpha else codec.pixels
    if pixels in {"bgr0", "bgra"}:
        return f"format={pixels},setparams=range=pc:colorspace=gbr:{_BT709}"
    # Area averaging subsamples chroma to the mean of four pixels, so that decoding and
    # encoding unchanged pixels is lossless in chroma.
    flags = "area+accurate_rnd+full_chroma_int"
    return (
        f"{crop}scale=out_color_matrix=bt709:out_range=tv:flags={flags},"
        f"format={pixels},setparams=range=tv:colorspace=bt709:{_BT709}"
    )


def _working_encoder(name: str, program: str) -> tuple[str, ...]:
    codec = CODECS[name]
    arguments = ("-pix_fmt", codec.pixels, "-c:v", *codec.encoder)
    if reason := _encoding_error(arguments, "64x64", program):
        raise DependencyError(
            f"the ffmpeg at {program} cannot encode {name}{reason}; use another "
            "--codec, or set IMAGEIO_FFMPEG_EXE to another ffmpeg."
        )
    return codec.encoder


@cache  # by the program, too, which ``run_ffmpeg`` finds by itself
def _encoding_error(encoder: tuple[str, ...], size: str, _program: str) -> str:
    """Try an encoder on one frame; return its error message, or an empty string."""
    picture = ["-f", "lavfi", "-i", f"color=size={size}", "-frames:v", "1"]
    arguments = [*picture, *encoder, "-f", "null", "-"]
    try:
        run_ffmpeg(arguments, error=VideoWriteError, failed="")
    except VideoWriteError as err:
        return str(err).removesuffix(".")
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareEncoder:
    """A hardware encoder of ffmpeg."""

    name: str
    quality: Callable[[int], Sequence[str]]  # crf -> the encoder's arguments

    def arguments(self, codec: str, crf: int | None) -> list[str]:
        quality = CRF[codec].default if crf is None else crf
        return ["-c:v:0", self.name, *self.quality(quality)]


def _nvenc(crf: int) -> Sequence[str]:  # a cq of 0 means automatic
    return "-rc", "vbr", "-cq", str(max(1, crf)), "-b:v", "0"


def _videotoolbox(crf: int) -> Sequence[str]:  # 1 to 100, higher is better
    return "-q:v", str(max(1, 100 - 2 * crf))


# By codec, the fastest first.
CANDIDATES: Mapping[str, tuple[HardwareEncoder, ...]] = {
    "h264": (
        HardwareEncoder(name="h264_nvenc", quality=_nvenc),
        HardwareEncoder(name="h264_videotoolbox", quality=_videotoolbox),
    ),
    "h265": (
        HardwareEncoder(name="hevc_nvenc", quality=_nvenc),
        HardwareEncoder(name="hevc_videotoolbox", quality=_videotoolbox),
    ),
    "av1": (HardwareEncoder(name="av1_nvenc", quality=_nvenc),),
}


def find_hardware(
    codec: str, *, crf: int | None, shape: tuple[int, int]
) -> HardwareEncoder | None:
    """Find the first hardware encoder that can encode a frame of (height, width)."""
    height, width = shape
    filters = f"format=rgb24,{to_pixels(codec)}"
    for candidate in CANDIDATES.get(codec, ()):
        encoder = ("-vf", filters, *candidate.arguments(codec, crf))
        if not _encoding_error(encoder, f"{width}x{height}", ffmpeg_path()):
            return candidate
    return None


def why_software(codec: str) -> str:
    tried = ", ".join(encoder.name for encoder in CANDIDATES.get(codec, ()))
    why = f" works here (tried {tried})" if tried else ""
    return f"no hardware encoder for {codec}{why}; encoding in software."
