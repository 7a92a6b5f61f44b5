"""The command line: parse, make a frozen config, one call, report."""

import inspect
import os
import re
import signal
import sys
from copy import copy
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vidstyle.cli.explore import COMMANDS
from vidstyle.cli.image import image
from vidstyle.cli.listings import bench, finish, networks, presets, probe, status, ui
from vidstyle.cli.measure import measure
from vidstyle.cli.report import INTERRUPTED, TERMINATED
from vidstyle.cli.typed import check_words, find_command
from vidstyle.cli.video import plan, video

__all__ = ["app", "run"]

SHOW_CONFIG, HELP_ALL = "--show-config", "--help-all"


def _without_bool(parameters: list[Any]) -> list[Any]:
    """Copy parameters, without the ``<bool>`` that Typer writes behind a switch."""
    copies = [copy(each) for each in parameters]
    for each in copies:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return copies


class _Command(TyperCommand):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Typer would keep the lines of a paragraph at any width.
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)
        if any(getattr(each, "hidden", False) for each in self.params):
            self.epilog = f"{HELP_ALL} shows all options."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta.update({name: name in args for name in (SHOW_CONFIG, HELP_ALL)})
        args = [re.sub("^(--[a-z-]*)colour", r"\1color", arg) for arg in args]
        options = [each for each in self.get_params(ctx) if each.opts[0][0] == "-"]
        names = {HELP_ALL} | {
            name for each in options for name in (*each.opts, *each.secondary_opts)
        }
        flags = {name for each in options if each.is_flag for name in each.opts}
        letters = "".join(name[1] for name in flags if len(name) == 2)
        check_words(args, names, flags=letters)
        return super().parse_args(ctx, ["--help"] if HELP_ALL in args else args)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = _without_bool(super().get_params(ctx))
        for each in parameters:
            if ctx.meta.get(SHOW_CONFIG):  # it does no work, and so needs no input
                each.required = False
            if ctx.meta.get(HELP_ALL):
                each.hidden = False
        return parameters


class _Group(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.parent is None:
            args = find_command(args, self.commands)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_bool(super().get_params(ctx))


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


def demo() -> None:
    """Paint a small clip that comes along: try --style woodblock, or your own."""
    # Never run: find_command has turned it into a command for the clip.


for command in (
    *(video, plan, image, demo, status, finish, ui),
    *(probe, presets, networks, measure, bench),
):
    app.command(cls=_Command)(command)
for command in COMMANDS:
    explore.command(cls=_Command)(command)
app.add_typer(explore)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"vidstyle {version('vidstyle')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Quiet and tame the libraries, which the commands load only when they run."""
    # OpenCV and the ffmpeg in it write to stderr on their own; what they say of a
    # broken clip we say ourselves, in one sentence.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Threads that wait for work spin for milliseconds by default, and take the cores
    # from whatever has some: our own flow, ffmpeg, another run. On two busy cores that
    # makes a step forty times as long; spinning for some microseconds costs nothing on
    # quiet ones. GNU's OpenMP, which torch brings along on Linux, reads this when it
    # is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def run() -> None:
    """Be the program; what a signal has stopped dies of it, so that a loop stops, too.

    Bash goes on to the next file of a loop if a program that got Ctrl-C ends by itself.
    """
    try:
        app(prog_name="vidstyle")
    except SystemExit as end:
        if os.name == "posix" and end.code in {INTERRUPTED, TERMINATED}:
            number = signal.SIGINT if end.code == INTERRUPTED else signal.SIGTERM
            sys.stdout.flush()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise
