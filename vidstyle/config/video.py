"""How a clip is read and made coherent; how many pictures are painted at once."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, Literal, Self

from vidstyle.config.encoding import EncodingConfig
from vidstyle.config.setting import (
    COHERENCE,
    FILES,
    NETWORK,
    OPTIMIZER,
    SIZE,
    Config,
    check_range,
    common_setting,
    setting,
    settings_of,
)
from vidstyle.config.style import PainterShape, StyleConfig
from vidstyle.config.values import (
    BACKGROUND,
    COLORS,
    parse_color,
    parse_fps,
    parse_numbers,
    parse_range,
    parse_time,
)
from vidstyle.errors import ConfigError

NextInit = Literal["previous-warped", "previous", "content", "random"]
Method = Literal["optimize", "network"]
MaskMotion = Literal["fixed", "flow"]
FlowQuality = Literal["fast", "medium", "quality"]
OutputSize = Literal["working", "source"]

FOLDER_FPS: Final = Fraction(25)
"""Rate of a folder of pictures, unless the user says otherwise."""
NEXT_SHARE = 0.25
"""Of its steps, before a frame that follows another is as good as that one; measured:
8 to 12 of 50 in calm shots."""
BETWEEN_SHARE = 0.05
"""Steps of a frame between, by those of a key frame; measured: 0.01 to 0.1."""


def _check_times(name: str, times: tuple[float, ...]) -> None:
    for time_s in times:
        check_range(f"a time of {name}", time_s, least=0)
    if any(later <= time_s for time_s, later in pairwise(times)):
        listed = ", ".join(f"{time_s:g}" for time_s in times)
        raise ConfigError(f"{name}: {listed} is not ascending.")


def _check_frames(name: str, frames: tuple[int, int | None]) -> None:
    start, stop = frames
    check_range(f"{name} start", start, least=0)
    if stop is not None and stop <= start:
        raise ConfigError(f"{name} {start}:{stop} is empty: STOP must be larger.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumConfig(Config):
    """How many pictures are painted at once."""

    batch: int = common_setting(
        1, "Pictures or shots painted at once; more fills a GPU.", OPTIMIZER, least=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig(AlbumConfig):
    """How a clip is read, made coherent, and written."""

    style: StyleConfig = field(default_factory=StyleConfig)
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    style_at: tuple[float, ...] = setting(
        (),
        "The painting from this second on; of several, one fades into the next. In a "
        "file of settings: the seconds only.",
        FILES,
        check=_check_times,
        parser=parse_numbers,
        metavar="SECONDS:FILE",
        default_text="mixed all along",
    )
    input_fps: Fraction | None = setting(
        None,
        "Rate of a folder of pictures, or a raw stream; other files have their own.",
        FILES,
        above=0,
        most=1000,
        parser=parse_fps,
        none="source",
        default_text=str(FOLDER_FPS),
        flag="fps",
    )
    background: str = setting(
        BACKGROUND,
        f"Behind a clip's transparent parts: {', '.join(COLORS)}, or #RRGGBB.",
        FILES,
        check=parse_color,
        metavar="COLOR",
    )
    strict: bool = setting(
        False, "Refuse a clip that is damaged, instead of warning.", FILES
    )
    output_size: OutputSize = setting(
        "working", "source: resample the finished result to the source's size.", SIZE
    )
    frames: tuple[int, int | None] = common_setting(
        (0, None),
        "Only these frames, counted from 0; B itself is left out.",
        SIZE,
        check=_check_frames,
        parser=parse_range,
        metavar="A:B",
        default_text="all",
    )
    start_s: float | None = common_setting(
        None,
        "Only from this time on: seconds, or 1:30.",
        SIZE,
        least=0,
        parser=parse_time,
        metavar="TIME",
        default_text="the beginning",
    )
    duration_s: float | None = common_setting(
        None,
        "Only for so long.",
        SIZE,
        above=0,
        parser=parse_time,
        metavar="TIME",
        default_text="to the end",
    )
    method: Method = common_setting(
        "optimize", "network: train one for this clip.", NETWORK, metavar="HOW"
    )
    network_shape: PainterShape = setting(
        "residual", "Shape of that network: residual or unet.", NETWORK, metavar="NAME"
    )
    train_minutes: float = setting(10.0, "How long to train it.", NETWORK, above=0)
    next_init: NextInit = setting(
        "previous-warped",
        "What a later frame starts from: previous-warped, previous, content or random.",
        COHERENCE,
        metavar="START",
    )
    temporal_weight: float = setting(
        45.0,
        "How firmly paint stays on what it was put on; more flickers less.",
        COHERENCE,
        least=0,
    )
    flow: FlowQuality = setting(
        "medium", "Optical flow; quality takes four times as long as medium.", COHERENCE
    )
    mask_motion: MaskMotion = setting(
        "fixed",
        "flow: a region's mask moves with what it covers in the first frame.",
        COHERENCE,
    )
    key_frames: int = common_setting(
        8,
        "Paint every Nth frame in full; those between take its paint.",
        COHERENCE,
        least=1,
        most=64,
        metavar="N",
    )
    next_steps: int = common_setting(
        50, "Most steps for a frame that follows another.", OPTIMIZER, least=0
    )
    next_min_steps: int = setting(
        4,
        "Fewest steps for such a frame, which ends when it is as good as the last one.",
        OPTIMIZER,
        least=0,
    )

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """Make one of settings by their names, those of style and encoding, too."""
        parts: dict[str, Any] = {}
        for name, kind in ("style", StyleConfig), ("encoding", EncodingConfig):
            own = {each.name for each in settings_of(kind)} & settings.keys()
            parts[name] = kind(**{each: settings.pop(each) for each in own})
        return cls(**parts, **settings)

    @property
    def expected_next_steps(self) -> int:
        """How many steps a later frame will probably take; for display only."""
        if self.has_painter:
            return self.style.touch_up
        if self.style.balance == "gradients" or not self.needs_motion:
            return self.next_steps
        share = NEXT_SHARE
        if self.key_spacing > 1:
            share = 1 / self.key_spacing + BETWEEN_SHARE
        wanted = max(self.next_min_steps, round(share * self.next_steps))
        return min(self.next_steps, wanted)

    @property
    def key_spacing(self) -> int:
        """How many frames on the next key frame is; 1: none is carried in between."""
        is_carried = self.next_init == "previous-warped" and not self.has_painter
        return self.key_frames if is_carried else 1

    @property
    def has_painter(self) -> bool:
        """Whether a network paints: each frame is painted for itself then."""
        return self.method == "network" or self.style.painter is not None

    @property
    def needs_motion(self) -> bool:
        """Whether a later frame takes anything from where the last one's paint went."""
        if self.has_painter:
            return False
        is_bound = self.temporal_weight > 0 and self.next_steps > 0
        return is_bound or self.next_init == "previous-warped"

    def _check_together(self) -> None:
        if self.style_at and self.style.style_mix:
            raise ConfigError("give either style-mix or style-at, not both.")
        if self.style_at and self.has_painter:
            raise ConfigError("a network paints one look: give it no style-at.")
        by_time = self.start_s is not None or self.duration_s is not None
        if by_time and self.frames != (0, None):
            raise ConfigError("give either frames, or start and duration, not both.")
