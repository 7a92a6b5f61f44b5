"""``vidstyle bench``: how fast pictures are optimised on this machine."""

import itertools
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts, reported_errors

if TYPE_CHECKING:
    from vidstyle.bench import Rate

LINE = "{:>9}  {:>5}  {:>8}  {:>10}  {:>8}  {:>10}  {:>6}"
HEADINGS = "size", "batch", "steps/s", "evaluation", "GFLOP/s", "of ceiling", "N x 1"


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """Read ``320x180,640x360`` as widths and heights."""
    sizes = []
    for item in text.split(","):
        width, _, height = item.strip().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise typer.BadParameter(f"{item!r} is not a size such as 320x180")
        sizes.append((int(width), int(height)))
    return sizes


def bench(
    *,
    sizes: Annotated[
        Any,
        typer.Option(
            parser=parse_sizes, metavar="WxH,...", help="Of the pictures, in pixels."
        ),
    ] = "320x180,640x360",
    batch: Annotated[
        int,
        typer.Option(
            metavar="N", help="Pictures beside one another, against one by one."
        ),
    ] = 1,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Steps to take the median of.")
    ] = 30,
    network: o.Network = "slim",
    device: o.Device = "auto",
    json: o.Json = False,
) -> None:
    """Time the optimisation's steps and compare them with the machine's ceiling.

    Evaluation: its share in a step, losses and gradients; the rest is the optimiser's.

    GFLOP/s: of the convolutions, forward and back to the pixels, by whole steps.

    Ceiling: the rate of a large matrix product, in the same process and threads.

    N x 1: how many times as fast a batch is as its pictures one by one.
    """
    with reported_errors():
        from vidstyle.bench import Bench

        with Reporter(quiet=False, as_json=json, log=None) as reporter:
            timed = Bench(
                sizes=sizes,
                batch=batch,
                steps=steps,
                network=network,
                device=device,
                listener=reporter,
            )
        facts, rates = timed.facts(), timed.rates()
        lines = (
            "{network} to {deepest} on {device}, {threads} thread(s); medians of "
            "{steps} steps; ceiling {matrix_gflop_per_s:.0f} GFLOP/s".format(**facts),
            LINE.format(*HEADINGS),
        )
        if json:
            facts["rates"] = [asdict(rate) for rate in rates]
        shown = itertools.chain(lines, (format_rate(rate) for rate in rates))
        print_facts(facts, shown, as_json=json)


def format_rate(rate: "Rate") -> str:
    """Write a rate as a line of the table."""
    return LINE.format(
        f"{rate.width}x{rate.height}",
        rate.batch,
        f"{rate.steps_per_s:.2f}",
        f"{rate.evaluation_share:.0%}",
        f"{rate.gflop_per_s:.1f}",
        f"{rate.of_matrix_rate:.0%}",
        f"{rate.over_single:.2f}",
    )
