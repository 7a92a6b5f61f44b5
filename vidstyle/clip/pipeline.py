"""Stylize a clip from file to file: all stages in order."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.ingest import IngestState
from vidstyle.clip.manifest import describe, describe_machine
from vidstyle.clip.network_painter import NetworkPainter
from vidstyle.clip.prefetch import MotionEstimator
from vidstyle.clip.reader import (
    FrameReader,
    SelectedFrames,
    check_state,
    expected_frames,
    expected_span,
    open_reader,
)
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.regions import MakeFramePainter, MakePassPainter, RegionPasses
from vidstyle.clip.results import (
    SideBySide,
    StylizedFrames,
    painted_bars,
    save_evolution,
    save_sheet,
    tell_plan,
    whole_shape,
    write_result,
)
from vidstyle.clip.spread import SpreadPainter
from vidstyle.clip.workers import Workers
from vidstyle.config import EncodingConfig, EvolutionConfig, Region, VideoConfig
from vidstyle.devices import threads
from vidstyle.errors import ConfigError, counted
from vidstyle.images import write_whole
from vidstyle.motion.flow import estimate_motions
from vidstyle.records import Frame, Listener, Notice, Plan, StrPath, VideoInfo, ignore
from vidstyle.stylize.image import (
    Paintings,
    Styles,
    as_paths,
    as_regions,
    read_key,
    read_paintings,
)
from vidstyle.video.probe import first_shown
from vidstyle.video.read import without_bars
from vidstyle.video.work_dir import MANIFEST_FACTS, RUN, FrameStore
from vidstyle.video.write import Outputs, check_outputs

FRAME_WORK = 1.5  # time for a frame's motion and files on a CPU, in steps


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The outcome of a run."""

    output: Path
    frames: int
    shots: int
    evolution: Path | None


def stylize_video(
    clip: StrPath | FrameReader,
    style: Styles,
    output: StrPath,
    *,
    config: VideoConfig | None = None,
    regions: Sequence[Region] = (),
    keys: Mapping[float, StrPath] | None = None,
    evolution: EvolutionConfig | None = None,
    evolution_output: StrPath | None = None,
    sheet_output: StrPath | None = None,
    compare_output: StrPath | None = None,
    network_output: StrPath | None = None,
    work_dir: StrPath | None = None,
    overwrite: bool = False,
    restart: bool = False,
    listener: Listener = ignore,
    motion: MotionEstimator = estimate_motions,
    make_painter: MakeFramePainter = FrameOptimizer,
    workers: str | None = None,
) -> VideoResult:
    """Stylize a clip, keeping frame times, sound, subtitles and chapters.

    Calling it again with the same arguments resumes an interrupted run and gives the
    same pixels; ``restart`` discards what that run left.

    Several paintings are mixed, or change over time with ``config.style_at``. Where
    regions overlap, the later one wins; pixels outside all regions get ``style``, or
    stay unchanged if that is empty. ``keys`` are frames painted by hand, by the second
    of the clip: they are used unchanged, and other frames take paint from them.

    An output without a suffix is a folder of pictures. ``evolution_output`` is a .gif
    or .mp4 of a frame's optimization, ``sheet_output`` a contact sheet of frames before
    and after, ``compare_output`` an .mp4 of both side by side, ``network_output`` the
    trained network. Intermediate files are kept in ``work_dir``, by default
    ``OUTPUT.vidstyle``, which is deleted at the end.

    ``workers`` are the processes that paint the shots; see ``Workers``.
    """
    config = config or VideoConfig()
    crew = Workers(workers) if workers else None
    extras = evolution_output, sheet_output, compare_output, network_output
    outputs = Outputs(Path(output), *map(_path, extras))
    check_outputs(outputs, config.encoding, overwrite=overwrite)
    evolution = (evolution or EvolutionConfig()) if outputs.evolution else None
    own = {time_s: Path(path) for time_s, path in (keys or {}).items()}
    _check_parts(config, own, regions, workers)
    style = style or list(own.values())
    reader = open_reader(clip, config, has_regions=bool(regions))
    shape = tell_plan(reader.info, outputs.video, config, listener)
    store = FrameStore(Path(work_dir or f"{outputs.video}.vidstyle"))
    masks, paintings = read_inputs(
        reader, style, regions, config, store, listener=listener, motion=motion
    )
    given = _read_keys(own, reader.info, config)
    if config.has_painter:
        make_painter = partial(NetworkPainter, reader=reader, motion=motion)
    passes = RegionPasses(paintings, masks, evolution, make_painter, given)
    known = {} if restart else (store.facts(MANIFEST_FACTS) or {})
    with store.claimed(), crew or nullcontext(), threads(known.get("threads")) as count:
        machine, make = _painter_of(passes, crew, count, listener)
        manifest = describe(masks, machine, as_paths(style, regions), own, evolution)
        store.open(manifest, restart=restart)
        _begin(passes, outputs.video, shape, listener)
        found, stylized = passes.paint(manifest, listener, make)
        check_state(reader, manifest["clip_state"])  # sound is copied from it now
        return _write(passes, outputs, found, stylized, listener)


