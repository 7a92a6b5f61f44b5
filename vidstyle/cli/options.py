"""The settings of ``vidstyle.config`` as options of the command line.

Each setting has one row here: where the help shows it, what it says, how a value is
read. Names, types and defaults come from the configuration, so they cannot disagree.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from vidstyle.config import LayerWeight

FILES = "Files"
SIZE = "Size and range"
LOOK = "Look"
COHERENCE = "Coherence"
NETWORK = "Network"
OPTIMIZER = "Optimiser"
EVOLUTION = "Evolution"
REPORT = "Report"
PANELS = (FILES, SIZE, LOOK, COHERENCE, NETWORK, OPTIMIZER, EVOLUTION, REPORT)
"""In the order in which the help shows them."""


def parse_layers(text: str) -> tuple[LayerWeight, ...]:
    """Read ``relu1_1,relu2_1:0.5``; a weight that is not given is 1."""
    layers = []
    for item in text.split(","):
        name, _, weight = item.strip().partition(":")
        try:
            layers.append(LayerWeight(name, float(weight) if weight else 1.0))
        except ValueError:
            raise typer.BadParameter(
                f"{weight!r} in {item!r} is not a number"
            ) from None
    return tuple(layers)


def parse_side(text: str) -> int | None:
    """Read a number of pixels, or ``source``."""
    if text == "source":
        return None
    try:
        return int(text)
    except ValueError:
        message = f"{text!r} is neither a number of pixels nor source"
        raise typer.BadParameter(message) from None


def parse_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``, ``A:`` or ``:B`` as a half-open range of frames."""
    start, colon, stop = text.partition(":")
    try:
        if colon:
            return int(start or 0), int(stop) if stop else None
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a range of frames such as 0:48")


def parse_init(text: str) -> str | Path:
    """Read a way to start, or the name of a picture to start from."""
    return text if text in {"content", "random", "style"} else Path(text)


def show(value: object) -> str:
    """Write a default as its parser reads it."""
    if value is None:
        return "source"
    if value == (0, None):
        return "0:"
    if isinstance(value, tuple):
        return ",".join(
            layer if weight == 1 else f"{layer}:{weight:g}" for layer, weight in value
        )
    return str(value)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting on the command line."""

    panel: str
    help: str
    parser: Callable[[str], Any] | None = None
    metavar: str | None = None
    default_text: str | None = None
    """Shown as the default, where the value itself would say nothing."""
    flag: str | None = None
    """None: the setting's own name."""
    short: str | None = None


LAYERS = "LAYER[:WEIGHT],..."
ROWS: Mapping[str, Row] = {
    "long_side": Row(
        SIZE,
        "Longest side of the result; never enlarged.",
        parse_side,
        "PIXELS|source",
    ),
    "style_side": Row(
        SIZE,
        "Longest side of the painting; smaller makes finer strokes.",
        metavar="PIXELS",
        default_text="the result's",
    ),
    "output_size": Row(SIZE, "source: resample the result to the source's size."),
    "frames": Row(
        SIZE, "Only frames A to B-1, counted from 0.", parse_range, "A:B", "all"
    ),
    "start_s": Row(SIZE, "Only from this second on.", flag="start", metavar="SECONDS"),
    "duration_s": Row(
        SIZE, "Only for so many seconds.", flag="duration", metavar="SECONDS"
    ),
    "content_weight": Row(
        LOOK, "How firmly to keep what the picture shows.", short="c"
    ),
    "style_weight": Row(LOOK, "How strongly to paint.", short="w"),
    "tv_weight": Row(LOOK, "How smoothly to paint (total variation)."),
    "range_weight": Row(LOOK, "How hard to keep the colours displayable."),
    "loss_scale": Row(LOOK, "free: relative errors; gatys: the paper's sums."),
    "init": Row(
        LOOK,
        "What a picture, or a shot's first frame, starts from.",
        parse_init,
        "content|random|style|FILE",
    ),
    "recolor": Row(LOOK, "Give the content the painting's palette beforehand."),
    "seed": Row(LOOK, "Of random starts."),
    "next_init": Row(COHERENCE, "What a frame that follows another starts from."),
    "temporal_weight": Row(
        COHERENCE,
        "How firmly to keep the last frame's paint where nothing new is seen.",
    ),
    "flow": Row(COHERENCE, "Optical flow; quality is four times slower than medium."),
    "batch": Row(COHERENCE, "Shots painted beside one another; more fills a GPU."),
    "network": Row(NETWORK, "auto: vgg16 on a GPU, the built-in slim on a CPU."),
    "weights": Row(
        NETWORK, "The network's weights, instead of the published ones.", metavar="FILE"
    ),
    "pooling": Row(NETWORK, "Between the network's blocks."),
    "content_layers": Row(
        NETWORK, "Layers that keep the content.", parse_layers, LAYERS
    ),
    "style_layers": Row(NETWORK, "Layers that take the style.", parse_layers, LAYERS),
    "device": Row(NETWORK, "auto: cuda, then mps, then the CPU.", short="d"),
    "optimizer": Row(OPTIMIZER, "How the pixels are moved."),
    "steps": Row(OPTIMIZER, "Most steps for a picture, or a shot's first frame."),
    "next_steps": Row(OPTIMIZER, "Most steps for a frame that follows another."),
    "min_steps": Row(OPTIMIZER, "Steps before a frame may stop early."),
    "history": Row(OPTIMIZER, "Steps that L-BFGS remembers."),
    "lr": Row(OPTIMIZER, "Adam's step, in units of the full pixel range."),
    "lr_decay": Row(OPTIMIZER, "Factor of Adam's step at each stair."),
    "lr_decay_every": Row(OPTIMIZER, "Steps on each stair."),
    "crf": Row(FILES, "H.264 quality: 0 lossless, 18 fine, 51 worst."),
    "strict": Row(FILES, "Fail on a clip that breaks off, instead of warning."),
    "frame": Row(
        EVOLUTION,
        "Which frame of the clip to show.",
        flag="gif-frame",
        default_text="the first",
    ),
    "width": Row(EVOLUTION, "Width of the GIF in pixels.", flag="gif-width"),
}


