"""Settings <-> a TOML file whose keys and texts are those of the options.

``long-side = 512`` in a file is ``--long-side 512`` on the command line. What an option
reads from text (layers, a range of frames) is the same text in the file; numbers and
switches are TOML's own. The names of files are relative to the file's folder.
"""

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from vidstyle.cli.rows import EVOLUTION, PANELS, ROWS
from vidstyle.cli.values import show
from vidstyle.config import (
    AlbumConfig,
    EncodingConfig,
    EvolutionConfig,
    StyleConfig,
    VideoConfig,
)
from vidstyle.errors import ConfigError, InputError, OutputError

KINDS = (StyleConfig, VideoConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
WITHOUT_OPTION = {"pictures": "gif-pictures", "fps": "gif-fps", "hold_s": "gif-hold"}
"""Keys of the settings that are in no row."""
NONE = "none"
"""What stands for a setting that is left open, where its option has no word for it."""
PARTS = {"style", "encoding"}
"""Fields that hold other settings."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a configuration as a file knows it."""

    name: str
    """Of the field."""
    key: str
    """In a file."""
    panel: str
    hint: Any
    """The field's type."""
    parser: Callable[[str], Any] | None
    metavar: str | None


def settings_of(kinds: Iterable[type[Any]]) -> list[Setting]:
    """List the settings of some configurations in the order of the help."""
    found = {
        field.name: get_type_hints(kind)[field.name]
        for kind in kinds
        for field in fields(kind)
        if field.name not in PARTS
    }
    order = list(ROWS)
    known = [_setting(name, hint) for name, hint in found.items()]
    return sorted(
        known,
        key=lambda each: (
            PANELS.index(each.panel),
            order.index(each.name) if each.name in ROWS else len(order),
        ),
    )


def _setting(name: str, hint: Any) -> Setting:
    row = ROWS.get(name)
    if row is None:
        return Setting(name, WITHOUT_OPTION[name], EVOLUTION, hint, None, None)
    key = (row.flag or name).replace("_", "-")
    return Setting(name, key, row.panel, hint, row.parser, row.metavar)


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a file.

    Args:
        path: TOML, UTF-8. Settings of every command may be in it.

    Returns:
        Their values by the names of the fields, none of them out of type; whether they
        are in range is for the configurations to say.

    Raises:
        InputError: If the file cannot be read, or is not TOML.
        ConfigError: If it has a key that is none, or a value of another type.
    """
    known = {setting.key: setting for setting in settings_of(KINDS)}
    values = {}
    for key, value in _read_toml(path).items():
        if key not in known:
            raise ConfigError(
                f"{path}: {key} is not a setting; they are named like the options: "
                f"{', '.join(known)}."
            )
        read = _read_value(path, known[key], value)
        values[known[key].name] = _each_path(read, lambda file: path.parent / file)
    return values


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror}.") from err
    except UnicodeDecodeError as err:
        raise InputError(f"{path} is not a file of settings: it is no text.") from err
    except tomllib.TOMLDecodeError as err:
        reason = str(err).rstrip(".")
        raise InputError(f"{path} is not a file of settings: {reason}.") from err


def _read_value(path: Path, setting: Setting, value: Any) -> Any:
    try:
        return _typed(setting, value)
    except typer.BadParameter as err:
        raise ConfigError(f"{path}: {err.message}.") from None


def read_text(setting: Setting, text: str) -> Any:
    """Read a setting's value as its option does.

    Raises:
        BadParameter: If the text is none.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return _typed(setting, text if setting.parser else value)


def _typed(setting: Setting, value: Any) -> Any:
    """Make a value of TOML one of a setting's.

    Raises:
        BadParameter: If it cannot be one.
    """
    if setting.parser is not None and isinstance(value, str):
        try:
            return setting.parser(value)
        except typer.BadParameter as err:
            raise typer.BadParameter(f"{setting.key}: {err.message}") from None
    hints = get_args(setting.hint) if _is_union(setting.hint) else (setting.hint,)
    for hint in hints:
        if _fits(value, hint):
            return _converted(value, hint)
    allowed = " or ".join(_allowed(hint, setting) for hint in hints)
    raise typer.BadParameter(f"{setting.key} is {value!r}; it must be {allowed}")


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, UnionType}


