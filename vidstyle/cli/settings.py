"""What a run is set to: the defaults, under a preset, a file, and the options given."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

from vidstyle.cli.request import Request
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import KINDS, config_text, read_config
from vidstyle.errors import OutputError
from vidstyle.presets import NAMES, Preset, read_preset

WIDTH = 86
"""Columns of the lines on a preset."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of all settings, and where each comes from."""

    kinds: Sequence[type[Any]]
    """The configurations that the command is about."""
    values: Mapping[str, Any]
    """By the names of the fields."""
    origins: Mapping[str, str]
    """By the names of the fields; those at their default are not in it."""
    about: Sequence[str]
    """Lines on the preset."""

    def make(self, kind: type[Any], **others: object) -> Any:
        """Make a configuration.

        Raises:
            ConfigError: If a value is out of range, or two disagree.
        """
        names = {field.name for field in fields(kind)} & self.values.keys()
        return kind(**{name: self.values[name] for name in names}, **others)

    def text(self, folder: Path) -> str:
        """Write them for a file in ``folder``."""
        return config_text(
            self.values,
            self.kinds,
            folder=folder,
            about=self.about,
            origins=self.origins,
        )

    def save(self, request: Request) -> None:
        """Save them, if they are to be saved, as ``save_config`` does."""
        if (path := request.save_config) is not None:
            save_config(path, self.text(path.parent), overwrite=request.overwrite)


def resolve_settings(
    ctx: typer.Context,
    values: Mapping[str, Any],
    request: Request,
    kinds: Sequence[type[Any]],
) -> Settings:
    """Lay a preset over the defaults, a file over it, and the options over all.

    If the settings are only to be shown, that is done, and the command ends here.

    Args:
        ctx: Knows which options were given.
        values: Of the command's options, by the names of the fields.
        request: Names the preset and the file.
        kinds: The configurations that the command is about.

    Raises:
        BadParameter: If there is no such preset.
        InputError: If the file cannot be read.
        ConfigError: If it has a key that is none, or a value that cannot be; or if
            settings disagree.
    """
    layers: dict[str, Mapping[str, Any]] = {}
    about: list[str] = []
    if request.preset is not None:
        preset = _find_preset(request.preset)
        layers[f"preset {preset.name}"], about = preset.settings, _about(preset)
    if request.config is not None:
        layers["configuration file"] = read_config(request.config)
    settled, origins = defaults(), dict[str, str]()
    layers["option"] = {name: values[name] for name in settled if _given(ctx, name)}
    for origin, layer in layers.items():
        settled |= layer
        origins |= dict.fromkeys(layer, origin)
    settings = Settings(kinds, settled, origins, about)
    for kind in kinds:
        settings.make(kind)
    if request.show_config:
        typer.echo(settings.text(Path()), nl=False)
        raise typer.Exit
    return settings


def defaults() -> dict[str, Any]:
    """Return the default of every setting by the name of its field."""
    return {setting.name: setting.default for setting in settings_of(*KINDS)}


def _given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in {"COMMANDLINE", "ENVIRONMENT"}


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
    from vidstyle.images import write_whole

    try:
        data = text.encode()
    except UnicodeEncodeError as err:
        raise OutputError(
            f"cannot write {path}: the name of a file in it is not text."
        ) from err
    if path.is_file() and not overwrite:
        with suppress(OSError):
            if path.read_bytes() == data:
                return
        raise OutputError(
            f"{path} exists and says something else; use --overwrite, or save the "
            "settings under another name."
        )
    write_whole(path, data)
