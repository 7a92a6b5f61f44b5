"""Preview: three frames of a clip stylized at a small size, and a time estimate."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from vidstyle.clip.pipeline import FRAME_WORK, read_inputs
from vidstyle.clip.reader import (
    FrameReader,
    expected_frames,
    expected_span,
    open_reader,
)
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.results import frame_shape, tell_summary, whole_shape
from vidstyle.config import MIN_SIDE, Region, VideoConfig
from vidstyle.errors import ConfigError, counted
from vidstyle.images import check_free, check_picture_path, write_picture
from vidstyle.motion.fades import plain_color
from vidstyle.optimize.pyramid import picture_work
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
from vidstyle.stylize import Stylizer
from vidstyle.stylize.image import Styles
from vidstyle.video.figures import contact_sheet, evenly_spaced
from vidstyle.video.work_dir import FrameStore

LONG_SIDE = 256  # of the preview, in pixels; paintings are scaled by the same factor
STEPS = 150  # at most, for each frame: enough at this size
PICTURES = 3
UNKNOWN_COUNT = 100  # frames assumed if the container does not tell


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
    """Stylize three frames and write a contact sheet with their sources above them.

    Arguments are as for ``stylize_video``; the output is a picture. Masks that follow
    the flow are propagated up to the last of the three. The listener receives a time
    estimate for the whole clip.
    """
    output = Path(output)
    config = config or VideoConfig()
    if config.method == "network":
        raise ConfigError("a preview does not work with method network; leave one out.")
    check_picture_path(output)
    check_free(output, overwrite=overwrite)
    reader = open_reader(clip, config, has_regions=bool(regions))
    full = whole_shape(reader.info, config.style.long_side)
    long_side = min(LONG_SIDE, max(full))
    height, width = frame_shape(reader.info, long_side)
    picked = _pick_frames(reader, config, height, width)
    sizes = f"{full[1]}x{full[0]}; this preview: {width}x{height}"
    tell_summary(reader.info, config, sizes, listener)
    small = reduced(config, full, long_side, reader.info, max(picked))
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        store = FrameStore(Path(folder))
        masks, paintings = read_inputs(
            reader, style, regions, small, store, listener=listener
        )
        stylizer = paintings.load(listener)
        masks.open({}, listener)
        started = time.monotonic()
        stylized, work = _paint(picked, masks, stylizer, listener)
    write_picture(output, contact_sheet([list(picked.values()), stylized]))
    count = expected_frames(reader.info, config)
    if work and count:
        first = picture_work(config.style.steps, config.style.pyramid, min(full))
        steps = first + (count - 1) * config.expected_next_steps + count * FRAME_WORK
        passes = len(regions) + (1 if paintings.has_rest else 0)
        pixels = full[0] * full[1]
        step_s = (time.monotonic() - started) / work / (height * width) * pixels
        text = f"whole clip: {counted(count, 'frame')} at {full[1]}x{full[0]}, about "
        text += f"{duration(passes * step_s * steps)} on this machine"
        listener(Notice(text=text))
    return output


def _paint(
    picked: Mapping[int, Frame],
    masks: RegionMasks,
    stylizer: Stylizer,
    listener: Listener,
) -> tuple[list[Frame], float]:
    """Stylize frames independently; return them and the work in full-size steps."""
    count, steps = len(picked), stylizer.config.steps
    height, width = masks.size
    listener(Plan(height=height, width=width, frames=count, next_steps=steps))
    stylized, reports = list[Frame](), list[StepReport]()
    index = 0  # of the frame being stylized

    def tell(report: StepReport, _: Callable[[], Frame]) -> None:
        reports.append(report)
        listener(replace(report, frame=index))

    for index, frame in picked.items():
        if plain_color(frame) is not None:
            stylized.append(frame)
            continue
        before = len(reports)
        time_s = float(index / masks.reader.info.fps)
        painted = stylizer.stylize(
            frame, masks=masks.at(index), time_s=time_s, on_step=tell
        )
        stylized.append(painted)
        steps = reports[-1].step if len(reports) > before else 0
        listener(FrameReport(frame=index, steps=steps, frames_known=count))
    return stylized, sum(report.work for report in reports)


def reduced(
    config: VideoConfig,
    full: tuple[int, int],
    long_side: int,
    info: VideoInfo,
    last: int,
) -> VideoConfig:
    """Scale down content and paintings alike, and end with frame ``last``."""
    style = config.style
    side = style.style_side
    if side is not None:
        side = max(MIN_SIDE, side * long_side // max(full))
    steps = min(STEPS, style.steps)
    style = replace(style, long_side=long_side, steps=steps, style_side=side)
    frames = expected_span(info, config)[0], last + 1
    return replace(config, style=style, frames=frames, start_s=None, duration_s=None)


def _pick_frames(
    reader: FrameReader, config: VideoConfig, height: int, width: int
) -> dict[int, Frame]:
    """Read three frames, evenly spaced over those requested."""
    count = expected_frames(reader.info, config)
    first, _ = expected_span(reader.info, config)
    indices = evenly_spaced(first, count or UNKNOWN_COUNT, PICTURES)
    picked = reader.pick(indices, height=height, width=width)
    if max(picked) < first:
        path = reader.info.path
        raise ConfigError(
            f"{path} ends before the requested range; choose an earlier one."
        )
    return picked
