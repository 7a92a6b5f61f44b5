"""``vidstyle networks`` and ``vidstyle presets``: which there are."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts, reported_errors
from vidstyle.presets import NAMES, read_preset

if TYPE_CHECKING:
    from vidstyle.networks.load import NetworkStatus

LINE = "{:6}  {:16}  {}"
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
        lines = (
            LINE.format(each.name, f"{each.layers[0]}..{each.layers[-1]}", _place(each))
            for each in known
        )
        print_facts([asdict(each) for each in known], lines, as_json=json)


def _place(status: "NetworkStatus") -> str:
    if status.built_in:
        return "built in"
    if status.path is None:
        return f"not fetched; --fetch {status.name} fetches {status.size_mb:.0f} MB"
    return str(status.path)


def presets(json: o.Json = False) -> None:
    """List the presets; --preset NAME --show-config shows all that one sets."""
    known = [read_preset(name) for name in NAMES]
    lines = [f"{each.name:10}  {each.summary}" for each in known]
    print_facts([asdict(each) for each in known], lines, as_json=json)
