"""A night in oils: a wind that turns in the sky, lamps for stars, fields below.

Our own composition, painted stroke by stroke by ``recipes.brushes``.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from recipes.brushes import Brush, Canvas, Strokes, look_up, seed_strokes, trace
from recipes.texture import (
    SUPERSAMPLING,
    Array,
    Shape,
    finish,
    grid,
    hex_color,
    noise,
    ramp,
    smear,
    smoothstep,
    unit,
)

GROUND = "#0b0d1c"
SKY = [
    "#070a1e",
    "#0c1c4c",
    "#123a86",
    "#1f5fae",
    "#4b93c4",
    "#93c6cf",
    "#e6e7c0",
    "#f6dc7a",
]
HILL = ["#05080f", "#0a1c30", "#0f3a4a", "#1f5f5c", "#5f9a78", "#c9cf8a"]
FIELD = ["#120f0c", "#4a3410", "#946014", "#d29a1f", "#f2cb4a", "#fbeeb0"]
LAMP = ["#b5600f", "#e39a17", "#f7c62f", "#fce67a", "#fffbe0"]
LAMP_RAMP = 4
RAMPS = [SKY, HILL, HILL, FIELD, LAMP]
"""By region; the last is the lamps' light, which may fall on any."""

# Where the wind turns: x, y, radius as shares of the width; the way it turns.
WHIRLS = [(0.34, 0.28, 0.17, 1), (0.66, 0.40, 0.12, -1), (0.04, 0.47, 0.09, -1)]
# Lamps: x, y, radius as shares of the width.
LAMPS = [
    (0.86, 0.14, 0.085),
    (0.11, 0.11, 0.050),
    (0.56, 0.09, 0.042),
    (0.93, 0.43, 0.040),
    (0.17, 0.42, 0.036),
    (0.50, 0.40, 0.026),
    (0.74, 0.26, 0.030),
]
BRUSHES = [
    Brush(width=62, length=260, spacing=38, bristles=22),
    Brush(width=36, length=170, spacing=27, bristles=15),
    Brush(width=23, length=112, spacing=25, bristles=11, color_jitter=0.07),
]
OUTLINER = Brush(width=17, length=150, spacing=12, bristles=8)


@dataclass(frozen=True)
class Cartoon:
    """The plan of the painting, every array as large as the canvas."""

    field: Array
    """The direction of the brush."""
    regions: Array
    """0 sky, 1 and 2 hills, 3 field."""
    tone: Array
    """Place in the region's ramp, 0 dark to 1 light."""
    glow: Array
    """How near the lamps are, 0 to 1."""


