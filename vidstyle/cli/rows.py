"""What the help says of each setting, and what reads its value.

Names, types and defaults are not here: they come from ``vidstyle.config``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vidstyle.cli.values import (
    parse_fps,
    parse_init,
    parse_layers,
    parse_numbers,
    parse_range,
    parse_side,
)
from vidstyle.config import COLORS, CRF, FOLDER_FPS

FILES = "Files"
SETTINGS = "Settings"
SIZE = "Size and range"
LOOK = "Look"
COHERENCE = "Coherence"
NETWORK = "Network"
OPTIMIZER = "Optimiser"
EVOLUTION = "Evolution"
REPORT = "Report"
PANELS = (FILES, SETTINGS, SIZE, LOOK, COHERENCE, NETWORK, OPTIMIZER, EVOLUTION, REPORT)
"""In the order in which the help shows them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting on the command line."""

    panel: str
    help: str
    parser: Callable[[str], Any] | None = None
    metavar: str | None = None
    """None: as the setting's type says."""
    default_text: str | None = None
    """Shown as the default, where the value itself would say nothing."""
    flag: str | None = None
    """None: the setting's own name."""
    short: str | None = None


LAYERS = "LAYER[:WEIGHT],..."
ROWS: Mapping[str, Row] = {
    "style_mix": Row(
        FILES,
        "How much of each painting, where there are several.",
        parse_numbers,
        "X,X,...",
        default_text="of all alike",
    ),
    "style_at": Row(
        FILES,
        "The painting from this second of the clip on; give several: between two, one "
        "fades into the next. In a file of settings: the seconds only.",
        parse_numbers,
        "SECONDS:FILE",
        default_text="mixed all along",
    ),
    "long_side": Row(
        SIZE,
        "Longest side of the result; a smaller source is not enlarged.",
        parse_side,
        "PIXELS|source",
    ),
    "style_side": Row(
        SIZE,
        "Longest side at which the painting is taken; smaller makes finer strokes.",
        metavar="PIXELS",
        default_text="the result's",
    ),
    "style_scale": Row(
        SIZE,
        "The same in sizes of the result: 2 makes strokes twice as large.",
        metavar="X",
        default_text="1",
    ),
    "output_size": Row(
        SIZE, "source: resample the finished result to the source's size."
    ),
    "frames": Row(
        SIZE,
        "Only these frames, counted from 0; B itself is left out.",
        parse_range,
        "A:B",
        "all",
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
    "tv_beta": Row(
        LOOK, "What total variation does: 1: flat dabs with edges; 2: soft everywhere."
    ),
    "range_weight": Row(LOOK, "How hard to keep colours within what screens show."),
    "style_loss": Row(
        LOOK,
        "What is matched: gram: how channels go together; meanstd: how strong each is; "
        "swd: how they are distributed (slow); wasserstein: the normal distribution.",
        metavar="NAME",
    ),
    "balance": Row(
        LOOK,
        "What the weights of content, style and tv are: weights: factors of their "
        "losses; gradients: the ratio of their gradients, set anew at each step, which "
        "lbfgs and newton-cg cannot. There, content above a third of style leaves "
        "little paint.",
        metavar="HOW",
    ),
    "loss_scale": Row(LOOK, "free: relative errors; gatys: the paper's sums."),
    "init": Row(
        LOOK,
        "What a picture, or a shot's first frame, starts from: content, random, "
        "style, or a picture's file.",
        parse_init,
        "START|FILE",
    ),
    "recolor": Row(LOOK, "Give the picture the painting's palette beforehand."),
    "keep_color": Row(
        LOOK,
        "Keep the picture's own colours: luminance: paint only light and dark; "
        "histogram: give the painting the picture's palette. Without recolor.",
        metavar="HOW",
    ),
    "seed": Row(LOOK, "Of the noise in a random start, and of swd's directions."),
    "next_init": Row(
        COHERENCE,
        "What a frame that follows another starts from: previous-warped, previous, "
        "content or random.",
        metavar="START",
    ),
    "temporal_weight": Row(
        COHERENCE,
        "How firmly paint stays on the thing that it was put on; more flickers less.",
    ),
    "flow": Row(
        COHERENCE, "Measuring motion; quality takes four times as long as medium."
    ),
    "mask_motion": Row(
        COHERENCE,
        "fixed: a region's mask stays where it is; flow: it belongs to the first frame "
        "and goes along with what it lies on, as far as the shot goes.",
    ),
    "batch": Row(
        OPTIMIZER, "Shots, or pictures, painted beside one another; more fills a GPU."
    ),
    "network": Row(NETWORK, "auto: vgg16 on a GPU, the built-in slim on a CPU."),
    "weights": Row(
        NETWORK,
        "The network's weights, instead of the built-in or published ones.",
        metavar="FILE",
    ),
    "pooling": Row(NETWORK, "Between the network's blocks; slim: average only."),
    "missing": Row(
        NETWORK,
        "A layer or pooling that the network lacks: refuse, or take the nearest it "
        "has.",
    ),
    "content_layers": Row(
        NETWORK, "Layers that keep the content.", parse_layers, LAYERS
    ),
    "style_layers": Row(NETWORK, "Layers that take the style.", parse_layers, LAYERS),
    "device": Row(NETWORK, "auto: cuda, then mps, then the CPU.", short="d"),
    "optimizer": Row(
        OPTIMIZER,
        "How the pixels are moved: lbfgs, adam, momentum, newton-cg or langevin.",
        metavar="NAME",
    ),
    "steps": Row(
        OPTIMIZER,
        "Most steps for a picture, or for a shot's first frame; 0 leaves its start.",
    ),
    "next_steps": Row(
        OPTIMIZER, "Most steps for a frame that follows another; 0 leaves its start."
    ),
    "pyramid": Row(
        OPTIMIZER,
        "Sizes that a picture, or a shot's first frame, is painted in, one after the "
        "other, each 1.41 times as large; as many as there is room for.",
        metavar="N",
    ),
    "min_steps": Row(OPTIMIZER, "Steps before a picture may stop early."),
    "patience": Row(
        OPTIMIZER, "Steps that must gain something on as many before, or it stops."
    ),
    "least_gain": Row(OPTIMIZER, "What they must gain, as a share of the loss."),
    "history": Row(OPTIMIZER, "Steps that L-BFGS remembers."),
    "lr": Row(
        OPTIMIZER,
        "Step of adam, momentum and langevin; 1 is from black to white.",
        metavar="X",
        default_text="the optimiser's own",
    ),
    "lr_decay": Row(
        OPTIMIZER,
        "How that step shrinks: none, stairs, exponential or inverse-time.",
        metavar="HOW",
    ),
    "lr_decay_rate": Row(OPTIMIZER, "Its factor on each stair; or the decay's rate."),
    "lr_decay_every": Row(OPTIMIZER, "Steps on each stair; or that the rate is about."),
    "temperature": Row(OPTIMIZER, "How much noise langevin makes."),
    "codec": Row(
        FILES,
        "How the result is encoded: auto (vp9 in .webm, else h264), h264, h265, av1, "
        "vp9, prores (into .mov or .mkv) or ffv1 (lossless, into .mkv).",
        metavar="NAME",
    ),
    "crf": Row(
        FILES,
        "Quality, lower is better: h264 0 (lossless) to 51, h265 0 to 51, av1 1 to 63, "
        "vp9 0 (lossless) to 63; prores and ffv1 have none.",
        metavar="N",
        default_text=", ".join(f"{name} {crf.default}" for name, crf in CRF.items()),
    ),
    "hardware_encoder": Row(
        FILES,
        "Let hardware (NVENC, VideoToolbox) encode h264, h265 or av1, if one frame on "
        "trial succeeds.",
    ),
    "keep_alpha": Row(
        FILES,
        "Keep what is transparent so; with --codec prores, vp9 or ffv1, or into a "
        "folder of pictures.",
    ),
    "keep_location": Row(FILES, "Leave in where the clip was taken."),
    "strip_metadata": Row(FILES, "Leave out titles, dates and all other tags."),
    "input_fps": Row(
        FILES,
        "Rate of a folder of pictures, or a raw stream; other files have their own.",
        parse_fps,
        "N",
        default_text=str(FOLDER_FPS),
        flag="fps",
    ),
    "background": Row(
        FILES,
        f"Behind a clip's transparent parts: {', '.join(COLORS)}, or #RRGGBB.",
        metavar="COLOR",
    ),
    "strict": Row(FILES, "Refuse a clip that is damaged, instead of warning."),
    "frame": Row(
        EVOLUTION,
        "Frame of the clip that it shows, counted from 0.",
        flag="gif-frame",
        metavar="N",
        default_text="the first",
    ),
    "width": Row(EVOLUTION, "Its width in pixels.", flag="gif-width"),
}
