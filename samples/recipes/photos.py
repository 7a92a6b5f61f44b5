"""The photographs that scikit-image's wheel ships, graded as a film's would be."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage

from recipes.texture import Array

Frame = npt.NDArray[np.uint8]

CONTRAST = 0.4
SHADOWS = np.array([-0.35, 0.0, 0.6], np.float32)
LIGHTS = np.array([0.15, 0.08, -0.2], np.float32)
"""What a full tint adds to the dark and to the light: blue and gold."""


def read_photo(
    name: str, *, gamma: float = 1.0, saturation: float = 1.0, tint: float = 0.0
) -> Frame:
    """Read one of the photographs and grade it; RGB.

    Args:
        name: Of the file in scikit-image's folder ``data``.
        gamma: Over 1 darkens, under 1 lightens the middle.
        saturation: Factor of the distance from gray.
        tint: How far shadows are turned blue and lights golden, 0 to 1.
    """
    path = Path(skimage.__file__).parent / "data" / name
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(f"scikit-image ships no {name} at {path}")
    color = pixels[..., ::-1].astype(np.float32) / 255
    gray = luminance(color)
    color = np.clip(gray + saturation * (color - gray), 0, 1)
    steep = color * color * (3 - 2 * color)
    color = (color + CONTRAST * (steep - color)) ** gamma
    gray = luminance(color)
    dark = (1 - gray) ** 2 * np.sqrt(gray + 0.02)
    color += tint * (dark * SHADOWS + gray * gray * LIGHTS)
    return (np.clip(color, 0, 1) * 255).round().astype(np.uint8)


def luminance(color: Array) -> Array:
    """Average the channels: (H, W, 1)."""
    return color.mean(axis=-1, keepdims=True)