def _fits(value: Any, hint: Any) -> bool:
    """Say whether a TOML value can be one of a type's."""
    if hint is NoneType:
        return bool(value == NONE)
    if hint is float:
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    if hint is Path:
        return type(value) is str and value not in {"", NONE}
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return type(value) is hint  # a bool is no int here


def _converted(value: Any, hint: Any) -> Any:
    if hint is NoneType:
        return None
    return hint(value) if hint in {float, Path} else value


def _allowed(hint: Any, setting: Setting) -> str:
    """Say what may stand in a file for a type."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return f'a text "{setting.metavar}", as for --{setting.key}'
    if hint is NoneType:
        return f'"{show(None) if setting.parser else NONE}"'
    words = {bool: "true or false", int: "a whole number", float: "a number"}
    return words.get(hint, "the name of a file")


def _each_path(value: Any, change: Callable[[Path], Any]) -> Any:
    """Change the paths in a value, however deep in tuples they are."""
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, tuple):
        changed = [_each_path(each, change) for each in value]
        named = hasattr(value, "_fields")
        return type(value)(*changed) if named else tuple(changed)
    return value


def config_text(
    values: Mapping[str, Any],
    kinds: Iterable[type[Any]],
    *,
    folder: Path,
    about: Iterable[str] = (),
    origins: Mapping[str, str] | None = None,
) -> str:
    """Write settings as ``read_config`` reads them.

    Args:
        values: By the names of the fields.
        kinds: The configurations whose settings are written; all of them have a value.
        folder: Where the file will lie; names of files are written relative to it.
        about: Lines for its head, as comments.
        origins: What a setting was set by, where it is not the default; a comment.
    """
    head = [
        f"vidstyle {version('vidstyle')}: all settings of a run, for --config.",
        "Names of files are relative to the folder of this file.",
        *about,
    ]
    lines = [f"# {line}".rstrip() for line in head]
    panel = None
    for setting in settings_of(kinds):
        if setting.panel != panel:
            panel = setting.panel
            lines += ["", f"# {panel}"]
        line = f"{setting.key} = {_written(values[setting.name], setting, folder)}"
        origin = (origins or {}).get(setting.name)
        lines.append(f"{line}  # {origin}" if origin else line)
    return "\n".join(lines) + "\n"


def _written(value: Any, setting: Setting, folder: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    value = _each_path(value, lambda file: _relative(file, folder))
    if setting.parser is not None:
        return _quoted(show(value))
    return _quoted(NONE if value is None else value)


def _relative(file: Path, folder: Path) -> str:
    """Name a file from a folder, so that no word of an option looks like it."""
    if file.is_absolute():
        return str(file)
    there = file.parent.resolve() / file.name
    name = os.path.relpath(there, folder.resolve())
    return name if name.startswith("..") else f"./{name}"


def _quoted(text: str) -> str:
    # TOML's escapes are JSON's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def check_config_output(path: Path, text: str, *, overwrite: bool) -> None:
    """Check that settings may be saved: another file's are not lost unasked.

    Raises:
        OutputError: If the file exists, says something else, and may not be replaced.
    """
    if overwrite or not path.is_file():
        return
    try:
        is_same = path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        is_same = False
    if not is_same:
        raise OutputError(
            f"{path} exists and says something else; use --overwrite, or save the "
            "settings under another name."
        )


def save_config(path: Path, text: str) -> None:
    """Save the text of settings.

    Raises:
        OutputError: If the file cannot be written; nothing is left then.
    """
    from vidstyle.images import write_whole

    try:
        data = text.encode()
    except UnicodeEncodeError as err:
        raise OutputError(
            f"cannot write {path}: the name of a file in it is not text."
        ) from err
    write_whole(path, data)
