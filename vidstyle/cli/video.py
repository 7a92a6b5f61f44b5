"""``vidstyle video`` and ``vidstyle plan``: stylize clips, or estimate the cost."""

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
    task = _resolve(ctx, clips, values)
    if len(clips) > 1 or any(path.is_dir() for path in task.request.styles):
        _paint_all(clips, task)
    else:
        _paint(clips[0], task)


@o.add_options(Request, *KINDS)
def plan(ctx: typer.Context, clip: o.Clip, **values: Any) -> None:
    """Estimate the time, memory and disk space of video with the same options.

    It counts frames and shots, and paints the first few frames as a trial.
    """
    request, config, _ = _resolve(ctx, [clip], values)
    from vidstyle.video.mux import default_output

    request.check_inputs([clip], config.style, config.style_at)
    usual = default_output(clip, request.paintings, config.encoding)
    output = request.output_for(usual, may_be_frames=True)
    from vidstyle.clip.plan import plan_video

    with Reporter(request) as reporter:
        estimate = plan_video(
            clip,
            request.styles,
            output,
            config=config,
            regions=request.regions,
            listener=reporter,
            workers=request.workers,
        )
    print_facts(asdict(estimate), estimate.lines(), as_json=request.json)


class _Task(NamedTuple):
    request: Request
    config: VideoConfig
    settings: o.Settings


def _resolve(
    ctx: typer.Context, clips: Sequence[Path], values: dict[str, Any]
) -> _Task:
    request: Request = make(Request, values)
    request.check_styles(clips)
    if request.style_at:
        values["style_at"] = tuple(parse_at(text)[0] for text in request.style_at)
    settings = o.resolve_settings(ctx, values, request, KINDS)
    style, encoding = settings.make(StyleConfig), settings.make(EncodingConfig)
    config = settings.make(VideoConfig, style=style, encoding=encoding)
    if request.save_network and (config.method != "network" or request.region):
        raise typer.BadParameter(
            "--save-network needs --method network and does not work with --region"
        )
    return _Task(request, config, settings)


def _paint_all(clips: Sequence[Path], task: _Task) -> None:
    """Stylize each clip with each painting; report failures and continue.

    If --output names a folder, it also gets an index sheet, as an album does.
    """
    from vidstyle.images import write_picture
    from vidstyle.stylize.album import INDEX, Pair, index_sheet

    request = task.request
    jobs = list(product(clips, _styles(request)))
    failed, done = list[str](), set[Path]()
    bar: Reporter | None = None
    mapper: AbstractContextManager[Any] = nullcontext(map)
    if request.workers and not request.preview:
        from vidstyle.clip.workers import several

        bar = Reporter(request)
        mapper = several(request.workers)

    def paint(number: int, job: tuple[Path, list[Path]]) -> Pair:
        clip, paintings = job
        own = replace(request, style=paintings or None)
        output = Path("not painted")
        try:
            output = _paint(clip, task._replace(request=own), done=done, parent=bar)
        except VidstyleError as err:
            print_line(f"error: {clip}: {err}")
            failed.append(str(clip))
        if bar is not None:
            bar(FrameReport(frame=number, frames_known=len(jobs)))
        styles = tuple(own.paintings)
        return Pair(number=number, content=clip, styles=styles, output=output)

    try:
        with bar or nullcontext(), mapper as map_jobs:
            if bar is not None:
                bar(Plan(height=0, width=0, frames=len(jobs), unit="clip"))
            pairs = list(map_jobs(paint, range(len(jobs)), jobs))
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


def _styles(request: Request) -> list[list[Path]]:
    """List the paintings of each result that a clip gets."""
    from vidstyle.stylize.album import pictures_in

    for name in ("log", "gif_output", "work_dir", "style_at", "key", "save_network"):
        if getattr(request, name):
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} works with one clip and one painting only.")
    if not any(path.is_dir() for path in request.styles):
        return [request.styles]
    return [[picture] for path in request.styles for picture in pictures_in(path)]


def _paint(
    clip: Path,
    task: _Task,
    *,
    done: set[Path] | None = None,
    parent: Reporter | None = None,
) -> Path:
    """Stylize one clip and return the path of the result.

    As one of several, whose results are collected in ``done``, an existing result is
    skipped.
    """
    from vidstyle.images import folders_for
    from vidstyle.video.mux import default_output, name_beside
    from vidstyle.video.probe import check_names

    request, config, _ = task
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
        elif request.preview:
            _preview(clip, output, task, parent)
        else:
            _stylize(clip, output, task, parent)
        if done is not None:
            done.add(output)
    return output


def _stylize(clip: Path, output: Path, task: _Task, parent: Reporter | None) -> None:
    from vidstyle.video.write import Outputs, check_outputs

    request, config, settings = task
    outputs = Outputs(
        output,
        evolution=request.gif_beside(output),
        sheet=output.with_suffix(".sheet.png") if request.sheet else None,
        compare=output.with_suffix(".compare.mp4") if request.compare else None,
        network=request.save_network,
    )
    request.check_outputs(*outputs, contents=[clip])
    check_outputs(outputs, config.encoding, overwrite=True)
    settings.save(request)
    from vidstyle.clip.pipeline import stylize_video

    with Reporter(request, parent) as reporter:
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
            network_output=outputs.network,
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


def _preview(clip: Path, output: Path, task: _Task, parent: Reporter | None) -> None:
    request, config, settings = task
    request.check_outputs(output, contents=[clip])
    settings.save(request)
    from vidstyle.clip.preview import preview_video

    with Reporter(request, parent) as reporter:
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