def takes(*kinds: type[Any]) -> Callable[[Callable[..., None]], Any]:
    """Give a command one option for each setting of these configurations.

    The command receives their values in its ``**values``; settings without a row have
    no option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD]
        added = [
            _parameter(kind, name)
            for kind in kinds
            for name in ROWS
            if name in {field.name for field in fields(kind)}
        ]
        # Typer reads the signature. sorted() keeps the order within a panel.
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=sorted([*own, *added], key=_place)
        )
        return command

    return decorate


def _place(parameter: inspect.Parameter) -> tuple[int, int]:
    """Say where a parameter comes: by its kind, then by its panel."""
    option = parameter.annotation.__metadata__[0]
    panel = getattr(option, "rich_help_panel", None)
    return parameter.kind, PANELS.index(panel) if panel in PANELS else -1


def _parameter(kind: type[Any], name: str) -> inspect.Parameter:
    row = ROWS[name]
    default = getattr(kind(), name)
    flags = [f"--{(row.flag or name).replace('_', '-')}"]
    if default is True:
        flags = [f"{flags[0]}/--no-{name.replace('_', '-')}"]
    if row.short is not None:
        flags.append(f"-{row.short}")
    shown = row.default_text or (show(default) if row.parser else True)
    option = typer.Option(
        *flags,
        help=row.help,
        rich_help_panel=row.panel,
        parser=row.parser,
        metavar=row.metavar,
        show_default=shown,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=show(default) if row.parser else default,
        annotation=Annotated[Any if row.parser else get_type_hints(kind)[name], option],
    )


def make_config(kind: type[Any], values: Mapping[str, Any], **others: object) -> Any:
    """Make a configuration out of those values that bear its fields' names."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: values[name] for name in names & set(values)}, **others)


Style = Annotated[
    Path,
    typer.Option(
        "--style", "-s", help="The painting: any picture.", rich_help_panel=FILES
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where the result goes; by default beside the input.",
        rich_help_panel=FILES,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", "-y", help="Replace existing results.", rich_help_panel=FILES
    ),
]
Gif = Annotated[
    bool,
    typer.Option(
        "--gif",
        help="Also write a GIF of how the picture was learned.",
        rich_help_panel=EVOLUTION,
    ),
]
GifOutput = Annotated[
    Path | None,
    typer.Option(
        "--gif-output",
        metavar="FILE",
        help="Where it goes (implies --gif); .mp4 makes it a video.",
        rich_help_panel=EVOLUTION,
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        help="Write every step's losses as JSON lines.",
        rich_help_panel=REPORT,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the result as JSON on stdout.", rich_help_panel=REPORT
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say only errors.", rich_help_panel=REPORT),
]
WorkDir = Annotated[
    Path | None,
    typer.Option(
        "--work-dir",
        metavar="DIR",
        help="Where frames wait until all is done; by default beside the result.",
        rich_help_panel=FILES,
    ),
]
Restart = Annotated[
    bool,
    typer.Option(
        "--restart",
        help="Throw away what an interrupted run has left.",
        rich_help_panel=FILES,
    ),
]
Sheet = Annotated[
    bool,
    typer.Option(
        "--sheet",
        help="Also write a picture of spread frames, before and after.",
        rich_help_panel=REPORT,
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview",
        "-p",
        help="Only paint three spread frames, quickly, on one sheet.",
        rich_help_panel=REPORT,
    ),
]