def _painter_of(
    passes: RegionPasses, crew: Workers | None, threads: int | None, listener: Listener
) -> tuple[dict[str, Any], MakePassPainter]:
    """Load the stylizer, here or in workers; return its facts and a painter factory."""
    if crew is not None:
        machine = crew.ask(passes.masks.config.style, threads, listener)
        return machine, partial(SpreadPainter, crew, passes)
    stylizer = passes.paintings.load(listener)
    machine = {"network": stylizer.network.name, **describe_machine(stylizer.device)}
    return machine, partial(passes.painter, stylizer)


def _check_parts(
    config: VideoConfig,
    keys: Mapping[float, Path],
    regions: Sequence[Region],
    workers: str | None,
) -> None:
    """Raise ConfigError if options exclude each other."""
    for name, is_given, other, is_other in (
        ("keys", keys, "regions", regions),
        ("loop", config.loop, "regions", regions),
        ("keys", keys, "a network", config.has_painter),
        ("workers", workers, "a network", config.has_painter),
    ):
        if is_given and is_other:
            raise ConfigError(f"give either {name} or {other}, not both.")


def _read_keys(
    painted: Mapping[float, Path], info: VideoInfo, config: VideoConfig
) -> dict[int, Frame]:
    """Read the frames painted by the user, by index.

    Raises ConfigError if a time is outside the range to paint, or two times show the
    same frame.
    """
    keys = dict[int, Frame]()
    start, stop = expected_span(info, config)
    size = whole_shape(info, config.style.long_side)
    bars = painted_bars(info, config.style.long_side)
    for time_s, path in painted.items():
        index = first_shown(info, time_s)
        if index < start or (stop is not None and index >= stop):
            text = "the first frame from then on is outside the painted range."
            raise ConfigError(f"key {time_s:g}: {text}")
        if index in keys:
            raise ConfigError(
                f"key {time_s:g}: this frame already has a key; remove one."
            )
        keys[index] = without_bars(read_key(path, *size), bars)
    return keys


def _path(name: StrPath | None) -> Path | None:
    return None if name is None else Path(name)


def read_inputs(
    reader: FrameReader,
    style: Styles,
    regions: Sequence[Region],
    config: VideoConfig,
    store: FrameStore,
    *,
    listener: Listener,
    motion: MotionEstimator = estimate_motions,
) -> tuple[RegionMasks, Paintings]:
    """Check the masks, and read the paintings."""
    masks = RegionMasks(as_regions(regions), reader, config, store, motion)
    height, width = masks.size
    paintings = read_paintings(
        style,
        config.style,
        height=height,
        width=width,
        listener=listener,
        times_s=config.style_at,
        regions=masks.regions,
    )
    return masks, paintings


def _begin(
    passes: RegionPasses, output: Path, shape: tuple[int, int], listener: Listener
) -> None:
    """Report the plan and an earlier run's progress.

    Stores what ``finish_video`` and ``video_status`` need next to the manifest.
    """
    masks, stores = passes.masks, passes.stores
    config = masks.config
    frames = expected_frames(masks.reader.info, config)
    if frames and config.loop:
        frames += 1  # the first one again
    facts = {
        "output": str(output.absolute()),
        "output_size": config.output_size,
        "encoding": asdict(config.encoding),
        "frames": frames,
        "passes": len(stores),
        "command": sys.argv,
    }
    masks.store.put_facts(RUN, facts)
    if damaged := passes.drop_damaged():
        text = f"damaged frames, to be painted again: {damaged}"
        listener(Notice(text=text, is_warning=True))
    done = sum(len(store.painted()) for store in stores)
    begun = sum(len(set(store.begun()) - set(store.painted())) for store in stores)
    if done or begun:
        painted = f"{counted(done, 'frame')} already painted"
        if begun:
            painted += f", {begun} begun"
        listener(Notice(text=f"resuming in {masks.store.work_dir}: {painted}"))
    plan = Plan(
        height=shape[0],
        width=shape[1],
        frames=None if frames is None else frames * len(stores),
        done=done,
        begun=begun,
        next_steps=config.expected_next_steps,
        frame_work=FRAME_WORK,
        newest=stores[0].newest if len(stores) == 1 else None,
    )
    listener(plan)


def _write(
    passes: RegionPasses,
    outputs: Outputs,
    found: IngestState,
    stylized: FrameStore,
    listener: Listener,
) -> VideoResult:
    """Write all results, then delete the work directory."""
    reader, config = passes.masks.reader, passes.masks.config
    bars = painted_bars(reader.info, config.style.long_side)
    frames = StylizedFrames(stylized, found, bars)
    write_result(frames, found, outputs.video, info=reader.info, config=config)
    if outputs.sheet is not None:
        save_sheet(stylized, found, reader, outputs.sheet)
    if outputs.compare is not None:
        both = SideBySide(
            SelectedFrames(reader, config),
            StylizedFrames(stylized, found),
            passes.paintings.paintings[0],
        )
        plain = replace(config, encoding=EncodingConfig(), output_size="working")
        write_result(both, found, outputs.compare, info=reader.info, config=plain)
    gif = save_evolution(stylized, outputs.evolution, passes.evolution, listener)
    store = passes.masks.store
    if outputs.network is not None and store.trained.is_file():
        write_whole(outputs.network, store.trained.read_bytes())
    store.remove()
    return VideoResult(outputs.video, len(found.times_s), len(found.starts), gif)
