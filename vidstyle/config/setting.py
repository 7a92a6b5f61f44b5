"""Declarations of settings, from which options, checks, TOML keys and help derive."""

import math
import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, replace
from fractions import Fraction
from inspect import formatannotation
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

from vidstyle.config.parsers import LayerWeight
from vidstyle.errors import ConfigError

T = TypeVar("T")

# In pixels: relu5_1 follows four poolings, which leave nothing of a smaller picture.
MIN_SIDE = 16
REQUIRED: Any = MISSING  # the default of a setting that has none
ACCEPTED: Any = {float: (int, float), Fraction: (int, float, Fraction), Literal: str}
"""The types of values for a type of setting, where they are not just that type."""


def setting(default: T, /, *args: Any, **options: Any) -> T:
    """Declare a field of a configuration; further arguments are ``Setting``'s."""
    return field(default=default, metadata={"setting": Setting(*args, **options)})


class Panel(str):
    """A section of the help; declares the settings in it."""

    __slots__ = ()

    def setting(self, default: T, text: str, /, **options: Any) -> T:
        return setting(default, text, self, **options)

    def common(self, default: T, text: str, /, **options: Any) -> T:
        """Declare a setting that --help shows, not only --help-all."""
        return setting(default, text, self, is_common=True, **options)


FILES = Panel("Files")
SETTINGS = Panel("Settings")
SIZE = Panel("Size and range")
LOOK = Panel("Look")
COHERENCE = Panel("Coherence")
NETWORK = Panel("Network")
OPTIMIZER = Panel("Optimizer")
EVOLUTION = Panel("Evolution")
REPORT = Panel("Report")
# In the order of the help.
PANELS = FILES, SETTINGS, SIZE, LOOK, COHERENCE, NETWORK, OPTIMIZER, EVOLUTION, REPORT


@dataclass(frozen=True, slots=True)
class Setting:
    """The declaration of a setting, apart from its type and default."""

    help: str
    panel: str | None = None
    _: KW_ONLY
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    check: Callable[[str, Any], object] | None = None  # (key, value); ConfigError
    parser: Callable[[str], Any] | None = None  # of the option's text; ValueError
    none: str = "none"  # spelling of None, if the type allows it
    metavar: str | None = None  # None: by type
    default_text: str | None = None  # shown in the help in place of the default
    flag: str | None = None  # option name; None: the field's, without its unit suffix
    short: str | None = None
    alias: str | None = None
    completions: Sequence[str] = ()  # for the shell; choices are completed anyway
    is_common: bool = False  # shown by --help, not only by --help-all
    # Filled in by settings_of:
    name: str = ""  # of the field
    prefix: str = ""
    hint: Any = None
    default: Any = None

    @property
    def key(self) -> str:
        """Its name in TOML files and messages; with two dashes, its option."""
        name = self.flag or self.prefix + self.name.removesuffix("_s")
        return name.replace("_", "-")

    @property
    def hints(self) -> tuple[Any, ...]:
        """The members of its type, if that is a union; else the type."""
        is_single = get_origin(self.hint) in {None, tuple, list, Literal}
        return (self.hint,) if is_single else get_args(self.hint)

    @property
    def choices(self) -> tuple[str, ...]:
        literals = (hint for hint in self.hints if get_origin(hint) is Literal)
        return tuple(word for literal in literals for word in get_args(literal))

    def parse(self, text: str) -> Any:
        """Parse the text of an option or a TOML string; ValueError if it is invalid."""
        if self.parser is None or (text == self.none and NoneType in self.hints):
            return None
        return self.parser(text)

    def text(self, value: object) -> str:
        """Format a value as ``parse`` reads it."""
        match value:
            case None:
                return self.none
            case (int() as start, stop):
                return f"{start}:{'' if stop is None else stop}"
            case (float(), *_):
                return ", ".join(f"{number!r}".removesuffix(".0") for number in value)
            case tuple():  # with spaces, so that the help can wrap the line
                return ", ".join(map(str, value))
        return str(value)

    def convert(self, value: Any) -> Any:
        """Convert a program's value: NumPy's numbers, a list, the name of a file.

        Raises ConfigError if that does not give the setting's type.
        """
        kinds = [get_origin(hint) or hint for hint in self.hints]
        value = value.tolist() if hasattr(value, "tolist") else value
        if tuple in kinds and isinstance(value, list):
            value = tuple(value)
        if Path in kinds and isinstance(value, str) and value not in self.choices:
            value = Path(value)
        if Fraction in kinds and isinstance(value, float) and math.isfinite(value):
            value = Fraction(str(value))
        if not any(isinstance(value, ACCEPTED.get(kind, kind)) for kind in kinds):
            raise self._wrong_type(value)
        return value

    def _wrong_type(self, value: object) -> ConfigError:
        wanted = formatannotation(self.hint)
        return ConfigError(f"{self.key} is {value!r}; it must be of type {wanted}.")

    def validate(self, value: Any) -> None:
        if value is None:
            return
        if self.check:
            try:
                self.check(self.key, value)
            except (TypeError, ValueError):
                raise self._wrong_type(value) from None
        if self.choices and value not in self.choices and not isinstance(value, Path):
            known = ", ".join(self.choices)
            raise ConfigError(f"{self.key} is {value!r}; it must be one of {known}.")
        check_range(self.key, value, **{name: getattr(self, name) for name in LIMITS})


