"""Whether a value is one that its setting can have."""

import math
from typing import Any, get_args

from vidstyle.errors import ConfigError

MIN_SIDE = 16
"""Pixels: relu5_1 lies behind four halvings, so a smaller picture has no such layer."""


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
