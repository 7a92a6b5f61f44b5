"""A clip, from file to file: the stages in order, on one screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.clip.ingest import expected_span
from vidstyle.clip.manifest import describe, describe_regions
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.regions import paint_passes, pass_stores
from vidstyle.clip.results import (
    check_outputs,
    cut_notice,
    cut_shape,
    data_notice,
    hardware_notice,
    left_behind,
    result_shape,
    save_evolution,
    save_sheet,
    write_result,
)
from vidstyle.config import EvolutionConfig, Region, VideoConfig
from vidstyle.images import check_free
from vidstyle.records import Listener, Notice, Plan, StrPath, VideoInfo, ignore
from vidstyle.stylize.inputs import Styles, as_paths, as_regions, load_stylizer
from vidstyle.stylize.style_bank import working_size
from vidstyle.video.probe import measure_timing, probe
from vidstyle.video.work_dir import FrameStore


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoResult:
    """What a run has made."""

    output: Path
    frames: int
    shots: int
    evolution: Path | None


def stylize_video(
    clip: StrPath,
    style: Styles,
    output: StrPath,
    *,
    config: VideoConfig | None = None,
    regions: Sequence[Region] = (),
    evolution: EvolutionConfig | None = None,
    evolution_output: StrPath | None = None,
    sheet_output: StrPath | None = None,
    work_dir: StrPath | None = None,
    overwrite: bool = False,
    restart: bool = False,
    listener: Listener = ignore,
) -> VideoResult:
    """Paint a clip: the same frames at the same times with the same sound.

    A run that was interrupted goes on where it stopped when it is called again with the
    same arguments, and ends in the same pixels.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        style: The painting's file, or several: mixed, or as ``config.style_at`` says.
        output: Where the result goes.
        config: How; None: the defaults.
        regions: Parts of it with paintings of their own, by masks that are pictures or
            clips; where two meet, the later one wins. What is in none gets ``style``;
            if that is empty, it stays as it is.
        evolution: How the GIF of the learning looks; None: the defaults.
        evolution_output: Where it goes, ``.gif`` or ``.mp4``; None: no GIF.
        sheet_output: Where a picture of spread frames, before and after, goes; None: no
            such sheet.
        work_dir: Where frames wait; None: ``OUTPUT.vidstyle`` beside the output. It is
            deleted when all is done.
        overwrite: Whether results that are there may be replaced.
        restart: Throw away what an interrupted run has left.
        listener: Is told every step, frame and warning.

    Raises:
        InputError: If an input or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
        WorkDirError: If the work directory is not usable, or holds another run.
    """
    config = config or VideoConfig()
    clip, output = Path(clip), Path(output)
    regions = as_regions(regions)
    gif = None if evolution_output is None else Path(evolution_output)
    sheet = None if sheet_output is None else Path(sheet_output)
    check_outputs(output, gif, sheet, config.encoding)
    check_free(output, gif, sheet, overwrite=overwrite)
    evolution = (evolution or EvolutionConfig()) if gif else None
    info = probe(clip, fps=config.input_fps, background=config.background)
    height, width = working_size(
        height=info.height, width=info.width, long_side=config.style.long_side
    )
    shape = result_shape(info, config, height=height, width=width)
    tell_plan(info, output, config, shape, listener)
    shape = cut_shape(output, config.encoding, shape)
    waiting = work_dir or output.with_name(f"{output.name}.vidstyle")
    store = FrameStore(Path(waiting))
    masks = RegionMasks(
        regions=regions,
        info=info,
        config=config,
        store=store,
        height=height,
        width=width,
    )
    masks.check()
    stylizer = load_stylizer(
        style,
        config.style,
        height=height,
        width=width,
        listener=listener,
        times_s=config.style_at,
        regions=regions,
    )
    manifest = describe(info, as_paths(style, regions), config, evolution, stylizer)
    manifest |= describe_regions(regions)
    with store.claimed():
        store.open(manifest, restart=restart)
        stores = pass_stores(store, len(regions) + stylizer.bank.has_rest)
        announce(stores, info, config, shape, listener)
        found, painted = paint_passes(
            stylizer,
            masks,
            manifest,
            evolution=evolution,
            restart=restart,
            listener=listener,
        )
        write_result(painted, found, output, info=info, config=config)
        if sheet is not None:
            save_sheet(painted, found, info, sheet)
        learned = save_evolution(painted, gif, evolution, listener)
        store.remove()
    return VideoResult(
        output=output,
        frames=len(found.times_s),
        shots=len(found.starts),
        evolution=learned,
    )


def tell_plan(
    info: VideoInfo,
    output: Path,
    config: VideoConfig,
    shape: tuple[int, int],
    listener: Listener,
) -> None:
    """Report what will be made, and what of the clip the result cannot hold.

    Args:
        info: The clip.
        output: Where the result goes.
        config: How.
        shape: ``(height, width)`` of the frames that go into the result.
        listener: Is told.
    """
    height, width = cut_shape(output, config.encoding, shape)
    listener(Notice(text=f"{summary(info, config)} -> {width}x{height}"))
    if info.needs_normalizing:
        listener(Notice(text=f"decoded by ffmpeg: {'; '.join(info.normalizing)}"))
    for text in (
        *left_behind(info, output, config.encoding),
        *never_reached(info, config),
    ):
        listener(Notice(text=text, is_warning=True))
    for notice in (
        cut_notice(output, config.encoding, shape),
        data_notice(info, output),
        hardware_notice(output, config.encoding, shape),
    ):
        if notice is not None:
            listener(notice)


def summary(info: VideoInfo, config: VideoConfig) -> str:
    """Summarize the clip in a line."""
    taken, there = expected_frames(info, config), info.frame_count
    is_variable = measure_timing(info).kind == "variable"
    rate = f"{float(info.fps):.4g} fps{' (variable)' * is_variable}"
    facts = [f"{info.width}x{info.height}", rate]
    if taken is not None:
        of = "" if there in {None, taken} else f"of {there} "
        facts = [f"{taken} {of}frames", *facts]
    if info.has_audio:
        facts.append("with sound")
    return f"{info.path.name or info.path}: {', '.join(facts)}"


def never_reached(info: VideoInfo, config: VideoConfig) -> list[str]:
    """List the paintings whose times come after the clip's end."""
    if info.duration_s is None:
        return []
    return [
        f"style-at {time_s:g}: the clip ends at {info.duration_s:.2f} s, before that "
        "painting is alone"
        for time_s in config.style_at
        if time_s > info.duration_s
    ]


def announce(
    stores: Sequence[FrameStore],
    info: VideoInfo,
    config: VideoConfig,
    shape: tuple[int, int],
    listener: Listener,
) -> None:
    """Report the plan, and what an earlier run has done of it."""
    done = sum(len(store.painted()) for store in stores)
    if done:
        text = f"going on in {stores[0].work_dir}: {done} frames are painted"
        listener(Notice(text=text))
    frames = expected_frames(info, config)
    listener(
        Plan(
            height=shape[0],
            width=shape[1],
            frames=None if frames is None else frames * len(stores),
            done=done,
            next_steps=config.next_steps,
        )
    )


def expected_frames(info: VideoInfo, config: VideoConfig) -> int | None:
    """Guess how many frames will be painted, from what the container promises.

    Returns:
        For display only. None: it promises nothing.
    """
    start, stop = expected_span(info, config)
    return None if stop is None else max(0, stop - start)
