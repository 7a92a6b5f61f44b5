"""``vidstyle video``: paint a clip."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.settings import resolve_settings
from vidstyle.config import (
    EncodingConfig,
    EvolutionConfig,
    Region,
    StyleConfig,
    VideoConfig,
)

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)
EXAMPLES = """Examples:

vidstyle video clip.mp4 --style painting.jpg

vidstyle video clip.mp4 --style painting.jpg --preview --content-weight 0.3

vidstyle video clip.mp4 --style painting.jpg --preset fine --gif -o painted.mkv"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a user has asked for, but for the settings."""

    clip: Path
    styles: list[Path]
    regions: list[Region]
    output: Path | None
    overwrite: bool
    save_config: Path | None
    work_dir: Path | None
    restart: bool
    wants_gif: bool
    gif_output: Path | None
    wants_sheet: bool

    @property
    def paintings(self) -> list[Path]:
        return [*self.styles, *(each.style for each in self.regions)]

    @property
    def inputs(self) -> list[Path]:
        return [self.clip, *self.paintings, *(each.mask for each in self.regions)]


@o.add_options(*KINDS)
def video(
    ctx: typer.Context,
    clip: o.Clip,
    *,
    style: o.Styles = None,
    style_at: o.StyleAt = None,
    region: o.Regions = None,
    output: o.ClipOutput = None,
    overwrite: o.Overwrite = False,
    preset: o.PresetName = None,
    config: o.Config = None,
    save_config: o.SaveConfig = None,
    show_config: o.ShowConfig = False,
    work_dir: o.WorkDir = None,
    restart: o.Restart = False,
    gif: o.Gif = False,
    gif_output: o.GifOutput = None,
    sheet: o.Sheet = False,
    preview: o.Preview = False,
    log: o.Log = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Paint a clip: clip.mp4 and painting.jpg make clip.painting.mp4.

    An interrupted run goes on where it stopped when the same command is given again.
    """
    with reported_errors("the same command goes on where this one stopped"):
        regions = [o.parse_region(text) for text in region or []]
        is_needed = not (show_config or regions)
        styles, times_s = o.paintings(style, style_at, is_needed=is_needed)
        if times_s is not None:
            values["style_at"] = times_s
        asked = _Asked(
            clip=clip,
            styles=styles,
            regions=regions,
            output=output,
            overwrite=overwrite,
            save_config=save_config,
            work_dir=work_dir,
            restart=restart,
            wants_gif=gif,
            gif_output=gif_output,
            wants_sheet=sheet,
        )
        settings = resolve_settings(ctx, values, preset=preset, file=config)
        painting = settings.make(
            VideoConfig,
            style=settings.make(StyleConfig),
            encoding=settings.make(EncodingConfig),
        )
        evolution = settings.make(EvolutionConfig)
        if show_config:
            typer.echo(settings.text(KINDS, Path()), nl=False)
            return
        reporter = Reporter(quiet=quiet, as_json=json, log=log)
        save = partial(settings.save, save_config, KINDS, overwrite=overwrite)
        if preview:
            _preview(asked, painting, reporter, save=save)
        else:
            _paint(asked, painting, evolution, reporter, save=save)


def _paint(
    asked: _Asked,
    config: VideoConfig,
    evolution: EvolutionConfig,
    reporter: Reporter,
    *,
    save: Callable[[], None],
) -> None:
    from vidstyle.pipeline import stylize_video
    from vidstyle.results import default_output

    output = asked.output or default_output(
        asked.clip, asked.paintings, config.encoding
    )
    beside = output.with_suffix(".gif") if asked.wants_gif else None
    gif_output = asked.gif_output or beside
    sheet_output = output.with_suffix(".sheet.png") if asked.wants_sheet else None
    check_outputs(
        [output, gif_output, sheet_output],
        besides=[reporter.log_path, asked.work_dir, asked.save_config],
        inputs=asked.inputs,
        overwrite=asked.overwrite,
    )
    save()
    with reporter:
        result = stylize_video(
            asked.clip,
            asked.styles,
            output,
            config=config,
            regions=asked.regions,
            evolution=evolution,
            evolution_output=gif_output,
            sheet_output=sheet_output,
            work_dir=asked.work_dir,
            restart=asked.restart,
            listener=reporter,
        )
    reporter.result(
        output,
        frames=result.frames,
        shots=result.shots,
        gif=result.evolution,
        sheet=sheet_output,
    )


def _preview(
    asked: _Asked, config: VideoConfig, reporter: Reporter, *, save: Callable[[], None]
) -> None:
    """Paint a sheet instead of the clip."""
    from vidstyle.preview import preview_video
    from vidstyle.results import name_beside

    output = asked.output or name_beside(asked.clip, asked.paintings, ".preview.png")
    check_outputs(
        [output],
        besides=[reporter.log_path, asked.save_config],
        inputs=asked.inputs,
        overwrite=asked.overwrite,
    )
    save()
    with reporter:
        preview_video(
            asked.clip,
            asked.styles,
            output,
            config=config,
            regions=asked.regions,
            listener=reporter,
        )
    reporter.result(output)
