"""A woodblock print: waves under a red sun, flat inks on cream paper.

Every ink has its own block, pressed a little beside the others; the blocks show their
grain, and the key block (the lines) is pressed last and darkest.
"""

from dataclasses import dataclass

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
    mix,
    noise,
    smoothstep,
)

PAPER = "#efe2c4"
KEY = "#14213f"
INKS = {
    "dusk": "#e0a06a",
    "pale": "#a9c3c4",
    "mid": "#4f83a3",
    "deep": "#1f4478",
    "night": "#142a57",
    "sun": "#c9412b",
}
FINE = 0.0007
"""Half the width of a cut's edge, as a share of the sheet's width."""


@dataclass(frozen=True)
class Wave:
    """One row of waves; lengths as shares of the sheet's width."""

    level: float
    swing: float
    count: float
    """Crests across the sheet."""
    phase: float
    inks: tuple[str, str]
    """The body's, and that of the stripes in it."""


# Back to front.
WAVES = [
    Wave(0.350, 0.020, 3.3, 0.3, ("mid", "pale")),
    Wave(0.395, 0.038, 2.6, 2.1, ("deep", "mid")),
    Wave(0.455, 0.055, 2.1, 4.4, ("mid", "pale")),
    Wave(0.530, 0.070, 1.8, 0.9, ("night", "mid")),
    Wave(0.615, 0.085, 1.5, 3.4, ("deep", "pale")),
    Wave(0.715, 0.080, 1.3, 5.6, ("night", "mid")),
]


@dataclass(frozen=True)
class Blocks:
    """What is cut so far, mutated in place: where each ink and the key block print."""

    rng: np.random.Generator
    x: Array
    """Across, in [0, 1]."""
    y: Array
    """Down, in the same unit."""
    plates: dict[str, Array]
    key: Array

    @property
    def shape(self) -> Shape:
        """``(height, width)`` in pixels."""
        return self.key.shape

    def clear(self, where: Array) -> None:
        """Cut everything away, so that the paper shows."""
        for layer in (*self.plates.values(), self.key):
            np.multiply(layer, 1 - where, out=layer)

    def ink(self, name: str, where: Array) -> None:
        """Leave an ink standing in place of all others."""
        for plate in self.plates.values():
            np.multiply(plate, 1 - where, out=plate)
        self.plates[name] += where

    def line(self, where: Array) -> None:
        """Leave a line of the key block standing."""
        np.maximum(self.key, where, out=self.key)


