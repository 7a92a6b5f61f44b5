"""``vidstyle explore``: one command per experiment of the table."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts
from vidstyle.cli.request import Request, make
from vidstyle.config import StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.config.setting import FILES, REQUIRED, Config, setting, settings_of
from vidstyle.explore import (
    KINDS,
    LAYER_SETS,
    NEVER,
    RECONSTRUCTED,
    Kind,
    parse_axis,
    parse_sets,
    sweep,
)

# Options of the image and video commands that experiments have as well.
RESULTS: Final = {"output", "overwrite", "work_dir", "restart", "json", "quiet"}
SHARED: Final = RESULTS | {"preset", "config"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices(Config):
    """Options of experiments; each has those that its ``axes`` take as keywords."""

    style: Path = FILES.common(REQUIRED, "The painting: any picture.", short="s")
    paintings: list[Path] = FILES.common(
        REQUIRED, "A painting; repeat for several.", flag="style", short="s"
    )
    photographs: list[Path] | None = FILES.common(
        None, "A photograph to use as style; repeat for several.", flag="photo"
    )
    output: str | None = FILES.common(
        None,
        "Folder for the sheet, tables and pictures; by default next to the picture.",
        short="o",
        metavar="FOLDER",
    )
    rows: Any | None = setting(
        None,
        "What varies from row to row: an option's name and its values, separated by "
        "semicolons, or by commas if no value contains one.",
        parser=parse_axis,
        metavar="SETTING=A;B;...",
        default_text="style-layers: the first, the first two, and so on",
        is_common=True,
    )
    columns: Any = setting(
        "content-weight=0.001,0.01,0.1,1",
        "What varies from column to column, written like --rows.",
        parser=parse_axis,
        metavar="SETTING=A,B,...",
        is_common=True,
    )
    layers: Any = setting(
        RECONSTRUCTED,
        "Layers from shallow to deep, with their weights within a set.",
        parser=parse_layers,
        metavar="LAYER[:WEIGHT],...",
        is_common=True,
    )
    sets: Any = setting(
        LAYER_SETS,
        "Sets of style layers.",
        parser=parse_sets,
        metavar="LAYERS;...",
        is_common=True,
    )


def _names(kind: Kind) -> set[str]:
    """Return the names of an experiment's own options."""
    names = set(inspect.getfullargspec(kind.axes).kwonlyargs)
    return names if "paintings" in names else {*names, "style"}


def make_command(kind: Kind) -> Callable[..., None]:
    def command(
        ctx: typer.Context,
        content: Annotated[
            Path,
            typer.Argument(
                help="The picture to paint.", metavar="PICTURE", readable=False
            ),
        ],
        **values: Any,
    ) -> None:
        request: Request = make(Request, {name: values[name] for name in SHARED})
        settings = o.resolve_settings(ctx, values, request, [StyleConfig])
        choices = {name: values[name] for name in _names(kind)}
        experiment = sweep(kind.name, content, settings.make(StyleConfig), **choices)
        paintings = {trial.style for trial in experiment.trials}
        name = f"{content.stem}.{kind.name}"
        if len(paintings) == 1:
            name = f"{content.stem}.{paintings.pop().stem}.{kind.name}"
        usual = content.parent / name
        folder = Path(request.output or usual)
        from vidstyle.explore.results import as_table
        from vidstyle.explore.run import run_experiment

        with Reporter(request) as reporter:
            facts = run_experiment(
                experiment,
                folder,
                reporter,
                work_dir=request.work_dir,
                restart=request.restart,
                overwrite=request.overwrite,
            )
        facts = {"output": folder, **facts}
        print_facts(facts, (*as_table(facts), folder), as_json=request.json)

    command.__name__, command.__doc__ = kind.name, kind.axes.__doc__
    settings = {setting.name for setting in settings_of(StyleConfig)}
    offered = settings - NEVER - kind.fixed.keys() - kind.varied
    only = _names(kind) | SHARED | offered
    return o.add_options(Choices, Request, StyleConfig, only=only)(command)


COMMANDS: Final = tuple(make_command(kind) for kind in KINDS)  # as listed in the help
