"""``vidstyle video``: paint a clip."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, check_output, reported_errors
from vidstyle.config import EvolutionConfig, StyleConfig, VideoConfig


@o.takes(StyleConfig, VideoConfig, EvolutionConfig)
def video(
    clip: Annotated[
        Path,
        typer.Argument(help="A video, an animated GIF, or a folder of pictures."),
    ],
    *,
    style: o.Style,
    output: o.ClipOutput = None,
    overwrite: o.Overwrite = False,
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
        painting = o.make_config(StyleConfig, values)
        config = o.make_config(VideoConfig, values, style=painting)
        evolution = o.make_config(EvolutionConfig, values)
        from vidstyle.pipeline import default_output, stylize_video
        from vidstyle.preview import preview_video

        if output is None and preview:
            output = clip.with_name(f"{clip.stem}.{style.stem}.preview.png")
        output = output or default_output(clip, style)
        gif_output = gif_output or (output.with_suffix(".gif") if gif else None)
        sheet_output = output.with_suffix(".sheet.png") if sheet else None
        for path in filter(None, (output, gif_output, sheet_output)):
            check_output(path, overwrite=overwrite, inputs=(clip, style))
        with Reporter(quiet=quiet, as_json=json, log=log) as reporter:
            if preview:
                preview_video(clip, style, output, config=config, listener=reporter)
                reporter.result(output)
                return
            result = stylize_video(
                clip,
                style,
                output,
                config=config,
                evolution=evolution,
                evolution_output=gif_output,
                sheet_output=sheet_output,
                work_dir=work_dir,
                restart=restart,
                listener=reporter,
            )
        reporter.result(
            output, gif=result.evolution, sheet=sheet_output, shots=result.shots
        )
