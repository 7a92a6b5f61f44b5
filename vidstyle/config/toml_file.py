"""Settings <-> a TOML file whose keys and texts are those of the options.

``long-side = 512`` in a file is ``--long-side 512`` on the command line. What an option
reads from text (layers, a range of frames) is the same text in the file; numbers and
switches are TOML's own. The names of files are relative to the file's folder. Presets,
which come along as the paintings do, are such files, too.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from textwrap import wrap
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

# What may be in a file.
KINDS: Final = (StyleConfig, VideoConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
PROSE: Final = {"summary", "notes"}  # keys of a preset that are about it
# In the order in which they are listed: how much time to give, then the literature.
NAMES: Final = (
    *("draft", "standard", "fine"),
    *("gatys2016", "lopez2017", "lee2023", "rathod2023", "tella", "ruder2016"),
)
SAMPLES: Final = "swirls", "woodblock"  # paintings that --style takes by name
WIDTH: Final = 86  # columns of the lines on a preset
PACKAGE: Final = Path(__file__).parents[1]


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file in UTF-8; those of every command may be in it.

    Returns their values by the names of the fields, each of its type and in its
    range. InputError: the file cannot be read, or is not TOML; ConfigError: it has a
    key that is none, or a value that cannot be.
    """
    known = {setting.key: setting for setting in settings_of(*KINDS)}
    values = {}
    for key, value in read_table(path).items():
        if key in PROSE:
            continue
        if key not in known:
            raise ConfigError(
                f"{path}: {key} is not a setting; settings are named like the options: "
                f"{', '.join(known)}."
            )
        try:
            read = _read_value(known[key], value)
            known[key].validate(read)
        except (ValueError, ConfigError) as err:
            raise ConfigError(f"{path}: {str(err).removesuffix('.')}.") from None
        values[known[key].name] = path.parent / read if isinstance(read, Path) else read
    return values


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file as it stands, or raise InputError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror}.") from err
    except UnicodeDecodeError as err:
        raise InputError(f"{path} is not a settings file: it is not text.") from err
    except tomllib.TOMLDecodeError as err:
        reason = str(err).rstrip(".")
        raise InputError(f"{path} is not a settings file: {reason}.") from err


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
        return f'a string "{setting.metavar}", as for --{setting.key}'
    words = {bool: "true or false", int: "a whole number", float: "a number"}
    words |= {NoneType: f'"{setting.none}"', Path: "a file name"}
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
        "File names are relative to the folder of this file.",
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


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that belong together, as far as they differ from the defaults."""

    name: str
    summary: str  # one line for the list of presets
    notes: tuple[
        str, ...
    ]  # about it, a paragraph each: scales, conversions, departures
    settings: Mapping[str, Any]  # by the names of the fields

    @property
    def about(self) -> list[str]:
        """Name, summary and notes, for the head of a file of settings."""
        paragraphs = f"Preset {self.name}: {self.summary}.", *self.notes
        return ["", *(line for text in paragraphs for line in wrap(text, WIDTH))]


@cache
def read_preset(name: str) -> Preset:
    """Read the preset of that name, one of ``NAMES``."""
    path = PACKAGE / "presets" / f"{name}.toml"
    table = read_table(path)
    notes = tuple(table.get("notes", ()))
    return Preset(name, table["summary"], notes, read_config(path))


def sample(name: str) -> Path:
    """Find a sample: in the wheel within the package, in a checkout beside it."""
    there = PACKAGE / "samples" / name
    return there if there.is_file() else PACKAGE.parent / "samples" / name


def named_painting(path: Path) -> Path:
    """Return a painting, which may be the name of one that comes along."""
    is_ours = str(path) in SAMPLES and not path.exists()
    return sample(f"{path}.jpg") if is_ours else path
