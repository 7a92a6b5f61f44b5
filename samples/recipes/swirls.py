"""A night in oils: a wind that turns in the sky, lamps for stars, fields below.

Our own composition, painted stroke by stroke by ``recipes.brushes``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recipes.brushes import Brush, Canvas, Strokes, look_up, seed_strokes, trace
from recipes.texture import (
    SUPERSAMPLING,
    Array,
    Shape,
    finish,
    grid,
    mix,
    noise,
    ramp,
    smear,
    smoothstep,
    unit,
)

SKY = ["#0b1440", "#152a78", "#1f4a9e", "#3d78bd", "#79aecb", "#b9d2c0", "#efe3a0"]
LAMP = ["#d98a1e", "#f0b52b", "#f8d75a", "#fdf1b4"]
HILL = ["#0a1638", "#14305e", "#1d5068", "#3b7a72", "#7fa276"]
FIELD = ["#3a3a1c", "#7a5a17", "#b9831c", "#dfae32", "#f3d468", "#f8e9a8"]

# Where the wind turns: x, y, radius as shares of the width; the way it turns.
WHIRLS = [(0.33, 0.27, 0.17, 1), (0.63, 0.38, 0.13, -1), (0.05, 0.50, 0.10, -1)]
# Lamps: x, y, radius as shares of the width.
LAMPS = [
    (0.85, 0.13, 0.075),
    (0.10, 0.11, 0.045),
    (0.54, 0.10, 0.036),
    (0.93, 0.41, 0.036),
    (0.17, 0.41, 0.030),
    (0.73, 0.24, 0.026),
]
BRUSHES = [
    Brush(width=46, length=210, spacing=27, bristles=18),
    Brush(width=27, length=135, spacing=17, bristles=13),
    Brush(width=15, length=80, spacing=15, bristles=9, color_jitter=0.07),
]


@dataclass(frozen=True)
class Cartoon:
    """The plan of the painting, every array as large as the canvas."""

    field: Array
    """The direction of the brush."""
    regions: Array
    """0 sky, 1 and 2 hills, 3 field."""
    light_side: Array
    """The lighter paint."""
    dark_side: Array


def paint_swirls(*, height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Paint the night; returns an RGB frame."""
    rng = np.random.default_rng(seed)
    shape = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    regions = lay_out(rng, shape)
    field = blow(rng, shape, regions)
    cartoon = Cartoon(field, regions, *color_scheme(rng, shape, regions, field))
    canvas = Canvas(0.6 * cartoon.dark_side)
    for number, brush in enumerate(BRUSHES):
        seeds = seed_strokes(rng, shape, brush)
        if number == len(BRUSHES) - 1:
            seeds = seeds[rng.random(len(seeds)) < 0.62]
        canvas.lay(rng, load(rng, seeds, brush, cartoon), brush)
    return finish(canvas.dry(strength=9, gloss=0.22))


def load(
    rng: np.random.Generator, seeds: Array, brush: Brush, cartoon: Cartoon
) -> Strokes:
    """Choose the way, the width and the two paints of every stroke of a layer."""
    count = len(seeds)
    lengths = brush.length * rng.uniform(0.6, 1.25, count).astype(np.float32)
    spines = trace(seeds, cartoon.field, cartoon.regions, lengths)
    sides = (cartoon.light_side, cartoon.dark_side)
    pairs = np.stack([look_up(side, seeds) for side in sides], axis=1)
    flip = rng.random(count) < 0.5
    pairs[flip] = pairs[flip][:, ::-1]
    pairs *= rng.normal(1, 0.10, (count, 1, 1))
    pairs += rng.normal(0, 0.022, (count, 1, 3))
    return Strokes(
        spines=spines.astype(np.float32),
        colors=pairs.astype(np.float32),
        widths=brush.width * rng.uniform(0.7, 1.15, count).astype(np.float32),
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


def color_scheme(
    rng: np.random.Generator, shape: Shape, regions: Array, field: Array
) -> tuple[Array, Array]:
    """Give the lighter and the darker paint of every place."""
    x, y = grid(shape)
    width = shape[1]
    streaks = smear(noise(rng, shape, scale=width / 16, octaves=3), field, length=160)
    streaks /= 1.7 * streaks.std()
    ripple = smear(noise(rng, shape, scale=width / 40, octaves=2), field, length=60)
    ripple /= 2 * ripple.std()
    tone = 0.40 + 0.24 * streaks + 0.10 * ripple
    glow = np.zeros(shape, np.float32)
    for u, v, radius, _ in WHIRLS:
        far = np.hypot(x / width - u, y / width - v) / radius
        tone += 0.22 * np.exp(-(far**2) * 1.6)
    for u, v, radius in LAMPS:
        far = np.hypot(x / width - u, y / width - v) / radius
        rings = 0.16 * np.cos(far * 7.5) * np.exp(-(far**2) / 3)
        glow = np.maximum(glow, np.exp(-(far**2) * 0.9) + rings)
    sky = ramp(SKY, tone)
    sky = mix(sky, ramp(LAMP, 0.15 + 0.8 * glow + 0.2 * ripple), glow_share(glow))
    hill = ramp(HILL, 0.38 + 0.26 * streaks + 0.2 * ripple + 0.1 * (regions == 2))
    land = ramp(FIELD, 0.55 + 0.3 * streaks + 0.25 * ripple)
    color = np.where((regions >= 1)[..., None], hill, sky)
    color = np.where((regions == 3)[..., None], land, color)
    dark = color * np.array([0.66, 0.72, 0.86], np.float32)
    bright = 1 - (1 - color) * np.array([0.86, 0.86, 0.9], np.float32)
    return bright.astype(np.float32), dark.astype(np.float32)


def glow_share(glow: Array) -> Array:
    """How much of a place's paint is lamp light."""
    return smoothstep(0.18, 0.62, glow)
