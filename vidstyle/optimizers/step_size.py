"""How long a step is, and how it shrinks from step to step."""

from dataclasses import dataclass

from vidstyle.config import LrDecay


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize:
    """A learning rate that decays with the steps taken, as TensorFlow's schedules do.

    Source: ``tf.keras.optimizers.schedules``: ExponentialDecay, with ``staircase=True``
    for the staircase, and InverseTimeDecay.
    """

    lr: float
    """At the first step, in units of the full pixel range."""
    decay: LrDecay
    rate: float
    """In (0, 1]."""
    every: int
    """Steps that the rate is about, 1 or more."""

    def after(self, taken: int) -> float:
        """Return the step's size once so many steps are taken, 0 or more."""
        match self.decay:
            case "none":
                return self.lr
            case "staircase":
                return self.lr * self.rate ** (taken // self.every)
            case "exponential":
                return self.lr * float(self.rate ** (taken / self.every))
            case "inverse-time":
                return self.lr / (1 + self.rate * taken / self.every)
