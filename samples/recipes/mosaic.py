"""A mosaic of glass and gold: a sun over water, in thousands of stones.

The stones are Voronoi cells under a square distance that turns with the design, so they
lie in rows along it; each has its own color, tilt and worn edge.
"""

import cv2
import numpy as np
import numpy.typing as npt

from recipes.texture import (
    SUPERSAMPLING,
    Array,
    Shape,
    finish,
    grid,
    hex_color,
    light,
    mix,
    noise,
    smoothstep,
    unit,
)

GOLD = ["#8a5a12", "#b57d1c", "#d9a531", "#f0cd63", "#c98a22"]
RUBY = ["#5e0d1c", "#8e1426", "#b7252f", "#cf4436", "#7a1030"]
COBALT = ["#0d1f5c", "#153a8f", "#1f57b8", "#3d7fce", "#122a70"]
TEAL = ["#0a4a50", "#0f6f70", "#1f9690", "#56b8a5", "#0c5a66"]
EMERALD = ["#0b3d24", "#156238", "#2c8a4b", "#66ad5d", "#114d33"]
CREAM = ["#d8cba6", "#e9dfc2", "#f3ecd8", "#c9b88e", "#e4d3a8"]
VIOLET = ["#2d1550", "#48237a", "#6a3aa0", "#8a5cb8", "#3a1a62"]
PALETTES = np.array(
    [
        [hex_color(code) for code in codes]
        for codes in (GOLD, RUBY, COBALT, TEAL, EMERALD, CREAM, VIOLET)
    ]
)
SUN = (0.40, 0.43)
RAYS = 12
STONE = 29.0
"""Distance between stones, pixels of the supersampled picture."""
ROUNDS = 9


