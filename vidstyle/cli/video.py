"""``vidstyle video``: paint a clip."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.settings import settle
from vidstyle.cli.values import parse_region
from vidstyle.config import (
    EncodingConfig,
    EvolutionConfig,
    Region,
    StyleConfig,
    VideoConfig,
)

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)


@o.takes(*KINDS)
def video(
    ctx: typer.Context,
    clip: o.Clip,
    *,
    style: o.Styles = None,
    style_at: o.StyleAt = None,
    region: o.Regions = None,
    output: o.ClipOutput = None,
    overwrite: o.Overwrite = False,
    preset: o.Preset = None,
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
        regions = [parse_region(text) for text in region or []]
        is_needed = not (show_config or regions)
        paintings, times_s = o.paintings(style, style_at, is_needed=is_needed)
        inputs = [clip, *paintings, *(path for each in regions for path in each)]
        named = [*paintings, *(each.style for each in regions)]
        if times_s is not None:
            values["style_at"] = times_s
        settings = settle(ctx, values, preset=preset, file=config)
        encoding = settings.make(EncodingConfig)
        painting = settings.make(
            VideoConfig, style=settings.make(StyleConfig), encoding=encoding
        )
        evolution = settings.make(EvolutionConfig)
        if show_config:
            typer.echo(settings.text(KINDS, Path()), nl=False)
            return
        reporter = Reporter(quiet=quiet, as_json=json, log=log)
        from vidstyle.pipeline import stylize_video
        from vidstyle.results import default_output

        save = partial(settings.save, save_config, KINDS, overwrite=overwrite)
        if preview:
            _preview(
                clip,
                paintings,
                output,
                painting,
                reporter,
                regions=regions,
                save=save,
                overwrite=overwrite,
            )
            return
        output = output or default_output(clip, named, encoding)
        gif_output = gif_output or (output.with_suffix(".gif") if gif else None)
        sheet_output = output.with_suffix(".sheet.png") if sheet else None
        check_outputs(
            [output, gif_output, sheet_output],
            besides=[log, work_dir, save_config],
            inputs=inputs,
            overwrite=overwrite,
        )
        save()
        with reporter:
            result = stylize_video(
                clip,
                paintings,
                output,
                config=painting,
                regions=regions,
                evolution=evolution,
                evolution_output=gif_output,
                sheet_output=sheet_output,
                work_dir=work_dir,
                restart=restart,
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
    clip: Path,
    styles: list[Path],
    output: Path | None,
    config: VideoConfig,
    reporter: Reporter,
    *,
    regions: list[Region],
    save: Callable[[], None],
    overwrite: bool,
) -> None:
    """Paint a sheet instead of the clip."""
    from vidstyle.preview import preview_video
    from vidstyle.results import name_beside

    named = [*styles, *(each.style for each in regions)]
    output = output or name_beside(clip, named, ".preview.png")
    besides = [reporter.log_path]
    inputs = [clip, *named, *(each.mask for each in regions)]
    check_outputs([output], besides=besides, inputs=inputs, overwrite=overwrite)
    save()
    with reporter:
        preview_video(
            clip, styles, output, config=config, regions=regions, listener=reporter
        )
    reporter.result(output)
