"""The commands under one name."""

import inspect
from copy import copy
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vidstyle.cli.bench import bench
from vidstyle.cli.explore import COMMANDS
from vidstyle.cli.image import image
from vidstyle.cli.listings import networks, presets
from vidstyle.cli.measure import measure
from vidstyle.cli.options import HELP_ALL, SHOW_CONFIG
from vidstyle.cli.probe import probe
from vidstyle.cli.video import video


def _shown(parameters: list[Any]) -> list[Any]:
    """Copy parameters, without the ``<bool>`` that Typer writes behind a switch."""
    copies = [copy(each) for each in parameters]
    for each in copies:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return copies


def _unwrapped(text: str) -> str:
    """Join the lines of each paragraph, which Typer would keep at any width."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


class _Command(TyperCommand):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.help = _unwrapped(self.help or "")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[SHOW_CONFIG] = SHOW_CONFIG in args
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = _shown(super().get_params(ctx))
        for each in parameters:
            if ctx.meta.get(SHOW_CONFIG):
                each.required = False
            if ctx.meta.get(HELP_ALL):
                each.hidden = False
        return parameters


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _shown(super().get_params(ctx))


app = typer.Typer(
    name="vidstyle",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Turn a video into a painting that moves.\n\n"
        "Any clip, any painting, no training; on a laptop's CPU out of the box."
    ),
)
explore = typer.Typer(
    name="explore",
    cls=_Group,
    no_args_is_help=True,
    help="Repeat the experiments of the literature; each fills a folder.",
)
for command in (video, image, probe, presets, networks, measure, bench):
    app.command(cls=_Command)(command)
for command in COMMANDS:
    explore.command(cls=_Command)(command)
app.add_typer(explore)


def show_version(is_asked: bool) -> None:
    """Print the version and stop."""
    if is_asked:
        typer.echo(f"vidstyle {version('vidstyle')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Hold the options that belong to no command."""
