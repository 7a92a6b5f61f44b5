"""Clip -> working-size frames in the work directory, and where shots begin.

One background thread makes the only pass over the source, while the optimiser works. It
runs ahead as far as the painter needs: enough frames for the shots being painted, and
enough shots to fill the batch.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from vidstyle.color.masks import Mask
from vidstyle.color.palette import ColorStatistics, color_statistics
from vidstyle.config import VideoConfig
from vidstyle.errors import ConfigError, WorkDirError
from vidstyle.images import resize_frame
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import TimedFrame, VideoInfo
from vidstyle.video.probe import first_shown
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

AHEAD = 96
"""Frames that may wait to be painted while there are shots enough to fill the batch."""
RESERVE_BYTES = 200 * 2**20
"""Free disk that reading ahead leaves alone."""


@dataclass(slots=True)
class IngestState:
    """What the reader knows so far."""

    starts: list[int] = field(default_factory=list)
    """First frame of every shot, in order."""
    certain: int = 0
    """Frames below this index are stored, and whether they start a shot is known."""
    times_s: list[float] = field(default_factory=list)
    """When each frame is shown, on the source's clock."""
    colors: list[ColorStatistics] = field(default_factory=list)
    """Of each frame; raw, since a cut may be found later than its frames. Of a region
    of it, if only that is painted; where it is empty, of the frame."""
    is_seen: list[bool] = field(default_factory=list)
    """Whether that region is not empty, of each frame; without one it never is."""
    first: int = 0
    """Index of the first frame that was asked for."""
    origin_s: float = 0.0
    """When the clip's own first frame is shown, on the source's clock."""
    end_s: float = 0.0
    """When the last frame ends, if only a part of the clip was asked for."""
    is_complete: bool = False
    """Whether the last frame has been read."""
    warnings: list[str] = field(default_factory=list)
    """Not told to the user yet."""

    def shows(self, index: int) -> bool:
        """Whether there is something to paint in a frame that was read."""
        return self.is_seen[index - self.first]

    def follows(self, index: int, start: int) -> bool:
        """Whether a frame of the shot from ``start`` on continues a painted one."""
        return index > start and self.shows(index) and self.shows(index - 1)


