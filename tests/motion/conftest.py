"""Synthetic scenes whose motion is known."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pictures import View


@pytest.fixture(scope="session")
def view() -> View:
    """A camera over a wide texture; see ``take``."""
    worlds: dict[tuple[int, float], npt.NDArray[np.float32]] = {}

    def world(seed: int, grain: float) -> npt.NDArray[np.float32]:
        if (seed, grain) not in worlds:
            noise = np.random.default_rng(seed).standard_normal((640, 960, 3))
            smooth = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), grain)
            worlds[seed, grain] = 128 + 45 * smooth / smooth.std()
        return worlds[seed, grain]

    def take(
        *,
        height: int,
        width: int,
        x: float = 0,
        y: float = 0,
        turn: float = 0,
        zoom: float = 1,
        seed: int = 0,
        grain: float = 2.5,
    ) -> npt.NDArray[np.uint8]:
        """Take a frame whose content was moved by x, y after a turn and a zoom.

        Turn (degrees, clockwise as displayed) and zoom are about the frame's middle, so
        with neither, what was at p is at p + (x, y).
        """
        middle = ((width - 1) / 2, (height - 1) / 2)
        affine = cv2.getRotationMatrix2D((480, 320), -turn, zoom)
        affine[:, 2] += (middle[0] - 480 + x, middle[1] - 320 + y)
        pixels = cv2.warpAffine(
            world(seed, grain), affine, (width, height), flags=cv2.INTER_CUBIC
        )
        return pixels.clip(0, 255).round().astype(np.uint8)

    return take
