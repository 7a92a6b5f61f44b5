"""A clip, from file to file: the stages in order, on one screen."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.errors import ImageOpenError
from vidstyle.images import write_picture
from vidstyle.ingest import Found, Ingest
from vidstyle.painting import Painter
from vidstyle.records import Frame, Listener, Notice, Plan, VideoInfo
from vidstyle.still import Tools, ignore, prepare, working_size
from vidstyle.video.evolution import write_evolution
from vidstyle.video.pictures import write_pictures
from vidstyle.video.probe import probe
from vidstyle.video.sheet import contact_sheet, pick_frames, spread
from vidstyle.video.store import FrameStore
from vidstyle.video.tracks import ending_for
from vidstyle.video.write import write_video

SHEET_PICTURES = 4
"""Frames on a contact sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoResult:
    """What a run has made."""

    output: Path
    frames: int
    shots: int
    evolution: Path | None


def stylize_video(
    clip: Path,
    style: Path,
    output: Path,
    *,
    config: VideoConfig | None = None,
    evolution: EvolutionConfig | None = None,
    evolution_output: Path | None = None,
    sheet_output: Path | None = None,
    work_dir: Path | None = None,
    restart: bool = False,
    listener: Listener = ignore,
) -> VideoResult:
    """Paint a clip: the same frames at the same times with the same sound.

    A run that was interrupted goes on where it stopped when it is called again with the
    same arguments, and ends in the same pixels.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        style: The painting's file.
        output: Where the result goes; an existing file is replaced.
        config: How; None: the defaults.
        evolution: How the GIF of the learning looks; None: the defaults.
        evolution_output: Where it goes, ``.gif`` or ``.mp4``; None: no GIF.
        sheet_output: Where a picture of spread frames, before and after, goes; None: no
            such sheet.
        work_dir: Where frames wait; None: ``OUTPUT.vidstyle`` beside the output. It is
            deleted when all is done.
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
    evolution = (evolution or EvolutionConfig()) if evolution_output else None
    info = probe(clip)
    height, width = working_size(
        height=info.height, width=info.width, long_side=config.style.long_side
    )
    tools = prepare(style, config.style, height=height, width=width, listener=listener)
    store = FrameStore(work_dir or output.with_name(f"{output.name}.vidstyle"))
    manifest = describe(info, style, config, evolution, tools)
    if store.open(manifest, restart=restart):
        done = len(store.painted())
        listener(
            Notice(text=f"going on in {store.work_dir}: {done} frames are painted")
        )
    listener(
        Plan(
            height=height,
            width=width,
            frames=expected_frames(info, config),
            done=len(store.painted()),
        )
    )
    painter = Painter(tools, store, config, evolution=evolution, listener=listener)
    with Ingest(info, config, store, height=height, width=width) as ingest:
        found = painter.paint(ingest)
    write_result(store, found, output, info=info, config=config, listener=listener)
    if sheet_output is not None:
        save_sheet(store, found, info, sheet_output)
    learned = save_evolution(store, evolution_output, evolution, listener)
    store.remove()
    return VideoResult(
        output=output,
        frames=len(found.times_s),
        shots=len(found.starts),
        evolution=learned,
    )


def write_result(
    store: FrameStore,
    found: Found,
    output: Path,
    *,
    info: VideoInfo,
    config: VideoConfig,
    listener: Listener,
) -> None:
    """Put the painted frames together, with the sound of the part that was taken.

    A name without an ending is a folder of pictures.
    """
    is_source_size = config.output_size == "source"
    height = info.height if is_source_size else None
    width = info.width if is_source_size else None
    frames = stylized_frames(store, found)
    if not output.suffix:
        write_pictures(frames, output, height=height, width=width)
        return
    is_range = config.frames != (0, None) or config.start_s or config.duration_s
    write_video(
        frames,
        output,
        times_s=found.times_s,
        fps=info.fps,
        source=info,
        span=(found.times_s[0], found.end_s) if is_range else None,
        crf=config.crf,
        height=height,
        width=width,
        on_warning=lambda text: listener(Notice(text=text, is_warning=True)),
    )


def save_sheet(store: FrameStore, found: Found, info: VideoInfo, path: Path) -> Path:
    """Lay out spread frames: above as they were, below as they are painted."""
    indices = spread(found.first, len(found.times_s), SHEET_PICTURES)
    painted = [store.stylized(index) for index in indices]
    height, width = painted[0].shape[:2]
    sources = pick_frames(info, indices, height=height, width=width)
    write_picture(path, contact_sheet([[sources[i] for i in indices], painted]))
    return path


def default_output(clip: Path, style: Path) -> Path:
    """Name the result after its two parents: clip.painting.mp4.

    It is an ``.mkv`` where the clip has a stream that no ``.mp4`` can hold.

    Raises:
        VideoOpenError: If the clip cannot be read.
    """
    return clip.with_name(f"{clip.stem}.{style.stem}{ending_for(probe(clip))}")


def stylized_frames(store: FrameStore, found: Found) -> Iterator[Frame]:
    """Read the painted frames in order, one at a time."""
    for index in range(found.first, found.first + len(found.times_s)):
        yield store.stylized(index)


def save_evolution(
    store: FrameStore,
    path: Path | None,
    evolution: EvolutionConfig | None,
    listener: Listener,
) -> Path | None:
    """Write the GIF of the learning, if one was asked for and its frame came by."""
    if path is None or evolution is None:
        return None
    pictures = store.evolution()
    if pictures is None:
        text = f"no {path.name}: frame {evolution.frame} is not among those painted"
        listener(Notice(text=text, is_warning=True))
        return None
    write_evolution(pictures, path, config=evolution)
    return path


def expected_frames(info: VideoInfo, config: VideoConfig) -> int | None:
    """Guess from the container how many frames will be painted; for the bar only."""
    start, stop = config.frames
    if config.duration_s is not None:
        return round(config.duration_s * info.fps)
    count = info.frame_count
    if count is None:
        return None if stop is None else stop - start
    count = count if stop is None else min(stop, count)
    return max(0, count - start - round((config.start_s or 0) * info.fps))


def describe(
    info: VideoInfo,
    style: Path,
    config: VideoConfig,
    evolution: EvolutionConfig | None,
    tools: Tools,
) -> dict[str, Any]:
    """Say what a run makes, so that no other run goes on with its frames.

    All that changes a pixel is in it: settings, inputs, device, threads and versions.
    What only changes how the frames are written is not.
    """
    settings = asdict(config) | asdict(config.style)
    for name in ("style", "crf", "output_size", "strict"):
        del settings[name]
    return {
        **{name: _plain(value) for name, value in settings.items()},
        "clip": str(info.path.resolve()),
        "clip_state": _state(info.path),
        "painting": _digest(style),
        "evolution": None if evolution is None else _plain(asdict(evolution)),
        "network": tools.network.name,
        "device": str(tools.device),
        "threads": torch.get_num_threads(),
        "versions": f"vidstyle {version('vidstyle')}, torch {torch.__version__}",
    }


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _state(path: Path) -> list[int]:
    """Size and time of change: enough to notice that a file is another now."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as err:
        raise ImageOpenError(f"cannot read {path}: {err.strerror}.") from err
