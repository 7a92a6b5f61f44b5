"""The results of a run: shapes and notices before it, output files after it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidstyle.clip.ingest import IngestState
from vidstyle.clip.reader import FrameReader, SelectedFrames, expected_frames
from vidstyle.config import EncodingConfig, EvolutionConfig, VideoConfig
from vidstyle.errors import counted
from vidstyle.images import Resized, resize_frame, write_picture
from vidstyle.records import NO_BARS, Bars, Frame, Listener, Notice, VideoInfo
from vidstyle.stylize.style_bank import working_size
from vidstyle.video import codecs
from vidstyle.video.figures import contact_sheet, evenly_spaced, write_evolution
from vidstyle.video.folder import write_pictures
from vidstyle.video.mux import dropped_data, unsupported_streams
from vidstyle.video.probe import gif_loops, held_s
from vidstyle.video.read import fitted_bars, with_bars
from vidstyle.video.work_dir import FrameStore
from vidstyle.video.write import MOST_FPS, with_alpha, write_video

MANY = 200_000  # frames: more than a long film has
SHEET_PICTURES = 4  # frames on a contact sheet


def cut_shape(
    output: Path, encoding: EncodingConfig, shape: tuple[int, int]
) -> tuple[int, int]:
    """Return the height and width that a file can hold; some codecs need even sides."""
    if not output.suffix:
        return shape
    return codecs.encoded_shape(codecs.codec_for(output, encoding), shape)


def result_shape(info: VideoInfo, config: VideoConfig) -> tuple[int, int]:
    """Return the height and width of the result: working or source size."""
    if config.output_size == "source":
        return info.height, info.width
    return whole_shape(info, config.style.long_side)


def whole_shape(info: VideoInfo, long_side: int | None) -> tuple[int, int]:
    """Return the working height and width, with black bars."""
    return working_size(height=info.height, width=info.width, long_side=long_side)


def painted_bars(info: VideoInfo, long_side: int | None) -> Bars:
    """Return the black bars at the working size."""
    height, width = whole_shape(info, long_side)
    return fitted_bars(info, height=height, width=width)


def frame_shape(info: VideoInfo, long_side: int | None) -> tuple[int, int]:
    """Return the working height and width, without black bars."""
    height, width = whole_shape(info, long_side)
    top, bottom, left, right = painted_bars(info, long_side)
    height, width = height - top - bottom, width - left - right
    return working_size(height=height, width=width, long_side=None)


def tell_plan(
    info: VideoInfo, output: Path, config: VideoConfig, listener: Listener
) -> tuple[int, int]:
    """Report the planned result, and return its height and width."""
    shape = result_shape(info, config)
    height, width = cut_shape(output, config.encoding, shape)
    tell_summary(info, config, f"{width}x{height}", listener)
    for notice in notices(info, output, config.encoding, shape):
        listener(notice)
    return height, width


def tell_summary(
    info: VideoInfo, config: VideoConfig, result: str, listener: Listener
) -> None:
    """Report source and result in one line, and warn of paintings after the end."""
    listener(Notice(text=f"{summary(info, config)} -> {result}"))
    frames = expected_frames(info, config)
    if frames is not None and frames > MANY:
        text = f"{frames} frames take {frames / 86400:.1f} days at a second each; "
        text += "--frames A:B paints a part, and vidstyle plan estimates the time"
        listener(Notice(text=text, is_warning=True))
    end_s = info.duration_s
    for time_s in config.style_at[1:]:  # the first is shown from the beginning
        if end_s is not None and time_s > end_s:
            text = f"style-at {time_s:g}: the clip ends at {end_s:.2f} s, before this "
            listener(Notice(text=f"{text}painting is reached", is_warning=True))


def summary(info: VideoInfo, config: VideoConfig) -> str:
    """Summarize the clip in a line."""
    count, total = expected_frames(info, config), info.frame_count
    facts = [f"{info.width}x{info.height}", f"{float(info.fps):.4g} fps"]
    if count is not None:
        frames = counted(count, "frame")
        if total is not None and total != count:
            frames = f"{count} of {counted(total, 'frame')}"
        facts = [frames, *facts]
    if info.has_audio:
        facts.append("with sound")
    return f"{info.path.name or info.path}: {', '.join(facts)}"


def notices(
    info: VideoInfo, output: Path, encoding: EncodingConfig, shape: tuple[int, int]
) -> Iterator[Notice]:
    """Describe how a clip is read and encoded, and what the result cannot hold.

    The shape is the frames' height and width.
    """
    if any(info.bars):
        yield Notice(text="black bars around the picture are left unpainted")
    if info.needs_normalizing:
        yield Notice(text=f"decoded by ffmpeg: {'; '.join(info.normalizing)}")
    for text in left_behind(info, output, encoding):
        yield Notice(text=text, is_warning=True)
    if not output.suffix:
        return
    dropped = dropped_data(info)
    if dropped and codecs.container_of(output) != "gif":
        yield Notice(text=dropped)
    height, width = cut_shape(output, encoding, shape)
    codec = codecs.codec_for(output, encoding)
    lost = ["row"] if height < shape[0] else []
    if width < shape[1]:
        lost.append("column")
    if lost:
        text = f"dropping the last {' and '.join(lost)}"
        yield Notice(text=f"{codec} needs even dimensions: {text}")
    if encoding.hardware_encoder:
        found = codecs.find_hardware(codec, crf=encoding.crf, shape=shape)
        if found is None:
            yield Notice(text=codecs.why_software(codec), is_warning=True)
        else:
            yield Notice(text=f"encoded by {found.name}")


def left_behind(
    info: VideoInfo, output: Path, encoding: EncodingConfig
) -> Iterator[str]:
    """Describe what of a clip is lost or converted in the result."""
    container = codecs.container_of(output) if output.suffix else None
    if container not in {None, "gif"}:
        yield from unsupported_streams(info, container)
    videos = [stream for stream in info.of_kind("video") if not stream.is_cover]
    if len(videos) > 1:
        yield (
            f"{info.path} has {len(videos)} video streams; only stream "
            f"{info.stream_index} is painted."
        )
    if encoding.keep_alpha and not info.has_alpha:
        yield f"{info.path} has no transparency to keep."
    if container == "gif" and info.fps > MOST_FPS and info.frame_count != 1:
        yield (
            f"a .gif shows at most {MOST_FPS} frames per second: some of the "
            f"{float(info.fps):.4g} are dropped."
        )


def write_result(
    frames: Iterable[Frame],
    found: IngestState,
    output: Path,
    *,
    info: VideoInfo,
    config: VideoConfig,
) -> None:
    """Encode the stylized frames, with the sound of the requested range."""
    if config.output_size == "source":
        frames = Resized(frames, info.height, info.width)
    if not output.suffix:
        if config.encoding.keep_alpha and info.has_alpha:
            frames = with_alpha(frames, info, start_s=found.times_s[0])
        write_pictures(frames, output)
        return
    is_range = config.frames != (0, None) or config.start_s or config.duration_s
    write_video(
        frames,
        output,
        times_s=found.times_s,
        fps=info.fps,
        hold_s=found.end_s - found.times_s[-1] if is_range else held_s(info),
        source=info,
        span=(found.times_s[0], found.end_s) if is_range else None,
        config=config.encoding,
        loops=0 if config.loop else gif_loops(info),
    )


@dataclass(frozen=True, slots=True)
class StylizedFrames:
    """The stylized frames in order, with fades applied; can be iterated repeatedly."""

    store: FrameStore
    found: IngestState
    bars: Bars = NO_BARS  # added around them

    def __iter__(self) -> Iterator[Frame]:
        first = self.found.first
        for index in range(first, first + len(self.found.times_s)):
            yield self.at(index)

    def at(self, index: int) -> Frame:
        """Read a frame by its index."""
        frame, light = self.store.stylized(index), self.found.lights.get(index)
        if light is not None:
            frame = light.dim(frame)
        return with_bars(frame, self.bars)


def save_sheet(
    store: FrameStore, found: IngestState, reader: FrameReader, path: Path
) -> None:
    """Write a contact sheet of evenly spaced frames: sources above, results below."""
    indices = evenly_spaced(found.first, len(found.times_s), SHEET_PICTURES)
    frames = StylizedFrames(store, found)
    stylized = [frames.at(index) for index in indices]
    height, width = stylized[0].shape[:2]
    sources = reader.pick(indices, height=height, width=width)
    write_picture(path, contact_sheet([[sources[i] for i in indices], stylized]))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Each frame before and after, side by side, with a painting in the corner."""

    sources: SelectedFrames
    stylized: StylizedFrames
    painting: Frame

    def __iter__(self) -> Iterator[Frame]:
        inset: Frame | None = None
        for timed, after in zip(self.sources, self.stylized, strict=False):
            height, width = after.shape[:2]
            if inset is None:
                tall, wide = self.painting.shape[:2]
                scale = min(height / 3 / tall, width / 3 / wide)
                tall, wide = max(1, round(tall * scale)), max(1, round(wide * scale))
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
    """Write the evolution, if it was requested and its frame was in the range."""
    if path is None or evolution is None:
        return None
    pictures = store.evolution()
    if pictures is None:
        why = "there is nothing to paint"
        if evolution.frame is not None:
            why = f"frame {evolution.frame} is not in the painted range"
        listener(Notice(text=f"no {path.name}: {why}", is_warning=True))
        return None
    write_evolution(pictures, path, config=evolution)
    return path
