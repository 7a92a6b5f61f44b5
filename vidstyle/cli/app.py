"""The commands under one name."""

from importlib.metadata import version
from typing import Annotated

import typer

from vidstyle.cli.image import image
from vidstyle.cli.networks import networks
from vidstyle.cli.video import video

app = typer.Typer(
    name="vidstyle",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Turn a video into a painting that moves.\n\n"
        "Any clip, any painting, no training; on a laptop's CPU out of the box."
    ),
)
app.command()(video)
app.command()(image)
app.command()(networks)


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