def lay_mosaic(*, height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Lay the mosaic; returns an RGB frame."""
    rng = np.random.default_rng(seed)
    shape = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    glass, field = design(rng, shape)
    seeds = settle(scatter(rng, shape), field, glass)
    stones, edge = divide(seeds, field)
    color = fire(rng, seeds, glass)[stones]
    return finish(set_in_mortar(rng, color, stones, edge))


def design(
    rng: np.random.Generator, shape: Shape
) -> tuple[npt.NDArray[np.int64], Array]:
    """Draw the cartoon: which glass goes where, and how the rows of stones run."""
    x, y = grid(shape)
    dx, dy = x / shape[1] - SUN[0], y / shape[1] - SUN[1] * shape[0] / shape[1]
    far, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    glass = np.where(np.sin(far * 38) > -0.35, 2, 6)
    rows = np.stack([-dy, dx], axis=-1)
    petal = 0.232 + 0.065 * np.abs(np.sin(angle * RAYS / 2))
    bands = [(petal + 0.042, 5), (petal + 0.021, 3), (petal, 0), (0.195, 1)]
    bands += [(0.150, 5), (0.128, 0), (0.090, 1), (0.046, 0)]
    for radius, kind in bands:
        glass = np.where(far < radius, kind, glass)
    spoke = np.abs(np.sin(angle * RAYS / 2 + np.pi / 2)) < 0.36
    glass = np.where((far < petal - 0.01) & (far > 0.195) & spoke, 1, glass)
    glass, rows = flood(x / shape[1], y / shape[1], shape[0] / shape[1], glass, rows)
    bend = noise(rng, shape, scale=shape[1] / 4, octaves=1)
    rows = unit(rows) + 0.12 * np.stack([bend, -bend], axis=-1)
    return glass, unit(rows).astype(np.float32)


def flood(
    x: Array,
    y: Array,
    aspect: float,
    glass: npt.NDArray[np.int64],
    rows: Array,
) -> tuple[npt.NDArray[np.int64], Array]:
    """Put the water before the sun: waves that overlap like scales."""
    bands = [(3, 5), (2, 3), (4, 5), (6, 0), (3, 2)]
    for number, (kind, rim) in enumerate(bands):
        phase = 5.5 + 1.7 * number
        line = aspect * (0.66 + 0.085 * number) + 0.030 * np.sin(9 * x + phase)
        below = y > line
        rim_here = below & (y < line + 0.020)
        stripe = below & (np.sin((y - line) * 105) > 0.45)
        glass = np.where(below, kind, glass)
        glass = np.where(stripe, [2, 3, 3, 2, 2][number], glass)
        glass = np.where(rim_here, rim, glass)
        along = np.stack([np.ones_like(x), 0.27 * np.cos(9 * x + phase)], axis=-1)
        rows = np.where(below[..., None], along, rows)
    return glass, rows


def scatter(rng: np.random.Generator, shape: Shape) -> Array:
    """Throw the stones down evenly: (N, 2) as x, y."""
    y, x = np.mgrid[STONE / 2 : shape[0] : STONE, STONE / 2 : shape[1] : STONE]
    seeds = np.stack([x, y], axis=-1).reshape(-1, 2)
    return (seeds + rng.uniform(-0.4, 0.4, seeds.shape) * STONE).astype(np.float32)


def divide(seeds: Array, field: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Give every pixel its stone.

    Returns:
        ``(stones, edge)``: the stone's number, and how much nearer it is than the next,
        in pixels: 0 on the border.
    """
    height, width = field.shape[:2]
    reach = int(1.7 * STONE)
    best = np.full((height, width), 1e6, np.float32)
    second = best.copy()
    stones = np.zeros((height, width), np.int64)
    for number, (at_x, at_y) in enumerate(seeds):
        left, top = max(0, int(at_x) - reach), max(0, int(at_y) - reach)
        window = np.s_[top : int(at_y) + reach + 1, left : int(at_x) + reach + 1]
        rows, columns = best[window].shape
        dx = np.arange(left, left + columns, dtype=np.float32) - at_x
        dy = (np.arange(top, top + rows, dtype=np.float32) - at_y)[:, None]
        along_x, along_y = field[min(int(at_y), height - 1), min(int(at_x), width - 1)]
        along = np.abs(dx * along_x + dy * along_y)
        across = np.abs(dy * along_x - dx * along_y)
        distance = np.maximum(along, across) + 0.15 * np.minimum(along, across)
        nearer = distance < best[window]
        second[window] = np.minimum(
            second[window], np.where(nearer, best[window], distance)
        )
        best[window] = np.where(nearer, distance, best[window])
        stones[window] = np.where(nearer, number, stones[window])
    return stones, second - best


def settle(seeds: Array, field: Array, glass: npt.NDArray[np.int64]) -> Array:
    """Move each stone to the middle of its own kind of glass until they lie well."""
    x, y = grid(field.shape[:2])
    for _ in range(ROUNDS):
        stones, _ = divide(seeds, field)
        column = seeds[:, 0].astype(int).clip(0, x.shape[1] - 1)
        row = seeds[:, 1].astype(int).clip(0, x.shape[0] - 1)
        own = (glass == glass[row, column][stones]).ravel().astype(np.float64)
        label, count = stones.ravel(), len(seeds)
        weight = np.bincount(label, own, count)
        middle_x = np.bincount(label, own * x.ravel(), count)
        middle_y = np.bincount(label, own * y.ravel(), count)
        middle = (
            np.stack([middle_x, middle_y], axis=-1) / np.maximum(weight, 1)[:, None]
        )
        seeds = np.where(weight[:, None] > 0, middle, seeds).astype(np.float32)
    return seeds


def fire(rng: np.random.Generator, seeds: Array, glass: npt.NDArray[np.int64]) -> Array:
    """Choose the color of every stone: (N, 3)."""
    column = seeds[:, 0].astype(int).clip(0, glass.shape[1] - 1)
    row = seeds[:, 1].astype(int).clip(0, glass.shape[0] - 1)
    shade = rng.integers(0, PALETTES.shape[1], len(seeds))
    color = PALETTES[glass[row, column], shade]
    stray = rng.random(len(seeds)) < 0.05
    color[stray] = PALETTES[rng.integers(0, len(PALETTES), stray.sum()), shade[stray]]
    color = color * rng.normal(1, 0.10, (len(seeds), 1))
    return (color + rng.normal(0, 0.018, color.shape)).astype(np.float32)


def set_in_mortar(
    rng: np.random.Generator,
    color: Array,
    stones: npt.NDArray[np.int64],
    edge: Array,
) -> Array:
    """Round the stones off, tilt them, press them into mortar, and light them."""
    shape = stones.shape
    chips = noise(rng, shape, scale=9, octaves=2)
    depth = cv2.GaussianBlur(edge, (0, 0), 1.0) + 0.7 * chips
    stone = smoothstep(2.2, 4.4, depth)
    cloud = noise(rng, shape, scale=14, octaves=3)
    streak = noise(rng, shape, scale=(30, 5), octaves=2)
    color = color * (1 + 0.10 * cloud + 0.06 * streak)[..., None]
    sand = noise(rng, shape, scale=4, octaves=2)
    mortar = hex_color("#3a322b") * (1 + 0.22 * sand)[..., None]
    dome = 3.2 * smoothstep(1.0, 8.5, depth) * stone
    relief = dome + 0.35 * stone * cloud + 0.25 * sand * (1 - stone)
    shade, shine = light(relief, strength=1.5, gloss=0.30)
    facet = 1 + 0.16 * rng.standard_normal(stones.max() + 1)[stones] * stone
    lit = mix(mortar, color * facet[..., None], stone) * shade[..., None]
    return (lit + (shine * stone)[..., None]).astype(np.float32)
