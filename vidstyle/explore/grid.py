"""Any two settings -> the trials of a grid: one goes down, the other across."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.errors import ConfigError
from vidstyle.explore.trial import Experiment, Trial


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting, and the values that it takes along one side of a grid."""

    name: str
    """Of the field of ``StyleConfig``."""
    values: Mapping[str, Any]
    """By the heading of the row or column; in order, at least one."""

    def __post_init__(self) -> None:
        """Check that the setting is one.

        Raises:
            ConfigError: If it is none, or has no value.
        """
        if self.name not in {field.name for field in fields(StyleConfig)}:
            raise ConfigError(f"{self.name} is not a setting of a picture.")
        if not self.values:
            raise ConfigError(f"{self.name} has no value; give one or more.")


def cumulative(layers: tuple[LayerWeight, ...]) -> dict[str, tuple[LayerWeight, ...]]:
    """Make growing sets of layers: the first, the first two, and so on, by heading."""
    return {
        (f"to {layers[count - 1].layer}" if count > 1 else layers[0].layer): layers[
            :count
        ]
        for count in range(1, len(layers) + 1)
    }


def grid(
    content: Path,
    config: StyleConfig,
    *,
    style: Path,
    columns: Axis,
    rows: Axis | None = None,
) -> Experiment:
    """Vary two settings of one pair.

    Args:
        content: The picture.
        config: All that does not vary.
        style: The painting.
        columns: What goes across.
        rows: What goes down; None: growing sets of the style layers.

    Raises:
        ConfigError: If both are the same, or a value is out of range.

    Source: Gatys et al. 2015, figure 3, and after it the replication of López,
    Villanueva and Yus 2017, figure 5: growing sets of style layers down, the ratio of
    content to style by powers of ten across. Losses here are relative errors, so a
    ratio is not the number that it is there.
    """
    if rows is None:
        rows = Axis("style_layers", cumulative(config.style_layers))
    if rows.name == columns.name:
        raise ConfigError(
            f"rows and columns both vary {rows.name.replace('_', '-')}; "
            "let one of them vary another setting."
        )
    across, down = columns, rows
    table = tuple(
        tuple(
            Trial(
                row=row,
                column=column,
                content=content,
                style=style,
                config=replace(config, **{down.name: value, across.name: other}),
            )
            for column, other in across.values.items()
        )
        for row, value in down.values.items()
    )
    return Experiment(name="grid", config=config, rows=table)
