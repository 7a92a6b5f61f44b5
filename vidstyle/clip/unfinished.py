"""Unfinished runs: their status, and a clip of the frames painted so far."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstyle.clip.reader import FrameReader, open_reader
from vidstyle.config import VideoConfig
from vidstyle.errors import ConfigError, WorkDirError, counted
from vidstyle.motion.fades import LONGEST
from vidstyle.records import Listener, Notice, StrPath, ignore
from vidstyle.video.work_dir import MANIFEST, MANIFEST_FACTS, RUN, FrameStore
from vidstyle.video.write import Outputs, check_outputs

if TYPE_CHECKING:
    from vidstyle.clip.ingest import IngestState
    from vidstyle.clip.pipeline import VideoResult


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStatus:
    """The progress of a run."""

    work_dir: Path
    output: Path
    painted: int  # frames, counted for each region
    frames: int | None  # estimated total; None: unknown
    process: str | None  # that works on it; None: none does
    newest: Path | None  # file of the latest frame
    command: list[str]  # that started or last resumed it


def video_status(run: StrPath) -> VideoStatus:
    """Inspect an unfinished run, given its work directory or its output.

    Raises WorkDirError if there is none, or its facts are damaged.
    """
    store, facts = _open_run(Path(run))
    later = [store.work_dir / f"region-{n}" for n in range(2, facts["passes"] + 1)]
    stores = [store, *map(FrameStore, later)]
    frames = facts["frames"]
    return VideoStatus(
        work_dir=store.work_dir,
        output=Path(facts["output"]),
        painted=sum(len(part.painted()) for part in stores),
        frames=None if frames is None else frames * facts["passes"],
        process=store.owner(),
        newest=store.newest if store.newest.is_file() else None,
        command=facts["command"],
    )


def finish_video(
    run: StrPath,
    output: StrPath | None = None,
    *,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> "VideoResult":
    """Encode the frames that an unfinished run has painted, with their sound.

    Stops before the first missing frame. The default ``output`` is the run's own. The
    run can still be resumed. Raises WorkDirError if there is no such run, nothing is
    painted, or the clip has changed; ConfigError if ``output`` is the clip.
    """
    store, facts = _open_run(Path(run))
    known = store.facts(MANIFEST_FACTS) or {}
    fps = known["input_fps"]
    names = "background", "start_s", "duration_s", "paint_bars", "long_side", "loop"
    config = VideoConfig.of(
        output_size=facts["output_size"],
        input_fps=None if fps is None else Fraction(fps),
        frames=tuple(known["frames"]),
        **{name: known[name] for name in names},
        **facts["encoding"],
    )
    outputs = Outputs(Path(output or facts["output"]), None, None)
    check_outputs(outputs, config.encoding, overwrite=overwrite)
    composed = FrameStore(store.work_dir / "composed")
    has_regions = composed.work_dir.is_dir()
    if has_regions:
        store = composed
    reader = open_reader(known["clip"], config, has_regions=has_regions)
    if outputs.video.exists() and outputs.video.samefile(known["clip"]):
        text = f"the result {outputs.video} would replace its clip; name another file."
        raise ConfigError(text)
    if reader.state != known["clip_state"]:
        text = f"{known['clip']} has changed since it was painted; restore it."
        raise WorkDirError(text)
    return _write(store, reader, config, outputs.video, listener)


def _open_run(path: Path) -> tuple[FrameStore, dict[str, Any]]:
    """Find a run's store, and the facts stored next to its manifest."""
    if not (path / MANIFEST).is_file():
        path = Path(f"{path}.vidstyle")
    store = FrameStore(path)
    facts = store.facts(RUN)
    if facts is None:
        raise WorkDirError(
            f"there is no unfinished run in {path}; if it was started with --work-dir, "
            "give that directory."
        )
    return store, facts


def _write(
    store: FrameStore,
    reader: FrameReader,
    config: VideoConfig,
    output: Path,
    listener: Listener,
) -> "VideoResult":
    """Encode the frames up to the first missing one."""
    from vidstyle.clip.pipeline import VideoResult  # late: imports torch
    from vidstyle.clip.results import StylizedFrames, painted_bars, write_result

    painted = store.painted()
    if not painted:
        raise WorkDirError(
            f"no frame is finished yet in {store.work_dir}; resume the run first."
        )
    found = _scan(reader, config, painted[-1])
    first, count = found.first, 0
    while count < len(found.times_s) and store.is_whole(first + count):
        count += 1
    if not count:
        raise WorkDirError(
            f"the first frame is not finished yet in {store.work_dir}; resume the run "
            "first."
        )
    frames = range(first, first + len(found.times_s))  # a loop has painted one more
    left = sum(index in frames for index in painted) - count
    if left:
        text = f"skipping {counted(left, 'frame')} after an unfinished one"
        listener(Notice(text=text))
    if count < len(found.times_s):
        end_s, stop = found.times_s[count], first + count
        found = replace(found, times_s=found.times_s[:count], end_s=end_s)
        config = replace(config, frames=(first, stop), start_s=None, duration_s=None)
    bars = painted_bars(reader.info, config.style.long_side)
    stylized = StylizedFrames(store, found, bars)
    write_result(stylized, found, output, info=reader.info, config=config)
    shots = sum(start < first + count for start in found.starts)
    return VideoResult(output=output, frames=count, shots=shots, evolution=None)


def _scan(reader: FrameReader, config: VideoConfig, last: int) -> "IngestState":
    """Read a clip until all cuts and fades up to frame ``last`` are decided."""
    from vidstyle.clip.ingest import scan  # late: imports torch
    from vidstyle.clip.results import frame_shape

    if config.start_s is None and config.duration_s is None:
        start, stop = config.frames
        end = last + 2 + LONGEST
        config = replace(config, frames=(start, min(stop or end, end)))
    height, width = frame_shape(reader.info, config.style.long_side)
    return scan(reader, config, height=height, width=width, most_s=math.inf)
