"""Settings of the optimization of one picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from vidstyle.config.parsers import LayerWeight, parse_layers, parse_numbers, parse_side
from vidstyle.config.setting import (
    FILES,
    LOOK,
    MIN_SIDE,
    NETWORK,
    OPTIMIZER,
    SIZE,
    Config,
    check_layers,
    check_weights,
)
from vidstyle.errors import ConfigError, counted

Init = Literal["content", "random", "style"]
NetworkName = Literal["auto", "slim", "vgg16", "vgg19"]
Pooling = Literal["average", "max"]
LossScale = Literal["free", "gatys"]
StyleLoss = Literal["gram", "meanstd", "swd", "wasserstein"]
KeepColor = Literal["none", "luminance", "histogram"]
OptimizerName = Literal["lbfgs", "adam", "momentum", "newton-cg", "langevin"]
Balance = Literal["weights", "gradients"]
LrDecay = Literal["none", "staircase", "exponential", "inverse-time"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "tf32", "bf16"]
PainterShape = Literal["residual", "unet"]

DEFAULT_LR: Final[Mapping[OptimizerName, float]] = {
    "adam": 0.03,
    "momentum": 0.02,
    "langevin": 0.01,
}
"""Learning rates of optimizers without step size control, for pixels in [0, 1]."""
LAYERS: Final = "LAYER[:WEIGHT],..."
MAX_SEED: Final = 2**63 - 1
# Tolerance of a mask's aspect ratio, since sizes are rounded.
SHAPE_SLACK: Final = 0.02


class Region(NamedTuple):
    """A region of the picture with a painting of its own."""

    mask: Path  # a picture, white inside; for a clip, also a video or a folder
    style: Path


def parse_init(text: str) -> str | Path:
    """Parse an ``Init`` keyword, or the path of a picture to start from."""
    return text if text in get_args(Init) else Path(text)


def _check_mix(name: str, weights: tuple[float, ...]) -> None:
    if weights:
        check_weights(name, [(f"a weight of {name}", weight) for weight in weights])


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleConfig(Config):
    """Settings of the optimization of one picture."""

    style_mix: tuple[float, ...] = FILES.common(
        (),
        "Share of each --style.",
        check=_check_mix,
        parser=parse_numbers,
        metavar="X,X,...",
        default_text="equal",
    )
    long_side: int | None = SIZE.common(
        512,
        "Longest side; sources are not enlarged.",
        least=MIN_SIDE,
        parser=parse_side,
        none="source",
        metavar="PIXELS|source",
    )
    style_side: int | None = SIZE.setting(
        None,
        "Longest side of the painting; smaller gives finer strokes.",
        least=MIN_SIDE,
        metavar="PIXELS",
        default_text="the result's",
    )
    style_scale: float | None = SIZE.common(
        None,
        "Relative stroke size; 2 doubles it.",
        above=0,
        default_text="1",
    )
    content_weight: float = LOOK.common(
        0.06, "How firmly to keep the scene.", least=0, short="c"
    )
    content_detail: float = LOOK.setting(
        0.4,
        "How much more firmly to keep faces, objects and detail than skies and walls; "
        "0: equally.",
        least=0,
        most=2,
    )
    style_weight: float = LOOK.common(1.0, "How strongly to paint.", least=0, short="w")
    tv_weight: float = LOOK.common(
        0.05, "How smoothly to paint (total variation).", least=0
    )
    tv_beta: float = LOOK.setting(
        1.0,
        "Exponent of the total variation: 1 gives flat dabs with edges, 2 softens all.",
        least=1,
        most=4,
    )
    range_weight: float = LOOK.setting(
        1.0, "Penalty on values outside the displayable range.", least=0
    )
    style_loss: StyleLoss = LOOK.setting(
        "gram",
        "Statistic to match: gram, meanstd, swd (sliced Wasserstein, slow) or "
        "wasserstein.",
        metavar="NAME",
    )
    balance: Balance = LOOK.setting(
        "weights",
        "Whether the weights scale the losses (weights) or set the ratio of their "
        "gradients (gradients).",
        metavar="HOW",
    )
    loss_scale: LossScale = LOOK.setting(
        "free", "free: relative errors; gatys: sums, as in the paper."
    )
    init: Init | Path = LOOK.setting(
        "content",
        "What the first frame starts from: content, random, style or a picture file.",
        parser=parse_init,
        metavar="START|FILE",
    )
    recolor: bool = LOOK.setting(True, "First give the scene the painting's palette.")
    keep_color: KeepColor = LOOK.common(
        "none",
        "Keep the scene's colors: luminance (paint only light and dark) or histogram "
        "(recolor the painting).",
        metavar="HOW",
    )
    seed: int = LOOK.setting(0, "Random seed.", least=0, most=MAX_SEED)
    network: NetworkName = NETWORK.common("auto", "auto: vgg19 on a GPU, else slim.")
    weights: Path | None = NETWORK.setting(
        None, "The network's weights, instead of the built-in or published ones."
    )
    # Gatys et al. use average pooling, and relu4_2 alone for the content. The finer
    # relu3_1 keeps eyes and mouths that are smaller than a cell of relu4_2.
    pooling: Pooling = NETWORK.setting(
        "average", "Pooling between the network's blocks; slim has average only."
    )
    content_layers: tuple[LayerWeight, ...] = NETWORK.setting(
        (LayerWeight("relu4_2"), LayerWeight("relu3_1", 0.3)),
        "Layers for the content loss.",
        check=check_layers,
        parser=parse_layers,
        metavar=LAYERS,
    )
    style_layers: tuple[LayerWeight, ...] = NETWORK.setting(
        tuple(LayerWeight(f"relu{block}_1") for block in range(1, 6)),
        "Layers for the style loss.",
        check=check_layers,
        parser=parse_layers,
        metavar=LAYERS,
    )
    painter: Path | None = NETWORK.setting(
        None,
        "Paint in one pass with a network from --save-network, trained on the same "
        "painting.",
    )
    touch_up: int = OPTIMIZER.setting(
        0, "Optimizer steps after the pass of --painter or --method network.", least=0
    )
    device: DeviceName = NETWORK.common(
        "auto", "auto: cuda, else mps, else cpu.", short="d"
    )
    precision: Precision = NETWORK.setting(
        "auto",
        "Precision of convolutions: fp32, tf32 (CUDA only) or bf16. auto: tf32 on "
        "CUDA, else fp32.",
    )
    optimizer: OptimizerName = OPTIMIZER.setting(
        "lbfgs", "lbfgs, adam, momentum, newton-cg or langevin.", metavar="NAME"
    )
    steps: int = OPTIMIZER.common(
        300, "Maximum steps for a picture or a shot's first frame.", least=0
    )
    pyramid: int = OPTIMIZER.setting(
        5,
        "Number of sizes, coarse to fine, each 1.41 times the previous.",
        least=1,
        most=20,
    )
    min_steps: int = OPTIMIZER.setting(
        300, "Minimum steps before a picture may stop early.", least=1
    )
    patience: int = OPTIMIZER.setting(10, "Early-stopping window, in steps.", least=1)
    min_delta: float = OPTIMIZER.setting(
        1e-3, "Minimum relative improvement per window.", least=0, below=1
    )
    history: int = OPTIMIZER.setting(
        10, "Steps in the L-BFGS history.", least=1, most=100
    )
    lr: float | None = OPTIMIZER.setting(
        None,
        "Learning rate of adam, momentum and langevin; 1 spans black to white.",
        above=0,
        default_text="depends on the optimizer",
    )
    # After t steps: staircase lr * rate^floor(t / every), exponential
    # lr * rate^(t / every), inverse-time lr / (1 + rate * t / every).
    lr_decay: LrDecay = OPTIMIZER.setting(
        "none",
        "Learning rate decay: none, staircase, exponential or inverse-time.",
        metavar="HOW",
    )
    lr_decay_rate: float = OPTIMIZER.setting(
        0.94, "Decay factor per period.", above=0, most=1
    )
    lr_decay_every: int = OPTIMIZER.setting(100, "Decay period, in steps.", least=1)
    temperature: float = OPTIMIZER.setting(1.0, "Noise level of langevin.", least=0)

    def _check_together(self) -> None:
        if self.content_weight == 0 and self.style_weight == 0:
            raise ConfigError(
                "content-weight and style-weight are both 0: nothing to optimize."
            )
        if self.loss_scale == "gatys" and self.style_loss != "gram":
            raise ConfigError(
                f"loss-scale gatys works only with style-loss gram, not "
                f"{self.style_loss}; use loss-scale free."
            )
        if self.style_scale is not None and self.style_side is not None:
            raise ConfigError("give either style-side or style-scale, not both.")
        if self.balance == "gradients":
            self._check_balance()

    @property
    def first_steps(self) -> int:
        """Maximum number of steps for a picture, or for a shot's first frame."""
        return self.steps if self.painter is None else self.touch_up

    @property
    def weighs_detail(self) -> bool:
        """Whether local detail weighs the content loss; never at Gatys' scale."""
        return self.content_detail > 0 and self.loss_scale == "free"

    def _check_balance(self) -> None:
        if self.optimizer in {"lbfgs", "newton-cg"}:
            raise ConfigError(
                f"balance gradients changes the objective at each step, which "
                f"optimizer {self.optimizer} cannot handle; use --optimizer adam, "
                f"momentum or langevin."
            )
        if self.loss_scale == "gatys":
            raise ConfigError(
                "balance gradients sets its own loss scale; use --loss-scale free."
            )


def check_counts(config: StyleConfig, times_s: Sequence[float], paintings: int) -> None:
    """Raise ConfigError unless style-mix and style-at have one value per painting."""
    verb = "is" if paintings == 1 else "are"
    for name, values in ("style-mix", config.style_mix), ("style-at", times_s):
        if len(values) not in {0, paintings}:
            actual = f"{verb} {counted(paintings, 'painting')}"
            raise ConfigError(
                f"{name} has {counted(len(values), 'value')}, but there {actual}; give "
                "one value per painting."
            )


def check_mask_shape(
    path: Path, tall: int, wide: int, *, height: int, width: int, what: str = "mask"
) -> None:
    """Raise ConfigError if a mask's aspect ratio differs from the picture's."""
    if abs(tall * width - wide * height) > SHAPE_SLACK * wide * height:
        raise ConfigError(
            f"the {what} {path} is {wide}x{tall}, which does not have the aspect ratio "
            f"of {width}x{height}; draw it over the picture itself."
        )
