"""A codec, a quality and a size come in -> a hardware encoder that works here, or none.

What ffmpeg lists says only what it was built with, so each candidate encodes a frame of
the result's size. No such hardware was at hand when the qualities were written: they
are what each encoder's documentation calls its scale, put beside that of ``crf``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from vidstyle.config import CRF
from vidstyle.errors import VideoWriteError
from vidstyle.video.codecs import CODECS, to_pixels
from vidstyle.video.ffmpeg import ffmpeg_path, run_ffmpeg


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareEncoder:
    """One encoder of ffmpeg's that leaves the work to hardware."""

    name: str
    quality: Callable[[int], Sequence[str]]
    """From a ``crf`` to its arguments."""
    device: tuple[str, ...] = ()
    """Arguments before all inputs."""
    upload: tuple[str, ...] = ()
    """Filters after those to the codec's pixels."""

    def arguments(self, codec: str, crf: int | None) -> list[str]:
        """Return the arguments that encode a result's first stream of pictures."""
        quality = CRF[codec].default if crf is None else crf
        return ["-c:v:0", self.name, *self.quality(quality)]

    def filters(self, codec: str) -> str:
        """Return the filters from RGB to what it takes."""
        return ",".join([to_pixels(CODECS[codec].pixels), *self.upload])


def _nvenc(name: str) -> HardwareEncoder:
    # 0 would let it choose.
    return HardwareEncoder(
        name=f"{name}_nvenc",
        quality=lambda crf: ("-rc", "vbr", "-cq", str(max(1, crf)), "-b:v", "0"),
    )


def _videotoolbox(name: str) -> HardwareEncoder:
    # From 1 to 100, where more is better.
    return HardwareEncoder(
        name=f"{name}_videotoolbox",
        quality=lambda crf: ("-q:v", str(max(1, 100 - 2 * crf))),
    )


def _qsv(name: str) -> HardwareEncoder:
    return HardwareEncoder(
        name=f"{name}_qsv",
        quality=lambda crf: ("-global_quality", str(min(max(1, crf), 51))),
    )


def _amf(name: str, scale: int = 1) -> HardwareEncoder:
    def quality(crf: int) -> Sequence[str]:
        step = str(scale * crf)
        between = ("-qp_b", step) if name == "h264" else ()
        return ("-rc", "cqp", "-qp_i", step, "-qp_p", step, *between)

    return HardwareEncoder(name=f"{name}_amf", quality=quality)


def _vaapi(name: str, scale: int = 1) -> HardwareEncoder:
    return HardwareEncoder(
        name=f"{name}_vaapi",
        quality=lambda crf: (
            *("-rc_mode", "CQP", "-global_quality", str(max(1, scale * crf))),
        ),
        device=("-vaapi_device", "/dev/dri/renderD128"),
        upload=("format=nv12", "hwupload"),
    )


# By codec, the quickest first. AV1 has quantizers to 255, where its crf ends at 63.
CANDIDATES: Mapping[str, tuple[HardwareEncoder, ...]] = {
    "h264": (
        *(_nvenc("h264"), _videotoolbox("h264"), _qsv("h264")),
        *(_amf("h264"), _vaapi("h264")),
    ),
    "h265": (
        *(_nvenc("hevc"), _videotoolbox("hevc"), _qsv("hevc")),
        *(_amf("hevc"), _vaapi("hevc")),
    ),
    "av1": (_nvenc("av1"), _qsv("av1"), _amf("av1", 4), _vaapi("av1", 4)),
}


def find_hardware(
    codec: str, *, crf: int | None, shape: tuple[int, int]
) -> HardwareEncoder | None:
    """Find the first candidate that encodes a frame.

    Args:
        codec: A key of ``codecs.CODECS``.
        crf: Quality, as the codec's own; None: its default.
        shape: Height and width of the frames; odd ones gain a row or column.

    Raises:
        DependencyError: If there is no ffmpeg.
    """
    height, width = (side + side % 2 for side in shape)
    for candidate in CANDIDATES.get(codec, ()):
        arguments = (
            *(*candidate.device, "-f", "lavfi", "-i", f"color=size={width}x{height}"),
            *("-frames:v", "1", "-vf", f"format=rgb24,{candidate.filters(codec)}"),
            *(*candidate.arguments(codec, crf), "-f", "null", "-"),
        )
        if _succeeds(arguments, ffmpeg_path()):
            return candidate
    return None


def why_software(codec: str) -> str:
    """Say, in a sentence, that no candidate works."""
    tried = ", ".join(each.name for each in CANDIDATES.get(codec, ()))
    if not tried:
        return f"no hardware encoder makes {codec} here; it is encoded in software."
    return (
        f"no hardware encoder for {codec} works here (tried {tried}); it is encoded in "
        "software."
    )


@cache
def _succeeds(arguments: tuple[str, ...], program: str) -> bool:
    """Whether the ffmpeg at a path can do something; it is asked once."""
    try:
        run_ffmpeg(arguments, error=VideoWriteError, failed=program)
    except VideoWriteError:
        return False
    return True
