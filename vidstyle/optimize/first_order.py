"""Adam, momentum and Langevin: optimisers that are told how long a step is."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from vidstyle.config import LrDecay
from vidstyle.devices import seeded_generator
from vidstyle.optimize.optimizer import Optimizer, expand_to, rms


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize:
    """A learning rate that decays with the steps taken, as TensorFlow's schedules do.

    Source: ``tf.keras.optimizers.schedules``: ExponentialDecay, with ``staircase=True``
    for the staircase, and InverseTimeDecay.
    """

    lr: float  # at the first step, in units of the full pixel range
    decay: LrDecay
    rate: float  # in (0, 1]
    every: int  # steps that the rate is about, 1 or more

    def after(self, taken: int) -> float:
        match self.decay:
            case "none":
                return self.lr
            case "staircase":
                return self.lr * self.rate ** (taken // self.every)
            case "exponential":
                return self.lr * float(self.rate ** (taken / self.every))
            case "inverse-time":
                return self.lr / (1 + self.rate * taken / self.every)


class FirstOrder(Optimizer):
    """Moves each sample by a step of a given size, which shrinks as steps are taken.

    A sample whose loss is not finite goes back to its best with half the step.
    """

    remembered: ClassVar = ["_taken", "_trust", *Optimizer.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images)
        self._step_size = step_size
        self._taken = [0] * len(images)
        self._trust = images.new_ones(len(images))  # factor of the step size
        self._samples = torch.arange(len(images), device=images.device)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._forget(self._samples == sample)
        self._taken[sample] = 0
        self._trust[sample] = 1

    def _warm_start(self, sample: int, coarser: Self) -> None:
        self._forget(self._samples == sample)
        self._taken[sample] = coarser._taken[sample]
        self._trust[sample] = coarser._trust[sample]

    def shorten(self, sample: int, factor: float) -> None:
        self._trust[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        images, gradients, lost = self.best.restore_nonfinite(images, losses, gradients)
        self._forget(lost)
        self._trust = torch.where(lost, self._trust / 2, self._trust)
        changes = self._changes(gradients)
        self._taken = [taken + 1 for taken in self._taken]
        return images + changes

    def _sizes(self, like: Tensor) -> Tensor:
        """Return each sample's present step size, (N,), in the type of ``like``."""
        sizes = [self._step_size.after(taken) for taken in self._taken]
        return self._trust * torch.tensor(sizes, dtype=torch.float64).to(like)

    @abstractmethod
    def _forget(self, which: Tensor) -> None:
        """Forget what was learned of the gradients of some samples: bool (N,)."""

    @abstractmethod
    def _changes(self, gradients: Tensor) -> Tensor:
        """Take in the gradients and return each sample's change; both are (N, ...)."""


DECAY_MEAN, DECAY_SQUARE = 0.9, 0.999  # the paper's beta1 and beta2
EPSILON = 1e-8  # added to the denominator, as a share of the sample's own mean gradient


class Adam(FirstOrder):
    """Per-sample Adam.

    Source: Kingma and Ba 2015, algorithm 1. We depart in epsilon, which is relative to
    the sample's gradient: an absolute one would make pixels depend on the loss's scale.
    """

    remembered: ClassVar = ["_mean", "_square", "_ages", *FirstOrder.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images, step_size=step_size)
        self._mean = torch.zeros_like(images)
        self._square = torch.zeros_like(images)
        exact = torch.float32 if images.device.type == "mps" else torch.float64
        # Steps since the moments were cleared.
        self._ages = images.new_zeros(len(images), dtype=exact)

    def _forget(self, which: Tensor) -> None:
        wide = expand_to(which, self._mean)
        self._mean = self._mean.masked_fill(wide, 0)
        self._square = self._square.masked_fill(wide, 0)
        self._ages = self._ages.masked_fill(which, 0)

    def _changes(self, gradients: Tensor) -> Tensor:
        self._mean = self._mean.lerp(gradients, 1 - DECAY_MEAN)
        self._square = self._square.lerp(gradients.square(), 1 - DECAY_SQUARE)
        self._ages = self._ages + 1
        means = (1 - DECAY_MEAN**self._ages).to(gradients)
        squares = (1 - DECAY_SQUARE**self._ages).to(gradients)
        mean = self._mean / expand_to(means, gradients)
        square = self._square / expand_to(squares, gradients)
        root = square.sqrt()
        floor = (EPSILON * rms(root)).clamp(min=torch.finfo(gradients.dtype).tiny)
        normalized = mean / (root + expand_to(floor, gradients))  # about 1
        return -expand_to(self._sizes(gradients), gradients) * normalized


