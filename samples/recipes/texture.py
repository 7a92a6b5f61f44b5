"""What all recipes share: noise, palettes, tracing along a field, light on relief.

Arrays are float32. Colors are RGB in [0, 1]; a field of directions is (H, W, 2) of
unit vectors, x to the right and y downwards.
"""

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Shape = tuple[int, int]

SUPERSAMPLING = 2
"""Pictures are made this many times too large and averaged down: no jagged edge."""


def grid(shape: Shape) -> tuple[Array, Array]:
    """Give the x and the y of every pixel, two (H, W) arrays."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return x, y


def noise(
    rng: np.random.Generator,
    shape: Shape,
    *,
    scale: float | tuple[float, float],
    octaves: int = 3,
) -> Array:
    """Make smooth noise: mean about 0, most of it in [-1, 1].

    Args:
        rng: Where the randomness comes from.
        shape: ``(height, width)`` of the result.
        scale: Size of its largest lumps in pixels, or that across and that down.
        octaves: How many halvings of the scale are added, each half as strong.
    """
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows = max(2, round(shape[0] * 2**octave / down)) + 3
        columns = max(2, round(shape[1] * 2**octave / across)) + 3
        lumps = rng.standard_normal((rows, columns)).astype(np.float32)
        smooth = cv2.resize(lumps, shape[::-1], interpolation=cv2.INTER_CUBIC)
        total += smooth / 2**octave
    return (total - total.mean()) / (1.6 * total.std())


def ramp(palette: list[str], position: Array) -> Array:
    """Look positions in [0, 1] up in a row of evenly spaced ``#rrggbb`` colors."""
    stops = np.array([hex_color(code) for code in palette], np.float32)
    at = np.clip(position, 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(int), len(stops) - 2)
    share = (at - low)[..., None]
    return (stops[low] * (1 - share) + stops[low + 1] * share).astype(np.float32)


def hex_color(code: str) -> Array:
    """Read ``#rrggbb`` as RGB in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Rise from 0 at ``low`` to 1 at ``high`` without a corner."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: Array, second: Array, share: Array | float) -> Array:
    """Blend two color arrays; ``share`` (H, W) of the second."""
    weight = np.asarray(share, np.float32)
    weight = weight[..., None] if weight.ndim == 2 else weight
    return first * (1 - weight) + second * weight


def unit(field: Array) -> Array:
    """Scale a field of vectors to length 1."""
    return field / (np.linalg.norm(field, axis=-1, keepdims=True) + 1e-6)


def smear(picture: Array, field: Array, *, length: float, step: float = 3.0) -> Array:
    """Average a picture along a field's lines, ``length`` pixels each way."""
    x, y = grid(picture.shape[:2])
    total, count = picture.copy(), 1
    for sign in (-1, 1):
        at_x, at_y = x.copy(), y.copy()
        for _ in range(int(length / step)):
            dx = cv2.remap(field[..., 0], at_x, at_y, cv2.INTER_LINEAR)
            dy = cv2.remap(field[..., 1], at_x, at_y, cv2.INTER_LINEAR)
            at_x += sign * step * dx
            at_y += sign * step * dy
            total += cv2.remap(
                picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
            )
            count += 1
    return total / count


def light(relief: Array, *, strength: float, gloss: float = 0.0) -> tuple[Array, Array]:
    """Light a height map from the upper left.

    Returns:
        ``(shade, shine)``: a factor around 1 for the colors, and what to add to them.
    """
    slope_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) / 8
    slope_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3) / 8
    facing = strength * (0.6 * slope_x + 0.8 * slope_y)
    facing = facing / np.sqrt(1 + facing * facing)
    shade = 1 + 0.42 * facing
    shine = gloss * np.clip(facing, 0, 1) ** 3
    return shade, shine


def finish(picture: Array) -> npt.NDArray[np.uint8]:
    """Average a supersampled picture down and make it a uint8 RGB frame."""
    height, width = (side // SUPERSAMPLING for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return (np.clip(small, 0, 1) * 255).round().astype(np.uint8)
