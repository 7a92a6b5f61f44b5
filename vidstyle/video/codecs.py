"""A codec and a result's name come in; container, encoder and its arguments go out.

One table says which encoder of ffmpeg's makes what, in which pixels, and which files
can hold it. Whether the ffmpeg at hand has the encoder is tried on one small frame.
"""

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
"""ffmpeg's name of what a result is put into, by the ending of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How pictures are encoded, and what can hold them."""

    endings: tuple[str, ...]
    """Of the files that can hold it and are played as such; the usual one first."""
    encoders: tuple[tuple[str, ...], ...]
    """Of ffmpeg, each with its arguments but for the quality; the best one first."""
    pixels: str = "yuv420p"
    """ffmpeg's name of their format."""
    needs_even_sides: bool = False
    """Whether an odd side has to gain a row or column."""


# Presets: where a slower one makes files hardly smaller. Matroska's ending stands last
# and can hold everything.
CODECS: Final = {
    "h264": Codec(
        endings=(".mp4", ".m4v", ".mov", ".mkv"),
        encoders=(("libx264",),),
        needs_even_sides=True,
    ),
    "h265": Codec(
        endings=(".mp4", ".m4v", ".mov", ".mkv"),
        encoders=(("libx265", "-x265-params", "log-level=error"),),
        needs_even_sides=True,
    ),
    "av1": Codec(
        endings=(".mp4", ".m4v", ".webm", ".mkv"),
        encoders=(
            ("libsvtav1", "-preset", "8"),
            ("libaom-av1", "-cpu-used", "6", "-row-mt", "1", "-b:v", "0"),
        ),
    ),
    "vp9": Codec(
        endings=(".webm", ".mp4", ".m4v", ".mkv"),
        encoders=(("libvpx-vp9", "-cpu-used", "4", "-row-mt", "1", "-b:v", "0"),),
    ),
    "prores": Codec(
        endings=(".mov", ".mkv"),
        encoders=(("prores_ks", "-profile:v", "hq", "-vendor", "apl0"),),
        pixels="yuv422p10le",
    ),
    "gif": Codec(endings=(".gif",), encoders=(("gif",),), pixels="pal8"),
    "ffv1": Codec(
        endings=(".mkv",),
        encoders=(("ffv1", "-level", "3", "-slices", "4", "-slicecrc", "1"),),
        pixels="bgr0",
    ),
}
_BT709: Final = "colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def container_of(path: Path) -> str:
    """Choose ffmpeg's container by a name's ending.

    Raises:
        ConfigError: If it is not one of a video's.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        known = ", ".join(CONTAINERS)
        raise ConfigError(f"{path} has no ending of a video; use one of {known}.")
    return container


def codec_for(path: Path, config: EncodingConfig) -> str:
    """Choose the codec of a result: the one asked for, or the usual one of its file.

    Returns:
        A key of ``CODECS``.

    Raises:
        ConfigError: If no such file can hold it, or has the quality that is asked for.
    """
    container_of(path)
    ending = path.suffix.lower()
    name: str = config.codec
    if name == "auto":
        name = {".webm": "vp9", ".gif": "gif"}.get(ending, "h264")
    endings = CODECS[name].endings
    if ending not in endings:
        others = [each for each, codec in CODECS.items() if ending in codec.endings]
        instead = f"use --codec {' or '.join(others)}"
        if others == ["gif"]:
            instead = "leave --codec out"
        raise ConfigError(
            f"{path}: a {ending} file cannot hold {name}; name it "
            f"{' or '.join(endings)}, or {instead}."
        )
    check_crf(name, config.crf)
    return name


def encoder_arguments(name: str, *, crf: int | None, container: str) -> list[str]:
    """Return ffmpeg's arguments that encode its first picture stream.

    Args:
        name: A key of ``CODECS``.
        crf: Quality; None: the codec's own default.
        container: As ffmpeg names it.

    Raises:
        DependencyError: If this ffmpeg has no encoder for it.
    """
    codec = CODECS[name]
    encoder = _working_encoder(name, ffmpeg_path())
    arguments = ["-c:v:0", *encoder]
    if name in CRF:
        quality = CRF[name].default if crf is None else crf
        arguments += ["-crf", str(quality)]
        if name == "vp9" and quality == 0:
            arguments += ["-lossless", "1"]
    if name == "h265" and container in {"mp4", "mov"}:
        arguments += ["-tag:v:0", "hvc1"]  # Apple's players know no other
    return [*arguments, "-filter:v:0", _to_pixels(codec.pixels)]


def _to_pixels(pixels: str) -> str:
    """Return the filter from RGB to an encoder's pixels, tagged as what they are."""
    if pixels == "bgr0":
        tags = "range=pc:colorspace=gbr:color_primaries=bt709:color_trc=bt709"
        return f"format={pixels},setparams={tags}"
    # By area: a color that stands for four pixels is their mean, so that those of a
    # clip whose pixels are only copied come out as they went in.
    flags = "area+accurate_rnd+full_chroma_int"
    return (
        f"scale=out_color_matrix=bt709:out_range=tv:flags={flags},"
        f"format={pixels},setparams=range=tv:{_BT709}"
    )


@cache
def _working_encoder(name: str, program: str) -> tuple[str, ...]:
    """Find a codec's first encoder that works, by encoding one small frame.

    Args:
        name: A key of ``CODECS``.
        program: Path of the ffmpeg that is tried.
    """
    reason = ""
    for encoder in CODECS[name].encoders:
        picture = ["-f", "lavfi", "-i", "color=size=64x64", "-frames:v", "1"]
        pixels = ["-pix_fmt", CODECS[name].pixels]
        arguments = [*picture, *pixels, "-c:v", *encoder, "-f", "null", "-"]
        failed = f"the ffmpeg at {program} cannot encode {name}"
        try:
            run_ffmpeg(arguments, error=VideoWriteError, failed=failed)
        except VideoWriteError as err:
            reason = reason or str(err)
        else:
            return encoder
    raise DependencyError(
        f"{reason.removesuffix('.')}; use another --codec, or name another ffmpeg in "
        "the environment variable IMAGEIO_FFMPEG_EXE."
    )
