"""``vidstyle train``: train a network like the built-in one."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, print_facts, reported_errors
from vidstyle.config import TrainingConfig

if TYPE_CHECKING:
    from vidstyle.training.train import Judgment

RESUME = "run the same command again to go on"


@o.add_options(TrainingConfig, hides=False)
def train(
    photos: Annotated[
        Path,
        typer.Argument(
            help="A folder of photographs, the more the better.", metavar="FOLDER"
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE.npz", help="Where it goes."),
    ],
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Throw away what an interrupted training has left."
        ),
    ] = False,
    overwrite: o.Overwrite = False,
    log: o.Log = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Train a network like the built-in one; --weights FILE.npz paints with it.

    A tenth of the photographs is held out, and the result is measured on them. It can
    be interrupted: the same command goes on.
    """
    with reported_errors(RESUME):
        config = TrainingConfig(**values)
        check_outputs([output], besides=[log], inputs=[], overwrite=overwrite)
        from vidstyle.training.train import train_network

        with Reporter(quiet=quiet, as_json=json, log=log) as reporter:
            judgment = train_network(
                photos, output, config, restart=restart, listener=reporter
            )
        facts = {"output": str(output), **asdict(judgment)}
        print_facts(facts, [*as_table(judgment), output], as_json=json)


def as_table(judgment: "Judgment") -> list[str]:
    """Write a judgment as lines."""
    return [
        f"relative error on {judgment.held_out} photographs held out; weak channels",
        *(
            f"{layer:8} {error:7.4f} {judgment.weak_channels[layer]:7.1%}"
            for layer, error in judgment.errors.items()
        ),
    ]
