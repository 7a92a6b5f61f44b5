"""The options of the commands: one for each setting, and those about files and reports.

What a setting is called, of what type it is, its help and its default come from its
declaration, so that help and library cannot disagree.
"""

import inspect
from collections.abc import Callable, Collection
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar, get_args, get_origin

import typer

from vidstyle.cli.request import Request, VideoRequest
from vidstyle.config import DeviceName, NetworkName, StyleConfig
from vidstyle.config.setting import FILES, PANELS, Setting, settings_of

P = ParamSpec("P")
T = TypeVar("T")

SHOW_CONFIG: Final = "--show-config"
"""With it, a command needs no input, for it does no work."""
HELP_ALL: Final = "--help-all"
COMMON: Final = {
    *("style", "region", "output", "overwrite", "restart", "style_mix", "codec", "crf"),
    *("preset", "config", "save_config", "show_config", "json", "quiet", "preview"),
    *("gif", "sheet", "long_side", "style_scale", "frames", "start_s", "duration_s"),
    *("content_weight", "style_weight", "tv_weight", "recolor", "keep_color"),
    *("temporal_weight", "steps", "next_steps", "batch", "network", "device"),
}
"""What --help shows of a command that has many options."""
METAVARS: Final = {int: "N", float: "X", bool: "", Path: "FILE", Fraction: "N"}


def usage(parse: Callable[P, T]) -> Callable[P, T]:
    """Make what cannot be read a mistake of usage, for a parser of an option."""

    @wraps(parse)
    def parser(*args: P.args, **options: P.kwargs) -> T:
        try:
            return parse(*args, **options)
        except ValueError as err:
            raise typer.BadParameter(str(err)) from None

    return parser


def add_options(
    *kinds: type[Any], only: Collection[str] | None = None, hides: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each setting of these configurations.

    The command receives their values in its ``**values``; those that it takes by itself
    get no other option.

    Args:
        kinds: The configurations.
        only: The settings to take of them; None: all.
        hides: Whether only --help-all shows what few people need.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD]
        added = [
            _parameter(setting, is_hidden=hides and setting.name not in COMMON)
            for setting in settings_of(*kinds)
            if setting.is_option
            and setting.name not in signature.parameters
            and (only is None or setting.name in only)
        ]
        if hides:
            own.append(_HELP_ALL)
        # Typer reads the signature; sorted() keeps the order within a panel.
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=sorted([*own, *added], key=_place)
        )
        return command

    return decorate


def _place(parameter: inspect.Parameter) -> tuple[int, int]:
    """Sort parameters by their kind, then by the panel of their option."""
    (option, *_) = getattr(parameter.annotation, "__metadata__", [None])
    panel = getattr(option, "rich_help_panel", None)
    return parameter.kind, PANELS.index(panel) if panel in PANELS else -1


def _parameter(setting: Setting, *, is_hidden: bool) -> inspect.Parameter:
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=setting.text(setting.default) if setting.parser else setting.default,
        annotation=Annotated[
            Any if setting.parser else setting.hint,
            _typer_option(
                setting, parser=setting.parser and setting.parse, hidden=is_hidden
            ),
        ],
    )


def _typer_option(setting: Setting, *, parser: Any = None, hidden: bool = False) -> Any:
    flags = [f"--{setting.key}"]
    if setting.default is True:
        flags = [f"--{setting.key}/--no-{setting.key}"]
    if setting.short is not None:
        flags.append(f"-{setting.short}")
    (hint, *_) = setting.hints
    (kind, *_) = get_args(hint) if get_origin(hint) is list else (hint,)
    metavar = setting.metavar or "|".join(setting.choices)
    return typer.Option(
        *flags,
        help=setting.help,
        rich_help_panel=setting.panel,
        parser=parser and usage(parser),
        metavar=metavar or METAVARS.get(kind),
        readable=False,  # the library says it better, and knows its exit code
        show_default=setting.default_text or True,
        hidden=hidden,
    )


def option_of(kind: type[Any], name: str) -> Any:
    """Make the option of one setting, for a command that takes it by itself."""
    return _typer_option(next(each for each in settings_of(kind) if each.name == name))


def _show_all(ctx: typer.Context, is_asked: bool) -> None:
    if is_asked:
        ctx.meta[HELP_ALL] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


_HELP_ALL: Final = inspect.Parameter(
    "help_all",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            HELP_ALL,
            help="Show all options and exit.",
            callback=_show_all,
            is_eager=True,
            expose_value=False,
        ),
    ],
)


Clip = Annotated[
    Path,
    typer.Argument(
        help="A video, an animated GIF, or a folder of pictures.",
        metavar="CLIP",
        readable=False,
    ),
]
Style = Annotated[
    Path,
    typer.Option(
        "--style",
        "-s",
        help="The painting: any picture.",
        metavar="FILE",
        rich_help_panel=FILES,
        readable=False,
    ),
]
Overwrite = Annotated[bool, option_of(Request, "overwrite")]
Preset = Annotated[str | None, option_of(Request, "preset")]
Config = Annotated[Path | None, option_of(Request, "config")]
WorkDir = Annotated[Path | None, option_of(VideoRequest, "work_dir")]
Restart = Annotated[bool, option_of(VideoRequest, "restart")]
Log = Annotated[Path | None, option_of(Request, "log")]
Json = Annotated[bool, option_of(Request, "json")]
Quiet = Annotated[bool, option_of(Request, "quiet")]
Network = Annotated[NetworkName, option_of(StyleConfig, "network")]
Device = Annotated[DeviceName, option_of(StyleConfig, "device")]