def paint_swirls(*, height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Paint the night; returns an RGB frame."""
    rng = np.random.default_rng(seed)
    shape = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    regions = lay_out(rng, shape)
    field = blow(rng, shape, regions)
    tone, glow = shade(rng, shape, field)
    cartoon = Cartoon(field, regions, tone, glow)
    canvas = Canvas(np.ones((*shape, 1), np.float32) * hex_color(GROUND))
    for number, brush in enumerate(BRUSHES):
        seeds = seed_strokes(rng, shape, brush)
        if number == len(BRUSHES) - 1:
            seeds = seeds[rng.random(len(seeds)) < 0.8]
        canvas.lay(rng, load(rng, seeds, brush, cartoon), brush)
    canvas.lay(rng, outline(rng, regions), OUTLINER)
    return finish(canvas.dry(strength=9, gloss=0.22))


def load(
    rng: np.random.Generator, seeds: Array, brush: Brush, cartoon: Cartoon
) -> Strokes:
    """Choose the way, the width and the two paints of every stroke of a layer."""
    count = len(seeds)
    lengths = brush.length * rng.uniform(0.6, 1.25, count).astype(np.float32)
    spines = trace(seeds, cartoon.field, cartoon.regions, lengths)
    glow = look_up(cartoon.glow, seeds)
    lit = rng.random(count) < smoothstep(0.22, 0.60, glow)
    position = look_up(cartoon.tone, seeds) + rng.normal(0, 0.13, count)
    position = np.where(lit, 1.25 * glow - 0.2 + rng.normal(0, 0.1, count), position)
    kind = np.where(lit, LAMP_RAMP, look_up(cartoon.regions, seeds))
    pairs = np.zeros((count, 2, 3), np.float32)
    for number, palette in enumerate(RAMPS):
        own = kind == number
        for side, shift in enumerate((0.10, -0.10)):
            pairs[own, side] = ramp(palette, position[own] + shift)
    flip = rng.random(count) < 0.5
    pairs[flip] = pairs[flip][:, ::-1]
    pairs += rng.normal(0, 0.02, (count, 1, 3))
    return Strokes(
        spines=spines.astype(np.float32),
        colors=pairs.astype(np.float32),
        widths=brush.width * rng.uniform(0.7, 1.15, count).astype(np.float32),
    )


def outline(rng: np.random.Generator, regions: Array) -> Strokes:
    """Draw dark strokes along where two regions meet."""
    soft = cv2.GaussianBlur(regions, (0, 0), 9)
    slope = np.stack(np.gradient(soft)[::-1], axis=-1)
    along = unit(np.stack([-slope[..., 1], slope[..., 0]], axis=-1))
    border = cv2.morphologyEx(regions, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(border)
    places = rng.permutation(np.stack([columns, rows], axis=-1))[:: len(rows) // 230]
    seeds = (places + rng.normal(0, 3, places.shape)).astype(np.float32)
    lengths = OUTLINER.length * rng.uniform(0.6, 1.2, len(seeds)).astype(np.float32)
    spines = trace(seeds, along, np.zeros_like(regions), lengths)
    position = rng.uniform(0, 0.24, (len(seeds), 2)).astype(np.float32)
    return Strokes(
        spines=spines.astype(np.float32),
        colors=ramp(SKY, position),
        widths=OUTLINER.width * rng.uniform(0.6, 1.1, len(seeds)).astype(np.float32),
    )


def lay_out(rng: np.random.Generator, shape: Shape) -> Array:
    """Number the regions: 0 sky, 1 and 2 hills, 3 field."""
    x, y = grid(shape)
    u, v = x / shape[1], y / shape[0]
    wobble = 0.012 * noise(rng, shape, scale=shape[1] / 5)
    far = 0.70 - 0.07 * np.sin(5.2 * u + 0.5) - 0.03 * np.sin(13 * u) + wobble
    near = 0.77 + 0.045 * np.sin(6.1 * u + 2.4) + wobble
    field = 0.83 - 0.05 * np.sin(3.3 * u + 0.2) + wobble
    return ((v > far) * 1.0 + (v > near) * (v > far) + (v > field)).astype(np.float32)


def blow(rng: np.random.Generator, shape: Shape, regions: Array) -> Array:
    """Give the direction of the brush everywhere."""
    x, y = grid(shape)
    width = shape[1]
    bend = noise(rng, shape, scale=width / 2.5, octaves=2)
    wind = np.stack([np.cos(0.7 * bend), np.sin(0.7 * bend)], axis=-1)
    turns = [(*whirl, 4.0, 0.22) for whirl in WHIRLS]
    turns += [(u, v, 1.5 * r, 1, 6.0, 0.0) for u, v, r in LAMPS]
    for u, v, radius, sense, strength, inward in turns:
        dx, dy = x / width - u, y / width - v
        near = strength * np.exp(-((dx * dx + dy * dy) / radius**2))
        away = unit(np.stack([dx, dy], axis=-1))
        round_it = sense * np.stack([-away[..., 1], away[..., 0]], axis=-1)
        wind += near[..., None] * (round_it - inward * away)
    slope = 0.35 * np.cos(5.2 * x / width + 0.5) + 0.5 * bend
    furrow = np.stack([np.ones_like(slope), -slope], axis=-1)
    fan = np.stack([x / width - 0.42, 0.10 + 0.35 * (y / shape[0] - 0.7)], axis=-1)
    fan = fan + 0.08 * np.stack([bend, -bend], axis=-1)
    wind = np.where((regions >= 1)[..., None], furrow, wind)
    return unit(np.where((regions == 3)[..., None], fan, wind)).astype(np.float32)


def shade(rng: np.random.Generator, shape: Shape, field: Array) -> tuple[Array, Array]:
    """Give the tone of every place, in bands that follow the brush, and the glow."""
    x, y = grid(shape)
    width = shape[1]
    bands = smear(noise(rng, shape, scale=width / 14, octaves=2), field, length=210)
    ripple = smear(noise(rng, shape, scale=width / 36, octaves=2), field, length=90)
    tone = 0.44 + 0.25 * bands / bands.std() + 0.11 * ripple / ripple.std()
    for u, v, radius, _ in WHIRLS:
        far = np.hypot(x / width - u, y / width - v) / radius
        tone += 0.16 * np.exp(-(far**2) * 1.6)
    glow = np.zeros(shape, np.float32)
    for u, v, radius in LAMPS:
        far = np.hypot(x / width - u, y / width - v) / radius
        rings = 0.22 * np.cos(far * 8) * np.exp(-(far**2) / 3)
        glow = np.maximum(glow, np.exp(-(far**2) * 0.8) + rings)
    return tone.astype(np.float32), np.clip(glow, 0, 1)
