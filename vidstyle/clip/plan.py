"""Estimate the time, memory and disk space of a run by a trial on its first frames."""

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Final

from vidstyle.clip.ingest import AHEAD, scan
from vidstyle.clip.pipeline import read_inputs
from vidstyle.clip.preview import reduced
from vidstyle.clip.reader import (
    FrameReader,
    expected_frames,
    expected_span,
    open_reader,
)
from vidstyle.clip.regions import RegionPasses
from vidstyle.clip.results import frame_shape, tell_plan, whole_shape
from vidstyle.clip.workers import Workers
from vidstyle.config import Region, VideoConfig
from vidstyle.devices import choose_device, memory_of, memory_used, threads
from vidstyle.errors import ConfigError
from vidstyle.optimize.pyramid import shared_steps
from vidstyle.pace import duration
from vidstyle.records import Event, FrameReport, Listener, Notice, StepReport, ignore
from vidstyle.stylize.image import Styles
from vidstyle.video.work_dir import FrameStore

# Longest side of the trial that counts the steps per frame, about those of full size.
SMALL: Final = 96
SMALL_FRAMES: Final = 6  # at least; all frames up to the second key frame are needed
# Frames, and steps at each size, of the trial that measures the time per step.
FULL_FRAMES, FULL_STEPS = 4, 4
COUNT_S: Final = 30  # then the remaining cuts are extrapolated


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlan:
    """The estimated cost of a run."""

    frames: int
    shots: int
    width: int  # working size, in pixels
    height: int
    passes: int  # one, or one for each region
    batch: int
    workers: int
    network: str
    device: str
    memory_bytes: int  # peak device memory of the trial; 0: unknown
    memory_there_bytes: int
    disk_bytes: int  # of the work directory
    disk_free_bytes: int
    first_frame_s: float  # of a shot
    frame_s: float  # mean of all others
    seconds: float  # in total

    def lines(self) -> Iterator[str]:
        """Format it for people."""
        many = f" in {self.shots} shots" if self.shots > 1 else ""
        yield f"frames  {self.frames}{many}, {self.width}x{self.height}"
        batch = f"in batches of {self.batch}, " if self.batch > 1 else ""
        crew = f" by {self.workers} workers" if self.workers > 1 else ""
        yield f"paint   {batch}with {self.network} on {self.device}{crew}"
        for name, needed, there in (
            ("memory", self.memory_bytes, self.memory_there_bytes),
            ("disk  ", self.disk_bytes, self.disk_free_bytes),
        ):
            yield f"{name}  {needed / 1e9:.2g} of {there / 1e9:.3g} GB"
        first = f"{self.first_frame_s:.2g} s for a shot's first one"
        yield f"time    {self.frame_s:.2g} s per frame, {first}"
        yield f"total   about {duration(self.seconds)}"


def plan_video(
    clip: str | Path | FrameReader,
    style: Styles,
    output: Path,
    *,
    config: VideoConfig,
    regions: Sequence[Region] = (),
    listener: Listener = ignore,
    workers: str | None = None,
) -> ClipPlan:
    """Count a clip's frames and shots, and stylize its first frames as a trial.

    A small trial with all steps gives the steps per frame; one at full size with few
    steps gives the time per step. Arguments are as for ``stylize_video``; no files are
    left behind. Workers are asked how many they are and for their number of threads.
    """
    if config.has_painter:
        raise ConfigError("plan does not work with method network or a painter.")
    count, cores = 1, None
    if workers is not None:
        with Workers(workers) as crew:
            cores = crew.ask(config.style, None, listener)["threads"]
            count = crew.count
    reader = open_reader(clip, config, has_regions=bool(regions))
    tell_plan(reader.info, output, config, listener)
    shape = frame_shape(reader.info, config.style.long_side)
    frames, shots, begin = _count(reader, config, *shape)
    shown = replace(config, frames=(begin, None), start_s=None, duration_s=None)
    small = _Trial(_small(reader, shown), ignore)
    full = _Trial(_full(reader, shown), listener)
    with threads(cores):
        small.paint(reader, style, regions)
        full.paint(reader, style, regions)
    first_s, other_s = full.seconds(*small.steps(config))
    seconds = shots * first_s + (frames - shots) * other_s
    seconds *= full.passes / min(config.batch * count, shots)
    device = choose_device(config.style.device)
    return ClipPlan(
        frames=frames,
        shots=shots,
        height=shape[0],
        width=shape[1],
        passes=full.passes,
        batch=config.batch,
        workers=count,
        network=full.network,
        device=device.type,
        memory_bytes=memory_used(device),
        memory_there_bytes=memory_of(device),
        disk_bytes=full.bytes_per_frame * (full.passes * frames + min(frames, AHEAD)),
        disk_free_bytes=shutil.disk_usage(output.absolute().parent).free,
        first_frame_s=first_s,
        frame_s=other_s,
        seconds=full.loading_s + seconds,
    )


