"""Options generated from declared settings, and the resolution of their values."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin

import typer

from vidstyle.cli.request import Request, make
from vidstyle.config import DeviceName, StyleConfig
from vidstyle.config.setting import PANELS, REQUIRED, Setting, settings_of
from vidstyle.config.toml_file import (
    KINDS,
    NAMES,
    config_text,
    read_config,
    read_preset,
)
from vidstyle.errors import OutputError

METAVARS: Final = {int: "N", float: "X", bool: "", Path: "FILE", Fraction: "N"}


def usage(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap an option's parser so that a ValueError becomes a usage error."""

    @wraps(parse)
    def parser(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as err:
            raise typer.BadParameter(str(err)) from None

    return parser


def add_options(
    *kinds: type[Any],
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    hides: bool = True,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option to a command for each setting of these configurations.

    The command receives their values as ``**values``; its own parameters take
    precedence. With ``hides``, uncommon settings are shown by --help-all only.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD]
        added = [
            _parameter(setting, is_hidden=hides and not setting.is_common)
            for setting in settings_of(*kinds)
            if setting.name not in {*signature.parameters, *without}
            and (only is None or setting.name in only)
        ]
        # Typer reads the signature; sorting is stable within a panel.
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=sorted([*added, *own], key=_sort_key)
        )
        return command

    return decorate


def _sort_key(parameter: inspect.Parameter) -> tuple[int, int]:
    """Order parameters by kind, then by the panel of their option."""
    panel = None
    if get_origin(parameter.annotation) is Annotated:
        option = get_args(parameter.annotation)[1]
        panel = getattr(option, "rich_help_panel", None)
    return parameter.kind, PANELS.index(panel) if panel in PANELS else -1


def _parameter(setting: Setting, *, is_hidden: bool) -> inspect.Parameter:
    default = setting.text(setting.default) if setting.parser else setting.default
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is REQUIRED else default,
        annotation=Annotated[
            Any if setting.parser else setting.hint,
            _typer_option(setting, is_hidden=is_hidden),
        ],
    )


def _typer_option(setting: Setting, *, is_hidden: bool = False) -> Any:
    negation = f"/--no-{setting.key}" if setting.default is True else ""
    flags = [f"--{setting.key}{negation}"]
    flags += [f"-{setting.short}"] if setting.short else []
    flags += [f"--{setting.alias}"] if setting.alias else []
    kind = setting.hints[0]
    if get_origin(kind) is list:
        kind = get_args(kind)[0]
    metavar = setting.metavar or "|".join(setting.choices)
    return typer.Option(
        *flags,
        help=setting.help,
        rich_help_panel=setting.panel,
        parser=usage(setting.parse) if setting.parser else None,
        autocompletion=(lambda: setting.completions) if setting.completions else None,
        metavar=metavar or METAVARS.get(kind),
        readable=False,  # the library checks it, with a better message and exit code
        show_default=setting.default_text or True,
        hidden=is_hidden,
    )


def option_of(kind: type[Any], name: str) -> Any:
    return _typer_option(next(s for s in settings_of(kind) if s.name == name))


_CLIP: Final = typer.Argument(
    help="A video, a GIF or a folder of pictures.", metavar="CLIP", readable=False
)
Clip = Annotated[Path, _CLIP]
Clips = Annotated[list[Path], _CLIP]
Overwrite = Annotated[bool, option_of(Request, "overwrite")]
Json = Annotated[bool, option_of(Request, "json")]
Quiet = Annotated[bool, option_of(Request, "quiet")]
Device = Annotated[DeviceName, option_of(StyleConfig, "device")]


@dataclass(frozen=True, slots=True)
class Settings:
    """The resolved values of all settings, by field name."""

    values: Mapping[str, Any]
    text: Callable[..., str]  # formats them as TOML, relative to a folder

    def make(self, kind: type[Any], **others: object) -> Any:
        """Create a configuration, or raise ConfigError."""
        return make(kind, {**self.values, **others})

    def save(self, request: Request) -> None:
        path = request.save_config
        if path is not None:
            text = self.text(folder=path.parent)
            save_config(path, text, overwrite=request.overwrite)


def resolve_settings(
    ctx: typer.Context,
    values: Mapping[str, Any],
    request: Request,
    kinds: Sequence[type[Any]],
) -> Settings:
    """Merge the defaults, a preset, a settings file and the options, in that order.

    With --show-config, prints the settings and exits. BadParameter: unknown preset;
    InputError: the file is unreadable, or a value is invalid.
    """
    layers: dict[str, Mapping[str, Any]] = {}  # given values, by origin
    about: list[str] = []
    if request.preset is not None:
        if request.preset not in NAMES:
            raise typer.BadParameter(
                f"{request.preset!r} is not one of {', '.join(NAMES)}",
                param_hint="'--preset'",
            )
        preset = read_preset(request.preset)
        layers[f"preset {preset.name}"] = preset.settings
        about = preset.about
    if request.config is not None:
        layers["configuration file"] = read_config(request.config)
    resolved = defaults()
    layers["option"] = {
        name: values[name]
        for name in resolved
        if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    origins: dict[str, str] = {}
    for origin, layer in layers.items():
        resolved |= layer
        origins |= dict.fromkeys(layer, origin)
    text = partial(config_text, resolved, kinds, about=about, origins=origins)
    settings = Settings(resolved, text)
    for kind in kinds:
        settings.make(kind)
    if request.show_config:
        typer.echo(text(folder=Path()), nl=False)
        raise typer.Exit
    return settings


def defaults() -> dict[str, Any]:
    return {setting.name: setting.default for setting in settings_of(*KINDS)}


def save_config(path: Path, text: str, *, overwrite: bool) -> None:
    """Write settings to a file, or raise OutputError and leave nothing behind."""
    from vidstyle.images import write_whole

    try:
        data = text.encode()
    except UnicodeEncodeError as err:
        raise OutputError(
            f"cannot write {path}: a file name in it is not valid text."
        ) from err
    if path.is_file() and not overwrite:
        with suppress(OSError):
            if path.read_bytes() == data:
                return
        raise OutputError(
            f"{path} exists with other settings; use --overwrite, or save under "
            "another name."
        )
    write_whole(path, data)
