"""Paintings at their times -> how much of each there is at any time between."""

from bisect import bisect_right
from collections.abc import Sequence


def crossfade(time_s: float, times_s: Sequence[float]) -> tuple[float, ...]:
    """Say how much of each painting there is at a time.

    Between two times the one gives way to the other evenly; before the first and after
    the last there is nothing to fade.

    Args:
        time_s: In seconds.
        times_s: When each painting is alone, ascending, at least one.

    Returns:
        A weight in [0, 1] for each; they sum to 1.
    """
    weights = [0.0] * len(times_s)
    later = bisect_right(times_s, time_s)
    if later in {0, len(times_s)}:
        weights[max(0, later - 1)] = 1.0
        return tuple(weights)
    start_s, end_s = times_s[later - 1], times_s[later]
    weights[later] = (time_s - start_s) / (end_s - start_s)
    weights[later - 1] = 1 - weights[later]
    return tuple(weights)
