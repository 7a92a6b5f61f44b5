"""One declaration a setting: its option, check, TOML key and help come from it."""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from vidstyle.errors import ConfigError

T = TypeVar("T")

# Pixels: relu5_1 lies behind four halvings, so a smaller picture has no such layer.
MIN_SIDE = 16
REQUIRED: Final[Any] = MISSING  # stands for the default of a setting that has none


class Panel(str):
    """A part of the help, which declares what is in it."""

    __slots__ = ()

    def setting(self, default: T, text: str, /, **declared: Any) -> T:
        """Declare a field of a configuration: default, help, what ``Setting`` takes."""
        return setting(default, text, self, **declared)

    def common(self, default: T, text: str, /, **declared: Any) -> T:
        """Declare one that most people need."""
        return setting(default, text, self, is_common=True, **declared)


_NAMES = (
    *("Files", "Settings", "Size and range", "Look", "Coherence", "Network"),
    *("Optimiser", "Evolution", "Report"),
)
PANELS = tuple(map(Panel, _NAMES))  # in the order in which the help shows them
FILES, SETTINGS, SIZE, LOOK, COHERENCE, NETWORK, OPTIMIZER, EVOLUTION, REPORT = PANELS


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared of a setting, beside its type and default."""

    help: str
    panel: str | None = None
    _: KW_ONLY
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    check: Callable[[str, Any], object] | None = None  # of key and value; ConfigError
    parser: Callable[[str], Any] | None = None  # of an option's text; ValueError
    none: str = "none"  # how None is spelled, where the type allows it
    metavar: str | None = None  # None: as the type says
    default_text: str | None = None  # where the default itself would say nothing
    flag: str | None = None  # None: the field's name, without the unit it may end in
    short: str | None = None
    alias: str | None = None  # another name of its option
    completions: Sequence[str] = ()  # what a shell offers for it; choices need none
    is_common: bool = False  # whether --help shows it, and not only --help-all
    name: str = ""  # the field's; this and what follows is filled in by settings_of
    prefix: str = ""
    hint: Any = None
    default: Any = None

    @property
    def key(self) -> str:
        """Its name in a file and in messages; its option's after two dashes."""
        name = self.flag or self.prefix + self.name.removesuffix("_s")
        return name.replace("_", "-")

    @property
    def hints(self) -> tuple[Any, ...]:
        """The members of its type, if that is a union; else the type itself."""
        is_whole = get_origin(self.hint) in {None, tuple, list, Literal}
        return (self.hint,) if is_whole else get_args(self.hint)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be."""
        literals = (hint for hint in self.hints if get_origin(hint) is Literal)
        return tuple(word for literal in literals for word in get_args(literal))

    def parse(self, text: str) -> Any:
        """Read a value as the option or a file spells it; ValueError if it is none."""
        if self.parser is None or (text == self.none and NoneType in self.hints):
            return None
        return self.parser(text)

    def text(self, value: object) -> str:
        """Write a value as it is read."""
        match value:
            case None:
                return self.none
            case (int() as start, stop):
                return f"{start}:{'' if stop is None else stop}"
            case (float(), *_):
                return ", ".join(f"{each!r}".removesuffix(".0") for each in value)
            case tuple():  # with spaces, so that the help can break the line
                return ", ".join(str(each) for each in value)
        return str(value)

    def validate(self, value: Any) -> None:
        """Check a value; ConfigError names it, the setting and what is allowed."""
        if value is None:
            return
        if self.check is not None:
            self.check(self.key, value)
        if self.choices and value not in self.choices and not isinstance(value, Path):
            known = ", ".join(self.choices)
            raise ConfigError(f"{self.key} is {value!r}; it must be one of {known}.")
        check_range(
            self.key,
            value,
            least=self.least,
            above=self.above,
            most=self.most,
            below=self.below,
        )


def setting(default: T, /, *args: Any, **declared: Any) -> T:
    """Declare a field of a configuration: its default, then what ``Setting`` takes."""
    return field(default=default, metadata={"setting": Setting(*args, **declared)})


def redeclared(kind: type[Any], name: str) -> Any:
    """Declare another configuration's setting as an option with the text as it is."""
    (found,) = (each.metadata["setting"] for each in fields(kind) if each.name == name)
    declared = replace(found, check=None, parser=None)
    return field(default=None, metadata={"setting": declared})


class Config:
    """A configuration that checks itself when it is made."""

    __slots__ = ()
    prefix: ClassVar[str] = ""  # what the names of its options begin with

    def __post_init__(self) -> None:
        """Check each setting by itself, then all of them together."""
        for each in settings_of(type(self)):
            each.validate(getattr(self, each.name))
        self._check_together()

    def _check_together(self) -> None:
        """Check the rules between settings, where there are any."""


def settings_of(*kinds: type[Any]) -> Sequence[Setting]:
    """List the settings of some configurations in the order of the help.

    Of those with the same name it is the first configuration's.
    """
    found: dict[str, Setting] = {}
    for kind in kinds:
        hints = get_type_hints(kind)
        for each in fields(kind):
            if "setting" in each.metadata and each.name not in found:
                found[each.name] = replace(
                    each.metadata["setting"],
                    name=each.name,
                    prefix=kind.prefix,
                    hint=hints[each.name],
                    default=each.default,
                )
    return sorted(found.values(), key=lambda one: PANELS.index(one.panel or FILES))


def check_range(
    name: str,
    value: float | Fraction,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Check that a number lies in its range; nan lies in none."""
    limits = [
        ("at least", least, operator.ge),
        ("more than", above, operator.gt),
        ("at most", most, operator.le),
        ("less than", below, operator.lt),
    ]
    given = [
        (words, bound, compare) for words, bound, compare in limits if bound is not None
    ]
    holds = all(compare(value, bound) for _, bound, compare in given)
    if given and not (holds and math.isfinite(value)):
        said = " and ".join(f"{words} {bound}" for words, bound, _ in given)
        raise ConfigError(f"{name} is {value}; it must be {said}.")
