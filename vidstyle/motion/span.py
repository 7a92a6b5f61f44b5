"""The motion between frames that are far apart, put together from frame to frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from vidstyle.motion.consistency import move_along
from vidstyle.records import Frame, Motion

Measure = Callable[[Frame, Frame], tuple[Motion, Motion]]
"""Finds the motion from the first to the second, and the one back."""


@dataclass(frozen=True, slots=True)
class Span:
    """How what two frames show moves through those between them."""

    first: int
    """Index of the earlier one."""
    frames: Sequence[Frame]
    """All of them, in their order."""
    steps: Sequence[Motion]
    """From each frame to the next."""
    from_first: Sequence[Motion]
    """To each frame after the first."""
    from_last: Sequence[Motion]
    """To each frame before the last that lies between; empty: none does."""

    @property
    def ends(self) -> tuple[int, int]:
        """The indices of the two frames."""
        return self.first, self.first + len(self.steps)

    def frame(self, index: int) -> Frame:
        """Return one of the frames."""
        return self.frames[index - self.first]

    def motion(self, origin: int, frame: int) -> Motion:
        """Return the motion to a frame from its predecessor or from one of the two."""
        first, last = self.ends
        place = frame - first
        if origin == first:
            return self.from_first[place - 1]
        return self.from_last[place - 1] if origin == last else self.steps[place - 1]


def measure_span(frames: Sequence[Frame], first: int, measure: Measure) -> Span:
    """Measure the motion between each two neighbours, and put it together.

    Flow over many frames misses what moves far or turns; that from frame to frame does
    not, and its errors add up to a fraction of a pixel over a dozen frames.

    Args:
        frames: At least two, in their order.
        first: Index of the first.
        measure: Of two neighbours.
    """
    measured = [measure(*pair) for pair in pairwise(frames)]
    steps, back = [there for there, _ in measured], [back for _, back in measured]
    from_first = list(accumulate(steps, joined))
    from_last = list(accumulate(reversed(back[1:]), joined))[::-1]
    return Span(first, frames, steps, from_first, from_last)


def joined(first: Motion, second: Motion) -> Motion:
    """Put two motions together, the second of which begins where the first one ends.

    A place is trusted as far as both are there.
    """
    moved = move_along(first.flow_backward, second.flow_backward)
    trusted = move_along(first.consistency, second.flow_backward)
    return Motion(
        flow_backward=second.flow_backward + moved,
        consistency=np.minimum(second.consistency, trusted),
    )
