"""A clip, from file to file: the stages in order, on one screen."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.manifest import describe
from vidstyle.clip.network_painter import NetworkPainter
from vidstyle.clip.notices import announce, expected_frames, tell_plan
from vidstyle.clip.prefetch import MotionEstimator
from vidstyle.clip.reader import (
    FrameReader,
    SelectedFrames,
    check_state,
    expected_span,
    open_reader,
)
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.regions import MakeFramePainter, RegionPasses
from vidstyle.clip.results import (
    SideBySide,
    StylizedFrames,
    frame_shape,
    painted_bars,
    save_evolution,
    save_sheet,
    whole_shape,
    write_result,
)
from vidstyle.clip.spread import prepare
from vidstyle.clip.workers import Workers
from vidstyle.config import EncodingConfig, EvolutionConfig, Region, VideoConfig
from vidstyle.devices import threads
from vidstyle.errors import ConfigError
from vidstyle.motion.flow import estimate_motions
from vidstyle.records import Frame, Listener, StrPath, VideoInfo, ignore
from vidstyle.stylize.image import (
    Paintings,
    Styles,
    as_paths,
    as_regions,
    read_key,
    read_paintings,
)
from vidstyle.video.files import Outputs, check_outputs
from vidstyle.video.probe import first_shown
from vidstyle.video.read import without_bars
from vidstyle.video.work_dir import MANIFEST, RUN, FrameStore


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoResult:
    """What a run has made."""

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
    """Paint a clip: the same frames at the same times with the same sound.

    An interrupted run goes on where it stopped when it is called again with the same
    arguments, and ends in the same pixels; ``restart`` throws away what it has left.

    Several paintings are mixed, or as ``config.style_at`` says. Where two regions meet,
    the later one wins; what is in none gets ``style``, or stays as it is if that is
    empty. ``keys`` are paintings of frames by another hand, by the second at which the
    frame is shown: they stand in the result, and frames around take their paint.

    An output without an ending is a folder of pictures; ``evolution_output`` is a .gif
    or .mp4 of how a frame was learned, ``sheet_output`` a picture of spread frames,
    before and after, ``compare_output`` an .mp4 of both side by side,
    ``network_output`` the network that was trained. Frames wait in ``work_dir``, by
    default ``OUTPUT.vidstyle``, which is deleted in the end.

    ``workers`` are the processes that paint the shots, as ``Workers`` takes them.

    Raises:
        VidstyleError: An InputError, WeightsError, OptimizationError, OutputError or
            WorkDirError.
    """
    config, crew = config or VideoConfig(), Workers(workers) if workers else None
    others = map(_path, (evolution_output, sheet_output, compare_output))
    outputs = Outputs(Path(output), *others)
    check_outputs(outputs, config.encoding, overwrite=overwrite)
    evolution = (evolution or EvolutionConfig()) if outputs.evolution else None
    painted = {time_s: Path(path) for time_s, path in (keys or {}).items()}
    _check_parts(config, painted, regions, workers)
    style = style or list(painted.values())
    reader = open_reader(clip, config, has_regions=bool(regions))
    shape = tell_plan(reader.info, outputs.video, config, listener)
    store = FrameStore(Path(work_dir or f"{outputs.video}.vidstyle"))
    masks, paintings = read_inputs(
        reader, style, regions, config, store, listener=listener, motion=motion
    )
    given = _read_keys(painted, reader.info, config)
    if config.has_painter:
        network = _path(network_output)
        make_painter = partial(
            NetworkPainter, reader=reader, motion=motion, output=network
        )
    passes = RegionPasses(paintings, masks, evolution, listener, make_painter, given)
    pictures = as_paths(style, regions)
    known = {} if restart else store.facts(Path(MANIFEST).stem) or {}
    with store.claimed(), crew or nullcontext(), threads(known.get("threads")) as count:
        passes, machine = prepare(passes, paintings, crew, count)
        manifest = describe(masks, machine, pictures, painted, evolution)
        return _paint(passes, manifest, outputs, shape, restart=restart)


def _check_parts(
    config: VideoConfig,
    keys: Mapping[float, Path],
    regions: Sequence[Region],
    workers: str | None,
) -> None:
    """Check that what is asked for goes together, or raise ConfigError."""
    for name, is_given, other, is_other in (
        ("keys", keys, "regions", regions),
        ("loop", config.loop, "regions", regions),
        ("loop", config.loop, "workers", workers),
        ("keys", keys, "a network", config.has_painter),
        ("workers", workers, "a network", config.has_painter),
    ):
        if is_given and is_other:
            raise ConfigError(f"give either {name} or {other}, not both.")


def _read_keys(
    painted: Mapping[float, Path], info: VideoInfo, config: VideoConfig
) -> dict[int, Frame]:
    """Read the frames that the user has painted; by index."""
    size = whole_shape(info, config.style.long_side)
    bars = painted_bars(info, config.style.long_side)
    return {
        _key_index(time_s, info, config): without_bars(read_key(path, *size), bars)
        for time_s, path in painted.items()
    }


def _key_index(time_s: float, info: VideoInfo, config: VideoConfig) -> int:
    """Find the frame that is shown at a time.

    Raises:
        ConfigError: If it is none of those that are painted.
    """
    index, (start, stop) = first_shown(info, time_s), expected_span(info, config)
    if index < start or (stop is not None and index >= stop):
        raise ConfigError(f"key {time_s:g}: no frame that is painted is shown then.")
    return index


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
    regions = as_regions(regions)
    height, width = frame_shape(reader.info, config.style.long_side)
    masks = RegionMasks(
        regions=regions,
        reader=reader,
        config=config,
        store=store,
        height=height,
        width=width,
        motion=motion,
    )
    masks.check()
    paintings = read_paintings(
        style,
        config.style,
        height=height,
        width=width,
        listener=listener,
        times_s=config.style_at,
        regions=regions,
    )
    return masks, paintings


def _paint(
    passes: RegionPasses,
    manifest: Mapping[str, Any],
    outputs: Outputs,
    shape: tuple[int, int],
    *,
    restart: bool,
) -> VideoResult:
    """Paint all passes and write the results; the work directory is claimed."""
    masks = passes.masks
    masks.store.open(manifest, restart=restart)
    _record(passes, outputs.video)
    announce(passes, shape)
    found, stylized = passes.paint(manifest, restart=restart)
    reader, config = masks.reader, masks.config
    check_state(reader, manifest["clip_state"])  # the sound is read from it now
    bars = painted_bars(reader.info, config.style.long_side)
    frames = StylizedFrames(stylized, found, bars)
    write_result(frames, found, outputs.video, info=reader.info, config=config)
    if outputs.sheet is not None:
        save_sheet(stylized, found, reader, outputs.sheet)
    if outputs.compare is not None:
        both = SideBySide(
            SelectedFrames(reader, config),
            StylizedFrames(stylized, found),
            passes.stylizer.paintings[0],
        )
        plain = replace(config, encoding=EncodingConfig(), output_size="working")
        write_result(both, found, outputs.compare, info=reader.info, config=plain)
    evolution = save_evolution(
        stylized, outputs.evolution, passes.evolution, passes.listener
    )
    masks.store.remove()
    return VideoResult(
        output=outputs.video,
        frames=len(found.times_s),
        shots=len(found.starts),
        evolution=evolution,
    )


def _record(passes: RegionPasses, output: Path) -> None:
    """Keep what ``finish_video`` and ``video_status`` need beside the manifest."""
    config = passes.masks.config
    facts = {
        "output": str(output.absolute()),
        "output_size": config.output_size,
        "encoding": asdict(config.encoding),
        "frames": expected_frames(passes.masks.reader.info, config),
        "passes": len(passes.stores),
        "command": sys.argv,
    }
    passes.masks.store.put_facts(RUN, facts)
