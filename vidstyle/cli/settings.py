"""What a run is set to: the defaults, under a preset, a file, and the options given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

from vidstyle.cli.config_file import (
    KINDS,
    check_config_output,
    config_text,
    read_config,
    save_config,
    settings_of,
)
from vidstyle.errors import ConfigError
from vidstyle.presets.catalog import PRESETS
from vidstyle.presets.preset import Preset

WIDTH = 86
"""Columns of the lines on a preset."""


def parse_preset(name: str) -> Preset:
    """Find a preset by its name."""
    if name not in PRESETS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of all settings, and where each comes from."""

    values: Mapping[str, Any]
    """By the names of the fields."""
    origins: Mapping[str, str]
    """By the names of the fields; those at their default are not in it."""
    about: Sequence[str] = ()
    """Lines on the preset."""

    def make(self, kind: type[Any], **others: object) -> Any:
        """Make a configuration.

        Raises:
            ConfigError: If a value is out of range, or two disagree.
        """
        names = {field.name for field in fields(kind)} & set(self.values)
        return kind(**{name: self.values[name] for name in names}, **others)

    def text(self, kinds: Sequence[type[Any]], folder: Path) -> str:
        """Write the settings of some configurations for a file in ``folder``."""
        return config_text(
            self.values, kinds, folder=folder, about=self.about, origins=self.origins
        )

    def save(
        self, path: Path | None, kinds: Sequence[type[Any]], *, overwrite: bool
    ) -> None:
        """Save the settings, if they are to be saved.

        Raises:
            OutputError: If the file holds other settings and may not be replaced, or
                cannot be written.
        """
        if path is not None:
            text = self.text(kinds, path.parent)
            check_config_output(path, text, overwrite=overwrite)
            save_config(path, text)


def settle(
    ctx: typer.Context,
    values: Mapping[str, Any],
    *,
    preset: Preset | None,
    file: Path | None,
) -> Settings:
    """Lay a preset over the defaults, a file over it, and the options over all.

    Args:
        ctx: Knows which options were given.
        values: Of the command's options, by the names of the fields.
        preset: None: none.
        file: Of settings; None: none.

    Raises:
        InputError: If the file cannot be read.
        ConfigError: If it has a key that is none, or a value that cannot be.
    """
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if preset is not None:
        layers.append((f"preset {preset.name}", preset.settings))
    if file is not None:
        read = read_config(file)
        _check_ranges(
            file, {**defaults(), **(preset.settings if preset else {}), **read}
        )
        layers.append(("configuration file", read))
    given = {name: values[name] for name in values if _was_given(ctx, name)}
    layers.append(("option", given))
    settled, origins = defaults(), dict[str, str]()
    for origin, layer in layers:
        settled |= layer
        origins |= dict.fromkeys(layer, origin)
    return Settings(settled, origins, _about(preset))


def defaults() -> dict[str, Any]:
    """Return the default of every setting by the name of its field."""
    return {
        setting.name: getattr(kind(), setting.name)
        for kind in KINDS
        for setting in settings_of([kind])
    }


def _was_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in {"COMMANDLINE", "ENVIRONMENT"}


def _check_ranges(file: Path, values: Mapping[str, Any]) -> None:
    """Check that the settings of a file make configurations."""
    for kind in KINDS:
        try:
            Settings(values, {}).make(kind)
        except ConfigError as err:
            raise ConfigError(f"{file}: {err}") from None


def _about(preset: Preset | None) -> list[str]:
    if preset is None:
        return []
    text = f"Preset {preset.name}: {preset.summary}."
    return ["", *(line for part in (text, *preset.notes) for line in wrap(part, WIDTH))]
