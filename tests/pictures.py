"""Pictures that are made up."""

from collections.abc import Callable

import numpy as np

from vidstyle.images import resize_frame
from vidstyle.records import Frame

View = Callable[..., Frame]
"""Takes a frame of a scene whose motion is known; see ``tests/motion/conftest``."""


def scene(seed: int, height: int = 32, width: int = 48) -> Frame:
    """A smooth, colorful picture, the same for the same seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    return resize_frame(coarse, height=height, width=width)
