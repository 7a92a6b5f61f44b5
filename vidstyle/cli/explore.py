"""``vidstyle explore``: a command for each row of the table of experiments."""

import inspect
import json as json_module
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.request import check_outputs
from vidstyle.cli.settings import resolve_settings
from vidstyle.config import AlbumConfig, StyleConfig
from vidstyle.config.setting import FILES, settings_of
from vidstyle.config.toml_file import read_text
from vidstyle.config.values import parse_layers
from vidstyle.errors import OutputError
from vidstyle.explore.experiments import (
    KINDS,
    LAYER_SETS,
    RECONSTRUCTED,
    Axis,
    Kind,
    Layers,
    sweep,
)

NEVER: Final = frozenset({"style_mix", "min_steps", "patience", "min_delta", "pyramid"})
"""Settings that no experiment has: one painting, one size, and no early stop."""


@o.usage
def parse_axis(text: str) -> Axis:
    """Read ``content-weight=0.01,0.1`` or ``style-layers=relu1_1;relu1_1,relu2_1``."""
    known = {one.key: one for one in settings_of(StyleConfig) if one.name not in NEVER}
    key, _, values = text.partition("=")
    if key not in known:
        raise typer.BadParameter(
            f"{key!r} is not a setting; choose one of {', '.join(known)}"
        )
    setting = known[key]
    has_commas = setting.name in {"style_layers", "content_layers"}
    separator = ";" if ";" in values or has_commas else ","
    items = [item.strip() for item in values.split(separator) if item.strip()]
    if not items:
        raise typer.BadParameter(f"{text!r} has no values, such as {key}=A{separator}B")
    return [
        (f"{key} {item}", {setting.name: read_text(setting, item)}) for item in items
    ]


@o.usage
def parse_sets(text: str) -> list[Layers]:
    """Read ``relu1_1,relu2_1;relu3_1`` as sets of layers."""
    sets = [parse_layers(item) for item in text.split(";") if item.strip()]
    if not sets:
        raise typer.BadParameter(f"{text!r} names no layers")
    return sets


def _own(
    name: str,
    text: str,
    *flags: str,
    default: Any = inspect.Parameter.empty,
    hint: Any = Any,
    **more: Any,
) -> inspect.Parameter:
    """Declare an option that some experiments have."""
    option = typer.Option(*flags, help=text, **more)
    kind, hint = inspect.Parameter.KEYWORD_ONLY, Annotated[hint, option]
    return inspect.Parameter(name, kind, default=default, annotation=hint)


FILE: Final = {"metavar": "FILE", "rich_help_panel": FILES, "readable": False}
OWN: Final = (
    _own(
        "rows",
        "What varies downwards: the name of an option and its values, with semicolons "
        "between them, or commas where no value holds one.",
        default=None,
        parser=parse_axis,
        metavar="SETTING=A;B;...",
        show_default="style-layers: the first of them, the first two, and so on",
    ),
    _own(
        "columns",
        "What varies across, in the same way.",
        default="content-weight=0.001,0.01,0.1,1",
        parser=parse_axis,
        metavar="SETTING=A,B,...",
    ),
    _own(
        "layers",
        "From shallow to deep; the weights are those within a set.",
        default=RECONSTRUCTED,
        parser=o.usage(parse_layers),
        metavar="LAYER[:WEIGHT],...",
    ),
    _own(
        "sets",
        "Sets of style layers.",
        default=LAYER_SETS,
        parser=parse_sets,
        metavar="LAYERS;...",
    ),
    _own(
        "batch",
        "Pictures painted beside one another.",
        default=AlbumConfig().batch,
        hint=int,
        metavar="N",
    ),
    _own(
        "paintings",
        "A painting; give several.",
        "--style",
        "-s",
        hint=list[Path],
        **FILE,
    ),
    _own(
        "photographs",
        "A photograph that is taken as style, too; give several.",
        "--photo",
        default=None,
        hint=list[Path] | None,
        **FILE,
    ),
    inspect.Parameter("style", inspect.Parameter.KEYWORD_ONLY, annotation=o.Style),
)
"""An experiment has those that its axes take by name."""


def _explore(
    kind: Kind,
    ctx: typer.Context,
    content: Annotated[
        Path,
        typer.Argument(help="The picture to paint.", metavar="PICTURE", readable=False),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where the sheet, the tables, the plots and the pictures go; by "
            "default beside the picture.",
            rich_help_panel=FILES,
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    work_dir: o.WorkDir = None,
    restart: o.Restart = False,
    preset: o.Preset = None,
    config: o.Config = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Run an experiment, and print what was found."""
    with reported_errors("the same command goes on where this one stopped"):
        choices = {each.name: values.pop(each.name) for each in _options(kind)}
        AlbumConfig(batch=choices.get("batch", 1))  # checks it
        base = resolve_settings(ctx, values, preset=preset, file=config).make(
            StyleConfig
        )
        experiment = sweep(kind.name, content, base, **choices)
        paintings = list({trial.style: None for trial in experiment.trials})
        folder = output or _beside(content, paintings, kind.name)
        from vidstyle.explore import run

        work = work_dir or run.waiting_place(folder)
        # A run that was interrupted while it wrote its results may do so again.
        may_replace = overwrite or run.is_unfinished(work)
        _check_folder(folder, [content, *paintings], overwrite=may_replace)
        with Reporter(quiet=quiet, as_json=json, log=None) as reporter:
            facts = run.run_experiment(
                experiment, folder, reporter, work_dir=work, restart=restart
            )
        if json:
            typer.echo(json_module.dumps({"output": str(folder), **facts}))
            return
        for line in (*run.as_table(facts), folder):
            typer.echo(line)


def _options(kind: Kind) -> list[inspect.Parameter]:
    names = {*inspect.signature(kind.axes).parameters}
    names |= {"batch"} if "paintings" in names else {"style"}
    return [option for option in OWN if option.name in names]


def make_command(kind: Kind) -> Callable[..., None]:
    """Make the command of an experiment."""

    def command(**values: Any) -> None:
        _explore(kind, **values)

    _, ctx, content, *common = inspect.signature(_explore).parameters.values()
    # Typer and ``add_options`` read these.
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [ctx, content, *_options(kind), *common]
    )
    command.__name__, command.__doc__ = kind.name, kind.axes.__doc__
    without = {*NEVER, *kind.fixed, *kind.varied}
    only = {each.name for each in settings_of(StyleConfig)} - without
    return o.add_options(StyleConfig, only=only)(command)


COMMANDS: Final = tuple(make_command(kind) for kind in KINDS)
"""In the order of the help."""


def _beside(content: Path, paintings: list[Path], name: str) -> Path:
    """Name a folder: photo.painting.grid, or photo.styles for several paintings."""
    painting = [path.stem for path in paintings] if len(paintings) == 1 else []
    return content.parent / ".".join([content.stem, *painting, name])


def _check_folder(folder: Path, inputs: list[Path], *, overwrite: bool) -> None:
    """Check that an experiment may write into a folder.

    Raises:
        OutputError: If it cannot be made or written to, or holds another's results.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder with --output.")
    results = [folder]
    if folder.exists():
        from vidstyle.explore.run import RESULTS

        results = [folder / name for name in RESULTS]
    check_outputs(results, inputs=inputs, overwrite=overwrite)
