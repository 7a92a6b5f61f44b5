"""Named series of numbers come in, a PNG with their lines goes out.

It knows nothing of what the numbers are. matplotlib, which draws, is optional.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vidstyle.errors import DependencyError, OutputError
from vidstyle.images import check_picture_path, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES: Final = 8.0, 4.5
DOTS_PER_INCH: Final = 120
MOST_MARKED: Final = 40
"""Points of a series that are marked one by one; a longer one is a line only."""


def check_plot(path: Path) -> None:
    """Check, before the work, that a plot can be drawn and written.

    Raises:
        DependencyError: If there is no matplotlib.
        OutputError: If the name does not end in .png, or its folder is missing.
    """
    if path.suffix.lower() != ".png":
        raise OutputError(f"cannot write {path}: a plot is a PNG; use a name in .png.")
    check_picture_path(path)
    try:
        import matplotlib.figure  # noqa: F401  # only whether it is there
    except ImportError as err:
        raise DependencyError(
            f"matplotlib, which draws plots, cannot be loaded ({err}); "
            'pip install "vidstyle[plots]" brings it.'
        ) from err


def write_plot(
    path: Path,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_y: bool = False,
) -> None:
    """Draw each series as a line of its own color, named in a legend.

    Args:
        path: The PNG, written whole or not at all.
        series: Points (x, y) by name, in the order in which they are joined. Where y
            is not finite the line has a gap; a series without points has no line.
        title: Above the plot.
        x_label: What x is, with its unit.
        y_label: What y is, with its unit.
        log_y: Whether y grows by powers of ten; values that are not positive are gaps
            then. Without any positive one, the axis stays as it is.

    Raises:
        DependencyError: If there is no matplotlib.
        OutputError: If the file cannot be written, or its name does not end in .png.
    """
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen
    axes = figure.add_subplot()
    # Dollar signs in the name of a file are no formula.
    axes.set_title(title, parse_math=False)
    axes.set_xlabel(x_label, parse_math=False)
    axes.set_ylabel(y_label, parse_math=False)
    axes.grid(visible=True, alpha=0.3)
    if log_y and any(y > 0 for points in series.values() for _, y in points):
        axes.set_yscale("log", nonpositive="mask")
    _draw(axes, {name: points for name, points in series.items() if points})
    data = io.BytesIO()
    with warnings.catch_warnings():
        # A sign that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(data, format="png")
    write_whole(path, data.getvalue())


def _draw(axes: "Axes", series: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    lines = []
    for points in series.values():
        marker = "." if len(points) <= MOST_MARKED else ""
        values = [y if isfinite(y) else nan for _, y in points]
        lines += axes.plot([x for x, _ in points], values, marker=marker)
    if not lines:
        return
    # Names are set afterwards: matplotlib leaves out those that begin with "_".
    legend = axes.legend(lines, ["name"] * len(lines), fontsize="small")
    for text, name in zip(legend.get_texts(), series, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
