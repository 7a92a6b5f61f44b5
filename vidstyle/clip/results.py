"""The results of a run: their shapes before the work, the files after it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidstyle.clip.ingest import IngestState
from vidstyle.clip.reader import FrameReader, SelectedFrames
from vidstyle.config import EncodingConfig, EvolutionConfig, VideoConfig
from vidstyle.images import resize_frame, write_picture
from vidstyle.records import NO_BARS, Bars, Frame, Listener, Notice, VideoInfo
from vidstyle.stylize.style_bank import working_size
from vidstyle.video.codecs import (
    codec_for,
    held_shape,
)
from vidstyle.video.evolution import write_evolution
from vidstyle.video.folder import write_pictures
from vidstyle.video.probe import held_s
from vidstyle.video.read import fitted_bars, with_bars
from vidstyle.video.sheet import contact_sheet, evenly_spaced
from vidstyle.video.work_dir import FrameStore
from vidstyle.video.write import (
    with_alpha,
    write_video,
)

SHEET_PICTURES = 4
"""Frames on a contact sheet."""


def cut_shape(
    output: Path, encoding: EncodingConfig, shape: tuple[int, int]
) -> tuple[int, int]:
    """Return the height and width that a file can hold of frames of a shape."""
    if not output.suffix:
        return shape
    return held_shape(codec_for(output, encoding), shape)


def result_shape(info: VideoInfo, config: VideoConfig) -> tuple[int, int]:
    """Return the height and width of the result: as painted, or as the source."""
    if config.output_size == "source":
        return info.height, info.width
    return whole_shape(info, config.style.long_side)


def whole_shape(info: VideoInfo, long_side: int | None) -> tuple[int, int]:
    """Return the height and width of what is painted and of the bars around it."""
    return working_size(height=info.height, width=info.width, long_side=long_side)


def painted_bars(info: VideoInfo, long_side: int | None) -> Bars:
    """Return the bars around what is painted."""
    height, width = whole_shape(info, long_side)
    return fitted_bars(info, height=height, width=width)


def frame_shape(info: VideoInfo, long_side: int | None) -> tuple[int, int]:
    """Return the height and width of what is painted."""
    height, width = whole_shape(info, long_side)
    top, bottom, left, right = painted_bars(info, long_side)
    height, width = height - top - bottom, width - left - right
    return working_size(height=height, width=width, long_side=None)


def write_result(
    frames: Iterable[Frame],
    found: IngestState,
    output: Path,
    *,
    info: VideoInfo,
    config: VideoConfig,
) -> None:
    """Put the stylized frames together, with the sound of the part that was taken."""
    is_enlarged = config.output_size == "source"
    height, width = (info.height, info.width) if is_enlarged else (None, None)
    if not output.suffix:
        if config.encoding.keep_alpha and info.has_alpha:
            frames = with_alpha(frames, info, first=found.first)
        write_pictures(frames, output, height=height, width=width)
        return
    is_range = config.frames != (0, None) or config.start_s or config.duration_s
    write_video(
        frames,
        output,
        times_s=found.times_s,
        fps=info.fps,
        hold_s=None if is_range else held_s(info),
        source=info,
        span=(found.times_s[0], found.end_s) if is_range else None,
        config=config.encoding,
        height=height,
        width=width,
    )


@dataclass(frozen=True, slots=True)
class StylizedFrames:
    """The stylized frames in order, in the light of their fades, as often as asked."""

    store: FrameStore
    found: IngestState
    bars: Bars = NO_BARS
    """What is put around them."""

    def __iter__(self) -> Iterator[Frame]:
        """Read them from the first."""
        first = self.found.first
        for index in range(first, first + len(self.found.times_s)):
            yield self.at(index)

    def at(self, index: int) -> Frame:
        """Read the one with an index."""
        frame, light = self.store.stylized(index), self.found.lights.get(index)
        return with_bars(frame if light is None else light.dim(frame), self.bars)


def save_sheet(
    store: FrameStore, found: IngestState, reader: FrameReader, path: Path
) -> None:
    """Lay out spread frames: above as they were, below as they are painted."""
    indices = evenly_spaced(found.first, len(found.times_s), SHEET_PICTURES)
    frames = StylizedFrames(store, found)
    stylized = [frames.at(index) for index in indices]
    height, width = stylized[0].shape[:2]
    sources = reader.pick(indices, height=height, width=width)
    write_picture(path, contact_sheet([[sources[i] for i in indices], stylized]))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Each frame before and after, with a painting in the corner."""

    sources: SelectedFrames
    stylized: StylizedFrames
    painting: Frame

    def __iter__(self) -> Iterator[Frame]:
        """Read them from the first."""
        inset: Frame | None = None
        for timed, after in zip(self.sources, self.stylized, strict=False):
            height, width = after.shape[:2]
            if inset is None:
                tall, wide = self.painting.shape[:2]
                scale = min(height / 3 / tall, width / 3 / wide)
                tall, wide = round(tall * scale), round(wide * scale)
                inset = resize_frame(self.painting, height=tall, width=wide)
            before = resize_frame(timed.frame, height=height, width=width)
            both = np.hstack([before, after])
            both[height - len(inset) :, : inset.shape[1]] = inset
            yield both


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
