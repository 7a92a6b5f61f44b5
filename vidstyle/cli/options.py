"""The options of the commands: one for each setting, and those about files and reports.

What a setting is called, of what type it is and what its default is comes from the
configuration, so that help and library cannot disagree.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from vidstyle.cli.rows import (
    EVOLUTION,
    FILES,
    NETWORK,
    PANELS,
    REPORT,
    ROWS,
    SETTINGS,
    Row,
)
from vidstyle.cli.settings import parse_preset
from vidstyle.cli.values import parse_at, show
from vidstyle.config import DeviceName, NetworkName

SHOW_CONFIG = "--show-config"
"""With it, a command needs no input, for it does no work."""


def takes(
    *kinds: type[Any], only: Collection[str] = tuple(ROWS)
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each setting of these configurations.

    The command receives their values in its ``**values``; settings without a row have
    no option, and those that it takes by itself no other.

    Args:
        kinds: The configurations.
        only: The settings to take of them.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD]
        added = [
            _parameter(kind, name)
            for kind in kinds
            for name in only
            if name in {field.name for field in fields(kind)}
            and name not in signature.parameters
        ]
        # Typer reads the signature. sorted() keeps the order of what is in no row.
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=sorted([*own, *added], key=_place)
        )
        return command

    return decorate


def _place(parameter: inspect.Parameter) -> tuple[int, int, int]:
    """Say where a parameter comes: by its kind, its panel, and its row there."""
    (option, *_) = getattr(parameter.annotation, "__metadata__", [None])
    panel = getattr(option, "rich_help_panel", None)
    place = PANELS.index(panel) if panel in PANELS else -1
    rows = list(ROWS)
    row = rows.index(parameter.name) if parameter.name in rows else -1
    return parameter.kind, place, row


def _parameter(kind: type[Any], name: str) -> inspect.Parameter:
    row, hint = ROWS[name], get_type_hints(kind)[name]
    default = getattr(kind(), name)
    flags = [f"--{(row.flag or name).replace('_', '-')}"]
    if default is True:
        flags = [f"{flags[0]}/--no-{name.replace('_', '-')}"]
    if row.short is not None:
        flags.append(f"-{row.short}")
    option = typer.Option(
        *flags,
        help=row.help,
        rich_help_panel=row.panel,
        parser=row.parser,
        metavar=_metavar(row, hint),
        readable=False,  # the library says it better, and knows its exit code
        show_default=row.default_text or True,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=show(default) if row.parser else default,
        annotation=Annotated[Any if row.parser else hint, option],
    )


def _metavar(row: Row, hint: Any) -> str | None:
    """Say what stands after an option; nothing does after a switch."""
    if row.metavar is not None:
        return row.metavar
    if get_origin(hint) is Literal:
        return "|".join(get_args(hint))
    return {int: "N", float: "X", bool: ""}.get(hint)


def _option(panel: str, text: str, *flags: str, metavar: str = "") -> Any:
    return typer.Option(
        *flags, help=text, metavar=metavar, rich_help_panel=panel, readable=False
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
    Path, _option(FILES, "The painting: any picture.", "--style", "-s", metavar="FILE")
]
Styles = Annotated[
    list[Path] | None,
    _option(
        FILES,
        "The painting: any picture. Several are mixed.",
        "--style",
        "-s",
        metavar="FILE",
    ),
]
AlbumStyles = Annotated[
    list[Path] | None,
    _option(
        FILES,
        "The painting: any picture. Several are mixed. A folder: each one in it.",
        "--style",
        "-s",
        metavar="FILE|FOLDER",
    ),
]
Regions = Annotated[
    list[str] | None,
    _option(
        FILES,
        "A painting for the part where the mask is white: a picture or, for a clip, "
        "also a clip or a folder. A later one lies over an earlier; what is in none "
        "gets --style, or stays as it is.",
        "--region",
        metavar="MASK=STYLE",
    ),
]
StyleAt = Annotated[
    list[str] | None,
    typer.Option(
        "--style-at",
        help=ROWS["style_at"].help,
        metavar=ROWS["style_at"].metavar,
        rich_help_panel=ROWS["style_at"].panel,
        show_default=ROWS["style_at"].default_text or True,
    ),
]
Output = Annotated[
    Path | None,
    _option(
        FILES,
        "Where the result goes; by default beside the input.",
        "--output",
        "-o",
        metavar="FILE",
    ),
]
ClipOutput = Annotated[
    Path | None,
    _option(
        FILES,
        "Where the result goes, by default beside the clip: a name in .mp4, .m4v, "
        ".mov, .mkv, .webm or .gif, or without an ending for a folder of numbered "
        "PNGs.",
        "--output",
        "-o",
        metavar="FILE",
    ),
]
Preset = Annotated[
    Any,
    typer.Option(
        "--preset",
        help="Settings that belong together; vidstyle presets lists them. "
        "Every other option wins over it.",
        parser=parse_preset,
        metavar="NAME",
        rich_help_panel=SETTINGS,
    ),
]
Config = Annotated[
    Path | None,
    _option(
        SETTINGS,
        "Read settings from a TOML file, named like the options; it wins over a "
        "preset, and options win over it. Names of files are relative to its folder.",
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
    ),
]
Sheet = Annotated[
    bool,
    _option(
        REPORT,
        "Also write a picture of spread frames, before and after.",
        "--sheet",
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
        REPORT, "Write every step's losses as JSON lines.", "--log", metavar="FILE"
    ),
]
Json = Annotated[bool, _option(REPORT, "Print the result as JSON on stdout.", "--json")]
Quiet = Annotated[bool, _option(REPORT, "Say only errors.", "--quiet", "-q")]
Network = Annotated[
    NetworkName,
    _option(
        NETWORK,
        ROWS["network"].help,
        "--network",
        metavar="|".join(get_args(NetworkName)),
    ),
]
Device = Annotated[
    DeviceName,
    _option(
        NETWORK,
        ROWS["device"].help,
        "--device",
        "-d",
        metavar="|".join(get_args(DeviceName)),
    ),
]


def paintings(
    styles: Sequence[Path] | None, at: Sequence[str] | None = None, *, is_needed: bool
) -> tuple[list[Path], tuple[float, ...] | None]:
    """Say which paintings were given, and when each is alone; None: not said.

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
