"""Read a clip in the background: working-size frames to disk; shots and fades found.

One thread makes the only pass over the clip. It stays ahead of the painter: far enough
for the shots being painted, and for enough shots to fill the batch. Frames of a fade
are stored with the fade removed.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Self

from vidstyle.clip.reader import FrameReader, SelectedFrames
from vidstyle.color import ColorStatistics, Mask, color_statistics
from vidstyle.config import VideoConfig
from vidstyle.errors import ConfigError, WorkDirError, counted
from vidstyle.images import resize_frame
from vidstyle.motion.fades import FadeDetector, Light, plain_color
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import TimedFrame
from vidstyle.video.work_dir import FrameStore

AHEAD = 96
"""Frames that may wait to be painted if there are enough shots to fill the batch."""
RESERVE_BYTES = 200 * 2**20
"""Disk space that reading ahead leaves free."""

MaskOf = Callable[[int], Mask | None]
"""Returns the part of a frame to paint, by its index; thread-safe. None: all of it."""


@dataclass(slots=True)
class IngestState:
    """What has been read and detected so far."""

    starts: list[int] = field(default_factory=list)  # first frame of each shot
    certain: int = 0
    """Frames below this index are stored, and their cuts and fades decided."""
    times_s: list[float] = field(default_factory=list)  # on the source's clock
    colors: list[ColorStatistics] = field(default_factory=list)
    """Each frame's own, because a cut is found later than its frames; within
    the region painted, if it is not empty."""
    is_seen: list[bool] = field(default_factory=list)
    """Whether anything in each frame is painted; False for plain black or white."""
    opening: int | None = None
    """The first frame that is not plain black or white. The recorded frame is the first
    one optimized in its shot."""
    lights: dict[int, Light] = field(default_factory=dict)  # of faded frames, by index
    first: int = 0  # index of the first frame requested
    origin_s: float = 0.0
    """Timestamp of the clip's own first frame, on the source's clock."""
    end_s: float = 0.0
    """When the last frame ends, if only part of the clip was requested."""
    is_complete: bool = False  # whether the last frame has been read
    again: int | None = None
    """In a loop, the index of the repeated first frame, after the last."""
    warnings: list[str] = field(default_factory=list)  # not reported yet

    def without_repeat(self) -> "IngestState":
        """Omit a loop's repeated first frame."""
        starts = [start for start in self.starts if start != self.again]
        end = None if self.again is None else -1
        return replace(self, starts=starts, times_s=self.times_s[:end])

    def shows(self, index: int) -> bool:
        """Return whether there is anything to paint in a frame that was read."""
        return self.is_seen[index - self.first]

    def gain(self, index: int) -> float:
        """Return the brightness in (0, 1] at which a frame's scene was read."""
        light = self.lights.get(index)
        if light is None:
            return 1.0
        if light.shown == light.index:
            return light.gain
        return self.gain(index + light.shown - light.index)

    def follows(self, index: int, start: int) -> bool:
        """Return whether a frame of the shot from ``start`` continues a painted one."""
        return index > start and self.shows(index) and self.shows(index - 1)


