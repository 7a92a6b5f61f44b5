"""Langevin dynamics for a batch of independent samples: descent with annealed noise."""

from typing import Self

import torch
from torch import Tensor

from vidstyle.devices import seeded_generator
from vidstyle.optimizers.best import rms, spread
from vidstyle.optimizers.momentum import Momentum
from vidstyle.optimizers.step_size import StepSize


class Langevin(Momentum):
    """Per-sample underdamped Langevin dynamics, a Monte Carlo method.

    At a constant temperature T such dynamics draw samples from ``exp(-loss / T)``; it
    falls here, so that they settle in a minimum. At step t it is ``temperature * loss /
    (D * t)`` with D the number of values in a sample and the best loss so far: a bowl
    in D dimensions holds D * T / 2 of heat, so at first at most half the loss is heat.
    That makes the noise independent of the loss's scale. It is never more than the
    descent, RMS.

    Source: Chen, Fox and Guestrin 2014, "Stochastic gradient Hamiltonian Monte Carlo",
    eq. 15, without the noise of mini-batches. We depart in dividing each gradient by
    its root mean square, as ``Momentum`` does, and scale the noise to match.
    """

    def __init__(
        self, images: Tensor, *, step_size: StepSize, temperature: float, seed: int
    ) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
            step_size: In units of the full pixel range.
            temperature: Factor of the temperature, 0 or more; 0 makes no noise.
            seed: Of the noise, together with the frame's index.
        """
        super().__init__(images, step_size=step_size)
        self._temperature, self._seed = temperature, seed
        self._noise = [self._generator(0) for _ in images]

    def _generator(self, frame: int) -> torch.Generator:
        # Counted downwards from -1: a random start has used those from 0 on.
        return seeded_generator(self._seed, -1 - frame)

    def _restart(self, sample: int, frame: int) -> None:
        super()._restart(sample, frame)
        self._noise[sample] = self._generator(frame)

    def _take_up(self, sample: int, coarser: Self) -> None:
        super()._take_up(sample, coarser)
        self._noise[sample] = coarser._noise[sample]

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
        return super()._pushes(gradients) + spread(deviations, gradients) * noise
