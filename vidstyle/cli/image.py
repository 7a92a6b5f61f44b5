"""``vidstyle image``: paint one picture."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.outputs import check_outputs
from vidstyle.cli.report import Reporter, reported_errors
from vidstyle.cli.rows import parse_region
from vidstyle.cli.settings import settle
from vidstyle.config import EvolutionConfig, StyleConfig

KINDS = (StyleConfig, EvolutionConfig)


@o.takes(*KINDS)
def image(
    ctx: typer.Context,
    content: Annotated[
        Path, typer.Argument(help="The picture to paint.", readable=False)
    ],
    *,
    style: o.Styles = None,
    region: o.Regions = None,
    output: o.Output = None,
    overwrite: o.Overwrite = False,
    preset: o.Preset = None,
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
    """Paint one picture: photo.jpg and painting.jpg make photo.painting.png."""
    with reported_errors():
        regions = [parse_region(text) for text in region or []]
        styles, _ = o.paintings(style, is_needed=not (show_config or regions))
        settings = settle(ctx, values, preset=preset, file=config)
        painting, evolution = (settings.make(kind) for kind in KINDS)
        if show_config:
            typer.echo(settings.text(KINDS, Path()), nl=False)
            return
        paintings = [*styles, *(each.style for each in regions)]
        name = "+".join(dict.fromkeys(path.stem for path in paintings))
        output = output or content.parent / f"{content.stem}.{name}.png"
        gif_output = gif_output or (output.with_suffix(".gif") if gif else None)
        check_outputs(
            [output, gif_output],
            besides=[log, save_config],
            inputs=[content, *paintings, *(each.mask for each in regions)],
            overwrite=overwrite,
        )
        settings.save(save_config, KINDS, overwrite=overwrite)
        from vidstyle.still import stylize_image

        with Reporter(quiet=quiet, as_json=json, log=log) as reporter:
            stylize_image(
                content,
                styles,
                output,
                config=painting,
                regions=regions,
                evolution=evolution,
                evolution_output=gif_output,
                listener=reporter,
            )
        reporter.result(output, gif=gif_output)