def print_woodblock(*, height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Print the sheet; returns an RGB frame."""
    rng = np.random.default_rng(seed)
    shape = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    x, y = grid(shape)
    blocks = Blocks(
        rng=rng,
        x=x / shape[1],
        y=y / shape[1],
        plates={name: np.zeros(shape, np.float32) for name in INKS},
        key=np.zeros(shape, np.float32),
    )
    cut_sky(blocks)
    cut_mountain(blocks)
    for wave in WAVES:
        cut_wave(blocks, wave)
    sheet = make_paper(rng, shape)
    for name, plate in blocks.plates.items():
        sheet = press(rng, sheet, plate, hex_color(INKS[name]))
    return finish(press(rng, sheet, blocks.key, hex_color(KEY), solid=0.97))


def make_paper(rng: np.random.Generator, shape: Shape) -> Array:
    """Make mulberry paper: cream, a little uneven, with fibres."""
    tone = 1 + 0.020 * noise(rng, shape, scale=160) + 0.022 * noise(rng, shape, scale=5)
    fibres = np.zeros(shape, np.float32)
    for _ in range(900):
        at = rng.uniform(0, 1, 2) * shape[::-1]
        turn = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, 12))
        steps = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * rng.uniform(2, 7)
        line = ((at + np.cumsum(steps, axis=0)) * 16).astype(np.int32)
        cv2.polylines(fibres, [line], False, rng.uniform(-1, 1), 1, cv2.LINE_AA, 4)
    return hex_color(PAPER) * (tone + 0.05 * fibres)[..., None]


def press(
    rng: np.random.Generator,
    sheet: Array,
    plate: Array,
    ink: Array,
    *,
    solid: float = 0.94,
) -> Array:
    """Press one block: out of register, grained, thin where the paper is rough."""
    shape = plate.shape
    x, y = grid(shape)
    shift = rng.normal(0, 1.6, 2)
    plate = cv2.remap(
        plate,
        (x + shift[0] + 0.9 * noise(rng, shape, scale=9, octaves=2)).astype(np.float32),
        (y + shift[1] + 0.9 * noise(rng, shape, scale=9, octaves=2)).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cover = plate * (solid - 0.16 * wood_grain(rng, shape))
    cover *= 1 - 0.12 * smoothstep(0.5, 1.4, noise(rng, shape, scale=4, octaves=2))
    tint = ink * (1 + 0.05 * noise(rng, shape, scale=220, octaves=2))[..., None]
    return mix(sheet, tint, np.clip(cover, 0, 1))


def wood_grain(rng: np.random.Generator, shape: Shape) -> Array:
    """Draw the block's own lines, mostly level, in [0, 1]; 1 prints thinner."""
    _, y = grid(shape)
    bend = noise(rng, shape, scale=(900, 140), octaves=2)
    rings = y / rng.uniform(17, 24) + 2.4 * bend
    pores = noise(rng, shape, scale=(90, 4), octaves=1)
    lines = 0.5 + 0.5 * np.sin(2 * np.pi * rings)
    return (0.75 * lines**3 + 0.25 * smoothstep(0.3, 1.3, pores)).astype(np.float32)


def cut_sky(blocks: Blocks) -> None:
    """Cut the graded sky, the bars of cloud and the sun."""
    x, y, rng = blocks.x, blocks.y, blocks.rng
    drift = 0.02 * noise(rng, blocks.shape, scale=(700, 80), octaves=2)
    blocks.plates["deep"] += smoothstep(0.21, 0.04, y + drift)
    blocks.plates["dusk"] += 0.9 * smoothstep(0.15, 0.40, y + drift)
    cloud = np.sin(y * 92 + 1.5 * noise(rng, blocks.shape, scale=(900, 160), octaves=1))
    cloud += 1.0 * noise(rng, blocks.shape, scale=(520, 60), octaves=1) - 0.35
    bar = smoothstep(0.48, 0.52, cloud) * smoothstep(0.05, 0.10, y)
    blocks.clear(bar)
    blocks.ink("pale", bar * smoothstep(0.85, 0.90, cloud))
    rim = cv2.morphologyEx(bar, cv2.MORPH_GRADIENT, np.ones((4, 4), np.uint8))
    blocks.line(0.9 * smoothstep(0.3, 0.8, rim))
    far = np.hypot(x - 0.70, y - 0.20)
    sun = smoothstep(0.105 + FINE, 0.105 - FINE, far)
    blocks.clear(sun)
    blocks.ink("sun", sun)
    streak = np.sin(y * 430 + 0.5 * noise(rng, blocks.shape, scale=(300, 60)))
    low = smoothstep(0.18, 0.32, y)
    blocks.plates["sun"] *= 1 - smoothstep(1.0 - 0.9 * low, 1.15 - 0.9 * low, streak)


def cut_mountain(blocks: Blocks) -> None:
    """Cut the far mountain: a white head over a slope hatched from its peak."""
    x, y, rng = blocks.x, blocks.y, blocks.rng
    beside = x - 0.25
    rough = 0.005 * noise(rng, blocks.shape, scale=(50, 5000), octaves=3)
    inside = y - (0.150 + 0.60 * np.sqrt(beside**2 + 0.0006) ** 1.08 + rough)
    blocks.clear(smoothstep(-FINE, FINE, inside))
    teeth = 0.042 + 0.022 * noise(rng, blocks.shape, scale=(60, 5000), octaves=3)
    body = smoothstep(-FINE, FINE, inside - teeth)
    blocks.ink("mid", body)
    blocks.ink("deep", body * smoothstep(-0.01, 0.02, beside - 0.35 * (y - 0.15)))
    blocks.line(smoothstep(0.0032, 0.0018, np.abs(inside)))
    fan = np.arctan2(beside, y - 0.08) + 0.02 * noise(rng, blocks.shape, scale=120)
    ribs = np.abs(np.sin(fan * 75))
    thick = 0.26 * smoothstep(0.16, 0.0, inside - teeth) + 0.04
    blocks.line(body * smoothstep(thick, 0.6 * thick, ribs))
    blocks.line(smoothstep(0.0022, 0.0012, np.abs(inside - teeth)) * (inside > 0))


def cut_wave(blocks: Blocks, wave: Wave) -> None:
    """Cut one row of waves in front of what is there: foam, body, lines along it."""
    turn = 2 * np.pi * wave.count * blocks.x + wave.phase
    turn += 0.55 * np.sin(turn)
    rise = 1 - np.abs(np.sin(turn / 2)) ** 0.75
    crest = wave.level - wave.swing * rise + 0.006 * np.sin(3.1 * turn + 1)
    size = 0.5 + wave.swing / 0.08
    lobes = np.abs(np.sin(blocks.x * 2 * np.pi * 17 / size + 2 * rise)) ** 0.6
    small = np.abs(np.sin(blocks.x * 2 * np.pi * 41 / size + 7 * rise)) ** 0.6
    top = crest - 0.008 * size * lobes - 0.004 * size * small
    under_top = depth_below(blocks, top)
    under_crest = depth_below(blocks, crest)
    here = smoothstep(-FINE, FINE, under_top)
    spray(blocks, crest, rise, size)
    blocks.clear(here)
    drips = 0.007 + 0.017 * size * lobes * (0.15 + rise) + 0.006 * small
    below = under_crest - drips
    cut_body(blocks, wave, below, under_crest)
    blocks.line(smoothstep(0.0042, 0.0028, np.abs(under_top)))
    blocks.line(here * smoothstep(0.0030, 0.0018, np.abs(below)))
    curl = np.abs(under_crest - 0.55 * drips - 0.002)
    blocks.line(0.9 * here * smoothstep(0.0017, 0.0008, curl) * (small > 0.45))


def depth_below(blocks: Blocks, crest: Array) -> Array:
    """How far under a line each place is: negative above, in widths of the sheet."""
    width = blocks.shape[1]
    above = (blocks.y < crest).astype(np.uint8)
    inner = cv2.distanceTransform(1 - above, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outer = cv2.distanceTransform(above, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (inner - outer) / width


def cut_body(blocks: Blocks, wave: Wave, below: Array, under_crest: Array) -> None:
    """Cut the water under the foam: two inks in stripes, and lines that follow them."""
    rng, shape = blocks.rng, blocks.shape
    bend = 0.0035 * noise(rng, shape, scale=260, octaves=2)
    water = smoothstep(-FINE, FINE, below)
    along = under_crest + bend
    blocks.ink(wave.inks[0], water)
    swell = 0.35 * noise(rng, shape, scale=(240, 60), octaves=1)
    stripe = smoothstep(0.42, 0.50, np.sin(along * 2 * np.pi / 0.0435 - 1.1) + swell)
    blocks.ink(wave.inks[1], water * stripe)
    cut = np.abs(np.sin(along * np.pi / 0.0145))
    thick = 0.26 + 0.15 * noise(rng, shape, scale=(200, 50), octaves=1)
    thick = np.clip(thick, 0.02, 0.5) * smoothstep(0.17, 0.07, below)
    blocks.line(water * smoothstep(thick + 0.02, 0.55 * thick, cut) * (thick > 0.03))


def spray(blocks: Blocks, crest: Array, rise: Array, size: float) -> None:
    """Throw drops of bare paper above the crests."""
    drops = np.zeros(blocks.shape, np.float32)
    width = blocks.shape[1]
    for _ in range(int(90 * size)):
        column = int(blocks.rng.integers(width))
        row = int(crest[0, column] * width)
        height = blocks.rng.exponential(0.016 * size) + 0.008
        if blocks.rng.random() < rise[0, column] ** 2 * 1.4:
            at = (column, int(row - height * width))
            radius = max(2, int(blocks.rng.uniform(0.0012, 0.0036) * width))
            cv2.circle(drops, at, radius, 1.0, -1, cv2.LINE_AA)
    blocks.clear(drops)
