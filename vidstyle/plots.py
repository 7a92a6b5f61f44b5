"""Named series of numbers come in, a PNG with their lines goes out.

It knows nothing of what the numbers are. matplotlib, which draws, is optional.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vidstyle.errors import DependencyError, OutputError
from vidstyle.images import check_picture_path, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES: Final = 8.0, 4.5
DOTS_PER_INCH: Final = 120
INCHES_A_PANEL: Final = 2.0  # height of one of several, where that is more in all
COLORS: Final = 10  # how many matplotlib has for lines; then it begins again
DASHES: Final = "-", "--", ":", "-."  # what tells lines of one color apart
MOST_MARKED: Final = 40  # points of a series that are marked one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Lines over one axis."""

    y_label: str  # what y is, with its unit
    # Points (x, y) by name, in the order in which they are joined; no line without any.
    # Where y is not finite the line has a gap.
    series: Mapping[str, Sequence[tuple[float, float]]]
    # Whether y grows by powers of ten; values that are not positive are gaps then.
    # Without any positive one, the axis stays as it is.
    log_y: bool = False


def check_plot(path: Path) -> None:
    """Check, before the work, that a plot can be drawn and written.

    DependencyError: there is no matplotlib; OutputError: the name is no PNG's, or its
    folder is missing.
    """
    if path.suffix.lower() != ".png":
        raise OutputError(f"cannot write {path}: a plot must be a .png.")
    check_picture_path(path)
    try:
        import matplotlib.figure  # noqa: F401  # only whether it is there
    except ImportError as err:
        raise DependencyError(
            f"cannot load matplotlib, which draws the plots ({err}); "
            'install it with pip install "vidstyle[plots]".'
        ) from err


def write_panels(
    path: Path, panels: Sequence[Panel], *, title: str, x_label: str
) -> None:
    """Draw panels below one another, each series as a line named in a legend.

    Errors are those of ``check_plot``, or OutputError if writing fails.
    """
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = INCHES[0], max(INCHES[1], INCHES_A_PANEL * len(panels))
    figure = Figure((width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen
    column = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    # Dollar signs in the name of a file are no formula.
    column[0].set_title(title, parse_math=False)
    column[-1].set_xlabel(x_label, parse_math=False)
    for axes, panel in zip(column, panels, strict=True):
        _draw(axes, panel)
    data = io.BytesIO()
    with warnings.catch_warnings():
        # A sign that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(data, format="png")
    write_whole(path, data.getvalue())


def _draw(axes: "Axes", panel: Panel) -> None:
    axes.set_ylabel(panel.y_label, parse_math=False)
    axes.grid(visible=True, alpha=0.3)
    series = {name: points for name, points in panel.series.items() if points}
    heights = [y for points in series.values() for _, y in points]
    if panel.log_y and any(y > 0 for y in heights):
        axes.set_yscale("log", nonpositive="mask")
    lines = []
    for number, points in enumerate(series.values()):
        marker = "." if len(points) <= MOST_MARKED else ""
        dashes = DASHES[number // COLORS % len(DASHES)]
        xs, ys = zip(*points, strict=True)
        values = [y if isfinite(y) else nan for y in ys]
        lines += axes.plot(xs, values, marker=marker, linestyle=dashes)
    if not lines:
        return
    # Names are set afterwards: matplotlib leaves out those that begin with "_".
    legend = axes.legend(lines, ["name"] * len(lines), fontsize="small")
    for text, name in zip(legend.get_texts(), series, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
