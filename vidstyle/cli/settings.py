"""What a run is set to: the defaults, under a preset, a file, and the options given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import KINDS, config_text, read_config
from vidstyle.errors import ConfigError, OutputError
from vidstyle.presets import NAMES, Preset, read_preset

WIDTH = 86
"""Columns of the lines on a preset."""


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
            save_config(path, self.text(kinds, path.parent), overwrite=overwrite)


def resolve_settings(
    ctx: typer.Context,
    values: Mapping[str, Any],
    *,
    preset: str | None,
    file: Path | None,
) -> Settings:
    """Lay a preset over the defaults, a file over it, and the options over all.

    Args:
        ctx: Knows which options were given.
        values: Of the command's options, by the names of the fields.
        preset: Its name; None: none.
        file: Of settings; None: none.

    Raises:
        BadParameter: If there is no such preset.
        InputError: If the file cannot be read.
        ConfigError: If it has a key that is none, or a value that cannot be.
    """
    layers: dict[str, Mapping[str, Any]] = {}
    about: list[str] = []
    if preset is not None:
        known = _find_preset(preset)
        layers[f"preset {preset}"], about = known.settings, _about(known)
    if file is not None:
        layers["configuration file"] = read_config(file)
    layers["option"] = {name: values[name] for name in values if _was_given(ctx, name)}
    settled, origins = defaults(), dict[str, str]()
    for origin, layer in layers.items():
        settled |= layer
        origins |= dict.fromkeys(layer, origin)
        if origin == "configuration file":
            _check_file(file, settled)
    return Settings(settled, origins, about)


def defaults() -> dict[str, Any]:
    """Return the default of every setting by the name of its field."""
    return {setting.name: setting.default for setting in settings_of(*KINDS)}


def _was_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in {"COMMANDLINE", "ENVIRONMENT"}


def _check_file(file: Path | None, values: Mapping[str, Any]) -> None:
    """Check that a file's settings make configurations."""
    for kind in KINDS:
        try:
            Settings(values, {}).make(kind)
        except ConfigError as err:
            raise ConfigError(f"{file}: {err}") from None


def _find_preset(name: str) -> Preset:
    if name not in NAMES:
        raise typer.BadParameter(
            f"{name!r} is none of {', '.join(NAMES)}", param_hint="'--preset'"
        )
    return read_preset(name)


def _about(preset: Preset) -> list[str]:
    text = f"Preset {preset.name}: {preset.summary}."
    return ["", *(line for part in (text, *preset.notes) for line in wrap(part, WIDTH))]


def save_config(path: Path, text: str, *, overwrite: bool) -> None:
    """Save the text of settings; nothing is left where that fails.

    Raises:
        OutputError: If the file exists, says something else and may not be replaced; or
            if it cannot be written.
    """
    if path.is_file() and not overwrite:
        try:
            is_same = path.read_text(encoding="utf-8") == text
        except (OSError, UnicodeDecodeError):
            is_same = False
        if not is_same:
            raise OutputError(
                f"{path} exists and says something else; use --overwrite, or save the "
                "settings under another name."
            )
    from vidstyle.images import write_whole

    try:
        data = text.encode()
    except UnicodeEncodeError as err:
        raise OutputError(
            f"cannot write {path}: the name of a file in it is not text."
        ) from err
    write_whole(path, data)
