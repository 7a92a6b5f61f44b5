"""Line plots of named series, as PNGs; needs matplotlib, which is optional."""

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
INCHES_A_PANEL: Final = 2.0  # least height of a panel
COLORS: Final = 10  # length of matplotlib's color cycle
DASHES: Final = "-", "--", ":", "-."  # line styles that distinguish equal colors
MOST_MARKED: Final = 40  # largest series of which every point gets a marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One set of axes."""

    y_label: str  # with the unit
    # Points (x, y) by name; a y that is not finite leaves a gap.
    series: Mapping[str, Sequence[tuple[float, float]]]
    # Logarithmic, if any y is positive; others leave gaps then.
    log_y: bool = False


def check_plot(path: Path) -> None:
    """Check, before any work, that a plot can be drawn and written.

    DependencyError: matplotlib is missing; OutputError: the name is not a PNG's, or its
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
    """Plot panels stacked vertically, each series as a line with a legend entry.

    Raises what ``check_plot`` does, and OutputError if writing fails.
    """
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = INCHES[0], max(INCHES[1], INCHES_A_PANEL * len(panels))
    figure = Figure((width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)  # needs no display
    column = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    # File names may contain dollar signs, which are not math here.
    column[0].set_title(title, parse_math=False)
    column[-1].set_xlabel(x_label, parse_math=False)
    for axes, panel in zip(column, panels, strict=True):
        _draw(axes, panel)
    data = io.BytesIO()
    with warnings.catch_warnings():
        # Characters that the font lacks are drawn as boxes.
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
    # Set the names afterwards: matplotlib omits labels that begin with "_".
    legend = axes.legend(lines, ["name"] * len(lines), fontsize="small")
    for text, name in zip(legend.get_texts(), series, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
