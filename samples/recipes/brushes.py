"""Oil paint: strokes that follow a field, each made of bristles with their own height.

Color and height are laid down together, so that the light falls on what was painted.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from recipes.texture import Array, Shape, light

POINTS = 14
"""Points along a stroke."""


@dataclass(frozen=True)
class Brush:
    """One brush of a layer; lengths in pixels of the canvas."""

    width: float
    length: float
    spacing: float
    """Between neighboring strokes; under the width, so that they overlap."""
    bristles: int
    color_jitter: float = 0.05


@dataclass(frozen=True)
class Strokes:
    """N strokes to be laid down in order."""

    spines: Array
    """(N, POINTS, 2) as x, y."""
    colors: Array
    """(N, 2, 3): the brush carries two paints, one on each side."""
    widths: Array
    """(N,)"""


def seed_strokes(rng: np.random.Generator, shape: Shape, brush: Brush) -> Array:
    """Scatter starting points over the canvas, a jittered grid in random order."""
    step = brush.spacing
    y, x = np.mgrid[-step : shape[0] + step : step, -step : shape[1] + step : step]
    seeds = np.stack([x, y], axis=-1).reshape(-1, 2)
    seeds = seeds + rng.uniform(-0.6, 0.6, seeds.shape) * step
    return rng.permutation(seeds).astype(np.float32)


def trace(seeds: Array, field: Array, regions: Array, lengths: Array) -> Array:
    """Follow the field from each seed, half the length each way.

    A stroke does not leave the region that it starts in.

    Returns:
        (N, POINTS, 2) spines.
    """
    half = POINTS // 2
    step = (lengths / POINTS)[:, None]
    home = look_up(regions, seeds)
    arms = []
    for sign in (-1, 1):
        at, arm = seeds.copy(), []
        for _ in range(half):
            ahead = at + sign * step * look_up(field, at)
            inside = look_up(regions, ahead) == home
            at = np.where(inside[:, None], ahead, at)
            arm.append(at)
        arms.append(arm)
    return np.stack(arms[0][::-1] + arms[1], axis=1)


def look_up(picture: Array, points: Array) -> Array:
    """Read a picture at (N, 2) points, the nearest pixel; outside, the border's."""
    column = np.clip(points[:, 0].round().astype(int), 0, picture.shape[1] - 1)
    row = np.clip(points[:, 1].round().astype(int), 0, picture.shape[0] - 1)
    return picture[row, column]


class Canvas:
    """Wet paint: RGB and height in one (H, W, 4) uint8 array."""

    def __init__(self, ground: Array) -> None:
        """Start from a toned ground, (H, W, 3) in [0, 1]."""
        height = np.full((*ground.shape[:2], 1), 40)
        self.paint = np.dstack([ground * 255, height]).astype(np.uint8)

    def lay(self, rng: np.random.Generator, strokes: Strokes, brush: Brush) -> None:
        """Lay strokes down one over the other."""
        across = np.linspace(-1, 1, brush.bristles)
        tangents = np.gradient(strokes.spines, axis=1)
        tangents /= np.linalg.norm(tangents, axis=-1, keepdims=True) + 1e-6
        normals = np.stack([-tangents[..., 1], tangents[..., 0]], axis=-1)
        for spine, normal, pair, width in zip(
            strokes.spines, normals, strokes.colors, strokes.widths, strict=True
        ):
            lean = rng.uniform(0.2, 1.0)
            load = rng.uniform(0.75, 1.1)
            for offset in across:
                side = 0.5 + 0.5 * lean * offset + rng.normal(0, 0.12)
                color = pair[0] * (1 - side) + pair[1] * side
                color = color * (1 + rng.normal(0, brush.color_jitter))
                ridge = 55 * abs(offset) ** 3 + rng.normal(0, 30)
                height = np.clip(load * (105 + ridge), 30, 250)
                line = bristle_line(rng, spine, normal * offset * width / 2, offset)
                value = (*np.clip(color * 255, 0, 255), height)
                thick = max(1, round(1.9 * width / brush.bristles))
                cv2.polylines(
                    self.paint, [line], False, value, thick, cv2.LINE_AA, shift=4
                )

    def dry(self, *, strength: float, gloss: float) -> Array:
        """Light the paint; returns (H, W, 3) in [0, 1]."""
        color = self.paint[..., :3].astype(np.float32) / 255
        height = self.paint[..., 3].astype(np.float32) / 255
        fine = cv2.GaussianBlur(height, (0, 0), 1.0)
        broad = cv2.GaussianBlur(height, (0, 0), 3.0)
        shade, shine = light(fine + 1.5 * broad, strength=strength, gloss=gloss)
        return color * shade[..., None] + shine[..., None]


def bristle_line(
    rng: np.random.Generator, spine: Array, shift: Array, offset: float
) -> np.ndarray:
    """One bristle's way: beside the spine, later down and sooner up at the rim."""
    rounding = 1 - np.sqrt(max(0.0, 1 - offset * offset))
    start = round(2.2 * rounding + rng.uniform(0, 1.2))
    stop = POINTS - round(2.2 * rounding + rng.exponential(0.9))
    stop = max(stop, start + 3)
    points = (spine + shift)[start:stop]
    return (points * 16).round().astype(np.int32)
