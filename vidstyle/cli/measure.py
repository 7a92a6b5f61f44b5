"""``vidstyle measure``: how coherent a painted clip is, and how well it is painted."""

import json as json_module
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from vidstyle.cli import options as o
from vidstyle.cli.report import reported_errors
from vidstyle.cli.rows import FILES, SIZE, parse_range
from vidstyle.records import Download, Event, FrameReport, Listener, Notice, Plan

if TYPE_CHECKING:
    from vidstyle.measure.clip import Compared, Measurement, Series

LINE = "{:18}{:>10}{:>10}{:>8}"

Content = Annotated[
    Path,
    typer.Option(
        "--content",
        metavar="FILE",
        help="The clip that it was painted from.",
        rich_help_panel=FILES,
        readable=False,
    ),
]
Style = Annotated[
    Path | None,
    typer.Option(
        "--style",
        "-s",
        metavar="FILE",
        help="Its painting; with it, distances are measured, too.",
        rich_help_panel=FILES,
        readable=False,
    ),
]
Frames = Annotated[
    Any,
    typer.Option(
        "--frames",
        parser=parse_range,
        metavar="A:B",
        show_default="all",
        help="The frames of the content that it shows, counted from 0.",
        rich_help_panel=SIZE,
    ),
]


def measure(
    result: Annotated[
        Path,
        typer.Argument(
            help="A painted clip; as -o FOLDER writes it, without loss.",
            readable=False,
        ),
    ],
    *,
    content: Content,
    style: Style = None,
    frames: Frames = "0:",
    network: o.Network = "slim",
    device: o.Device = "auto",
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Measure how much a painted clip flickers, drifts, and resembles its painting.

    The content's own numbers, under the same measure, stand beside the result's.

    Drift is the last frame's value by the second's.
    """
    with reported_errors():
        from vidstyle.measure.clip import measure_clip

        with watched(quiet=quiet) as listener:
            measured = measure_clip(
                result,
                content,
                style=style,
                network=network,
                device=device,
                frames=frames,
                listener=listener,
            )
        if json:
            typer.echo(json_module.dumps(as_facts(measured)))
            return
        for line in as_table(measured):
            typer.echo(line)


@contextmanager
def watched(*, quiet: bool) -> Iterator[Listener]:
    """Show on stderr how far a measurement has come, and what else there is to say."""
    console = Console(stderr=True, quiet=quiet, highlight=False)
    with Progress(
        console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        download = bar.add_task("", visible=False)
        frames = bar.add_task("measuring", visible=False)

        def listen(event: Event) -> None:
            match event:
                case Notice():
                    text = f"warning: {event.text}" if event.is_warning else event.text
                    console.print(escape(text), soft_wrap=True)
                case Download():
                    bar.update(
                        download,
                        description=f"fetching {event.name}",
                        completed=event.done,
                        total=event.total or None,
                        visible=event.done != event.total,
                    )
                case Plan():
                    bar.update(frames, total=event.frames, visible=True)
                case FrameReport():
                    bar.advance(frames)

        yield listen


def as_facts(measured: "Measurement") -> dict[str, Any]:
    """Collect all that was measured, frame by frame, for machines.

    Lists have an entry a frame of the result, null where there is none.
    """
    match = measured.match
    facts: dict[str, Any] = {
        "result": str(match.result.path),
        "content": str(match.content.path),
        "width": match.result.width,
        "height": match.result.height,
        "first": match.first,
        "frames": match.count,
        "cuts": match.cuts,
        "trusted_share": _series(measured.trusted_share),
        "network": measured.network,
    }
    for name, quantity in measured.quantities().items():
        facts[name] = {
            "result": _series(quantity.result),
            "content": _series(quantity.content),
            "ratio": quantity.means[2],
            "drift_ratio": quantity.drifts[2],
        }
    return facts


def _series(series: "Series") -> dict[str, Any]:
    return {"mean": series.mean, "drift": series.drift, "frames": series.frames}


def as_table(measured: "Measurement") -> Iterator[str]:
    """Write what was measured as lines of a table."""
    match = measured.match
    network = f", network {measured.network}" if measured.network else ""
    yield (
        f"{match.count} frames of {match.result.width}x{match.result.height}, "
        f"{len(match.cuts)} cut(s){network}"
    )
    yield LINE.format("", "result", "content", "ratio")
    yield _line("temporal error", measured.temporal_error.means, ".6f")
    yield _line("luminance drift", measured.luminance.drifts, ".4f")
    yield _line("gradient drift", measured.gradient.drifts, ".4f")
    if measured.network is not None:
        yield _line("style distance", measured.style_distance.means, ".4f")
        yield _line("content distance", measured.content_distance.means, ".4f")


def _line(label: str, compared: "Compared", form: str) -> str:
    cells = zip(compared, (form, form, ".3f"), strict=True)
    return LINE.format(
        label, *("-" if value is None else format(value, kind) for value, kind in cells)
    )
