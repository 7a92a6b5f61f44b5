"""The photographs that scikit-image's wheel ships, graded like a film's."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage

Frame = npt.NDArray[np.uint8]


def read_photo(name: str, *, gamma: float = 1.0) -> Frame:
    """Read one of the photographs, RGB, with a little more contrast and colour.

    Args:
        name: Of the file in scikit-image's folder ``data``.
        gamma: Over 1 darkens, under 1 lightens the middle.
    """
    path = Path(skimage.__file__).parent / "data" / name
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(f"scikit-image ships no {name} at {path}")
    color = pixels[..., ::-1].astype(np.float32) / 255
    gray = color.mean(axis=-1, keepdims=True)
    vivid = np.clip(gray + 1.25 * (color - gray), 0, 1)
    contrast = 0.6 * vivid + 0.4 * vivid * vivid * (3 - 2 * vivid)
    return (contrast**gamma * 255).round().astype(np.uint8)
