"""From the configuration to the optimiser that it names."""

from torch import Tensor

from vidstyle.config import DEFAULT_LR, StyleConfig
from vidstyle.optimizers.adam import Adam
from vidstyle.optimizers.langevin import Langevin
from vidstyle.optimizers.lbfgs import LBFGS
from vidstyle.optimizers.momentum import Momentum
from vidstyle.optimizers.newton_cg import NewtonCG
from vidstyle.optimizers.optimizer import Hessian, Optimizer
from vidstyle.optimizers.step_size import StepSize


def make_optimizer(images: Tensor, config: StyleConfig, hessian: Hessian) -> Optimizer:
    """Make the optimiser of a batch.

    Balanced gradients are those of no loss. So there is no best point then, and the
    newest is kept.

    Args:
        images: (N, 3, H, W), the start of each sample; not modified.
        config: Which optimiser, and its settings.
        hessian: Of the losses, for those that want second derivatives.
    """
    optimizer = _made(images, config, hessian)
    optimizer.best.keeps_newest = config.balance == "gradients"
    return optimizer


def _made(images: Tensor, config: StyleConfig, hessian: Hessian) -> Optimizer:
    if config.optimizer == "lbfgs":
        return LBFGS(images, history=config.history)
    if config.optimizer == "newton-cg":
        return NewtonCG(images, hessian=hessian)
    step_size = StepSize(
        lr=DEFAULT_LR[config.optimizer] if config.lr is None else config.lr,
        decay=config.lr_decay,
        rate=config.lr_decay_rate,
        every=config.lr_decay_every,
    )
    if config.optimizer == "langevin":
        return Langevin(
            images,
            step_size=step_size,
            temperature=config.temperature,
            seed=config.seed,
        )
    kind = Momentum if config.optimizer == "momentum" else Adam
    return kind(images, step_size=step_size)
