"""How one picture is optimised: what it should be like, and how it comes to be so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from vidstyle.config.checks import MIN_SIDE, check_choice, check_range
from vidstyle.config.layers import LayerWeight, check_layers
from vidstyle.errors import ConfigError

NetworkName = Literal["auto", "slim", "vgg16", "vgg19"]
Pooling = Literal["average", "max"]
LossScale = Literal["free", "gatys"]
StyleLoss = Literal["gram", "meanstd", "swd", "wasserstein"]
KeepColor = Literal["none", "luminance", "histogram"]
OptimizerName = Literal["lbfgs", "adam", "momentum", "newton-cg", "langevin"]
Balance = Literal["weights", "gradients"]
LrDecay = Literal["none", "staircase", "exponential", "inverse-time"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Init = Literal["content", "random", "style"]

DEFAULT_LR: Final[Mapping[OptimizerName, float]] = {
    "adam": 0.03,
    "momentum": 0.02,
    "langevin": 0.01,
}
"""The step of each optimiser that does not find it itself, of the full pixel range."""


class Region(NamedTuple):
    """A part of a picture with a painting of its own."""

    mask: Path
    """A picture: white inside, black outside; a video or a folder for a clip."""
    style: Path
    """The painting's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleConfig:
    """How one picture is optimised."""

    network: NetworkName = "auto"
    """Feature network; auto takes vgg16 on a GPU and slim on a CPU."""
    weights: Path | None = None
    """File with the network's weights; None: built in, or fetched once."""
    pooling: Pooling = "average"
    """Between the network's blocks; average is Gatys' choice."""
    content_layers: tuple[LayerWeight, ...] = (
        LayerWeight("relu3_1", 0.5),
        LayerWeight("relu4_2", 1),
    )
    """Layers whose features should stay those of the content image.

    Gatys takes relu4_2 alone; with it faces of few pixels lose their features.
    """
    style_layers: tuple[LayerWeight, ...] = (
        LayerWeight("relu1_1", 4),
        LayerWeight("relu2_1", 0.5),
        LayerWeight("relu3_1", 0.5),
        LayerWeight("relu4_1", 0.5),
        LayerWeight("relu5_1", 4),
    )
    """Layers whose statistics should become those of the style image.

    Gatys weighs them alike. The deepest makes strokes that follow what they paint, the
    shallowest the colours; those between weave fine texture into flat places.
    """
    content_weight: float = 0.1
    """Factor of the content loss, 0 or more."""
    style_weight: float = 1.0
    """Factor of the style loss, 0 or more."""
    tv_weight: float = 0.4
    """Factor of the total variation, 0 or more; larger is smoother."""
    tv_beta: float = 1.0
    """Power of the differences in it, 1 to 4: 1 leaves flat dabs with edges, 2 softens
    all."""
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
    """How that step shrinks with the steps taken, t: staircase
    lr * rate^floor(t / every), exponential lr * rate^(t / every), inverse-time
    lr / (1 + rate * t / every)."""
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
    min_delta: float = 1e-3
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
        check_choice("loss-scale", self.loss_scale, LossScale)
        check_choice("device", self.device, DeviceName)
        if not isinstance(self.init, Path):
            check_choice("init", self.init, Init)
        check_layers("content-layers", self.content_layers)
        check_layers("style-layers", self.style_layers)
        for name in ("content", "style", "tv", "range"):
            check_range(f"{name}-weight", getattr(self, f"{name}_weight"), least=0)
        check_range("tv-beta", self.tv_beta, least=1, most=4)
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
        check_range("min-delta", self.min_delta, least=0, below=1)

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
