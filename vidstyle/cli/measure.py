"""``vidstyle measure``: how near a result is to its content and its painting."""

import json as json_module
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from vidstyle.cli import options as o
from vidstyle.cli.measured import (
    clip_facts,
    clip_panels,
    clip_table,
    still_facts,
    still_table,
)
from vidstyle.cli.measured_folders import folder_facts, folder_table
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.config import NetworkName
from vidstyle.config.setting import FILES, NETWORK, REPORT, SIZE
from vidstyle.config.values import parse_range
from vidstyle.errors import ConfigError

Report = tuple[dict[str, Any], Iterable[str]]
"""What was measured: facts for machines, and lines for people."""

Content = Annotated[
    Path,
    typer.Option(
        "--content",
        metavar="FILE|FOLDER",
        help="The picture or the clip that it was painted from; or the folder of the "
        "pictures that a folder of results was.",
        rich_help_panel=FILES,
        readable=False,
    ),
]
Style = Annotated[
    Path | None,
    typer.Option(
        "--style",
        "-s",
        metavar="FILE|FOLDER",
        help="Its painting, or the folder of the paintings; with it, the nearness to "
        "that is measured, too.",
        rich_help_panel=FILES,
        readable=False,
    ),
]
Frames = Annotated[
    Any,
    typer.Option(
        "--frames",
        parser=o.usage(parse_range),
        metavar="A:B",
        show_default="all",
        help="The frames of the content that it shows, counted from 0.",
        rich_help_panel=SIZE,
    ),
]
Network = Annotated[
    NetworkName | None,
    typer.Option(
        "--network",
        metavar="|".join(get_args(NetworkName)),
        help="Computes the features for distances, and for FID.",
        show_default="slim; for FID Inception v3 where its weights are at hand",
        rich_help_panel=NETWORK,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Its weights, instead of the built-in or published ones; without "
        "--network, of whichever they fit. Inception v3's, by torchvision's names, are "
        "for FID.",
        rich_help_panel=NETWORK,
        readable=False,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE.png",
        help="Also draw what was measured of a clip over its time.",
        rich_help_panel=REPORT,
        readable=False,
    ),
]


def measure(
    result: Annotated[
        Path,
        typer.Argument(
            help="A painted picture, a painted clip (as -o FOLDER writes it, without "
            "loss), or a folder of painted pictures.",
            metavar="RESULT",
            readable=False,
        ),
    ],
    *,
    content: Content,
    style: Style = None,
    frames: Frames = "0:",
    network: Network = None,
    weights: Weights = None,
    device: o.Device = "auto",
    plot: Plot = None,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Measure how near a result is to its content and its painting, and its flicker.

    The content's own numbers, under the same measure, stand beside the result's.

    MSE is of pixel values in [0, 1], with the painting stretched to the result; SSIM is
    of luma; distances are relative errors of features and Gram matrices. Of a clip,
    they are means over its frames, and drift is the last frame's value by the second's.

    Folders of pictures that are no frames of a clip are compared as sets, by FID under
    features that the table names, and picture by picture: a result is called after its
    content, PICTURE.png, or after its painting, too, PICTURE.PAINTING.png, as vidstyle
    image calls it. What fits nothing is listed; index.png is left out.
    """
    with reported_errors():
        tools: dict[str, Any]
        tools = {"style": style, "network": network, "device": device}
        tools["weights"] = weights
        inputs = [result, content, *([] if style is None else [style])]
        if plot is not None:
            check_plot_output(plot, inputs, overwrite=overwrite)
        from vidstyle.measure.pairing import are_sets
        from vidstyle.measure.still import is_picture

        with Reporter(quiet=quiet, as_json=json, log=None) as reporter:
            tools["listener"] = reporter
            is_set = (style is not None and style.is_dir()) or are_sets(result, content)
            if not is_set and style is None and weights is not None:
                raise ConfigError(
                    "--weights computes distances, and they need --style; add it."
                )
            if is_set or is_picture(result):
                check_options(result, frames=frames, plot=plot)
                measured = of_folders if is_set else of_still
                facts, table = measured(result, content, **tools)
            else:
                facts, table = of_clip(
                    result, content, frames=frames, plot=plot, **tools
                )
        report(facts, table, as_json=json, plot=plot)


def of_still(result: Path, content: Path, **tools: Any) -> Report:
    """Measure one picture."""
    from vidstyle.measure.still import measure_still

    measured = measure_still(result, content, **tools)
    facts = {"result": str(result), "content": str(content), **still_facts(measured)}
    return facts, still_table(measured)


def of_folders(
    result: Path, content: Path, *, style: Path | None, **tools: Any
) -> Report:
    """Measure sets of pictures."""
    from vidstyle.measure.folders import measure_folders

    measured = measure_folders(result, content, style=style, **tools)
    painting = None if style is None else str(style)
    names = {"result": str(result), "content": str(content), "style": painting}
    return {**names, **folder_facts(measured)}, folder_table(measured)


def of_clip(
    result: Path,
    content: Path,
    *,
    plot: Path | None,
    **tools: Any,
) -> Report:
    """Measure a clip, and plot it over time where that is asked for."""
    from vidstyle.measure.clip import measure_clip
    from vidstyle.measure.still import is_picture

    if is_picture(content) and result.exists():
        raise ConfigError(
            f"{content} is a picture, and {result} is none; name the clip or the "
            "folder that it was painted from."
        )
    measured = measure_clip(result, content, **tools)
    if plot is not None:
        from vidstyle.plots import write_panels

        write_panels(
            plot,
            clip_panels(measured),
            title=result.name,
            x_label="seconds of the content",
        )
    return clip_facts(measured), clip_table(measured)


def check_options(
    result: Path, *, frames: tuple[int, int | None], plot: Path | None
) -> None:
    """Check that nothing is asked of a picture that only a clip has.

    Raises:
        ConfigError: If it is.
    """
    options = {"--frames": frames != (0, None), "--plot": plot is not None}
    for name in (name for name, is_given in options.items() if is_given):
        raise ConfigError(f"{name} is for clips, and {result} is none; leave it out.")


def check_plot_output(plot: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Check, before the work, that the plot can be drawn and may go where it is to go.

    Raises:
        VidstyleError: If not.
    """
    from vidstyle.plots import check_plot

    check_outputs([plot], inputs=inputs, overwrite=overwrite)
    check_plot(plot)


def report(
    facts: Mapping[str, Any], table: Iterable[str], *, as_json: bool, plot: Path | None
) -> None:
    """Print what was measured: facts for machines, or a table and the plot's name."""
    if as_json:
        name = {} if plot is None else {"plot": str(plot)}
        typer.echo(json_module.dumps({**facts, **name}))
        return
    for line in table:
        typer.echo(line)
    if plot is not None:
        typer.echo(plot)
