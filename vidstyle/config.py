"""Every setting of a run: its default, meaning, unit and range exist once, here.

The command line reads its defaults from these classes, the manifest stores them, and
nothing changes them once a run has begun.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from vidstyle.errors import ConfigError

NetworkName = Literal["auto", "slim", "vgg16", "vgg19"]
Pooling = Literal["average", "max"]
Missing = Literal["refuse", "nearest"]
LossScale = Literal["free", "gatys"]
StyleLoss = Literal["gram", "meanstd", "swd", "wasserstein"]
KeepColor = Literal["none", "luminance", "histogram"]
OptimizerName = Literal["lbfgs", "adam", "momentum", "newton-cg", "langevin"]
Balance = Literal["weights", "gradients"]
LrDecay = Literal["none", "stairs", "exponential", "inverse-time"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Init = Literal["content", "random", "style"]
NextInit = Literal["previous-warped", "previous", "content", "random"]
MaskMotion = Literal["fixed", "flow"]
FlowQuality = Literal["fast", "medium", "quality"]
OutputSize = Literal["working", "source"]
CodecName = Literal["auto", "h264", "h265", "av1", "vp9", "prores", "ffv1"]


class LayerWeight(NamedTuple):
    """One layer of a loss and its share in it, relative to the loss's other layers."""

    layer: str
    """Such as ``relu4_2``."""
    weight: float = 1.0


class Region(NamedTuple):
    """A part of a picture with a painting of its own."""

    mask: Path
    """A picture: white inside, black outside; a video or a folder for a clip."""
    style: Path
    """The painting's file."""


def equal_layers(*layers: str) -> tuple[LayerWeight, ...]:
    """Give each layer the same share."""
    return tuple(LayerWeight(layer) for layer in layers)


DEFAULT_LR: Final[Mapping[OptimizerName, float]] = {
    "adam": 0.03,
    "momentum": 0.02,
    "langevin": 0.01,
}
"""The step of each optimiser that does not find it itself, of the full pixel range."""

