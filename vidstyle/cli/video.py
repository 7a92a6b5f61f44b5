"""``vidstyle video``: paint a clip."""

from pathlib import Path
from typing import Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import RESUMES, Reporter, reported_errors
from vidstyle.cli.request import Request, Settings, make, parse_at, resolve_settings
from vidstyle.config import EncodingConfig, EvolutionConfig, StyleConfig, VideoConfig

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)


@o.add_options(Request, *KINDS)
def video(ctx: typer.Context, clip: o.Clip, **values: Any) -> None:
    """Paint a clip: clip.mp4 and painting.jpg make clip.painting.mp4.

    An interrupted run goes on where it stopped when the same command is given again.

    For example:

    vidstyle video clip.mp4 --style painting.jpg

    vidstyle video clip.mp4 --style painting.jpg --preview --content-weight 0.3

    vidstyle video clip.mp4 --style painting.jpg --preset fine --gif -o painted.mkv
    """
    with reported_errors(RESUMES):
        request: Request = make(Request, values)
        request.check_styles()
        if request.style_at:
            values["style_at"] = tuple(parse_at(text)[0] for text in request.style_at)
        settings = resolve_settings(ctx, values, request, KINDS)
        painting = settings.make(
            VideoConfig,
            style=settings.make(StyleConfig),
            encoding=settings.make(EncodingConfig),
        )
        paint = _preview if request.preview else _paint
        paint(clip, request, painting, settings)


def _paint(
    clip: Path, request: Request, config: VideoConfig, settings: Settings
) -> None:
    from vidstyle.clip.pipeline import stylize_video
    from vidstyle.clip.results import default_output

    output = request.output or default_output(clip, request.paintings, config.encoding)
    gif_output = request.gif_beside(output)
    sheet_output = output.with_suffix(".sheet.png") if request.sheet else None
    request.check_outputs(output, gif_output, sheet_output, contents=[clip])
    settings.save(request)
    with Reporter.for_request(request) as reporter:
        result = stylize_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            evolution=settings.make(EvolutionConfig),
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
    clip: Path, request: Request, config: VideoConfig, settings: Settings
) -> None:
    from vidstyle.clip.preview import preview_video
    from vidstyle.clip.results import name_beside

    output = request.output or name_beside(clip, request.paintings, ".preview.png")
    request.check_outputs(output, contents=[clip])
    settings.save(request)
    with Reporter.for_request(request) as reporter:
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
