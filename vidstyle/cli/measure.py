"""``vidstyle measure``: how near a result is to its content and its painting."""

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from vidstyle.cli import options as o
from vidstyle.cli.measured import (
    clip_facts,
    clip_panels,
    clip_table,
    folder_facts,
    folder_table,
    still_facts,
    still_table,
)
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.request import check_outputs
from vidstyle.config import NetworkName
from vidstyle.config.setting import FILES, NETWORK, REPORT, SIZE
from vidstyle.config.values import parse_range
from vidstyle.errors import ConfigError

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
        inputs = [result, content, *([] if style is None else [style])]
        if plot is not None:
            from vidstyle.plots import check_plot

            check_outputs([plot], inputs=inputs, overwrite=overwrite)
            check_plot(plot)
        with Reporter(quiet=quiet, as_json=json, log=None) as reporter:
            facts, table = _measure(
                result,
                content,
                frames,
                plot,
                style=style,
                network=network,
                weights=weights,
                device=device,
                listener=reporter,
            )
        if json:
            typer.echo(json_module.dumps(facts))
            return
        for line in (*table, *([] if plot is None else [plot])):
            typer.echo(line)


Measured = tuple[dict[str, Any], Iterator[str]]
"""What was measured: facts for machines, and lines for people."""


def _measure(
    result: Path,
    content: Path,
    frames: tuple[int, int | None],
    plot: Path | None,
    **tools: Any,
) -> Measured:
    """Measure folders of pictures, a picture or a clip."""
    from vidstyle.measure.stills import (
        are_sets,
        is_picture,
        measure_folders,
        measure_still,
    )

    style = tools["style"]
    is_set = (style is not None and style.is_dir()) or are_sets(result, content)
    if not is_set and style is None and tools["weights"] is not None:
        raise ConfigError(
            "--weights computes distances, and they need --style; add it."
        )
    if not (is_set or is_picture(result)):
        return _measure_clip(result, content, frames, plot, **tools)
    of_clip = {"--frames": frames != (0, None), "--plot": plot is not None}
    for name in (name for name, is_given in of_clip.items() if is_given):
        raise ConfigError(f"{name} is for clips, and {result} is none; leave it out.")
    names: dict[str, Any] = {"result": str(result), "content": str(content)}
    if is_set:
        folders = measure_folders(result, content, **tools)
        names["style"] = None if style is None else str(style)
        return {**names, **folder_facts(folders)}, folder_table(folders)
    still = measure_still(result, content, **tools)
    return {**names, **still_facts(still)}, still_table(still)


def _measure_clip(
    result: Path,
    content: Path,
    frames: tuple[int, int | None],
    plot: Path | None,
    **tools: Any,
) -> Measured:
    """Measure a clip, and plot it over time where that is asked for."""
    from vidstyle.measure.clip import measure_clip
    from vidstyle.measure.stills import is_picture

    if is_picture(content) and result.exists():
        raise ConfigError(
            f"{content} is a picture, and {result} is none; name the clip or the "
            "folder that it was painted from."
        )
    measured = measure_clip(result, content, frames=frames, **tools)
    facts = clip_facts(measured)
    if plot is not None:
        from vidstyle.plots import write_panels

        panels, x_label = clip_panels(measured), "seconds of the content"
        write_panels(plot, panels, title=result.name, x_label=x_label)
        facts["plot"] = str(plot)
    return facts, clip_table(measured)