def redeclared(kind: type[Any], name: str) -> Any:
    """Declare another configuration's setting again, as an option of unparsed text."""
    original = next(each for each in settings_of(kind) if each.name == name)
    unparsed = replace(original, check=None, parser=None)
    return field(default=None, metadata={"setting": unparsed})


class Config:
    """A configuration; validates itself on creation and raises ConfigError."""

    __slots__ = ()
    prefix: ClassVar[str] = ""  # of its options' names

    def __post_init__(self) -> None:
        for declared in settings_of(type(self)):
            value = declared.convert(getattr(self, declared.name))
            declared.validate(value)
            object.__setattr__(self, declared.name, value)
        self._check_together()

    def _check_together(self) -> None: ...  # rules that involve several settings


def settings_of(*kinds: type[Any]) -> Sequence[Setting]:
    """List the settings of some configurations in the order of the help.

    Where they share a name, the first configuration's is taken.
    """
    settings: dict[str, Setting] = {}
    for kind in kinds:
        hints = get_type_hints(kind)
        for each in fields(kind):
            if "setting" in each.metadata and each.name not in settings:
                settings[each.name] = replace(
                    each.metadata["setting"],
                    name=each.name,
                    prefix=kind.prefix,
                    hint=hints[each.name],
                    default=each.default,
                )
    return sorted(settings.values(), key=lambda each: PANELS.index(each.panel or FILES))


LIMITS = {
    "least": ("at least", operator.ge),
    "above": ("more than", operator.gt),
    "most": ("at most", operator.le),
    "below": ("less than", operator.lt),
}


def check_range(name: str, value: float | Fraction, **limits: float | None) -> None:
    """Raise ConfigError for a number that is not finite or outside of ``LIMITS``.

    Without limits, anything passes.
    """
    bounds = [(*LIMITS[key], at) for key, at in limits.items() if at is not None]
    holds = all(compare(value, bound) for _, compare, bound in bounds)
    if bounds and not (holds and math.isfinite(value)):
        allowed = " and ".join(f"{words} {bound}" for words, _, bound in bounds)
        raise ConfigError(f"{name} is {value}; it must be {allowed}.")


BACKGROUND = "white"  # behind transparent pixels
COLORS = {
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}


def check_layers(name: str, layers: tuple[LayerWeight, ...]) -> None:
    """Check that each layer is named once, and that the weights can be normalized."""
    names = [layer for layer, _ in layers]
    if not names:
        raise ConfigError(f"{name} is empty; name at least one layer.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{name} names a layer twice: {', '.join(names)}.")
    named = {f"weight of {layer} in {name}": weight for layer, weight in layers}
    check_weights(name, named.items())


def check_weights(name: str, weights: Collection[tuple[str, float]]) -> None:
    """Check that weights, each with its name, are not negative and not all 0."""
    for label, weight in weights:
        check_range(label, weight, least=0)
    if sum(weight for _, weight in weights) == 0:
        raise ConfigError(f"{name}: at least one weight must be more than 0.")


def parse_color(name: str, text: str) -> str:
    """Convert a color name or #RRGGBB to #rrggbb, or raise ConfigError."""
    color = COLORS.get(text.lower(), text.lower())
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise ConfigError(
            f"{name} is {text!r}; it must be #RRGGBB or one of {', '.join(COLORS)}."
        )
    return color
