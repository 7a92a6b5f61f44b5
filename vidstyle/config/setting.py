"""One declaration a setting: its option, check, TOML key and help come from it.

Values that are more than a number or a word are read from text here, too: what cannot
be read raises ValueError with a sentence that quotes it.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from vidstyle.errors import ConfigError

T = TypeVar("T")

# Pixels: relu5_1 lies behind four halvings, so a smaller picture has no such layer.
MIN_SIDE = 16
REQUIRED: Any = MISSING  # stands for the default of a setting that has none


def setting(default: T, /, *args: Any, **declared: Any) -> T:
    """Declare a field of a configuration: its default, then what ``Setting`` takes."""
    return field(default=default, metadata={"setting": Setting(*args, **declared)})


class Panel(str):
    """A part of the help, which declares what is in it."""

    __slots__ = ()

    def setting(self, default: T, text: str, /, **declared: Any) -> T:
        return setting(default, text, self, **declared)

    def common(self, default: T, text: str, /, **declared: Any) -> T:
        """Declare one that most people need."""
        return setting(default, text, self, is_common=True, **declared)


_NAMES = (
    *("Files", "Settings", "Size and range", "Look", "Coherence", "Network"),
    *("Optimizer", "Evolution", "Report"),
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
        """The members of its type, which may be a union."""
        is_whole = get_origin(self.hint) in {None, tuple, list, Literal}
        return (self.hint,) if is_whole else get_args(self.hint)

    @property
    def choices(self) -> tuple[str, ...]:
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
        if value is None:
            return
        if self.check:
            self.check(self.key, value)
        if self.choices and value not in self.choices and not isinstance(value, Path):
            known = ", ".join(self.choices)
            raise ConfigError(f"{self.key} is {value!r}; it must be one of {known}.")
        check_range(self.key, value, **{name: getattr(self, name) for name in LIMITS})


def redeclared(kind: type[Any], name: str) -> Any:
    """Declare another configuration's setting as an option with the text as it is."""
    (found,) = (each.metadata["setting"] for each in fields(kind) if each.name == name)
    declared = replace(found, check=None, parser=None)
    return field(default=None, metadata={"setting": declared})


class Config:
    """A configuration that checks itself when it is made; ConfigError."""

    __slots__ = ()
    prefix: ClassVar[str] = ""  # what the names of its options begin with

    def __post_init__(self) -> None:
        for each in settings_of(type(self)):
            each.validate(getattr(self, each.name))
        self._check_together()

    def _check_together(self) -> None: ...  # the rules between settings


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


LIMITS = {
    "least": ("at least", operator.ge),
    "above": ("more than", operator.gt),
    "most": ("at most", operator.le),
    "below": ("less than", operator.lt),
}


def check_range(name: str, value: float | Fraction, **limits: float | None) -> None:
    """Check that a number is in its range, by ``LIMITS``; nan is in none."""
    given = [(*LIMITS[key], at) for key, at in limits.items() if at is not None]
    holds = all(compare(value, bound) for _, compare, bound in given)
    if given and not (holds and math.isfinite(value)):
        said = " and ".join(f"{words} {bound}" for words, _, bound in given)
        raise ConfigError(f"{name} is {value}; it must be {said}.")


BACKGROUND = "white"  # behind transparent parts
COLORS = {
    "white": "#ffffff",
    "black": "#000000",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}


class LayerWeight(NamedTuple):
    """One layer of a loss and its share in it, relative to the loss's other layers."""

    layer: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Write it as ``parse_layers`` reads it."""
        weight = "" if self.weight == 1 else f":{self.weight!r}".removesuffix(".0")
        return self.layer + weight


def block_of(layer: str) -> int:
    """Return the number of the block of a VGG's layer: relu4_2 -> 4."""
    return int(layer.removeprefix("relu").partition("_")[0])


def check_layers(name: str, layers: tuple[LayerWeight, ...]) -> None:
    """Check that layers are named once each, with weights that can be normalised."""
    names = [layer for layer, _ in layers]
    if not names:
        raise ConfigError(f"{name} is empty; name at least one layer.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{name} names a layer twice: {', '.join(names)}.")
    named = {f"weight of {layer} in {name}": weight for layer, weight in layers}
    check_weights(name, named.items())


def check_weights(name: str, weights: Collection[tuple[str, float]]) -> None:
    """Check that weights, each with its name, can be normalised."""
    for what, weight in weights:
        check_range(what, weight, least=0)
    if sum(weight for _, weight in weights) == 0:
        raise ConfigError(f"{name}: at least one weight must be more than 0.")


def parse_color(name: str, text: str) -> str:
    """Turn a color's name, or ``#RRGGBB``, into ``#rrggbb``; else ConfigError."""
    color = COLORS.get(text.lower(), text.lower())
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise ConfigError(
            f"{name} is {text!r}; it must be #RRGGBB or one of {', '.join(COLORS)}."
        )
    return color


@contextmanager
def _refused_as(sentence: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, ZeroDivisionError):
        raise ValueError(sentence) from None


def parse_layers(text: str) -> tuple[LayerWeight, ...]:
    """Read ``relu1_1,relu2_1:0.5``; a weight that is not given is 1."""
    layers = []
    for item in map(str.strip, text.split(",")):
        name, _, weight = item.partition(":")
        with _refused_as(f"{weight!r} in {item!r} is not a number"):
            layers.append(LayerWeight(name, float(weight or 1)))
    return tuple(layers)


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read ``2,1``; an empty text has no numbers."""
    with _refused_as(f"{text!r} is not a list of numbers such as 2,1"):
        return tuple(float(item) for item in text.split(",")) if text.strip() else ()


def parse_side(text: str) -> int | None:
    """Read a number of pixels, or ``source``."""
    with _refused_as(f"{text!r} is neither a number of pixels nor source"):
        return None if text == "source" else int(text)


def parse_fps(text: str) -> Fraction | None:
    """Read ``24``, ``23.976`` or ``24000/1001``, or ``source``."""
    with _refused_as(f"{text!r} is not a rate such as 24, 23.976 or 24000/1001"):
        return None if text == "source" else Fraction(text)


def parse_time(text: str) -> float:
    """Read seconds, ``1:30`` or ``00:01:30.5``."""
    seconds, example = 0.0, "90, 1:30 or 0:01:30.5"
    for part in text.split(":"):
        with _refused_as(f"{text!r} is not a time such as {example}"):
            seconds = seconds * 60 + float(part)
    return seconds


def parse_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``, ``A:`` or ``:B`` as a half-open range of frames."""
    with _refused_as(f"{text!r} is not a range of frames such as 0:48"):
        start, stop = map(str.strip, text.split(":"))
        return int(start or 0), int(stop) if stop else None