FOLDER_FPS = Fraction(25)
"""Rate of a folder of pictures, unless the user says otherwise."""
BACKGROUND = "white"
"""What lies behind the transparent parts of a clip, unless the user says otherwise."""
COLORS = {
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}
"""Colors that have names."""
MIN_SIDE = 16
"""Pixels: relu5_1 lies behind four halvings, so a smaller picture has no such layer."""


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
"""By codec; the others have no such setting. The defaults look alike, by SSIM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleConfig:
    """How one picture is optimised."""

    network: NetworkName = "auto"
    """Feature network; auto takes vgg16 on a GPU and slim on a CPU."""
    weights: Path | None = None
    """File with the network's weights; None: built in, or fetched once."""
    pooling: Pooling = "average"
    """Between the network's blocks; average is Gatys' choice."""
    missing: Missing = "refuse"
    """A layer or a pooling that the network lacks: refuse, or take the nearest."""
    content_layers: tuple[LayerWeight, ...] = equal_layers("relu4_2")
    """Layers whose features should stay those of the content image."""
    style_layers: tuple[LayerWeight, ...] = (
        LayerWeight("relu1_1", 4),
        LayerWeight("relu2_1", 2),
        LayerWeight("relu3_1", 1),
        LayerWeight("relu4_1", 1),
        LayerWeight("relu5_1", 1),
    )
    """Layers whose statistics should become those of the style image.

    Gatys weighs them alike; more on the shallow ones leaves fewer colour fringes.
    """
    content_weight: float = 0.1
    """Factor of the content loss, 0 or more."""
    style_weight: float = 1.0
    """Factor of the style loss, 0 or more."""
    tv_weight: float = 1.0
    """Factor of the total variation, 0 or more; larger is smoother."""
    range_weight: float = 1.0
    """Factor of the penalty on pixels outside [0, 1], 0 or more."""
    style_loss: StyleLoss = "gram"
    """What of the features is style: Gram matrices; means and standard deviations;
    distributions (sliced Wasserstein); means and covariances (Wasserstein-2)."""
    balance: Balance = "weights"
    """What the weights of content, style and total variation are: factors of their
    losses, or the ratio of their gradients' lengths, set anew at each step."""
    loss_scale: LossScale = "free"
    """Free: relative errors, the same on any network; gatys: the paper's sums."""
    optimizer: OptimizerName = "lbfgs"
    """How the pixels are moved."""
    history: int = 10
    """Pairs of steps and gradient changes that L-BFGS remembers, 1 to 100."""
    lr: float | None = None
    """Step of adam, momentum and langevin, in units of the full pixel range; above 0.

    None: the optimiser's own, in ``DEFAULT_LR``. The others find theirs themselves.
    """
    lr_decay: LrDecay = "none"
    """How that step shrinks with the steps taken, t: stairs lr * rate^floor(t / every),
    exponential lr * rate^(t / every), inverse-time lr / (1 + rate * t / every)."""
    lr_decay_rate: float = 0.94
    """The rate of the decay, in (0, 1]; of no effect without one."""
    lr_decay_every: int = 100
    """Steps that the rate is about, 1 or more; of no effect without a decay."""
    temperature: float = 1.0
    """Factor of the temperature of Langevin dynamics, 0 or more; 0 makes no noise."""
    steps: int = 300
    """Most steps for a picture, or a shot's first frame; 0 leaves its start."""
    min_steps: int = 20
    """Steps that are taken before a picture may stop early; 1 or more."""
    pyramid: int = 5
    """Sizes in which a picture, or a shot's first frame, is painted, one after another,
    each larger by the root of 2 and fewer where one would be too small; 1 to 20. They
    share the steps."""
    patience: int = 10
    """A picture stops early when its best loss of so many steps gained too little on
    that of as many before; 1 or more."""
    least_gain: float = 1e-3
    """What is too little, relative to the loss; 0 or more, less than 1."""
    init: Init | Path = "content"
    """What a picture, or a shot's first frame, starts from; a path is a picture."""
    long_side: int | None = 512
    """Longest side of the result in pixels, never enlarged; None: the source's."""
    style_side: int | None = None
    """Longest side of the style image in pixels; None: as ``style_scale`` says."""
    style_scale: float | None = None
    """The same as a share of the result's longest side, more than 0; None: 1."""
    style_mix: tuple[float, ...] = ()
    """How much of each painting there is, 0 or more; empty: of all alike."""
    recolor: bool = True
    """Whether the content gets the painting's mean colour and spread beforehand."""
    keep_color: KeepColor = "none"
    """How the content keeps its colours: by painting its luminance only, or with the
    painting recoloured to its mean and spread. Instead of ``recolor``."""
    seed: int = 0
    """Of the noise in a random start, and of sliced Wasserstein's directions."""
    device: DeviceName = "auto"
    """Where to compute; auto takes cuda, then mps, then the CPU."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_choice("network", self.network, NetworkName)
        check_choice("pooling", self.pooling, Pooling)
        check_choice("missing", self.missing, Missing)
        check_choice("loss-scale", self.loss_scale, LossScale)
        check_choice("device", self.device, DeviceName)
        if not isinstance(self.init, Path):
            check_choice("init", self.init, Init)
        check_layers("content-layers", self.content_layers)
        check_layers("style-layers", self.style_layers)
        for name in ("content", "style", "tv", "range"):
            check_range(f"{name}-weight", getattr(self, f"{name}_weight"), least=0)
        if self.content_weight == 0 and self.style_weight == 0:
            raise ConfigError(
                "content-weight and style-weight are both 0: nothing to optimise."
            )
        for name in ("long_side", "style_side"):
            if (side := getattr(self, name)) is not None:
                check_range(name.replace("_", "-"), side, least=MIN_SIDE)
        check_range("seed", self.seed, least=0, most=2**63 - 1)
        self._check_style()
        self._check_optimizer()

    def _check_optimizer(self) -> None:
        """Check what says how the pixels are moved, and for how long."""
        check_choice("optimizer", self.optimizer, OptimizerName)
        check_choice("balance", self.balance, Balance)
        if self.balance == "gradients":
            self._check_balance()
        if self.optimizer == "newton-cg" and self.style_loss == "wasserstein":
            raise ConfigError(
                "style-loss wasserstein has no second derivatives, which newton-cg "
                "needs; take another style-loss, or --optimizer lbfgs."
            )
        check_range("history", self.history, least=1, most=100)
        check_choice("lr-decay", self.lr_decay, LrDecay)
        if self.lr is not None:
            check_range("lr", self.lr, above=0)
        check_range("lr-decay-rate", self.lr_decay_rate, above=0, most=1)
        check_range("lr-decay-every", self.lr_decay_every, least=1)
        check_range("temperature", self.temperature, least=0)
        check_range("steps", self.steps, least=0)
        check_range("min-steps", self.min_steps, least=1)
        check_range("pyramid", self.pyramid, least=1, most=20)
        check_range("patience", self.patience, least=1)
        check_range("least-gain", self.least_gain, least=0, below=1)

    def _check_style(self) -> None:
        """Check what says which style is taken, and how."""
        check_choice("style-loss", self.style_loss, StyleLoss)
        if self.loss_scale == "gatys" and self.style_loss != "gram":
            raise ConfigError(
                f"loss-scale gatys is that of Gram matrices, and style-loss is "
                f"{self.style_loss}; use loss-scale free."
            )
        check_choice("keep-color", self.keep_color, KeepColor)
        for weight in self.style_mix:
            check_range("a weight of style-mix", weight, least=0)
        if self.style_mix and sum(self.style_mix) == 0:
            raise ConfigError("style-mix: at least one weight must exceed 0.")
        if self.style_scale is not None:
            check_range("style-scale", self.style_scale, above=0)
            if self.style_side is not None:
                raise ConfigError("give either style-side or style-scale, not both.")

    def _check_balance(self) -> None:
        """Check that gradients can be balanced."""
        if self.optimizer in {"lbfgs", "newton-cg"}:
            raise ConfigError(
                f"balance gradients changes what is minimised at each step, and "
                f"optimizer {self.optimizer} learns its curvature from many; use "
                f"--optimizer adam, momentum or langevin."
            )
        if self.loss_scale == "gatys":
            raise ConfigError(
                "balance gradients sets the scale of the losses itself; use "
                "--loss-scale free."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig:
    """How a result is encoded, and which facts of its source travel along."""

    codec: CodecName = "auto"
    """Auto: what the ending of the result's name asks for: vp9 in .webm, else h264."""
    crf: int | None = None
    """Quality, lower is better, within the codec's ``CRF``; None: its default."""
    keep_location: bool = False
    """Whether the result says where the source was taken."""
    keep_alpha: bool = False
    """Whether the result is as transparent as its source; prores, vp9 and ffv1 can."""
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
    temporal_weight: float = 10.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumConfig:
    """How many pictures are painted."""

    batch: int = 1
    """Pictures of one size that are optimised beside one another; more fills a GPU."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_range("batch", self.batch, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionConfig:
    """The GIF or MP4 that shows how a picture was learned."""

    frame: int | None = None
    """Which frame of the clip it shows, by its index in the source; None: the first."""
    width: int = 320
    """Of the GIF, in pixels; never enlarged."""
    pictures: int = 40
    """Most pictures in it."""
    fps: int = 10
    """Pictures a second."""
    hold_s: float = 2.0
    """How long the finished picture stays, in seconds."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        if self.frame is not None:
            check_range("gif-frame", self.frame, least=0)
        check_range("gif-width", self.width, least=MIN_SIDE)
        check_range("gif-pictures", self.pictures, least=2, most=500)
        check_range("gif-fps", self.fps, least=1, most=50)
        check_range("gif-hold", self.hold_s, least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How the built-in network is trained."""

    teacher: str = "vgg16"
    """Whose features to learn: vgg16, vgg19, or the small encoder's file."""
    steps: int = 15_000
    """Of the optimiser, 1 or more; each is shorter than the last."""
    batch: int = 8
    """Crops in a step, 1 or more."""
    crop: int = 128
    """Side of a crop in pixels, 32 to 512."""
    lr: float = 0.003
    """Length of the longest step, more than 0."""
    seed: int = 0
    """Of the first weights and the crops."""
    device: DeviceName = "auto"
    """Where to compute; auto takes cuda, then mps, then the CPU."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_range("steps", self.steps, least=1)
        check_range("batch", self.batch, least=1)
        check_range("crop", self.crop, least=32, most=512)
        check_range("lr", self.lr, above=0)
        check_range("seed", self.seed, least=0, most=2**63 - 1)
        check_choice("device", self.device, DeviceName)


def parse_color(name: str, text: str) -> str:
    """Read a color's name, or ``#RRGGBB``.

    Returns:
        The color as ``#rrggbb``.

    Raises:
        ConfigError: If it is neither.
    """
    color = COLORS.get(text.lower(), text.lower())
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise ConfigError(
            f"{name} is {text!r}; it must be #RRGGBB or one of {', '.join(COLORS)}."
        )
    return color


def check_choice(name: str, value: object, choices: Any) -> None:  # noqa: ANN401
    """Check that a value is one of a Literal's.

    Raises:
        ConfigError: If it is not.
    """
    if value not in get_args(choices):
        known = ", ".join(get_args(choices))
        raise ConfigError(f"{name} is {value!r}; it must be one of {known}.")


def check_range(
    name: str,
    value: float,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Check that a number lies in its range; nan lies in none.

    Raises:
        ConfigError: If it does not.
    """
    bounds = []
    if least is not None:
        bounds.append((value >= least, f"at least {least}"))
    if above is not None:
        bounds.append((value > above, f"more than {above}"))
    if most is not None:
        bounds.append((value <= most, f"at most {most}"))
    if below is not None:
        bounds.append((value < below, f"less than {below}"))
    if not all(holds for holds, _ in bounds) or not math.isfinite(value):
        said = " and ".join(text for _, text in bounds)
        raise ConfigError(f"{name} is {value}; it must be {said}.")


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


def check_layers(name: str, layers: tuple[LayerWeight, ...]) -> None:
    """Check that layers are named once each, with weights that can be normalised.

    Raises:
        ConfigError: If they are not.
    """
    names = [layer for layer, _ in layers]
    if not names:
        raise ConfigError(f"{name} is empty; name at least one layer.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{name} names a layer twice: {', '.join(names)}.")
    for layer, weight in layers:
        check_range(f"weight of {layer} in {name}", weight, least=0)
    if sum(weight for _, weight in layers) == 0:
        raise ConfigError(f"{name}: at least one weight must exceed 0.")
