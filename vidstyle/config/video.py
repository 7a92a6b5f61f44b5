"""Settings of clips, albums, encoding, and the animation of an optimization."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple, Self

from vidstyle.config.parsers import parse_fps, parse_numbers, parse_range, parse_time
from vidstyle.config.setting import (
    BACKGROUND,
    COHERENCE,
    COLORS,
    EVOLUTION,
    FILES,
    MIN_SIDE,
    NETWORK,
    OPTIMIZER,
    SIZE,
    Config,
    check_range,
    parse_color,
    settings_of,
)
from vidstyle.config.style import PainterShape, StyleConfig
from vidstyle.errors import ConfigError

CodecName = Literal["auto", "h264", "h265", "av1", "vp9", "prores", "ffv1"]


class _Crf(NamedTuple):
    least: int
    default: int
    most: int


# The defaults give similar SSIM. AV1 starts at 1: its encoder takes 0 for unset, which
# means 35.
CRF = {
    "h264": _Crf(0, 18, 51),
    "h265": _Crf(0, 19, 51),
    "av1": _Crf(1, 30, 63),
    "vp9": _Crf(0, 25, 63),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig(Config):
    """Settings of encoding, and of the metadata copied from the source."""

    codec: CodecName = FILES.common(
        "auto",
        "h264, h265, av1, vp9, prores (.mov, .mkv) or ffv1 (lossless, .mkv); auto: vp9 "
        "in .webm, else h264.",
        metavar="NAME",
    )
    crf: int | None = FILES.setting(
        None,
        "Quality; lower is better. Not for prores and ffv1.",
        default_text=", ".join(f"{name} {crf.default}" for name, crf in CRF.items()),
    )
    hardware_encoder: bool = FILES.setting(
        False, "Encode in hardware (NVENC, VideoToolbox) if possible."
    )
    keep_alpha: bool = FILES.setting(
        False, "Keep transparency (prores, vp9, ffv1 or pictures)."
    )
    keep_location: bool = FILES.setting(False, "Keep the location metadata.")
    strip_metadata: bool = FILES.setting(
        False, "Remove titles, dates and all other tags."
    )

    def _check_together(self) -> None:
        check_crf(self.codec, self.crf)
        if self.keep_location and self.strip_metadata:
            raise ConfigError("give either keep-location or strip-metadata, not both.")


def check_crf(codec: str, crf: int | None) -> None:
    """Raise ConfigError if a codec has no such crf; ``auto`` allows any codec's."""
    if crf is None:
        return
    if codec == "auto":
        most = max(limits.most for limits in CRF.values())
        check_range("crf", crf, least=0, most=most)
    elif (limits := CRF.get(codec)) is not None:
        check_range(f"crf (for {codec})", crf, least=limits.least, most=limits.most)
    else:
        raise ConfigError(f"{codec} has a fixed quality; remove crf.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionConfig(Config):
    """Settings of the GIF or MP4 of an optimization."""

    prefix = "gif-"
    frame: int | None = EVOLUTION.setting(
        None,
        "The frame to show, counted from 0.",
        least=0,
        default_text="the first",
    )
    width: int = EVOLUTION.setting(320, "Width in pixels.", least=MIN_SIDE)
    pictures: int = EVOLUTION.setting(40, "Maximum pictures.", least=2, most=500)
    fps: int = EVOLUTION.setting(10, "Pictures per second.", least=1, most=50)
    hold_s: float = EVOLUTION.setting(
        2.0, "How long to hold the finished picture, in seconds.", least=0
    )


NextInit = Literal["previous-warped", "previous", "content", "random"]
Method = Literal["optimize", "network"]
FlowQuality = Literal["fast", "medium", "quality"]
OutputSize = Literal["working", "source"]

FOLDER_FPS: Final = Fraction(25)  # default frame rate of a folder of pictures
# Fraction of next_steps that a later frame takes to reach the previous frame's loss:
# measured, 8 to 12 of 50.
NEXT_SHARE = 0.25
# The same for key frames (measured: 0.25 to 0.6) and those in between (0 to 0.15).
KEY_SHARE, BETWEEN_SHARE = 0.32, 0.02


def _check_times(name: str, times: tuple[float, ...]) -> None:
    for time_s in times:
        check_range(f"a time of {name}", time_s, least=0)
    if list(times) != sorted(set(times)):
        listed = ", ".join(f"{time_s:g}" for time_s in times)
        raise ConfigError(f"{name}: {listed} is not ascending.")


def check_frames(name: str, frames: tuple[int, int | None]) -> None:
    start, stop = frames
    check_range(f"{name} start", start, least=0)
    if stop is not None and stop <= start:
        raise ConfigError(f"{name} {start}:{stop} is empty; give A:B with A < B.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumConfig(Config):
    """Settings shared by folders of pictures and clips."""

    background: str = FILES.setting(
        BACKGROUND,
        f"Color behind transparent parts: {', '.join(COLORS)} or #RRGGBB.",
        check=parse_color,
        metavar="COLOR",
    )
    batch: int = OPTIMIZER.common(1, "Pictures or shots to paint at once.", least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig(AlbumConfig):
    """Settings of reading, stylizing and writing a clip."""

    style: StyleConfig = field(default_factory=StyleConfig)
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    style_at: tuple[float, ...] = FILES.setting(
        (),
        "Painting from this second on; each fades into the next. In a --config file: "
        "only the seconds.",
        check=_check_times,
        parser=parse_numbers,
        metavar="SECONDS:FILE",
        default_text="mixed throughout",
    )
    input_fps: Fraction | None = FILES.setting(
        None,
        "Frame rate of a folder of pictures or a raw stream.",
        above=0,
        most=1000,
        parser=parse_fps,
        none="source",
        default_text=str(FOLDER_FPS),
        flag="fps",
    )
    strict: bool = FILES.setting(False, "Refuse a damaged clip instead of warning.")
    paint_bars: bool = FILES.setting(
        False, "Also paint the black bars around the picture."
    )
    output_size: OutputSize = SIZE.setting(
        "working", "source: resize the finished result to the source's size."
    )
    frames: tuple[int, int | None] = SIZE.common(
        (0, None),
        "Only frames A to B-1 (the first is 0).",
        check=check_frames,
        parser=parse_range,
        metavar="A:B",
        default_text="all",
    )
    start_s: float | None = SIZE.common(
        None,
        "Start time, such as 1:30.",
        least=0,
        parser=parse_time,
        metavar="TIME",
        default_text="0",
    )
    duration_s: float | None = SIZE.common(
        None,
        "Length to paint.",
        above=0,
        parser=parse_time,
        metavar="TIME",
        default_text="to the end",
    )
    method: Method = NETWORK.common(
        "optimize", "network: first train a network.", metavar="HOW"
    )
    network_shape: PainterShape = NETWORK.setting(
        "residual",
        "Architecture of the trained network: residual or unet.",
        metavar="NAME",
    )
    train_minutes: float = NETWORK.setting(10.0, "Training time in minutes.", above=0)
    next_init: NextInit = COHERENCE.setting(
        "previous-warped",
        "What later frames start from: previous-warped, previous, content or random.",
        metavar="START",
    )
    temporal_weight: float = COHERENCE.setting(
        45.0,
        "How firmly paint follows the motion; higher flickers less.",
        least=0,
    )
    flow: FlowQuality = COHERENCE.setting(
        "medium", "Optical flow; quality takes four times as long as medium."
    )
    mask_motion: Literal["fixed", "flow"] = COHERENCE.setting(
        "fixed", "flow: a still mask follows what it covers in the first frame."
    )
    key_frames: int = COHERENCE.common(
        8,
        "Paint every Nth frame in full; others reuse paint.",
        least=1,
        most=64,
        metavar="N",
    )
    loop: bool = COHERENCE.setting(
        False, "Make a seamless loop of a clip whose end meets its beginning."
    )
    next_steps: int = OPTIMIZER.common(
        50, "Maximum steps for each later frame.", least=0
    )
    next_min_steps: int = OPTIMIZER.setting(
        4,
        "Minimum steps before a later frame may stop early.",
        least=0,
    )

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """Create one from a flat set of settings, with those of style and encoding."""
        parts: dict[str, Any] = {}
        for part, kind in ("style", StyleConfig), ("encoding", EncodingConfig):
            names = {setting.name for setting in settings_of(kind)} & settings.keys()
            parts[part] = kind(**{name: settings.pop(name) for name in names})
        return cls(**parts, **settings)

    @property
    def expected_next_steps(self) -> int:
        """The expected number of steps of a later frame; for display only."""
        if self.has_painter:
            return self.style.touch_up
        if self.style.balance == "gradients" or not self.needs_motion:
            return self.next_steps
        share, spacing = NEXT_SHARE, self.key_spacing
        if spacing > 1:
            share = KEY_SHARE / spacing + BETWEEN_SHARE
        return min(self.next_steps, max(1, round(share * self.next_steps)))

    @property
    def key_spacing(self) -> int:
        """The distance between key frames; 1: every frame is stylized in full."""
        is_warped = self.next_init == "previous-warped" and not self.has_painter
        return self.key_frames if is_warped else 1

    @property
    def has_painter(self) -> bool:
        """Whether a network stylizes, each frame independently."""
        return self.method == "network" or self.style.painter is not None

    @property
    def needs_motion(self) -> bool:
        """Whether later frames depend on optical flow from the previous frame."""
        has_temporal_loss = self.temporal_weight > 0 and self.next_steps > 0
        is_warped = self.next_init == "previous-warped"
        return (has_temporal_loss or is_warped) and not self.has_painter

    def _check_together(self) -> None:
        if self.style_at and self.style.style_mix:
            raise ConfigError("give either style-mix or style-at, not both.")
        if self.style_at and self.has_painter:
            raise ConfigError("a network paints a single style; remove style-at.")
        by_time = self.start_s is not None or self.duration_s is not None
        if by_time and self.frames != (0, None):
            raise ConfigError("give either frames, or start and duration, not both.")
