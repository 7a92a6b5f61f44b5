"""Read the frames of a clip, or the requested range of them, in one pass in order.

``ClipReader`` reads files and folders; any other ``FrameReader`` can replace it.
"""

import math
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from vidstyle.config import VideoConfig
from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame, StrPath, TimedFrame, VideoInfo
from vidstyle.video.figures import pick_frames
from vidstyle.video.folder import numbered_pictures
from vidstyle.video.probe import first_shown, held_s, probe
from vidstyle.video.read import find_bars, read_frames


class FrameReader(Protocol):
    """A source of frames in order."""

    @property
    def info(self) -> VideoInfo:
        """Facts known before any frame is read.

        Sound and tags are copied from its path if its kind is video.
        """

    @property
    def state(self) -> str:
        """A fingerprint of the frames: a run is resumed only if it is unchanged."""

    def frames(
        self, *, strict: bool, on_warning: Callable[[str], None]
    ) -> Iterator[TimedFrame]:
        """Read all frames once, from the first; ``strict``: damage is an error."""

    def pick(
        self, indices: Collection[int], *, height: int, width: int
    ) -> dict[int, Frame]:
        """Read some frames, resized; for indices past the end, the last frame."""


@dataclass(frozen=True, slots=True)
class ClipReader:
    """Reads a video or a folder of pictures."""

    info: VideoInfo

    @property
    def state(self) -> str:
        """Sizes and modification times of its files."""
        path, is_folder = self.info.path, self.info.kind == "folder"
        return file_state(numbered_pictures(path) if is_folder else [path])

    def frames(
        self, *, strict: bool, on_warning: Callable[[str], None]
    ) -> Iterator[TimedFrame]:
        """Read all frames once; VideoOpenError if the file changes meanwhile."""
        # A folder would have to be listed for each picture.
        state = None if self.info.kind == "folder" else self.state
        for timed in read_frames(self.info, strict=strict, on_warning=on_warning):
            if state is not None:
                check_state(self, state)
            yield timed

    def pick(
        self, indices: Collection[int], *, height: int, width: int
    ) -> dict[int, Frame]:
        return pick_frames(self.info, indices, height=height, width=width)


def open_reader(
    clip: StrPath | FrameReader, config: VideoConfig, *, has_regions: bool = False
) -> FrameReader:
    """Probe a clip's file or folder and detect its black bars; pass on a reader.

    With regions, bars belong to the frame, because masks cover all of it. Raises
    VideoOpenError if the clip cannot be read, or if a reader's path is not a file.
    """
    if not isinstance(clip, str | os.PathLike):
        if clip.info.kind == "video" and not clip.info.path.is_file():
            text = "there is no such file to copy sound from; use kind folder."
            raise VideoOpenError(f"{clip.info.path}: {text}")
        return clip
    info = probe(Path(clip), fps=config.input_fps, background=config.background)
    if not (config.paint_bars or has_regions):
        info = replace(info, bars=find_bars(info))
    return ClipReader(info)


@dataclass(slots=True)
class SelectedFrames:
    """The requested frames of a clip; reading stops after the last of them."""

    reader: FrameReader
    config: VideoConfig
    warn: Callable[[str], None] = lambda _: None
    read_count: int = 0
    origin_s: float = 0.0
    """Timestamp of the clip's own first frame, on the source's clock."""
    end_s: float = 0.0  # when the latest frame ends, on that clock
    is_stopped: bool = False  # set it to stop reading early

    def __iter__(self) -> Iterator[TimedFrame]:
        start, stop = self.config.frames
        begin_s = self.config.start_s or 0.0
        stop_s = begin_s + (self.config.duration_s or math.inf)
        for timed in self.reader.frames(
            strict=self.config.strict, on_warning=self.warn
        ):
            if self.is_stopped:
                return
            if self.read_count == 0:
                self.origin_s = timed.time_s
            self.read_count = timed.index + 1
            # Half a millisecond of tolerance: containers round timestamps.
            shown_s = timed.time_s - self.origin_s + 0.0005
            if shown_s >= stop_s or (stop is not None and timed.index >= stop):
                self.end_s = timed.time_s
                return
            self.end_s = timed.time_s + float(1 / self.reader.info.fps)
            if timed.index >= start and shown_s >= begin_s:
                yield timed
        if held := held_s(self.reader.info):
            self.end_s += held - float(1 / self.reader.info.fps)


def expected_span(info: VideoInfo, config: VideoConfig) -> tuple[int, int | None]:
    """Estimate the requested range [start, stop), for display only; None: unknown."""
    start, stop = config.frames
    if config.start_s is not None:
        start = first_shown(info, config.start_s)
    stops = [stop, info.frame_count]
    if config.duration_s is not None:
        stops.append(first_shown(info, (config.start_s or 0) + config.duration_s))
    return start, min((stop for stop in stops if stop is not None), default=None)


def expected_frames(info: VideoInfo, config: VideoConfig) -> int | None:
    """Estimate the number of requested frames, for display only; None: unknown."""
    start, stop = expected_span(info, config)
    return None if stop is None else max(0, stop - start)


def check_state(reader: FrameReader, state: str) -> None:
    """Raise VideoOpenError if a clip has changed."""
    path = reader.info.path
    try:
        if reader.state == state:
            return
    except OSError as err:
        raise VideoOpenError(f"can no longer read {path}: {err.strerror}.") from err
    raise VideoOpenError(
        f"{path} has changed since it was opened; restore it to resume, or start over "
        "with --restart."
    )


def file_state(files: Sequence[Path]) -> str:
    """Describe total size and latest modification time, to detect changes."""
    states = [path.stat() for path in files]
    newest = datetime.fromtimestamp(max(state.st_mtime for state in states), UTC)
    size = sum(state.st_size for state in states)
    return f"{size} bytes in {len(states)} file(s) of {newest:%F %T.%f}"
