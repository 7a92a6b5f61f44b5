"""``vidstyle image``: paint one picture."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.config import EvolutionConfig, StyleConfig


@o.takes(StyleConfig, EvolutionConfig)
def image(
    content: Annotated[
        Path, typer.Argument(help="The picture to paint.", readable=False)
    ],
    *,
    style: o.Style,
    output: o.Output = None,
    overwrite: o.Overwrite = False,
    gif: o.Gif = False,
    gif_output: o.GifOutput = None,
    log: o.Log = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Paint one picture: photo.jpg and painting.jpg make photo.painting.png."""
    with reported_errors():
        config = o.make_config(StyleConfig, values)
        evolution = o.make_config(EvolutionConfig, values)
        output = output or content.parent / f"{content.stem}.{style.stem}.png"
        gif_output = gif_output or (output.with_suffix(".gif") if gif else None)
        check_outputs(
            [output, gif_output],
            besides=[log],
            inputs=[content, style],
            overwrite=overwrite,
        )
        from vidstyle.still import stylize_image

        with Reporter(quiet=quiet, as_json=json, log=log) as reporter:
            stylize_image(
                content,
                style,
                output,
                config=config,
                evolution=evolution,
                evolution_output=gif_output,
                listener=reporter,
            )
        reporter.result(output, gif=gif_output)
