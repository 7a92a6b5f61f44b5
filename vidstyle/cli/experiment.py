"""What builds an experiment -> the command that runs it."""

import inspect
import json as json_module
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.axes import NEVER
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.settings import resolve_settings
from vidstyle.config import StyleConfig
from vidstyle.config.setting import FILES, settings_of
from vidstyle.errors import OutputError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every experiment takes from the command line."""

    ctx: typer.Context
    content: Content
    output: Folder = None
    overwrite: o.Overwrite = False
    work_dir: o.WorkDir = None
    restart: o.Restart = False
    preset: o.Preset = None
    config: o.Config = None
    json: o.Json = False
    quiet: o.Quiet = False


Build = Callable[..., Experiment]
"""Content, settled configuration and the options of its own -> an experiment."""
Command = Callable[..., None]


def experiment(*, without: Collection[str] = ()) -> Callable[[Build], Command]:
    """Make a command out of what builds an experiment.

    Args:
        without: Settings that are not the user's to choose, for they are what varies.
    """

    def decorate(build: Build) -> Command:
        own = [
            each
            for each in inspect.signature(build).parameters.values()
            if each.kind == inspect.Parameter.KEYWORD_ONLY
        ]
        common = inspect.signature(_Asked).parameters.values()

        def command(**values: Any) -> None:
            asked = _Asked(**{each.name: values.pop(each.name) for each in common})
            chosen = {each.name: values.pop(each.name) for each in own}
            _explore(build, asked, chosen, values)

        # Typer and ``takes`` read these.
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*own, *common]
        )
        command.__name__, command.__doc__ = build.__name__, build.__doc__
        names = {each.name for each in settings_of(StyleConfig)}
        return o.add_options(StyleConfig, only=names - NEVER - set(without))(command)

    return decorate


def _explore(
    build: Build, asked: _Asked, chosen: dict[str, Any], values: dict[str, Any]
) -> None:
    """Build an experiment, run it, and say what was found."""
    with reported_errors("the same command goes on where this one stopped"):
        settings = resolve_settings(
            asked.ctx, values, preset=asked.preset, file=asked.config
        )
        base = settings.make(StyleConfig)
        made = build(asked.content, base, **chosen)
        paintings = list(dict.fromkeys(trial.style for trial in made.trials))
        folder = asked.output or _beside(asked.content, paintings, made.name)
        from vidstyle.explore.resume import is_unfinished
        from vidstyle.explore.run import run_experiment, waiting_place

        work_dir = asked.work_dir or waiting_place(folder)
        # A run that was interrupted while it wrote its results may write them again.
        may_replace = asked.overwrite or is_unfinished(work_dir)
        _check_folder(folder, [asked.content, *paintings], overwrite=may_replace)

        with Reporter(quiet=asked.quiet, as_json=asked.json, log=None) as reporter:
            findings = run_experiment(
                made, folder, reporter, work_dir=work_dir, restart=asked.restart
            )
        if asked.json:
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
