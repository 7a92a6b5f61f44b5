"""Read and write settings as TOML files; the bundled presets are such files, too.

``long-side = 512`` in a file is ``--long-side 512`` on the command line. Values that an
option parses from text (layers, a range of frames) are strings with the same syntax;
numbers and switches are TOML's own types. Paths are relative to the file's folder.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
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

# The configurations that a file may set.
KINDS: Final = (StyleConfig, VideoConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
PROSE: Final = {"summary", "notes"}  # keys that describe a preset
QUALITIES: Final = "draft", "standard", "fine"
PAPERS: Final = "gatys2016", "lopez2017", "lee2023", "rathod2023", "tella", "ruder2016"
NAMES: Final = QUALITIES + PAPERS  # of the presets, in the order of the list
SAMPLES: Final = "swirls", "woodblock"  # bundled paintings, which --style takes by name
WIDTH: Final = 86  # columns of a preset's description
PACKAGE: Final = Path(__file__).parents[1]


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file; it may contain those of any command.

    Returns valid values by field name. InputError: the file cannot be read, or is not
    TOML; ConfigError: a key is unknown, or a value is invalid.
    """
    known = {setting.key: setting for setting in settings_of(*KINDS)}
    values = {}
    for key, value in read_table(path).items():
        if key in PROSE:
            continue
        if key not in known:
            near = get_close_matches(key, known) or ["see vidstyle video --show-config"]
            raise ConfigError(
                f"{path}: {key} is not a setting; settings are named like the options: "
                f"{', '.join(near)}."
            )
        try:
            converted = _read_value(known[key], value)
            known[key].validate(converted)
        except (ValueError, ConfigError) as err:
            raise ConfigError(f"{path}: {str(err).removesuffix('.')}.") from None
        if isinstance(converted, Path):
            converted = path.parent / converted
        values[known[key].name] = converted
    return values


def read_table(path: Path) -> dict[str, Any]:
    """Parse a TOML file, or raise InputError."""
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
    """Parse a setting's value from the text of its option, or raise ValueError."""
    value: Any = text
    if setting.parser is None:
        with suppress(tomllib.TOMLDecodeError):
            value = tomllib.loads(f"value = {text}")["value"]
    return _read_value(setting, value)


def _read_value(setting: Setting, value: Any) -> Any:
    """Convert a TOML value to a setting's type, or raise ValueError."""
    is_rate = Fraction in setting.hints
    if setting.parser is not None and (is_rate or isinstance(value, str)):
        try:
            return setting.parse(str(value))
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
    return type(value) is hint  # not isinstance: a bool is an int


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
    """Format all settings of ``kinds`` as ``read_config`` reads them.

    Paths are made relative to ``folder``. ``about`` (lines of a header) and ``origins``
    (where each value comes from) become comments.
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
            line = f"{setting.key} = {_format(values[setting.name], setting, folder)}"
            origin = origins.get(setting.name)
            lines.append(f"{line}  # {origin}" if origin else line)
    return "\n".join(lines) + "\n"


def _format(value: object, setting: Setting, folder: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Path):
        value = _relative(value, folder)
    text = setting.text(value)
    # TOML's escapes are JSON's, except that JSON leaves DEL as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _relative(file: Path, folder: Path) -> str:
    """Make a path relative, with a leading ``./`` that sets it apart from keywords."""
    if file.is_absolute():
        return str(file)
    resolved = file.parent.resolve() / file.name  # without following a link
    name = os.path.relpath(resolved, folder.resolve())
    return name if name.startswith("..") else f"./{name}"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of settings that differ from the defaults."""

    name: str
    summary: str  # one line, for the list of presets
    notes: tuple[str, ...]  # paragraphs on scales, conversions and departures
    settings: Mapping[str, Any]  # by field name

    @property
    def about(self) -> list[str]:
        """The lines that describe it in the header of a settings file."""
        paragraphs = f"Preset {self.name}: {self.summary}.", *self.notes
        return ["", *(line for text in paragraphs for line in wrap(text, WIDTH))]


@cache
def read_preset(name: str) -> Preset:
    """Read a preset, one of ``NAMES``."""
    path = PACKAGE / "presets" / f"{name}.toml"
    table = read_table(path)
    notes = tuple(table.get("notes", ()))
    return Preset(name, table["summary"], notes, read_config(path))


def sample(name: str) -> Path:
    """Locate a sample file: inside an installed package, or beside it in a checkout."""
    installed = PACKAGE / "samples" / name
    return installed if installed.is_file() else PACKAGE.parent / "samples" / name


def named_painting(path: Path) -> Path:
    """Resolve a painting, which may be the name of a bundled one."""
    is_bundled = str(path) in SAMPLES and not path.exists()
    return sample(f"{path}.jpg") if is_bundled else path
