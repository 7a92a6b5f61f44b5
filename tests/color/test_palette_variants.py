"""The linear maps that give a painting a photograph's colors, compared.

The two of Gatys et al. 2016, "Preserving color in neural artistic style transfer",
section 3.1, beside ours, on the samples. What came of it stands in ``palette_map``.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vidstyle.color import (
    FLOOR,
    ColorStatistics,
    PaletteMap,
    color_statistics,
    palette_map,
)
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame
from vidstyle.video.figures import pick_frames
from vidstyle.video.probe import probe

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
SIZE = {"height": 288, "width": 384}


def root(symmetric, exponent):
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * values**exponent) @ vectors.T


def by_axes(content: ColorStatistics, style: ColorStatistics) -> PaletteMap:
    floor = FLOOR * np.eye(3)
    matrix = root(style.covariance + floor, 0.5) @ root(
        content.covariance + floor, -0.5
    )
    return PaletteMap(matrix, style.mean - matrix @ content.mean)


def by_cholesky(
    content: ColorStatistics, style: ColorStatistics, order: tuple[int, ...]
) -> PaletteMap:
    floor, picked = FLOOR * np.eye(3), np.ix_(order, order)
    factors = [
        np.linalg.cholesky((each.covariance + floor)[picked])
        for each in (style, content)
    ]
    there = factors[0] @ np.linalg.inv(factors[1])
    matrix = np.empty((3, 3))
    matrix[picked] = there
    return PaletteMap(matrix, style.mean - matrix @ content.mean)


def moved(frame: Frame, colors: PaletteMap) -> float:
    """How far colors go, in levels, before any are clamped."""
    pixels = frame.reshape(-1, 3) / 255
    steps = pixels @ colors.matrix.T + colors.offset - pixels
    return float(255 * np.sqrt(np.square(steps).sum(axis=1).mean()))


@pytest.fixture(scope="module")
def photos() -> list[Frame]:
    shots = pick_frames(probe(SAMPLES / "clip.mp4"), [0, 30], height=180, width=320)
    frames = [read_picture(SAMPLES / "photo.jpg"), *shots.values()]
    return [resize_frame(frame, **SIZE) for frame in frames]


@pytest.fixture(scope="module")
def paintings() -> list[Frame]:
    names = "swirls", "mosaic", "woodblock"
    return [resize_frame(read_picture(SAMPLES / f"{n}.jpg"), **SIZE) for n in names]


def test_ours_moves_colors_least(photos: list[Frame], paintings: list[Frame]) -> None:
    distances, differences = [], []
    for photo, painting in product(photos, paintings):
        own, wanted = color_statistics(painting), color_statistics(photo)
        orders = [by_cholesky(own, wanted, order) for order in ((0, 1, 2), (2, 1, 0))]
        maps = [palette_map(own, wanted), by_axes(own, wanted), *orders]
        distances.append([moved(painting, each) for each in maps])
        one, two = (each.apply(painting).astype(int) for each in orders)
        differences.append(np.abs(one - two).mean())
        assert distances[-1][0] <= min(distances[-1]) + 0.1  # but for capped gains
    means = np.mean(distances, axis=0)
    assert means == pytest.approx([76.7, 76.9, 79.2, 88.0], abs=0.1)
    assert np.mean(differences) == pytest.approx(24, abs=0.5)


def test_ours_depends_on_no_order(photos: list[Frame], paintings: list[Frame]) -> None:
    one = palette_map(*map(color_statistics, (paintings[0], photos[0])))
    turned = [frame[..., ::-1] for frame in (paintings[0], photos[0])]
    other = palette_map(*map(color_statistics, turned))
    np.testing.assert_allclose(one.matrix, other.matrix[::-1, ::-1], atol=1e-9)
