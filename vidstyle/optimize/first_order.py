"""Optimizers with a learning rate: Adam, momentum and Langevin dynamics."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from vidstyle.config import LrDecay
from vidstyle.devices import seeded_generator
from vidstyle.optimize.optimizer import Optimizer, expand_to, rms, upload


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize:
    """A learning-rate schedule, as in TensorFlow.

    Source: ``tf.keras.optimizers.schedules``: ExponentialDecay, with ``staircase=True``
    for the staircase, and InverseTimeDecay.
    """

    lr: float  # initial, for pixels in [0, 1]
    decay: LrDecay
    rate: float  # in (0, 1]
    every: int  # decay period in steps, at least 1

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
    """Base of optimizers whose step size follows a learning-rate schedule.

    A sample whose loss is not finite returns to its best point with half the step size.
    """

    remembered: ClassVar = ["_taken", "_trust", *Optimizer.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images)
        self._step_size = step_size
        self._taken = [0] * len(images)
        self._trust = images.new_ones(len(images))  # factor of the step size
        self._samples = torch.arange(len(images), device=images.device)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._clear(self._samples == sample)
        self._taken[sample] = 0
        self._trust[sample] = 1

    def _warm_start(self, sample: int, coarser: Self) -> None:
        self._clear(self._samples == sample)
        self._taken[sample] = coarser._taken[sample]
        self._trust[sample] = coarser._trust[sample]

    def shorten(self, sample: int, factor: float) -> None:
        self._trust[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        images, gradients, nonfinite = self.best.restore_nonfinite(
            images, losses, gradients
        )
        self._clear(nonfinite)
        self._trust = torch.where(nonfinite, self._trust / 2, self._trust)
        updates = self._updates(gradients)
        self._taken = [taken + 1 for taken in self._taken]
        return images + updates

    def _sizes(self, like: Tensor) -> Tensor:
        """Return each sample's current step size, (N,), with the dtype of ``like``."""
        sizes = [self._step_size.after(taken) for taken in self._taken]
        return self._trust * upload(torch.tensor(sizes, dtype=torch.float64), like)

    @abstractmethod
    def _clear(self, which: Tensor) -> None:
        """Clear the gradient statistics of the samples selected by bool (N,)."""

    @abstractmethod
    def _updates(self, gradients: Tensor) -> Tensor:
        """Accumulate gradients (N, ...) and return each sample's update, (N, ...)."""


DECAY_MEAN, DECAY_SQUARE = 0.9, 0.999  # the paper's beta1 and beta2
EPSILON = 1e-8  # added to the denominator, relative to the sample's RMS gradient


class Adam(FirstOrder):
    """Per-sample Adam.

    Source: Kingma and Ba 2015, algorithm 1. We depart in epsilon, which is relative to
    the sample's gradient: an absolute one would make the result depend on the scale of
    the loss.
    """

    remembered: ClassVar = ["_mean", "_square", "_ages", *FirstOrder.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images, step_size=step_size)
        self._mean = torch.zeros_like(images)
        self._square = torch.zeros_like(images)
        exact = torch.float32 if images.device.type == "mps" else torch.float64
        # Steps since the moments were cleared.
        self._ages = images.new_zeros(len(images), dtype=exact)

    def _clear(self, which: Tensor) -> None:
        mask = expand_to(which, self._mean)
        self._mean = self._mean.masked_fill(mask, 0)
        self._square = self._square.masked_fill(mask, 0)
        self._ages = self._ages.masked_fill(which, 0)

    def _updates(self, gradients: Tensor) -> Tensor:
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


MOMENTUM = 0.9


class Momentum(FirstOrder):
    """Per-sample gradient descent with momentum.

    Each gradient is divided by its root mean square, so that the step length does not
    depend on the scale of the loss: ``lr`` is the RMS change of the pixels under a
    constant gradient. Such steps do not shrink near a minimum; learning-rate decay gets
    closer to it, and the best point is returned.

    Source: Polyak 1964, heavy ball; normalized as in Cutkosky and Mehta 2020, "Momentum
    improves normalized SGD". They normalize the average; we average normalized
    gradients, so that a single steep one does not dominate.
    """

    remembered: ClassVar = ["_velocities", *FirstOrder.remembered]

    def __init__(self, images: Tensor, *, step_size: StepSize) -> None:
        super().__init__(images, step_size=step_size)
        self._velocities = torch.zeros_like(images)

    def _clear(self, which: Tensor) -> None:
        mask = expand_to(which, self._velocities)
        self._velocities = self._velocities.masked_fill(mask, 0)

    def _updates(self, gradients: Tensor) -> Tensor:
        steps = self._plain_steps(gradients)
        self._velocities = MOMENTUM * self._velocities + (1 - MOMENTUM) * steps
        return self._velocities

    def _plain_steps(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample without momentum, (N, ...)."""
        norms = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        return -expand_to(self._sizes(gradients) / norms, gradients) * gradients


class Langevin(Momentum):
    """Per-sample underdamped Langevin dynamics, a Monte Carlo method.

    At a constant temperature T such dynamics sample from ``exp(-loss / T)``; here T is
    annealed, so that they settle in a minimum. At step t, T is ``temperature * loss /
    (D * t)`` with the best loss so far and D values per sample. As a quadratic well in
    D dimensions has the thermal energy D * T / 2, at most half of the loss is thermal
    at first. So the noise does not depend on the scale of the loss. Its RMS never
    exceeds that of the descent step; a temperature of 0 makes none.

    Source: Chen, Fox and Guestrin 2014, "Stochastic gradient Hamiltonian Monte Carlo",
    eq. 15, without mini-batch noise. We depart in dividing each gradient by its root
    mean square, as ``Momentum`` does, and scale the noise accordingly.
    """

    def __init__(
        self, images: Tensor, *, step_size: StepSize, temperature: float, seed: int
    ) -> None:
        super().__init__(images, step_size=step_size)
        self._temperature, self._seed = temperature, seed
        self._noise = [self._generator(0) for _ in images]

    def _generator(self, frame: int) -> torch.Generator:
        # Negative: random initial images use the indices from 0.
        return seeded_generator(self._seed, -1 - frame)

    def _restart(self, sample: int, frame: int) -> None:
        super()._restart(sample, frame)
        self._noise[sample] = self._generator(frame)

    def _warm_start(self, sample: int, coarser: Self) -> None:
        super()._warm_start(sample, coarser)
        # A copy: the next frame at the smaller size draws from the original.
        self._noise[sample] = coarser._noise[sample].clone_state()

    def state(self, sample: int) -> dict[str, Tensor]:
        return {**super().state(sample), "noise": self._noise[sample].get_state()}

    def load_state(self, sample: int, state: Mapping[str, Tensor]) -> None:
        super().load_state(sample, state)
        self._noise[sample].set_state(state["noise"])

    def _plain_steps(self, gradients: Tensor) -> Tensor:
        """Return the descent step plus noise of each sample, (N, ...)."""
        values = gradients[0].numel()
        steps = upload(torch.tensor(self._taken), gradients) + 1
        heat = self._temperature * self.best.losses / (values * steps)
        norms = rms(gradients).clamp(min=torch.finfo(gradients.dtype).tiny)
        sizes = self._sizes(gradients)
        deviations = torch.minimum((2 * sizes * heat / norms).sqrt(), sizes)
        shape, exact = gradients.shape[1:], torch.float64
        drawn = [torch.randn(shape, generator=g, dtype=exact) for g in self._noise]
        noise = upload(torch.stack(drawn), gradients)
        return super()._plain_steps(gradients) + expand_to(deviations, noise) * noise
