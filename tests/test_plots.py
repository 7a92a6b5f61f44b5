"""Plots show what they are given, and need matplotlib only when one is drawn."""

import importlib
import sys
from math import inf, nan

import numpy as np
import pytest

from vidstyle import plots
from vidstyle.errors import DependencyError, OutputError
from vidstyle.images import read_picture
from vidstyle.plots import Panel, check_plot, write_panels

pytestmark = pytest.mark.slow

FALLING = [(step, 10.0 ** (2 - step)) for step in range(5)]
BLUE = (31, 119, 180)
"""Of the first line, as matplotlib draws it."""


def draw(path, series, *, title="a title", log_y=False):
    panel = Panel(y_label="loss", series=series, log_y=log_y)
    write_panels(path, [panel], title=title, x_label="step")
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


def test_powers_of_ten_lie_on_a_straight_line_of_a_log_axis(tmp_path):
    straight = draw(tmp_path / "log.png", {"a": FALLING}, log_y=True)
    bent = draw(tmp_path / "linear.png", {"a": FALLING})

    def middle(picture):
        top, half, end = (height_of_line(picture, share) for share in (0.1, 0.35, 0.6))
        return (half - top) / (end - top)

    assert middle(straight) == pytest.approx(0.5, abs=0.05)
    assert middle(bent) > 0.8


@pytest.mark.parametrize("log_y", [True, False])
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
def test_odd_series_are_drawn_without_a_word(tmp_path, series, log_y, capsys):
    picture = draw(tmp_path / "plot.png", series, log_y=log_y, title="$1 of _$x")

    assert picture.min() < 50
    assert capsys.readouterr().err == ""


def test_every_name_is_in_the_legend(tmp_path):
    series = {"a": FALLING, "_b": FALLING}
    two = draw(tmp_path / "two.png", series)
    one = draw(tmp_path / "one.png", {**series, "_b": []})

    changed = np.abs(two.astype(int) - one).sum(2) > 0
    assert changed[: two.shape[0] // 2, int(0.75 * two.shape[1]) :].any()


def test_panels_lie_below_one_another_over_the_same_x(tmp_path):
    path = tmp_path / "plot.png"
    panels = [
        Panel(y_label="one", series={"a": FALLING}, log_y=True),
        Panel(y_label="two", series={"b": [(0, nan), (8, 1.0)]}),
        Panel(y_label="three", series={"c": FALLING}),
    ]

    write_panels(path, panels, title="three", x_label="step")

    picture = read_picture(path)
    assert picture.shape == (720, 960, 3)
    blue = np.all(np.abs(picture.astype(int) - BLUE) < 40, axis=2)
    first, third = blue[:240], blue[480:]
    for panel in (first, third):
        columns = np.flatnonzero(panel[:, :600].any(0))
        assert 70 < columns.min() < 200  # x = 0
        assert columns.max() < 560  # x = 4 of 8


def test_a_long_series_is_a_line_without_marks(tmp_path):
    flat = [(float(x), 1.0) for x in range(100)]

    marked = draw(tmp_path / "short.png", {"a": flat[:40]})
    bare = draw(tmp_path / "long.png", {"a": flat})

    def rows(picture):
        blue = np.all(np.abs(picture.astype(int) - BLUE) < 40, axis=2)
        return blue[:, 200:600].any(1).sum()

    assert rows(bare) < rows(marked)


def test_lines_of_one_color_are_told_apart_by_dashes(tmp_path):
    flat = [(float(x), 1.0) for x in range(100)]
    others = {f"series {number}": [(0.0, 1.0)] for number in range(10)}

    first = draw(tmp_path / "first.png", {"series 0": flat})
    last = draw(tmp_path / "last.png", {**others, "series 10": flat})

    def inked(picture):
        blue = np.all(np.abs(picture.astype(int) - BLUE) < 40, axis=2)
        return blue[:, 200:600].any(0).mean()

    assert inked(first) == 1
    assert 0.3 < inked(last) < 0.95


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plot.svg", "a plot must be a .png"),
        ("plot", "a plot must be a .png"),
        ("gone/plot.png", "does not exist"),
    ],
)
def test_names_are_checked_before_the_work(tmp_path, name, said):
    with pytest.raises(OutputError, match=said):
        check_plot(tmp_path / name)
    with pytest.raises(OutputError, match=said):
        draw(tmp_path / name, {"a": FALLING})
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    importlib.reload(plots)  # it can be imported all the same
    with pytest.raises(DependencyError, match=r'pip install "vidstyle\[plots\]"'):
        plots.check_plot(tmp_path / "plot.png")
