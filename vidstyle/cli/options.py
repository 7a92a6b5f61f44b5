"""The options of the commands: one for each setting, and those about files and reports.

What a setting is called, of what type it is, its help and its default come from its
declaration, so that help and library cannot disagree.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar

import typer

from vidstyle.config import DeviceName, NetworkName, Region, StyleConfig, VideoConfig
from vidstyle.config.setting import (
    EVOLUTION,
    FILES,
    PANELS,
    REPORT,
    SETTINGS,
    Setting,
    settings_of,
)
from vidstyle.config.values import show
from vidstyle.presets import NAMES, Preset, read_preset

P = ParamSpec("P")
T = TypeVar("T")

SHOW_CONFIG: Final = "--show-config"
"""With it, a command needs no input, for it does no work."""
HELP_ALL: Final = "--help-all"


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
            _parameter(setting, is_hidden=hides and not setting.is_common)
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
        default=show(setting.default) if setting.parser else setting.default,
        annotation=Annotated[
            Any if setting.parser else setting.hint,
            _of(setting, parser=setting.parser, hidden=is_hidden),
        ],
    )


def _of(setting: Setting, *, parser: Any = None, hidden: bool = False) -> Any:
    flags = [f"--{setting.key}"]
    if setting.default is True:
        flags = [f"--{setting.key}/--no-{setting.key}"]
    if setting.short is not None:
        flags.append(f"-{setting.short}")
    metavar = setting.metavar or "|".join(setting.choices)
    return typer.Option(
        *flags,
        help=setting.help,
        rich_help_panel=setting.panel,
        parser=parser and usage(parser),
        metavar=metavar or {int: "N", float: "X", bool: ""}.get(setting.hint),
        readable=False,  # the library says it better, and knows its exit code
        show_default=setting.default_text or True,
        hidden=hidden,
    )


def option_of(kind: type[Any], name: str, *, hidden: bool = False) -> Any:
    """Make the option of one setting, for a command that takes it by itself."""
    (setting,) = (each for each in settings_of(kind) if each.name == name)
    return _of(setting, hidden=hidden)


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


@usage
def parse_at(text: str) -> tuple[float, Path]:
    """Read ``3.5:painting.jpg``."""
    time_s, _, name = text.partition(":")
    try:
        if name:
            return float(time_s), Path(name)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a second and a file such as 3.5:painting.jpg")


@usage
def parse_region(text: str) -> Region:
    """Read ``mask.png=painting.jpg``."""
    mask, _, style = text.partition("=")
    if not (mask and style):
        raise ValueError(f"{text!r} is not a mask and a painting such as sky.png=b.jpg")
    return Region(Path(mask), Path(style))


@usage
def parse_preset(name: str) -> Preset:
    """Find a preset by its name."""
    if name not in NAMES:
        raise ValueError(f"{name!r} is none of {', '.join(NAMES)}")
    return read_preset(name)


def _option(
    panel: str, text: str, *flags: str, metavar: str = "", hidden: bool = False
) -> Any:
    return typer.Option(
        *flags,
        help=text,
        metavar=metavar,
        rich_help_panel=panel,
        readable=False,
        hidden=hidden,
    )


def _style(text: str, metavar: str = "FILE") -> Any:
    return _option(FILES, text, "--style", "-s", metavar=metavar)


def _output(text: str) -> Any:
    return _option(FILES, text, "--output", "-o", metavar="FILE")


Clip = Annotated[
    Path,
    typer.Argument(
        help="A video, an animated GIF, or a folder of pictures.",
        metavar="CLIP",
        readable=False,
    ),
]
Style = Annotated[Path, _style("The painting: any picture.")]
Styles = Annotated[
    list[Path] | None, _style("The painting: any picture. Several are mixed.")
]
AlbumStyles = Annotated[
    list[Path] | None,
    _style(
        "The painting: any picture. Several are mixed. A folder: each one in it.",
        "FILE|FOLDER",
    ),
]
Regions = Annotated[
    list[str] | None,
    _option(
        FILES,
        "A painting for the white part of a mask, which is a picture or, for a clip, "
        "also a clip or a folder.",
        "--region",
        metavar="MASK=STYLE",
    ),
]
StyleAt = Annotated[list[str] | None, option_of(VideoConfig, "style_at", hidden=True)]
Output = Annotated[
    Path | None, _output("Where the result goes; by default beside the input.")
]
ClipOutput = Annotated[
    Path | None,
    _output(
        "Where the result goes: .mp4, .m4v, .mov, .mkv, .webm, .gif, or a folder of "
        "PNGs; by default beside the clip."
    ),
]
PresetName = Annotated[
    Any,
    typer.Option(
        "--preset",
        help="Settings that belong together; vidstyle presets lists them.",
        parser=parse_preset,
        metavar="NAME",
        rich_help_panel=SETTINGS,
    ),
]
Config = Annotated[
    Path | None,
    _option(
        SETTINGS,
        "Read settings from a TOML file; options win over it, it wins over a preset.",
        "--config",
        metavar="FILE",
    ),
]
SaveConfig = Annotated[
    Path | None,
    _option(
        SETTINGS,
        "Also save all settings for --config.",
        "--save-config",
        metavar="FILE",
    ),
]
ShowConfig = Annotated[
    bool,
    _option(SETTINGS, "Only print all settings, as --config reads them.", SHOW_CONFIG),
]
Overwrite = Annotated[
    bool, _option(FILES, "Replace existing results.", "--overwrite", "-y")
]
WorkDir = Annotated[
    Path | None,
    _option(
        FILES,
        "Where unfinished work waits; by default beside the result.",
        "--work-dir",
        metavar="DIR",
        hidden=True,
    ),
]
Restart = Annotated[
    bool,
    _option(FILES, "Throw away what an interrupted run has left.", "--restart"),
]
Gif = Annotated[
    bool,
    _option(EVOLUTION, "Also write a GIF of how the picture was learned.", "--gif"),
]
GifOutput = Annotated[
    Path | None,
    _option(
        EVOLUTION,
        "Where it goes (implies --gif); a name in .mp4 makes it a video.",
        "--gif-output",
        metavar="FILE",
        hidden=True,
    ),
]
Sheet = Annotated[
    bool,
    _option(
        REPORT, "Also write a picture of spread frames, before and after.", "--sheet"
    ),
]
Preview = Annotated[
    bool,
    _option(
        REPORT,
        "Only paint three spread frames, quickly, on one sheet.",
        "--preview",
        "-p",
    ),
]
Log = Annotated[
    Path | None,
    _option(
        REPORT,
        "Write every step's losses as JSON lines.",
        "--log",
        metavar="FILE",
        hidden=True,
    ),
]
Json = Annotated[bool, _option(REPORT, "Print the result as JSON on stdout.", "--json")]
Quiet = Annotated[bool, _option(REPORT, "Say only errors.", "--quiet", "-q")]
Network = Annotated[NetworkName, option_of(StyleConfig, "network")]
Device = Annotated[DeviceName, option_of(StyleConfig, "device")]


def paintings(
    styles: Sequence[Path] | None, at: Sequence[str] | None = None, *, is_needed: bool
) -> tuple[list[Path], tuple[float, ...] | None]:
    """List the paintings that were given, and when each is alone; None: not said.

    Raises:
        BadParameter: If there are none, or both kinds.
    """
    if styles and at:
        raise typer.BadParameter("give either --style or --style-at, not both")
    if at:
        times_s, paths = zip(*(parse_at(text) for text in at), strict=True)
        return list(paths), times_s
    if not styles and is_needed:
        raise typer.BadParameter("Missing option '--style'")
    return list(styles or []), None
