"""``vidstyle explore``: the experiments of the literature, a command each."""

import inspect
import json as json_module
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vidstyle.cli import options as o
from vidstyle.cli.axes import LISTS, NEVER, parse_axis, parse_resnet, parse_sets
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.rows import FILES, ROWS
from vidstyle.cli.settings import settle
from vidstyle.cli.values import parse_layers
from vidstyle.config import AlbumConfig, StyleConfig
from vidstyle.errors import OutputError
from vidstyle.explore.grid import grid as the_grid
from vidstyle.explore.layers import SETS
from vidstyle.explore.layers import layers as the_layers
from vidstyle.explore.optimizers import optimizers as the_optimizers
from vidstyle.explore.reconstruct import FIXED, LAYERS
from vidstyle.explore.reconstruct import reconstruct as the_reconstructions
from vidstyle.explore.styles import styles as the_styles
from vidstyle.explore.trial import Experiment

Content = Annotated[
    Path,
    typer.Argument(help="The picture to paint.", metavar="PICTURE", readable=False),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Where the sheet, the tables, the plots and the pictures go; by default "
        "beside the picture.",
        rich_help_panel=FILES,
    ),
]


def _common(
    ctx: typer.Context,
    content: Content,
    *,
    output: Folder = None,
    overwrite: o.Overwrite = False,
    work_dir: o.WorkDir = None,
    restart: o.Restart = False,
    preset: o.Preset = None,
    config: o.Config = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Take what all experiments do; only the signature is used."""


Build = Callable[..., Experiment]
COMMANDS: Final[list[Callable[..., None]]] = []
"""All experiments, in the order of the help."""


def _experiment(*, without: Collection[str] = ()) -> Callable[[Build], Build]:
    """Make a command out of what builds an experiment.

    It gets content, settled configuration, and the values of its own options.

    Args:
        without: Settings that are not the user's to choose, for they are what varies.
    """

    def decorate(build: Build) -> Build:
        own = [
            each
            for each in inspect.signature(build).parameters.values()
            if each.kind == inspect.Parameter.KEYWORD_ONLY
        ]
        common = inspect.signature(_common).parameters

        def command(**values: Any) -> None:
            shared = {name: values.pop(name) for name in common}
            chosen = {each.name: values.pop(each.name) for each in own}
            _explore(build, chosen, values, **shared)

        # Typer and ``takes`` read these.
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                *list(common.values())[:2],
                *own,
                *(
                    each
                    for each in common.values()
                    if each.name not in {"ctx", "content"}
                ),
            ]
        )
        command.__name__, command.__doc__ = build.__name__, build.__doc__
        chosen = [name for name in ROWS if name not in {*NEVER, *without}]
        COMMANDS.append(o.takes(StyleConfig, only=chosen)(command))
        return build

    return decorate


def _explore(
    build: Build,
    chosen: dict[str, Any],
    values: dict[str, Any],
    *,
    ctx: typer.Context,
    content: Path,
    output: Path | None,
    overwrite: bool,
    work_dir: Path | None,
    restart: bool,
    preset: Any,
    config: Path | None,
    json: bool,
    quiet: bool,
) -> None:
    with reported_errors("the same command goes on where this one stopped"):
        settings = settle(ctx, values, preset=preset, file=config)
        base = settings.make(StyleConfig)
        experiment = build(content, base, **chosen)
        paintings = list(dict.fromkeys(trial.style for trial in experiment.trials))
        folder = output or _beside(content, paintings, experiment.name)
        from vidstyle.explore.resume import is_unfinished
        from vidstyle.explore.run import run_experiment, waiting_place

        work_dir = work_dir or waiting_place(folder)
        # A run that was interrupted while it wrote its results may write them again.
        may_replace = overwrite or is_unfinished(work_dir)
        _check_folder(folder, [content, *paintings], overwrite=may_replace)

        with Reporter(quiet=quiet, as_json=json, log=None) as reporter:
            findings = run_experiment(
                experiment, folder, reporter, work_dir=work_dir, restart=restart
            )
        if json:
            typer.echo(json_module.dumps({"output": str(folder), **findings.facts}))
            return
        for line in (*findings.table, folder):
            typer.echo(line)


def _beside(content: Path, paintings: list[Path], name: str) -> Path:
    """Name a folder: photo.painting.grid, or photo.styles for several paintings."""
    parts = [content.stem, *(path.stem for path in paintings), name]
    return content.parent / ".".join(
        parts if len(paintings) == 1 else parts[:: len(parts) - 1]
    )


def _check_folder(folder: Path, inputs: list[Path], *, overwrite: bool) -> None:
    """Check that an experiment may write into a folder.

    Raises:
        OutputError: If it cannot be made or written to, or holds another's results.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder with --output.")
    if not folder.exists():
        check_outputs([folder], inputs=inputs, overwrite=overwrite)
        return
    from vidstyle.explore.run import RESULTS

    results = [folder / name for name in RESULTS]
    check_outputs(results, inputs=inputs, overwrite=overwrite)


@_experiment()
def grid(
    content: Path,
    config: StyleConfig,
    *,
    style: o.Style,
    rows: Annotated[
        Any,
        typer.Option(
            parser=parse_axis,
            metavar="SETTING=A;B;...",
            help="What varies downwards: the name of an option and its values, with "
            "semicolons between them, or commas where no value holds one.",
            show_default="style-layers: the first of them, the first two, and so on",
        ),
    ] = None,
    columns: Annotated[
        Any,
        typer.Option(
            parser=parse_axis,
            metavar="SETTING=A,B,...",
            help="What varies across, in the same way.",
        ),
    ] = "content-weight=0.001,0.01,0.1,1",
) -> Experiment:
    """Vary two settings of one pair: any two; by default layers and weights.

    Down go growing sets of style layers, across content to style by powers of ten
    (Gatys et al. 2015, figure 3; Lopez et al. 2017, figure 5).
    """
    return the_grid(content, config, style=style, rows=rows, columns=columns)


@_experiment(without={*FIXED, *LISTS, "content_weight", "style_weight"})
def reconstruct(
    content: Path,
    config: StyleConfig,
    *,
    style: o.Style,
    layers: Annotated[
        Any,
        typer.Option(
            parser=parse_layers,
            metavar="LAYER[:WEIGHT],...",
            help="From shallow to deep; the weights are those within a set.",
        ),
    ] = LAYERS,
) -> Experiment:
    """Show what the layers know: from noise, the content or the style alone.

    The content from each layer, the style from growing sets of them (Gatys et al. 2016,
    figure 1; Lopez et al. 2017, figure 4).
    """
    return the_reconstructions(content, config, style=style, layers=layers)


@_experiment(without={"style_layers", "missing"})
def layers(
    content: Path,
    config: StyleConfig,
    *,
    style: o.Style,
    sets: Annotated[
        Any,
        typer.Option(
            parser=parse_sets,
            metavar="LAYERS;...",
            help="Sets of style layers; what a network lacks is replaced by the "
            "nearest it has.",
        ),
    ] = SETS,
) -> Experiment:
    """Compare sets of style layers, with the loss after each 20 evaluations.

    Three sets, as Lee and Lee compared in 2023 (theirs are not known to us).
    """
    return the_layers(content, config, style=style, sets=sets)


@_experiment()
def styles(
    content: Path,
    config: StyleConfig,
    *,
    style: Annotated[
        list[Path],
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="A painting; give several.",
            rich_help_panel=FILES,
            readable=False,
        ),
    ],
    photo: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A photograph that is taken as style, too; give several.",
            rich_help_panel=FILES,
            readable=False,
        ),
    ] = None,
    batch: Annotated[
        int,
        typer.Option(metavar="N", help="Pictures painted beside one another."),
    ] = AlbumConfig().batch,
) -> Experiment:
    """Paint one picture after paintings and after photographs, and compare.

    Art against photograph as style (Lee and Lee 2023).
    """
    AlbumConfig(batch=batch)  # checks it
    return the_styles(
        content, config, paintings=style, photographs=photo or [], batch=batch
    )


@_experiment(without={"optimizer"})
def optimizers(content: Path, config: StyleConfig, *, style: o.Style) -> Experiment:
    """Compare all optimisers on one pair; --steps is how often each sees the loss.

    The losses are drawn over steps, evaluations and seconds (Ding et al. 2023).
    """
    return the_optimizers(content, config, style=style)


@_experiment(without={"network", "weights", "pooling", "missing"})
def networks(
    content: Path,
    config: StyleConfig,
    *,
    style: o.Style,
    resnet: Annotated[
        Any,
        typer.Option(
            parser=parse_resnet,
            metavar="FILE|random",
            help="Torchvision's weights of ResNet-50, or random ones.",
            show_default="those that torch has downloaded",
        ),
    ] = None,
) -> Experiment:
    """Compare the networks whose weights are here, with average and max pooling.

    VGG-16 against VGG-19 (Lopez et al. 2017), the built-in slim, and ResNet-50 with and
    without smoothed activations (Wang et al. 2021). A layer that one lacks is replaced
    by the nearest it has.
    """
    from vidstyle.explore.networks import networks as the_networks

    return the_networks(content, config, style=style, resnet=resnet)
