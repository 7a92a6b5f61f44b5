"""How a result is encoded, what travels along, and the GIF of how it was learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from vidstyle.config.setting import (
    EVOLUTION,
    FILES,
    MIN_SIDE,
    Config,
    check_range,
)
from vidstyle.errors import ConfigError

CodecName = Literal["auto", "h264", "h265", "av1", "vp9", "prores", "ffv1"]


class CrfRange(NamedTuple):
    """What a codec takes as its quality; lower is better, and makes larger files."""

    least: int
    default: int
    most: int


CRF: Mapping[str, CrfRange] = {
    "h264": CrfRange(0, 18, 51),
    "h265": CrfRange(0, 19, 51),
    "av1": CrfRange(1, 30, 63),
    "vp9": CrfRange(0, 25, 63),
}
"""By codec; the others have no such setting. The defaults look alike, by SSIM.

AV1 has no 0: its encoder would take that as unsaid, which is 35."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig(Config):
    """How a result is encoded, and which facts of its source travel along."""

    codec: CodecName = FILES.common(
        "auto",
        "auto (vp9 in .webm, else h264), h264, h265, av1, vp9, prores (.mov, .mkv) or "
        "ffv1 (lossless, .mkv).",
        metavar="NAME",
    )
    crf: int | None = FILES.common(
        None,
        "Quality, lower is better; prores and ffv1 have none.",
        default_text=", ".join(f"{name} {crf.default}" for name, crf in CRF.items()),
    )
    hardware_encoder: bool = FILES.setting(
        False, "Encode in hardware (NVENC, VideoToolbox), where it works."
    )
    keep_alpha: bool = FILES.setting(
        False, "Keep transparency; with prores, vp9, ffv1, or a folder of pictures."
    )
    keep_location: bool = FILES.setting(False, "Leave in where the clip was taken.")
    strip_metadata: bool = FILES.setting(
        False, "Leave out titles, dates and all other tags."
    )

    def _check_together(self) -> None:
        check_crf(self.codec, self.crf)
        if self.keep_location and self.strip_metadata:
            raise ConfigError("give keep-location or strip-metadata, not both.")


def check_crf(codec: str, crf: int | None) -> None:
    """Check that a codec has such a quality; ``auto`` may become any that has one."""
    if crf is None:
        return
    if codec == "auto":
        check_range("crf", crf, least=0, most=max(each.most for each in CRF.values()))
    elif codec in CRF:
        what = f"crf (for {codec})"
        check_range(what, crf, least=CRF[codec].least, most=CRF[codec].most)
    else:
        raise ConfigError(f"{codec} has no crf: its quality is fixed; leave crf out.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionConfig(Config):
    """The GIF or MP4 that shows how a picture was learned."""

    prefix = "gif-"
    frame: int | None = EVOLUTION.setting(
        None,
        "Frame of the clip that it shows, counted from 0.",
        least=0,
        default_text="the first",
    )
    width: int = EVOLUTION.setting(320, "Its width in pixels.", least=MIN_SIDE)
    pictures: int = EVOLUTION.setting(40, "Most pictures in it.", least=2, most=500)
    fps: int = EVOLUTION.setting(10, "Pictures a second.", least=1, most=50)
    hold_s: float = EVOLUTION.setting(
        2.0, "How long the finished picture stays, in seconds.", least=0
    )