class Ingest:
    """Read a clip in the background; a context manager."""

    def __init__(
        self,
        info: VideoInfo,
        config: VideoConfig,
        store: FrameStore,
        *,
        height: int,
        width: int,
        mask: Callable[[int], Mask] | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            info: The clip.
            config: Which frames of it.
            store: Where they go.
            height: In which they are stored.
            width: In which they are stored.
            mask: Says by a frame's index which region of it is painted; None: all.
        """
        self._info, self._config, self._store = info, config, store
        self._height, self._width, self._mask = height, width, mask
        self._found = IngestState()
        self._error: BaseException | None = None
        self._unpainted = self._painted = self._open_lanes = self._seen = 0
        self._is_stopped = self._is_starved = False
        self._end_s = self._origin_s = 0.0
        self._read_count = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop reading."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def poll(self, *, painted: int, open_lanes: int, wait: bool) -> IngestState:
        """See how far reading has come.

        Args:
            painted: Frames that the painter has finished in this run.
            open_lanes: Shots that it can work on.
            wait: Whether the painter has nothing to do until there is more.

        Returns:
            What is known; its warnings are new.

        Raises:
            VidstyleError: What the reading thread met.
        """
        with self._changed:
            self._painted, self._open_lanes = painted, open_lanes
            self._is_starved = wait
            self._changed.notify_all()
            if wait:
                self._changed.wait_for(
                    lambda: (
                        self._found.certain > self._seen
                        or self._found.is_complete
                        or self._error is not None
                    )
                )
            if self._error is not None:
                raise self._error
            found = self._found
            self._seen = found.certain
            copy = replace(
                found, starts=list(found.starts), warnings=list(found.warnings)
            )
            found.warnings.clear()
            return copy

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as err:  # noqa: BLE001  # raised again in ``poll``
            with self._changed:
                self._error = err
                self._changed.notify_all()

    def _read(self) -> None:
        detector = ShotDetector()
        for timed in self.selected():
            frame = resize_frame(timed.frame, height=self._height, width=self._width)
            if not self._wait_for_room():
                return
            if self._is_needed(timed.index):
                self._store.put_source(timed.index, frame)
            cuts = detector.push(frame)
            mask = None if self._mask is None else self._mask(timed.index)
            is_seen = mask is None or bool(mask.any())
            with self._changed:
                if not self._found.times_s:
                    self._found.first = timed.index
                    self._found.origin_s = self._origin_s
                    self._found.starts.append(timed.index)
                self._unpainted += not self._store.is_painted(timed.index)
                self._found.times_s.append(timed.time_s)
                colors = color_statistics(frame, mask if is_seen else None)
                self._found.colors.append(colors)
                self._found.is_seen.append(is_seen)
                self._add(cuts, detector.certain)
        cuts = detector.finish()
        with self._changed:
            self._found.end_s = self._end_s
            self._check_range()
            self._add(cuts, len(self._found.times_s))
            self._found.is_complete = True
            self._changed.notify_all()

    def _check_range(self) -> None:
        """Check that the frames that were asked for were there.

        Raises:
            ConfigError: If none of them was.
        """
        found, (start, stop) = self._found, self._config.frames
        if not found.times_s:
            raise ConfigError(
                f"{self._info.path} has no frame in the range that was asked for: "
                f"{self._read_count} were read."
            )
        end = found.first + len(found.times_s)
        if stop is not None and end < stop:
            found.warnings.append(
                f"{self._info.path} has {end} frames: instead of {start}:{stop}, "
                f"{start}:{end} is painted."
            )

    def _add(self, cuts: list[int], certain: int) -> None:
        """Publish what the detector has decided; it counts from the first frame."""
        first = self._found.first
        self._found.starts.extend(first + cut for cut in cuts)
        self._found.certain = first + certain
        self._changed.notify_all()

    def _is_needed(self, index: int) -> bool:
        """Whether a frame, or its successor with its flow, is to be painted."""
        return not (self._store.is_painted(index) and self._store.is_painted(index + 1))

    def _wait_for_room(self) -> bool:
        """Wait until reading on makes sense; False: the run is over.

        Raises:
            WorkDirError: If the painter waits for frames that the disk cannot take.
        """
        with self._changed:
            while not self._is_stopped:
                waiting = self._unpainted - self._painted
                is_short = self._store.free_bytes() < RESERVE_BYTES
                if is_short and self._is_starved:
                    raise WorkDirError(
                        f"less than {RESERVE_BYTES // 2**20} MiB are free in "
                        f"{self._store.work_dir}; free some and run again to go on."
                    )
                wants_more = waiting < AHEAD or self._open_lanes < self._config.batch
                if not is_short and (wants_more or self._is_starved):
                    return True
                self._changed.wait(timeout=1)
        return False

    def selected(self) -> Iterator[TimedFrame]:
        """Yield the frames that were asked for, and stop reading after the last."""
        config = self._config
        start, stop = config.frames
        begin_s = config.start_s or 0.0
        end_s = float("inf")
        if config.duration_s is not None:
            end_s = begin_s + config.duration_s
        origin_s: float | None = None
        for timed in read_frames(
            self._info,
            strict=config.strict,
            on_warning=self._warn,
        ):
            if self._is_stopped:
                return
            self._read_count = timed.index + 1
            origin_s = timed.time_s if origin_s is None else origin_s
            self._origin_s = origin_s
            # Half a millisecond: containers round a frame's time to their own clock.
            shown_s = timed.time_s - origin_s + 0.0005
            if shown_s >= end_s or (stop is not None and timed.index >= stop):
                self._end_s = timed.time_s
                return
            self._end_s = timed.time_s + float(1 / self._info.fps)
            if timed.index >= start and shown_s >= begin_s:
                yield timed

    def _warn(self, text: str) -> None:
        with self._changed:
            self._found.warnings.append(text)


def expected_span(info: VideoInfo, config: VideoConfig) -> tuple[int, int | None]:
    """Guess which frames will be taken, from what the container promises.

    Returns:
        ``[start, stop)``, for display only; stop None: it promises nothing.
    """
    start, stop = config.frames
    if config.start_s is not None:
        start = first_shown(info, config.start_s)
    stops = [stop, info.frame_count]
    if config.duration_s is not None:
        stops.append(first_shown(info, (config.start_s or 0) + config.duration_s))
    return start, min((each for each in stops if each is not None), default=None)
