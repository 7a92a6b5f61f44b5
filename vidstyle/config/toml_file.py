"""Settings <-> a TOML file whose keys and texts are those of the options.

``long-side = 512`` in a file is ``--long-side 512`` on the command line. What an option
reads from text (layers, a range of frames) is the same text in the file; numbers and
switches are TOML's own. The names of files are relative to the file's folder.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any, Final, Literal, get_args, get_origin

from vidstyle.config.setting import Setting, settings_of
from vidstyle.config.style import StyleConfig
from vidstyle.config.video import (
    AlbumConfig,
    EncodingConfig,
    EvolutionConfig,
    VideoConfig,
)
from vidstyle.errors import ConfigError, InputError

KINDS: Final = (StyleConfig, VideoConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
"""What may be in a file."""
PROSE: Final = {"summary", "notes"}  # keys of a preset that are about it


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file in UTF-8; those of every command may be in it.

    Returns:
        Their values by the names of the fields, each of its type and in its range.

    Raises:
        InputError: If the file cannot be read, or is not TOML.
        ConfigError: If it has a key that is none, or a value that cannot be.
    """
    known = {setting.key: setting for setting in settings_of(*KINDS)}
    values = {}
    for key, value in read_table(path).items():
        if key in PROSE:
            continue
        if key not in known:
            raise ConfigError(
                f"{path}: {key} is not a setting; they are named like the options: "
                f"{', '.join(known)}."
            )
        try:
            read = _read_value(known[key], value)
            known[key].validate(read)
        except ValueError as err:
            raise ConfigError(f"{path}: {err}.") from None
        except ConfigError as err:
            raise ConfigError(f"{path}: {err}") from None
        values[known[key].name] = path.parent / read if isinstance(read, Path) else read
    return values


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file as it stands, or raise InputError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror}.") from err
    except UnicodeDecodeError as err:
        raise InputError(f"{path} is not a file of settings: it is no text.") from err
    except tomllib.TOMLDecodeError as err:
        reason = str(err).rstrip(".")
        raise InputError(f"{path} is not a file of settings: {reason}.") from err


def read_text(setting: Setting, text: str) -> Any:
    """Read a setting's value as its option does; ValueError if it cannot be one."""
    value: Any = text
    if setting.parser is None:
        with suppress(tomllib.TOMLDecodeError):
            value = tomllib.loads(f"value = {text}")["value"]
    return _read_value(setting, value)


def _read_value(setting: Setting, value: Any) -> Any:
    """Convert a value of TOML to a setting's; ValueError if it cannot be one."""
    if setting.parser is not None and isinstance(value, str):
        try:
            return setting.parse(value)
        except ValueError as err:
            raise ValueError(f"{setting.key}: {err}") from None
    for hint in setting.hints:
        if _fits(value, hint, setting.none):
            if hint is NoneType:
                return None
            return hint(value) if hint in {float, Path} else value
    allowed = " or ".join(_allowed(hint, setting) for hint in setting.hints)
    raise ValueError(f"{setting.key} is {value!r}; it must be {allowed}")


def _fits(value: object, hint: Any, none: str) -> bool:
    if hint is NoneType:
        return value == none
    if hint is float:
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    if hint is Path:
        return type(value) is str and value not in {"", none}
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return type(value) is hint  # a bool is no int here


def _allowed(hint: Any, setting: Setting) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return f'a text "{setting.metavar}", as for --{setting.key}'
    words = {bool: "true or false", int: "a whole number", float: "a number"}
    words |= {NoneType: f'"{setting.none}"', Path: "the name of a file"}
    return words[hint]


def config_text(
    values: Mapping[str, Any],
    kinds: Iterable[type[Any]],
    *,
    folder: Path,
    about: Iterable[str] = (),
    origins: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Write settings as ``read_config`` reads them.

    All settings of ``kinds`` are written. Names of files are made relative to
    ``folder``; ``about``, lines for the head, and ``origins`` become comments.
    """
    head = [
        f"vidstyle {version('vidstyle')}: all settings of a run, for --config.",
        "Names of files are relative to the folder of this file.",
        *about,
    ]
    lines = [f"# {line}".rstrip() for line in head]
    for panel, settings in groupby(settings_of(*kinds), lambda setting: setting.panel):
        lines += ["", f"# {panel}"]
        for setting in settings:
            line = f"{setting.key} = {_written(values[setting.name], setting, folder)}"
            origin = origins.get(setting.name)
            lines.append(f"{line}  # {origin}" if origin else line)
    return "\n".join(lines) + "\n"


def _written(value: object, setting: Setting, folder: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Path):
        value = _relative(value, folder)
    text = setting.text(value)
    # TOML's escapes are JSON's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _relative(file: Path, folder: Path) -> str:
    """Name a file from a folder, so that no word of an option looks like it."""
    if file.is_absolute():
        return str(file)
    there = file.parent.resolve() / file.name
    name = os.path.relpath(there, folder.resolve())
    return name if name.startswith("..") else f"./{name}"
