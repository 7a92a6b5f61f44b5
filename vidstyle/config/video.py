"""How a clip is read, made coherent, and written."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from vidstyle.config.checks import check_choice, check_range
from vidstyle.config.colors import BACKGROUND, parse_color
from vidstyle.config.encoding import EncodingConfig
from vidstyle.config.style import StyleConfig
from vidstyle.errors import ConfigError

NextInit = Literal["previous-warped", "previous", "content", "random"]
MaskMotion = Literal["fixed", "flow"]
FlowQuality = Literal["fast", "medium", "quality"]
OutputSize = Literal["working", "source"]

FOLDER_FPS = Fraction(25)
"""Rate of a folder of pictures, unless the user says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig:
    """How a clip is read, made coherent, and written."""

    style: StyleConfig = field(default_factory=StyleConfig)
    """How each of its frames is optimised."""
    style_at: tuple[float, ...] = ()
    """Seconds of the clip at which each painting is alone, ascending; between them one
    fades into the next. Empty: the paintings are mixed all along."""
    next_steps: int = 50
    """Most steps for a frame that follows another; 0 leaves what it starts from."""
    next_init: NextInit = "previous-warped"
    """What such a frame starts from."""
    temporal_weight: float = 30.0
    """Factor of the temporal loss, 0 or more; larger flickers less and paints less."""
    flow: FlowQuality = "medium"
    """Optical flow: fast, medium, or quality (four times slower than medium)."""
    mask_motion: MaskMotion = "fixed"
    """Whether a region's mask stays where it is, or goes from the first frame that is
    taken along with what it lies on, as far as the shot goes."""
    batch: int = 1
    """Shots that are optimised beside one another; more fills a GPU."""
    frames: tuple[int, int | None] = (0, None)
    """Range ``[start, stop)`` of the source's frames to take; stop None: to the end."""
    start_s: float | None = None
    """Take frames shown from this second on; None: from the first."""
    duration_s: float | None = None
    """Take frames shown for this many seconds; None: to the end."""
    output_size: OutputSize = "working"
    """Working: as optimised; source: resampled to the source's size at the end."""
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    """How the result is encoded, and which facts travel along."""
    strict: bool = False
    """Whether a clip that is damaged is an error instead of a warning."""
    input_fps: Fraction | None = None
    """Rate of a folder of pictures (None: 25), or of a raw stream without times (None:
    as it says, or 25); more than 0. Other files have their own."""
    background: str = BACKGROUND
    """What lies behind transparent parts: a name in ``COLORS``, or ``#RRGGBB``."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        for time_s in self.style_at:
            check_range("a time of style-at", time_s, least=0)
        if any(later <= time_s for time_s, later in pairwise(self.style_at)):
            times = ", ".join(f"{time_s:g}" for time_s in self.style_at)
            raise ConfigError(f"style-at: {times} is not ascending.")
        if self.style_at and self.style.style_mix:
            raise ConfigError("give either style-mix or style-at, not both.")
        check_range("next-steps", self.next_steps, least=0)
        check_choice("next-init", self.next_init, NextInit)
        check_range("temporal-weight", self.temporal_weight, least=0)
        check_choice("flow", self.flow, FlowQuality)
        check_choice("mask-motion", self.mask_motion, MaskMotion)
        check_range("batch", self.batch, least=1)
        check_choice("output-size", self.output_size, OutputSize)
        start, stop = self.frames
        check_range("frames start", start, least=0)
        if stop is not None and stop <= start:
            raise ConfigError(f"frames {start}:{stop} is empty: STOP must be larger.")
        if self.start_s is not None:
            check_range("start", self.start_s, least=0)
        if self.duration_s is not None:
            check_range("duration", self.duration_s, above=0)
        if self.input_fps is not None:
            check_range("fps", float(self.input_fps), above=0, most=1000)
        parse_color("background", self.background)
        by_time = self.start_s is not None or self.duration_s is not None
        if by_time and self.frames != (0, None):
            raise ConfigError("give either frames, or start and duration, not both.")
