"""``vidstyle image``: stylize a picture, or folders of pictures and paintings."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter
from vidstyle.cli.request import Request, make
from vidstyle.config import AlbumConfig, EncodingConfig, EvolutionConfig, StyleConfig
from vidstyle.errors import ConfigError, InputError

KINDS = (StyleConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
OF_A_CLIP = (
    *("style_at", "key", "save_network", "work_dir", "restart", "workers"),
    *("sheet", "preview", "compare"),
    *("codec", "crf", "hardware_encoder", "keep_location", "strip_metadata"),
)


@o.add_options(Request, *KINDS, without=OF_A_CLIP)
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
    **values: Any,
) -> None:
    """Paint a picture: photo.jpg and painting.jpg make photo.painting.png.

    A folder of pictures or paintings makes a folder of results: every picture in the
    style of every painting, and index.png, which shows them all. To resume an
    interrupted run, give the same command again.

    For example:

    vidstyle image photo.jpg --style painting.jpg

    vidstyle image photo.jpg --style painting.jpg --long-side 1024 --evolution

    vidstyle image photos/ --style paintings/ -o out
    """
    request: Request = make(Request, values)
    contents = content or []
    request.check_styles(contents)
    is_album = len(contents) > 1 or any(
        path.is_dir() for path in (*contents, *request.styles)
    )
    settings = o.resolve_settings(ctx, values, request, KINDS)
    if is_album:
        _paint_album(contents, request, settings)
    else:
        _paint_one(contents[0], request, settings)


def _paint_one(content: Path, request: Request, settings: o.Settings) -> None:
    from vidstyle.images import check_picture_path, folders_for, read_picture
    from vidstyle.video.mux import name_beside
    from vidstyle.video.probe import check_names

    check_names([content], are_pictures=True)
    config = settings.make(StyleConfig)
    output = request.output_for(name_beside(content, request.paintings, ".png"))
    gif_output = request.gif_beside(output)
    with folders_for(output):
        request.check_outputs(output, gif_output, contents=[content])
        keep_alpha = settings.make(EncodingConfig).keep_alpha
        check_picture_path(output, with_alpha=keep_alpha)
        read_picture(content)
        request.check_inputs([content], config, ())
        settings.save(request)
        from vidstyle.stylize.image import stylize_image

        with Reporter(request) as reporter:
            stylize_image(
                content,
                request.styles,
                output,
                config=config,
                regions=request.regions,
                evolution=settings.make(EvolutionConfig),
                evolution_output=gif_output,
                background=settings.make(AlbumConfig).background,
                keep_alpha=keep_alpha,
                overwrite=True,  # checked above
                listener=reporter,
            )
        reporter.result(output, gif=gif_output)


def _paint_album(contents: list[Path], request: Request, settings: o.Settings) -> None:
    wants_gif = request.gif or request.gif_output is not None
    if wants_gif or request.region:
        option = "--evolution" if wants_gif else "--region"
        raise ConfigError(f"{option} works with one picture only, not with a folder.")
    from vidstyle.images import folders_for
    from vidstyle.video.probe import check_names

    check_names([*contents, *request.paintings], are_pictures=True)
    request.check_outputs(contents=contents)
    settings.save(request)
    from vidstyle.stylize.album import stylize_album

    has_folder = any(path.is_dir() for path in request.styles)
    folder = Path(request.output or _beside(contents, request.styles))
    with folders_for(folder), Reporter(request) as reporter:
        result = stylize_album(
            contents,
            request.styles if has_folder else [tuple(request.styles)],
            folder,
            config=settings.make(StyleConfig),
            album=settings.make(AlbumConfig),
            keep_alpha=settings.make(EncodingConfig).keep_alpha,
            overwrite=request.overwrite,
            listener=reporter,
        )
    facts = asdict(result)
    reporter.result(facts.pop("folder"), **facts)
    if result.failed:
        raise InputError(f"some pictures failed: {' '.join(result.failed)}")


def _beside(contents: Sequence[Path], styles: Sequence[Path]) -> Path:
    """Name the folder of results: photos/ with the style b.jpg makes photos.b/."""

    def stem(path: Path) -> str:
        return path.resolve().name if path.is_dir() else path.stem

    name = "pictures" if len(contents) > 1 else stem(contents[0])
    return contents[0].parent / f"{name}.{'+'.join(map(stem, styles))}"
