"""Experiments of the literature, defined in one table by their rows and columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

from vidstyle.config import LayerWeight, OptimizerName, StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import named_painting, read_text
from vidstyle.errors import ConfigError

Layers = tuple[LayerWeight, ...]
# Headings, each with the settings it stands for; the key style is the painting's path.
Axis = Sequence[tuple[str, Mapping[str, Any]]]
# Rows, columns, and one sentence for each trial that is not possible.
Axes = tuple[Axis, Axis, Sequence[str]]
ONE: Final[Axis] = [("", {})]  # the rows of an experiment with a single one
# Settings that no experiment offers: they have one painting, one size, no early stop.
NEVER: Final = {"style_mix", "min_steps", "patience", "min_delta", "pyramid"}
MEASURED_IN: Final = "slim"  # the network that measures distances for all trials


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of experiments."""

    name: str
    # Takes the configuration and its own options; the docstring is the command's help.
    axes: Callable[..., Axes]
    varied: frozenset[str] = frozenset()  # settings on the axes: not offered as options
    fixed: Mapping[str, Any] = field(default_factory=dict)  # the same in all trials
    per_round: int = 0  # evaluations after each of which the loss is reported; 0: none
    shows_styles: bool = False  # show the paintings above the results


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One picture of an experiment, with its headings on the sheet."""

    row: str
    column: str
    content: Path
    style: Path
    config: StyleConfig


@dataclass(frozen=True, slots=True)
class Experiment:
    """A grid of trials."""

    kind: Kind
    config: StyleConfig  # common to all trials
    trials: tuple[Trial, ...]  # in row-major order
    skipped: tuple[str, ...] = ()


def sweep(
    name: str,
    content: Path,
    config: StyleConfig,
    *,
    style: Path | None = None,
    **choices: object,
) -> Experiment:
    """Build the trials of an experiment: the product of its rows and columns.

    Without ``style``, an axis chooses the painting; ``choices`` are the experiment's
    own options. ConfigError: both axes vary the same setting, or a value is invalid.
    """
    kind = EXPERIMENTS[name]
    base = comparable(replace(config, **kind.fixed))
    rows, columns, skipped = kind.axes(base, **choices)
    trials = []
    for row, down in rows:
        for column, across in columns:
            settings = {"style": style, **down, **across}
            painting = named_painting(settings.pop("style"))
            own = comparable(replace(base, **settings))
            trial = Trial(
                row=row, column=column, content=content, style=painting, config=own
            )
            trials.append(trial)
    return Experiment(kind, base, tuple(trials), tuple(skipped))


def comparable(config: StyleConfig) -> StyleConfig:
    """Disable the pyramid and early stopping, so that losses are comparable."""
    return replace(config, min_steps=max(1, config.steps), pyramid=1)


def parse_axis(text: str) -> Axis:
    """Parse ``content-weight=0.01,0.1`` or ``style-layers=relu1_1;relu1_1,relu2_1``."""
    known = {s.key: s for s in settings_of(StyleConfig) if s.name not in NEVER}
    key, _, values = text.partition("=")
    if key not in known:
        raise ValueError(f"{key!r} is not a setting; choose one of {', '.join(known)}")
    setting = known[key]
    has_commas = setting.name in {"style_layers", "content_layers"}
    separator = ";" if ";" in values or has_commas else ","
    items = [item.strip() for item in values.split(separator) if item.strip()]
    if not items:
        raise ValueError(f"{text!r} has no values; write {key}=A{separator}B")
    return [
        (f"{key} {item}", {setting.name: read_text(setting, item)}) for item in items
    ]


def parse_sets(text: str) -> list[Layers]:
    """Parse ``relu1_1,relu2_1;relu3_1`` as sets of layers."""
    sets = [parse_layers(item) for item in text.split(";") if item.strip()]
    if not sets:
        raise ValueError(f"{text!r} names no layers")
    return sets


def growing(layers: Layers) -> Axis:
    """Vary the style layers cumulatively: the first one, the first two, and so on."""
    return [
        (f"to {last.layer}" if end > 1 else last.layer, {"style_layers": layers[:end]})
        for end, last in enumerate(layers, start=1)
    ]


def _grid(config: StyleConfig, *, columns: Axis, rows: Axis | None = None) -> Axes:
    """Vary any two settings; by default style layers and content weight.

    The default grid has growing sets of style layers from top to bottom, and content
    weights in powers of ten from left to right (Gatys et al. 2015, figure 3; Lopez et
    al. 2017, figure 5).
    """
    rows = rows or growing(config.style_layers)
    shared = rows[0][1].keys() & columns[0][1].keys()
    if shared:
        raise ConfigError(
            f"rows and columns both vary {shared.pop().replace('_', '-')}; "
            "choose another setting for one of them."
        )
    return rows, columns, ()


def _reconstruct(_: StyleConfig, *, layers: Layers) -> Axes:
    """Show what the layers capture: content or style alone, from noise.

    It reconstructs the content from each layer, and the style from growing sets of
    layers (Gatys et al. 2016, figure 1; Lopez et al. 2017, figure 4).
    """
    rows = [
        ("content alone, from", {"content_weight": 1.0, "style_weight": 0.0}),
        ("style alone, up to", {"content_weight": 0.0, "style_weight": 1.0}),
    ]
    columns = [
        (last.layer, {"content_layers": (LayerWeight(last.layer),), **used})
        for last, (_, used) in zip(layers, growing(layers), strict=True)
    ]
    return rows, columns, ()


def _layers(_: StyleConfig, *, sets: Sequence[Layers]) -> Axes:
    """Compare sets of style layers, with the loss after every 20 evaluations.

    Lee and Lee (2023) compared three sets; we do not know which, so these are ours.
    """
    columns = [
        (",".join(layer for layer, _ in layers), {"style_layers": layers})
        for layers in sets
    ]
    return ONE, columns, ()


def _styles(
    _: StyleConfig, *, paintings: Sequence[Path], photographs: Sequence[Path] | None
) -> Axes:
    """Paint one picture in the style of paintings and of photographs.

    This compares art with photographs as style (Lee and Lee 2023).
    """
    columns = [(f"painting {path.stem}", {"style": path}) for path in paintings]
    photographs = photographs or []
    columns += [(f"photograph {path.stem}", {"style": path}) for path in photographs]
    return ONE, columns, ()


def _optimizers(config: StyleConfig) -> Axes:
    """Compare all optimizers; --steps is the number of loss evaluations.

    losses.csv has the losses by steps, evaluations and seconds (Ding et al. 2023).
    """
    decay: dict[str, Any] = {}
    if config.lr_decay == "none":  # otherwise the user's applies
        decay = {"lr_decay": "exponential", "lr_decay_rate": 0.1}
        decay["lr_decay_every"] = max(1, config.steps)
    choices = dict[str, dict[str, Any]]()
    for name in get_args(OptimizerName):
        choices[name] = {"optimizer": name, "lr_decay": "none"}
        if name == "adam":
            choices["adam with decay"] = {"optimizer": name, **decay}
    columns, skipped = [], []
    for name, settings in choices.items():
        try:
            replace(config, **settings)
            columns.append((name, settings))
        except ConfigError as err:
            skipped.append(f"{name}: {err}")
    return ONE, columns, skipped


def _networks(_: StyleConfig) -> Axes:
    """Compare the networks with installed weights, with average and max pooling.

    This compares VGG-16 with VGG-19 (Lopez et al. 2017) and the built-in slim.
    """
    from vidstyle.networks import network_status

    columns, skipped = [], []
    for status in network_status():
        name = status.name
        if not status.built_in and status.path is None:
            skipped.append(
                f"{name}: its weights are missing; download them with vidstyle "
                f"networks --fetch {name} ({status.size_mb:.0f} MB)."
            )
            continue
        # The built-in network has average pooling only.
        for pooling in ["average"] if status.built_in else ["average", "max"]:
            settings = {"network": name, "pooling": pooling}
            columns.append((f"{name}, {pooling} pooling", settings))
    return ONE, columns, skipped


RECONSTRUCTED: Final = "relu1_1, relu2_1, relu3_1, relu4_1, relu5_1"
# The last layers of all blocks of VGG-16, of the first three, and of the last three.
LAYER_SETS: Final = (
    "relu1_2, relu2_2, relu3_3, relu4_3, relu5_1; "
    "relu1_2, relu2_2, relu3_3; "
    "relu3_3, relu4_3, relu5_1"
)
WEIGHTS: Final = {"content_weight", "style_weight", "content_layers", "style_layers"}
# Nothing but the layers determines a reconstruction.
NOISE: Final = {"init": "random", "recolor": False, "keep_color": "none"}
PLAIN: Final = {**NOISE, "tv_weight": 0.0, "balance": "weights"}

KINDS: Final = (
    # Our losses are relative errors, so weight ratios differ from those in papers.
    Kind("grid", _grid),
    Kind("reconstruct", _reconstruct, frozenset(WEIGHTS), PLAIN),
    # Lee and Lee restart SciPy's L-BFGS for ten rounds; ours keeps its history.
    Kind("layers", _layers, frozenset({"style_layers"}), per_round=20),
    Kind("styles", _styles, shows_styles=True),
    Kind("optimizers", _optimizers, frozenset({"optimizer"})),
    Kind("networks", _networks, frozenset({"network", "pooling"}), {"weights": None}),
)
EXPERIMENTS: Final = {kind.name: kind for kind in KINDS}
