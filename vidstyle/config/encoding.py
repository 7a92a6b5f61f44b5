"""How a result is encoded, and which facts of its source travel along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from vidstyle.config.checks import check_choice, check_range
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
class EncodingConfig:
    """How a result is encoded, and which facts of its source travel along."""

    codec: CodecName = "auto"
    """Auto: what the ending of the result's name asks for: vp9 in .webm, else h264."""
    crf: int | None = None
    """Quality, lower is better, within the codec's ``CRF``; None: its default."""
    hardware_encoder: bool = False
    """Whether the machine's hardware encodes h264, h265 or av1, where it can."""
    keep_location: bool = False
    """Whether the result says where the source was taken."""
    keep_alpha: bool = False
    """Whether the result is as transparent as its source; prores, vp9, ffv1 and
    pictures in a folder can be."""
    strip_metadata: bool = False
    """Whether titles, dates and all other tags are left out."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_choice("codec", self.codec, CodecName)
        check_crf(self.codec, self.crf)
        if self.keep_location and self.strip_metadata:
            raise ConfigError("give keep-location or strip-metadata, not both.")


def check_crf(codec: str, crf: int | None) -> None:
    """Check that a codec has such a quality; ``auto`` may become any that has one.

    Raises:
        ConfigError: If it has not.
    """
    if crf is None:
        return
    if codec == "auto":
        check_range("crf", crf, least=0, most=max(each.most for each in CRF.values()))
    elif codec in CRF:
        what = f"crf (for {codec})"
        check_range(what, crf, least=CRF[codec].least, most=CRF[codec].most)
    else:
        raise ConfigError(f"{codec} has no crf: its quality is fixed; leave crf out.")