MOMENTUM = 0.9  # share of the last step that goes on in the next


class Momentum(FirstOrder):
    """Per-sample gradient descent with momentum.

    Each gradient is divided by its own root mean square, so that the step's length does
    not depend on the loss's scale: ``lr`` is the change of the pixels, RMS, by
    gradients that all point the same way. Such steps do not shrink near the minimum;
    the best point is kept, and a decay of the step comes nearer.

    Source: Polyak 1964, the heavy ball; normalised as in Cutkosky and Mehta 2020,
    "Momentum improves normalized SGD", who average before they normalise where we
    normalise before: so one steep gradient does not outweigh those around it.
    """

    remembered: ClassVar = ["_velocities", *FirstOrder.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images, step_size=step_size)
        self._velocities = torch.zeros_like(images)

    def _forget(self, which: Tensor) -> None:
        wide = expand_to(which, self._velocities)
        self._velocities = self._velocities.masked_fill(wide, 0)

    def _changes(self, gradients: Tensor) -> Tensor:
        self._velocities = MOMENTUM * self._velocities + (1 - MOMENTUM) * (
            self._pushes(gradients)
        )
        return self._velocities

    def _pushes(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample if it had no momentum, (N, ...)."""
        slopes = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        return -expand_to(self._sizes(gradients) / slopes, gradients) * gradients


class Langevin(Momentum):
    """Per-sample underdamped Langevin dynamics, a Monte Carlo method.

    At a constant temperature T such dynamics draw samples from ``exp(-loss / T)``; it
    falls here, so that they settle in a minimum. At step t it is ``temperature * loss /
    (D * t)`` with D the number of values in a sample and the best loss so far: a bowl
    in D dimensions holds D * T / 2 of heat, so at first at most half the loss is heat.
    That makes the noise independent of the loss's scale. It is never more than the
    descent, RMS; a temperature of 0 makes none.

    Source: Chen, Fox and Guestrin 2014, "Stochastic gradient Hamiltonian Monte Carlo",
    eq. 15, without the noise of mini-batches. We depart in dividing each gradient by
    its root mean square, as ``Momentum`` does, and scale the noise to match.
    """

    def __init__(
        self, images: Tensor, *, step_size: StepSize, temperature: float, seed: int
    ) -> None:
        super().__init__(images, step_size=step_size)
        self._temperature, self._seed = temperature, seed
        self._noise = [self._generator(0) for _ in images]

    def _generator(self, frame: int) -> torch.Generator:
        # Counted downwards from -1: a random start has used those from 0 on.
        return seeded_generator(self._seed, -1 - frame)

    def _restart(self, sample: int, frame: int) -> None:
        super()._restart(sample, frame)
        self._noise[sample] = self._generator(frame)

    def _warm_start(self, sample: int, coarser: Self) -> None:
        super()._warm_start(sample, coarser)
        # A copy: at the smaller size the next frame's neighbours draw on.
        self._noise[sample] = coarser._noise[sample].clone_state()

    def state(self, sample: int) -> dict[str, Tensor]:
        return {**super().state(sample), "noise": self._noise[sample].get_state()}

    def load_state(self, sample: int, state: Mapping[str, Tensor]) -> None:
        super().load_state(sample, state)
        self._noise[sample].set_state(state["noise"])

    def _pushes(self, gradients: Tensor) -> Tensor:
        """Return descent and noise of each sample, (N, ...)."""
        values = gradients[0].numel()
        steps = torch.tensor(self._taken).to(gradients) + 1
        heat = self._temperature * self.best.losses / (values * steps)
        slopes = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        sizes = self._sizes(gradients)
        deviations = torch.minimum((2 * sizes * heat / slopes).sqrt(), sizes)
        noise = torch.stack(
            [
                torch.randn(gradients.shape[1:], generator=each, dtype=torch.float64)
                for each in self._noise
            ]
        ).to(gradients)
        return super()._pushes(gradients) + expand_to(deviations, gradients) * noise