def _small(reader: FrameReader, config: VideoConfig) -> VideoConfig:
    """Configure the small trial with all steps."""
    start, _ = expected_span(reader.info, config)
    shape = whole_shape(reader.info, config.style.long_side)
    longer, shorter = max(shape), min(shape)
    # Extreme aspect ratios keep a minimum of pixels on the shorter side.
    side = min(longer, max(SMALL, SMALL // 2 * longer // shorter))
    last = start + max(SMALL_FRAMES - 1, config.key_spacing)
    small = reduced(config, shape, side, reader.info, last)
    return replace(small, style=replace(small.style, steps=config.style.steps))


def _full(reader: FrameReader, config: VideoConfig) -> VideoConfig:
    """Configure the full-size trial with few steps."""
    start, _ = expected_span(reader.info, config)
    steps = min(config.style.steps, FULL_STEPS * config.style.pyramid)
    return replace(
        config,
        frames=(start, start + FULL_FRAMES),
        start_s=None,
        duration_s=None,
        next_steps=min(config.next_steps, FULL_STEPS),
        style=replace(config.style, steps=steps),
    )


def _count(
    reader: FrameReader, config: VideoConfig, height: int, width: int
) -> tuple[int, int, int]:
    """Count frames and shots, extrapolating after ``COUNT_S``.

    The third number is the index of the first frame that is not just black or white.
    """
    expected = expected_frames(reader.info, config)
    most_s = COUNT_S if expected else math.inf
    found = scan(reader, config, height=height, width=width, most_s=most_s)
    frames, shots = len(found.times_s), len(found.starts)
    if expected and not found.is_complete:
        frames, shots = expected, max(1, round(shots * expected / frames))
    return frames, shots, found.opening or 0


class _Trial:
    """Stylizes a clip's first frames and records the steps and times."""

    def __init__(self, config: VideoConfig, listener: Listener) -> None:
        self._config, self._listener = config, listener
        self._newest_s = self._frame_s = time.monotonic()
        # Seconds of each step, by its relative work (that is, by pyramid level).
        self._step_s = defaultdict[float, list[float]](list)
        self._frames: list[tuple[int, int, float]] = []  # index, steps, seconds

    def paint(
        self, reader: FrameReader, style: Styles, regions: Sequence[Region]
    ) -> None:
        """Stylize in a temporary folder."""
        with TemporaryDirectory(prefix="vidstyle-") as folder:
            store, started = FrameStore(Path(folder)), time.monotonic()
            masks, paintings = read_inputs(
                reader, style, regions, self._config, store, listener=self._listener
            )
            stylizer = paintings.load(self._listener)
            self.loading_s = time.monotonic() - started
            passes = RegionPasses(paintings, masks, None)
            passes.paint({}, self._hear, partial(passes.painter, stylizer))
            sizes = [path.stat().st_size for path in store.work_dir.rglob("*.png")]
        self.passes, self.network = len(passes.stores), stylizer.network.name
        self.bytes_per_frame = round(median(sizes))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Notice):
            self._listener(event)
            return
        if isinstance(event, StepReport):
            _ = event.losses  # waits for the device
        now = time.monotonic()
        if isinstance(event, StepReport) and event.step > 1:
            self._step_s[event.work].append(now - self._newest_s)
        if isinstance(event, FrameReport):
            self._frames.append((event.frame, event.steps, now - self._frame_s))
            self._frame_s = now
        self._newest_s = now

    def steps(self, config: VideoConfig) -> tuple[float, float]:
        """Return the mean steps of the first frame, and of all others."""
        begin = min(frame for frame, _, _ in self._frames)
        first = [steps for frame, steps, _ in self._frames if frame == begin]
        other = [steps for frame, steps, _ in self._frames if frame > begin]
        return fmean(first), fmean(other or [config.expected_next_steps])

    def seconds(self, first: float, other: float) -> tuple[float, float]:
        """Estimate the time of a first and another frame from their steps."""
        step_s = [median(self._step_s[work]) for work in sorted(self._step_s)] or [0.0]
        extra = [time_s - steps * step_s[-1] for _, steps, time_s in self._frames[1:]]
        extra_s = max(0.0, median(extra or [0.0]))
        shares = shared_steps(round(first), len(step_s))
        steps_s = sum(share * one for share, one in zip(shares, step_s, strict=True))
        return extra_s + steps_s, extra_s + other * step_s[-1]
