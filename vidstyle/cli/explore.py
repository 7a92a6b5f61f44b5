"""``vidstyle explore``: the experiments of the literature, a command each."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vidstyle.cli import options as o
from vidstyle.cli.axes import LISTS, parse_axis, parse_resnet, parse_sets
from vidstyle.cli.experiment import experiment
from vidstyle.config import AlbumConfig, StyleConfig
from vidstyle.config.setting import FILES
from vidstyle.config.values import parse_layers
from vidstyle.explore.grid import grid as the_grid
from vidstyle.explore.layers import SETS
from vidstyle.explore.layers import layers as the_layers
from vidstyle.explore.optimizers import optimizers as the_optimizers
from vidstyle.explore.reconstruct import FIXED, LAYERS
from vidstyle.explore.reconstruct import reconstruct as the_reconstructions
from vidstyle.explore.styles import styles as the_styles
from vidstyle.explore.trial import Experiment


@experiment()
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


@experiment(without={*FIXED, *LISTS, "content_weight", "style_weight"})
def reconstruct(
    content: Path,
    config: StyleConfig,
    *,
    style: o.Style,
    layers: Annotated[
        Any,
        typer.Option(
            parser=o.usage(parse_layers),
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


@experiment(without={"style_layers"})
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
            help="Sets of style layers.",
        ),
    ] = SETS,
) -> Experiment:
    """Compare sets of style layers, with the loss after each 20 evaluations.

    Three sets, as Lee and Lee compared in 2023 (theirs are not known to us).
    """
    return the_layers(content, config, style=style, sets=sets)


@experiment()
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


@experiment(without={"optimizer"})
def optimizers(content: Path, config: StyleConfig, *, style: o.Style) -> Experiment:
    """Compare all optimisers on one pair; --steps is how often each sees the loss.

    The losses are drawn over steps, evaluations and seconds (Ding et al. 2023).
    """
    return the_optimizers(content, config, style=style)


@experiment(without={"network", "weights", "pooling"})
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
    without smoothed activations (Wang et al. 2021).
    """
    from vidstyle.explore.networks import networks as the_networks

    return the_networks(content, config, style=style, resnet=resnet)


COMMANDS: Final = (grid, reconstruct, layers, styles, optimizers, networks)
"""In the order of the help."""
