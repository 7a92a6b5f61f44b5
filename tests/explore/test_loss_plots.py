"""Plots show what they are given."""

from math import inf, nan

import numpy as np
import pytest

from vidstyle.explore.results import write_plot
from vidstyle.images import read_picture

pytestmark = pytest.mark.slow

FALLING = [(step, 10.0 ** (2 - step)) for step in range(5)]
BLUE = (31, 119, 180)
"""Of the first line, as matplotlib draws it."""


def draw(path, series, *, title="a title"):
    curves = {
        name: ([x for x, _ in points], [y for _, y in points])
        for name, points in series.items()
    }
    write_plot(path, curves, title=title, x_label="step")
    return read_picture(path)


def height_of_line(picture, x_share):
    """Find the mean row of the first line's pixels in a column right of the axis."""
    blue = np.all(np.abs(picture.astype(int) - BLUE) < 40, axis=2)
    blue[:, int(0.75 * picture.shape[1]) :] = False  # the legend
    columns = np.flatnonzero(blue.any(0))
    column = columns[round(x_share * (len(columns) - 1))]
    return np.flatnonzero(blue[:, column]).mean()


def test_a_plot_is_a_png_with_a_line_for_each_series(tmp_path):
    path = tmp_path / "plot.png"

    one = draw(path, {"a": FALLING})
    two = draw(path, {"a": FALLING, "b": [(0, 50.0), (4, 50.0)]})

    assert path.read_bytes().startswith(b"\x89PNG")
    assert one.shape == two.shape == (540, 960, 3)
    orange = np.all(np.abs(two.astype(int) - (255, 127, 14)) < 20, axis=2)
    assert orange.any(1).sum() >= 2
    assert orange.any(0).sum() > 500
    assert [entry.name for entry in tmp_path.iterdir()] == ["plot.png"]


def test_powers_of_ten_lie_on_a_straight_line(tmp_path):
    picture = draw(tmp_path / "log.png", {"a": FALLING})

    top, half, end = (height_of_line(picture, share) for share in (0.1, 0.35, 0.6))
    assert (half - top) / (end - top) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "series",
    [
        {"empty": []},
        {"zero": [(0, 0.0), (1, 0.0)]},
        {
            "one point": [(0, 1.0)],
            "gaps": [(0, 1.0), (1, nan), (2, inf), (3, 2.0)],
            "below": [(0, -1.0), (1, 3.0)],
            "$a_{b": FALLING,
            "絵.jpg": FALLING,
        },
    ],
)
def test_odd_series_are_drawn_without_a_word(tmp_path, series, capsys):
    picture = draw(tmp_path / "plot.png", series, title="$1 of _$x")

    assert picture.min() < 50
    assert capsys.readouterr().err == ""


def test_every_name_is_in_the_legend(tmp_path):
    series = {"a": FALLING, "b": FALLING}
    two = draw(tmp_path / "two.png", series)
    one = draw(tmp_path / "one.png", {"a": FALLING})

    changed = np.abs(two.astype(int) - one).sum(2) > 0
    assert changed[: two.shape[0] // 2, int(0.75 * two.shape[1]) :].any()


def test_a_long_series_is_a_line_without_marks(tmp_path):
    flat = [(float(x), 1.0) for x in range(100)]

    marked = draw(tmp_path / "short.png", {"a": flat[:40]})
    bare = draw(tmp_path / "long.png", {"a": flat})

    def rows(picture):
        blue = np.all(np.abs(picture.astype(int) - BLUE) < 40, axis=2)
        return blue[:, 200:600].any(1).sum()

    assert rows(bare) < rows(marked)
