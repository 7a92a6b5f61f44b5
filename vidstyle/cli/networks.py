"""``vidstyle networks``: which networks there are, and fetching one."""

import json as json_module
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, reported_errors

Fetch = Annotated[
    Literal["vgg16", "vgg19"] | None,
    typer.Option(
        "--fetch", metavar="vgg16|vgg19", help="Fetch this network's weights."
    ),
]


def networks(fetch: Fetch = None, json: o.Json = False, quiet: o.Quiet = False) -> None:
    """List the networks and where their weights are, or fetch one's."""
    with reported_errors("run it again to fetch the weights"):
        from vidstyle.networks.load import fetch as fetch_weights
        from vidstyle.networks.load import network_status

        if fetch is not None:
            with Reporter(quiet=quiet, as_json=json, log=None) as reporter:
                path = fetch_weights(fetch, reporter)
            reporter.result(path)
            return
        known = network_status()
        if json:
            typer.echo(json_module.dumps([asdict(each) for each in known], default=str))
            return
        for each in known:
            place = "built in" if each.built_in else str(each.path)
            if not each.built_in and each.path is None:
                place = (
                    f"not fetched; --fetch {each.name} fetches {each.size_mb:.0f} MB"
                )
            depth = f"{each.layers[0]}..{each.layers[-1]}"
            typer.echo(f"{each.name:6}  {depth:16}  {place}")
