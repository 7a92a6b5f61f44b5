"""Three frames of a clip, painted small, before the whole is paid for."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from vidstyle.clip.notices import expected_frames, tell_summary
from vidstyle.clip.pipeline import read_inputs
from vidstyle.clip.reader import FrameReader, expected_span, open_reader
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.results import frame_shape, whole_shape
from vidstyle.config import MIN_SIDE, Region, VideoConfig
from vidstyle.errors import ConfigError
from vidstyle.images import check_free, check_picture_path, write_picture
from vidstyle.motion.fades import plain_color
from vidstyle.pace import duration
from vidstyle.records import (
    Frame,
    FrameReport,
    Listener,
    Notice,
    Plan,
    StepReport,
    StrPath,
    VideoInfo,
    ignore,
)
from vidstyle.stylize.image import Styles
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.sheet import contact_sheet, evenly_spaced
from vidstyle.video.work_dir import FrameStore

LONG_SIDE = 256
"""The preview's, in pixels; style and content shrink alike."""
STEPS = 150
"""Most for each of them: enough at this size, and half the wait."""
PICTURES = 3
UNKNOWN_COUNT = 100
"""Frames to spread over where the container does not say how many there are."""


def preview_video(
    clip: StrPath | FrameReader,
    style: Styles,
    output: StrPath,
    *,
    config: VideoConfig | None = None,
    regions: Sequence[Region] = (),
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Paint three frames on one sheet, above them what they were.

    Arguments are as for ``stylize_video``; the output is a picture. Masks that go along
    with what they lie on are carried as far as the last of the three. The listener is
    told what the whole would take.

    Raises:
        VidstyleError: As ``stylize_video`` does.
    """
    output, config = Path(output), config or VideoConfig()
    if config.method == "network":
        raise ConfigError("a preview is painted by the optimiser only.")
    check_picture_path(output)
    check_free(output, overwrite=overwrite)
    reader = open_reader(clip, config, has_regions=bool(regions))
    full = whole_shape(reader.info, config.style.long_side)
    long_side = min(LONG_SIDE, max(full))
    height, width = frame_shape(reader.info, long_side)
    picked = _picked(reader, config, height, width)
    sizes = f"{full[1]}x{full[0]}; this preview: {width}x{height}"
    tell_summary(reader.info, config, sizes, listener)
    small = reduced(config, full, long_side, reader.info, max(picked))
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        store = FrameStore(Path(folder))
        masks, paintings = read_inputs(
            reader, style, regions, small, store, listener=listener
        )
        stylizer = paintings.load(listener)
        masks.open({}, restart=False, listener=listener)
        started = time.monotonic()
        stylized, work = _paint(picked, masks, stylizer, listener)
    write_picture(output, contact_sheet([list(picked.values()), stylized]))
    if work:
        per_pixel_s = (time.monotonic() - started) / work / (height * width)
        passes = len(regions) + stylizer.bank.has_rest
        _tell_estimate(reader.info, config, full, per_pixel_s * passes, listener)
    return output


def _paint(
    picked: Mapping[int, Frame],
    masks: RegionMasks,
    stylizer: Stylizer,
    listener: Listener,
) -> tuple[list[Frame], float]:
    """Paint each frame for itself.

    Returns:
        The stylized frames, and the work: steps at their own size.
    """
    count, fps = len(picked), masks.reader.info.fps
    steps = stylizer.config.steps
    listener(
        Plan(height=masks.height, width=masks.width, frames=count, next_steps=steps)
    )
    stylized, work, taken, index = [], 0.0, 0, 0

    def tell(report: StepReport, _: Callable[[], Frame]) -> None:
        nonlocal work, taken
        work, taken = work + report.work, report.step
        listener(replace(report, frame=index))

    for index, frame in picked.items():
        taken = 0
        if plain_color(frame) is not None:
            stylized.append(frame)
            continue
        stylized.append(
            stylizer.stylize(
                frame, masks=masks.at(index), time_s=float(index / fps), on_step=tell
            )
        )
        listener(
            FrameReport(frame=index, steps=taken, frames_known=count, all_known=True)
        )
    return stylized, work


def _tell_estimate(
    info: VideoInfo,
    config: VideoConfig,
    shape: tuple[int, int],
    per_pixel_s: float,
    listener: Listener,
) -> None:
    """Estimate the time that the whole clip would take, if its length is known."""
    count = expected_frames(info, config)
    if not count:
        return
    height, width = shape
    steps = config.style.steps + (count - 1) * config.expected_next_steps
    seconds = per_pixel_s * height * width * steps
    text = f"the whole clip: {count} frames of {width}x{height}, "
    listener(Notice(text=f"{text}about {duration(seconds)} on this machine"))


def reduced(
    config: VideoConfig,
    full: tuple[int, int],
    long_side: int,
    info: VideoInfo,
    last: int,
) -> VideoConfig:
    """Shrink the content and the strokes alike, and take no frame after the last."""
    style = config.style
    side = style.style_side
    if side is not None:
        side = max(MIN_SIDE, side * long_side // max(full))
    steps = min(STEPS, style.steps)
    style = replace(style, long_side=long_side, steps=steps, style_side=side)
    frames = expected_span(info, config)[0], last + 1
    return replace(config, style=style, frames=frames, start_s=None, duration_s=None)


def _picked(
    reader: FrameReader, config: VideoConfig, height: int, width: int
) -> dict[int, Frame]:
    """Read three frames, spread over those that were asked for.

    Raises:
        ConfigError: If there is none.
    """
    count = expected_frames(reader.info, config)
    first, _ = expected_span(reader.info, config)
    wanted = evenly_spaced(first, count or UNKNOWN_COUNT, PICTURES)
    picked = reader.pick(wanted, height=height, width=width)
    if max(picked) < first:
        path = reader.info.path
        raise ConfigError(f"{path} ends before the range that was asked for.")
    return picked