class Ingest:
    """Reads a clip in the background; a context manager."""

    def __init__(
        self,
        reader: FrameReader,
        config: VideoConfig,
        store: FrameStore,
        *,
        height: int,
        width: int,
        mask: MaskOf = lambda _: None,
    ) -> None:
        """Prepare to read; ``mask`` returns the part of a frame that is painted."""
        self._selected = SelectedFrames(reader, config, self._warn)
        self._config, self._store = config, store
        self._height, self._width, self._mask = height, width, mask
        self._found = IngestState()
        self._error: BaseException | None = None
        self._unpainted = self._painted = self._open_lanes = self._polled = 0
        self._is_starved = False
        # ``with self._changed`` might not release the lock after a KeyboardInterrupt.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._selected.is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def poll(self, *, painted: int, open_lanes: int, wait: bool) -> IngestState:
        """Return the current state, with new warnings, and take in the painter's.

        The painter has finished ``painted`` frames in this run and can work on
        ``open_lanes`` shots. If it is idle, ``wait`` blocks until there are new frames.
        VidstyleError: any error of the reading thread.
        """
        with self._lock:
            self._painted, self._open_lanes = painted, open_lanes
            self._is_starved = wait
            self._changed.notify_all()
            if wait:
                self._changed.wait_for(self._has_news)
            if self._error is not None:
                raise self._error
            found = self._found
            self._polled = found.certain
            warnings, found.warnings = found.warnings, []
            return replace(found, starts=list(found.starts), warnings=warnings)

    def _has_news(self) -> bool:
        has_ended = self._found.is_complete or self._error is not None
        return has_ended or self._found.certain > self._polled

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as err:  # noqa: BLE001  # raised again in ``poll``
            with self._lock:
                self._error = err
                self._changed.notify_all()

    def _read(self) -> None:
        detector, fades = ShotDetector(), FadeDetector()
        for timed in self._frames():
            frame = resize_frame(timed.frame, height=self._height, width=self._width)
            if not self._wait_for_room():
                return
            cuts = detector.push(frame)
            lights = fades.push(frame, cuts)
            # All frames of a possible fade are needed: some show others' scenes.
            is_fading = fades.certain <= len(self._found.times_s)
            if is_fading or self._is_needed(timed.index):
                self._store.put_source(timed.index, frame)
            mask = self._mask(timed.index)
            is_seen = mask is None or bool(mask.any())
            colors = color_statistics(frame, mask if is_seen else None)
            with self._lock:
                if not self._found.times_s:
                    self._found.first = timed.index
                    self._found.origin_s = self._selected.origin_s
                    self._found.starts.append(timed.index)
                if not self._store.is_painted(timed.index):
                    self._unpainted += 1
                self._found.times_s.append(timed.time_s)
                self._found.colors.append(colors)
                is_plain = plain_color(frame) is not None
                self._found.is_seen.append(is_seen and not is_plain)
                if self._found.opening is None and not is_plain:
                    self._found.opening = timed.index
            self._undo_fades(lights)
            with self._lock:
                self._add(cuts, min(detector.certain, fades.certain))
        cuts = detector.finish()
        self._undo_fades(fades.finish(cuts))
        with self._lock:
            self._found.end_s = self._selected.end_s
            self._check_range()
            self._found.is_complete = True
            self._add(cuts, len(self._found.times_s))

    def _frames(self) -> Iterator[TimedFrame]:
        """Read the frames requested; in a loop, the first one again at the end."""
        first: TimedFrame | None = None
        for timed in self._selected:
            if first is None:
                first = timed
            yield timed
        if self._config.loop and first is not None and not self._selected.is_stopped:
            self._found.again = timed.index + 1
            end_s = self._selected.end_s
            yield replace(first, index=timed.index + 1, time_s=end_s)

    def _undo_fades(self, lights: Sequence[Light]) -> None:
        """Store frames with their fade removed; the painter has none of them yet."""
        found = self._found
        for light in lights:
            index = found.first + light.index
            scene = self._store.source(found.first + light.shown)
            if light.shown == light.index:  # brighter ones are restored already
                scene = light.scene(scene)
            self._store.put_source(index, scene)
            mask = self._mask(index) if found.shows(index) else None
            found.colors[light.index] = color_statistics(scene, mask)
            found.lights[index] = light

    def _check_range(self) -> None:
        """Warn of a range that ends after the clip; refuse one that starts after it."""
        found = self._found
        start, stop = self._config.frames
        path = self._selected.reader.info.path
        if not found.times_s:
            count = counted(self._selected.read_count, "frame")
            raise ConfigError(
                f"{path} has no frame in the requested range ({count} read); choose an "
                "earlier one."
            )
        end = found.first + len(found.without_repeat().times_s)
        if stop is not None and end < stop:
            found.warnings.append(
                f"{path} has only {counted(end, 'frame')}; painting {start}:{end} "
                f"instead of {start}:{stop}."
            )

    def _add(self, cuts: list[int], certain: int) -> None:
        """Publish the detectors' results, whose indices start at 0."""
        first = self._found.first
        self._found.starts.extend(first + cut for cut in cuts)
        self._found.certain = first + certain
        self._changed.notify_all()

    def _is_needed(self, index: int) -> bool:
        """Return whether a frame, or one that needs its flow, is not painted yet."""
        spacing = self._config.key_spacing
        around = range(max(0, index - spacing + 1), index + spacing + 1)
        return any(not self._store.is_painted(near) for near in around)

    def _wait_for_room(self) -> bool:
        """Block until the next frame is wanted; return False if the run has ended.

        WorkDirError: the disk is full and the painter has no frames left.
        """
        with self._lock:
            while not self._selected.is_stopped:
                waiting = self._unpainted - self._painted
                is_short = self._store.free_bytes() < RESERVE_BYTES
                if is_short and self._is_starved:
                    raise WorkDirError(
                        f"less than {RESERVE_BYTES // 2**20} MiB are free in "
                        f"{self._store.work_dir}; free some and run again to resume."
                    )
                wants_more = waiting < AHEAD or self._open_lanes < self._config.batch
                if not is_short and (wants_more or self._is_starved):
                    return True
                self._changed.wait(timeout=1)
        return False

    def _warn(self, text: str) -> None:
        with self._lock:
            self._found.warnings.append(text)


class _Scratch(FrameStore):
    """A temporary store in which all frames count as painted, so none is kept."""

    def is_painted(self, index: int) -> bool:  # noqa: ARG002
        return True


def scan(
    reader: FrameReader, config: VideoConfig, *, height: int, width: int, most_s: float
) -> IngestState:
    """Find a clip's times, shots and fades; stop early after ``most_s``."""
    started_s = monotonic()
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        store = _Scratch(Path(folder))
        store.open({})
        with Ingest(reader, config, store, height=height, width=width) as ingest:
            while True:
                found = ingest.poll(painted=0, open_lanes=0, wait=True)
                if found.is_complete or monotonic() - started_s > most_s:
                    return found.without_repeat()
