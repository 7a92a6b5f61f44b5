"""``vidstyle image``: paint one picture, or many after many paintings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.settings import Settings, resolve_settings
from vidstyle.config import AlbumConfig, EvolutionConfig, Region, StyleConfig
from vidstyle.errors import ConfigError, InputError

KINDS = (StyleConfig, AlbumConfig, EvolutionConfig)
EXAMPLES = """Examples:

vidstyle image photo.jpg --style painting.jpg

vidstyle image photo.jpg --style painting.jpg --long-side 1024 --gif

vidstyle image photos/ --style paintings/ -o out"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a user has asked for, but for the settings."""

    contents: list[Path]
    styles: list[Path]
    regions: list[Region]
    output: Path | None
    overwrite: bool
    save_config: Path | None
    log: Path | None
    wants_gif: bool
    gif_output: Path | None

    @property
    def is_album(self) -> bool:
        """Whether there are several pictures, or a folder."""
        given = [*self.contents, *self.styles]
        return len(self.contents) > 1 or any(path.is_dir() for path in given)

    @property
    def paintings(self) -> list[Path]:
        return [*self.styles, *(each.style for each in self.regions)]


@o.add_options(*KINDS)
def image(
    ctx: typer.Context,
    content: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures to paint, or folders of them.",
            metavar="PICTURE",
            readable=False,
        ),
    ],
    *,
    style: o.AlbumStyles = None,
    region: o.Regions = None,
    output: o.Output = None,
    overwrite: o.Overwrite = False,
    preset: o.PresetName = None,
    config: o.Config = None,
    save_config: o.SaveConfig = None,
    show_config: o.ShowConfig = False,
    gif: o.Gif = False,
    gif_output: o.GifOutput = None,
    log: o.Log = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Paint a picture: photo.jpg and painting.jpg make photo.painting.png.

    A folder, of pictures or of paintings, makes a folder: every picture after every
    painting, and all of them on a sheet, index.png. The same command goes on where an
    interrupted one stopped.
    """
    regions = [o.parse_region(text) for text in region or []]
    styles, _ = o.paintings(style, is_needed=not (show_config or regions))
    asked = _Asked(
        contents=content or [],
        styles=styles,
        regions=regions,
        output=output,
        overwrite=overwrite,
        save_config=save_config,
        log=log,
        wants_gif=gif or gif_output is not None,
        gif_output=gif_output,
    )
    goes_on = "the same command goes on where this one stopped"
    with reported_errors(goes_on if asked.is_album else "nothing was written"):
        settings = resolve_settings(ctx, values, preset=preset, file=config)
        for kind in KINDS:
            settings.make(kind)
        if show_config:
            typer.echo(settings.text(KINDS, Path()), nl=False)
            return
        reporter = Reporter(quiet=quiet, as_json=json, log=log)
        if asked.is_album:
            _paint_album(asked, settings, reporter)
        else:
            _paint_one(asked, settings, reporter)


def _paint_one(asked: _Asked, settings: Settings, reporter: Reporter) -> None:
    (content,) = asked.contents
    name = "+".join(dict.fromkeys(path.stem for path in asked.paintings))
    output = asked.output or content.parent / f"{content.stem}.{name}.png"
    beside = output.with_suffix(".gif") if asked.wants_gif else None
    gif_output = asked.gif_output or beside
    check_outputs(
        [output, gif_output],
        besides=[asked.log, asked.save_config],
        inputs=[content, *asked.paintings, *(each.mask for each in asked.regions)],
        overwrite=asked.overwrite,
    )
    settings.save(asked.save_config, KINDS, overwrite=asked.overwrite)
    from vidstyle.still import stylize_image

    with reporter:
        stylize_image(
            content,
            asked.styles,
            output,
            config=settings.make(StyleConfig),
            regions=asked.regions,
            evolution=settings.make(EvolutionConfig),
            evolution_output=gif_output,
            listener=reporter,
        )
    reporter.result(output, gif=gif_output)


def _paint_album(asked: _Asked, settings: Settings, reporter: Reporter) -> None:
    if asked.wants_gif or asked.regions:
        option = "--gif" if asked.wants_gif else "--region"
        raise ConfigError(f"{option} is about one picture; name one, and no folder.")
    check_outputs(
        [],
        besides=[asked.log, asked.save_config],
        inputs=[*asked.contents, *asked.styles],
        overwrite=asked.overwrite,
    )
    settings.save(asked.save_config, KINDS, overwrite=asked.overwrite)
    from vidstyle.album.paint import stylize_album

    has_folder = any(path.is_dir() for path in asked.styles)
    with reporter:
        result = stylize_album(
            asked.contents,
            asked.styles if has_folder else [tuple(asked.styles)],
            asked.output or _beside(asked.contents, asked.styles),
            config=settings.make(StyleConfig),
            album=settings.make(AlbumConfig),
            overwrite=asked.overwrite,
            listener=reporter,
        )
    reporter.result(
        result.folder,
        index=result.index,
        painted=result.painted,
        kept=result.kept,
        failed=result.failed,
    )
    if result.failed:
        raise InputError(f"not all could be painted: {' '.join(result.failed)}")


def _beside(contents: Sequence[Path], styles: Sequence[Path]) -> Path:
    """Name a folder after what is painted: photos/ after b.jpg makes photos.b/."""
    names = ["pictures"] if len(contents) > 1 else [_stem(contents[0])]
    names.append("+".join(_stem(path) for path in styles))
    return contents[0].parent / ".".join(names)


def _stem(path: Path) -> str:
    return path.resolve().name if path.is_dir() else path.stem
