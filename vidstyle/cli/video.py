"""``vidstyle video``: paint a clip."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.request import VideoRequest, parse_at
from vidstyle.cli.settings import resolve_settings
from vidstyle.config import EncodingConfig, EvolutionConfig, StyleConfig, VideoConfig

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)


@o.add_options(VideoRequest, *KINDS)
def video(ctx: typer.Context, clip: o.Clip, **values: Any) -> None:
    """Paint a clip: clip.mp4 and painting.jpg make clip.painting.mp4.

    An interrupted run goes on where it stopped when the same command is given again.

    For example:

    vidstyle video clip.mp4 --style painting.jpg

    vidstyle video clip.mp4 --style painting.jpg --preview --content-weight 0.3

    vidstyle video clip.mp4 --style painting.jpg --preset fine --gif -o painted.mkv
    """
    with reported_errors("the same command goes on where this one stopped"):
        request = VideoRequest.taken_from(values)
        if request.style_at:
            values["style_at"] = tuple(parse_at(text)[0] for text in request.style_at)
        settings = resolve_settings(
            ctx, values, preset=request.preset, file=request.config
        )
        painting = settings.make(
            VideoConfig,
            style=settings.make(StyleConfig),
            encoding=settings.make(EncodingConfig),
        )
        evolution = settings.make(EvolutionConfig)
        if request.show_config:
            typer.echo(settings.text(KINDS, Path()), nl=False)
            return
        reporter = Reporter(quiet=request.quiet, as_json=request.json, log=request.log)
        save = partial(
            settings.save, request.save_config, KINDS, overwrite=request.overwrite
        )
        if request.preview:
            _preview(clip, request, painting, reporter, save=save)
        else:
            _paint(clip, request, painting, evolution, reporter, save=save)


def _paint(
    clip: Path,
    request: VideoRequest,
    config: VideoConfig,
    evolution: EvolutionConfig,
    reporter: Reporter,
    *,
    save: Callable[[], None],
) -> None:
    from vidstyle.clip.pipeline import stylize_video
    from vidstyle.clip.results import default_output

    output = request.output or default_output(clip, request.paintings, config.encoding)
    gif_output = request.gif_beside(output)
    sheet_output = output.with_suffix(".sheet.png") if request.sheet else None
    request.check_outputs(output, gif_output, sheet_output, contents=[clip])
    save()
    with reporter:
        result = stylize_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            evolution=evolution,
            evolution_output=gif_output,
            sheet_output=sheet_output,
            work_dir=request.work_dir,
            overwrite=True,  # checked above
            restart=request.restart,
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
    request: VideoRequest,
    config: VideoConfig,
    reporter: Reporter,
    *,
    save: Callable[[], None],
) -> None:
    """Paint a sheet instead of the clip."""
    from vidstyle.clip.preview import preview_video
    from vidstyle.clip.results import name_beside

    output = request.output or name_beside(clip, request.paintings, ".preview.png")
    request.check_outputs(output, contents=[clip])
    save()
    with reporter:
        preview_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            overwrite=True,  # checked above
            listener=reporter,
        )
    reporter.result(output)
