"""``vidstyle video`` and ``plan``: paint clips, or say what one would take."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, Terminated, print_facts, print_line
from vidstyle.cli.request import Request, make, parse_at
from vidstyle.config import EncodingConfig, EvolutionConfig, StyleConfig, VideoConfig
from vidstyle.errors import RESUMES, ConfigError, InputError, VidstyleError
from vidstyle.records import FrameReport, Plan

KINDS = (StyleConfig, VideoConfig, EncodingConfig, EvolutionConfig)


@o.add_options(Request, *KINDS)
def video(ctx: typer.Context, clip: o.Clips, **values: Any) -> None:
    """Paint a clip: clip.mp4 and painting.jpg make clip.painting.mp4.

    To resume an interrupted run, give the same command again.

    For example:

    vidstyle video clip.mp4 --style painting.jpg

    vidstyle video clip.mp4 --style painting.jpg --preview --content-weight 0.15

    vidstyle video *.mp4 --style painting.jpg --compare -o out/
    """
    clips = clip or []
    asked = _settle(ctx, clips, values)
    if len(clips) > 1 or any(path.is_dir() for path in asked.request.styles):
        _paint_all(clips, asked)
    elif clips:
        _paint(clips[0], asked)


@o.add_options(Request, *KINDS)
def plan(ctx: typer.Context, clip: o.Clip, **values: Any) -> None:
    """Estimate the time, memory and disk space of video with the same options.

    It counts frames and shots, and paints the first few frames as a trial.
    """
    request, config, _ = _settle(ctx, [clip], values)
    from vidstyle.video.files import default_output

    request.check_inputs([clip], config.style, config.style_at)
    usual = default_output(clip, request.paintings, config.encoding)
    output = request.output_for(usual, may_be_frames=True)
    from vidstyle.clip.plan import plan_video

    with Reporter(request) as reporter:
        found = plan_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            listener=reporter,
        )
    print_facts(asdict(found), found.lines(), as_json=request.json)


class _Asked(NamedTuple):
    """What is asked for."""

    request: Request
    config: VideoConfig
    settings: o.Settings


def _settle(
    ctx: typer.Context, clips: Sequence[Path], values: dict[str, Any]
) -> _Asked:
    request: Request = make(Request, values)
    request.check_styles(clips)
    if request.style_at:
        values["style_at"] = tuple(parse_at(text)[0] for text in request.style_at)
    settings = o.resolve_settings(ctx, values, request, KINDS)
    style, encoding = settings.make(StyleConfig), settings.make(EncodingConfig)
    config = settings.make(VideoConfig, style=style, encoding=encoding)
    request.check_network(config)
    return _Asked(request, config, settings)


def _paint_all(clips: Sequence[Path], asked: _Asked) -> None:
    """Paint each clip after each painting; what fails is told, and passed over.

    A folder that is named for the results gets a sheet of them, as that of pictures.
    """
    from vidstyle.images import write_picture
    from vidstyle.stylize.album import INDEX, Pair, index_sheet

    request = asked.request
    work, failed, done = list(product(clips, _looks(request))), list[str](), set[Path]()
    workers = None if request.preview else request.workers
    bar = Reporter(request) if workers else None

    def paint(number: int, task: tuple[Path, list[Path]]) -> Pair:
        clip, look = task
        own = replace(request, style=look or None)
        output = Path("not painted")
        try:
            output = _paint(clip, asked._replace(request=own), done=done, within=bar)
        except VidstyleError as err:
            print_line(f"error: {clip}: {err}")
            failed.append(str(clip))
        if bar is not None:
            bar(FrameReport(frame=number, frames_known=len(work)))
        styles = tuple(own.paintings)
        return Pair(number=number, content=clip, styles=styles, output=output)

    try:
        with bar or nullcontext(), _mapped(workers) as each:
            if bar is not None:
                bar(Plan(height=0, width=0, frames=len(work), unit="clip"))
            pairs = list(each(paint, range(len(work)), work))
    except (KeyboardInterrupt, Terminated) as err:
        if done:
            err.add_note(RESUMES)
        raise
    if request.output and done:
        index = Path(request.output) / INDEX
        write_picture(index, index_sheet(pairs))
        print_facts({"index": index}, [index], as_json=request.json)
    if failed:
        names = ", ".join(dict.fromkeys(failed))
        raise InputError(f"some clips failed: {names}.")


def _looks(request: Request) -> list[list[Path]]:
    """List the paintings of each result of a clip."""
    from vidstyle.stylize.album import pictures_in

    for name in ("log", "gif_output", "work_dir", "style_at", "key", "save_network"):
        if getattr(request, name):
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} works with one clip and one painting only.")
    if not any(path.is_dir() for path in request.styles):
        return [request.styles]
    return [[one] for path in request.styles for one in pictures_in(path)]


def _mapped(workers: str | None) -> AbstractContextManager[Any]:
    """Make what is like ``map``; with workers, it calls for several at once."""
    if workers is None:
        return nullcontext(map)
    from vidstyle.clip.workers import several

    return several(workers)


def _paint(
    clip: Path,
    asked: _Asked,
    *,
    done: set[Path] | None = None,
    within: Reporter | None = None,
) -> Path:
    """Paint a clip into what is returned.

    Of several, whose results are ``done``, one that is there stays.
    """
    from vidstyle.video.files import (
        check_names,
        default_output,
        folders_for,
        name_beside,
    )

    request, config, _ = asked
    check_names([clip])
    usual = default_output(clip, request.paintings, config.encoding)
    if request.preview:
        usual = name_beside(clip, request.paintings, ".preview.png")
    request.check_inputs([clip], config.style, config.style_at)
    output = request.output_for(usual, in_folder=done is not None, may_be_frames=True)
    with folders_for(output):
        if done is not None and output in done:
            raise ConfigError(f"two results would be named {output}; rename a clip.")
        if done is not None and output.exists() and not request.overwrite:
            if not request.quiet:
                print_line(f"{output} already exists; --overwrite paints it again")
        else:
            paint = _preview if request.preview else _stylize
            paint(clip, output, asked, within)
        if done is not None:
            done.add(output)
    return output


def _stylize(clip: Path, output: Path, asked: _Asked, within: Reporter | None) -> None:
    from vidstyle.video.files import Outputs, check_outputs

    request, config, settings = asked
    outputs = Outputs(
        output,
        evolution=request.gif_beside(output),
        sheet=output.with_suffix(".sheet.png") if request.sheet else None,
        compare=output.with_suffix(".compare.mp4") if request.compare else None,
    )
    request.check_outputs(*outputs, request.save_network, contents=[clip])
    check_outputs(outputs, config.encoding, overwrite=True)
    settings.save(request)
    from vidstyle.clip.pipeline import stylize_video

    with Reporter(request, within) as reporter:
        result = stylize_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            keys=request.keys,
            evolution=settings.make(EvolutionConfig),
            evolution_output=outputs.evolution,
            sheet_output=outputs.sheet,
            compare_output=outputs.compare,
            network_output=request.save_network,
            work_dir=request.work_dir,
            overwrite=True,  # checked above
            restart=request.restart,
            listener=reporter,
            workers=request.workers,
        )
    reporter.result(
        output,
        frames=result.frames,
        shots=result.shots,
        gif=result.evolution,
        sheet=outputs.sheet,
        compare=outputs.compare,
    )


def _preview(clip: Path, output: Path, asked: _Asked, within: Reporter | None) -> None:
    request, config, settings = asked
    request.check_outputs(output, contents=[clip])
    settings.save(request)
    from vidstyle.clip.preview import preview_video

    with Reporter(request, within) as reporter:
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
