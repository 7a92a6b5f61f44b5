"""Which part of a clip's frames is painted, where it is not all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from vidstyle.controls.masks import Mask
from vidstyle.records import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Says by a frame's index where it is; called in any thread."""
    keep: Callable[[int, Frame, Frame], None] | None
    """Is given each painted frame and its source, in any thread."""
