"""Three frames of a clip, painted small, before the whole is paid for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vidstyle.clip.ingest import expected_span
from vidstyle.clip.pipeline import expected_frames, never_reached, summary
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.config import MIN_SIDE, Region, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError
from vidstyle.images import check_free, check_picture_path, write_picture
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
from vidstyle.stylize.inputs import Styles, as_regions, load_stylizer
from vidstyle.stylize.style_bank import working_size
from vidstyle.video.probe import probe
from vidstyle.video.sheet import contact_sheet, evenly_spaced, pick_frames
from vidstyle.video.work_dir import FrameStore

LONG_SIDE = 256
"""Of the preview's pictures, in pixels; style and content shrink alike."""
STEPS = 150
"""Most for each of them: enough at this size, and half the wait."""
PICTURES = 3
UNKNOWN_COUNT = 100
"""Frames to spread over where the container does not say how many there are."""


def preview_video(
    clip: StrPath,
    style: Styles,
    output: StrPath,
    *,
    config: VideoConfig | None = None,
    regions: Sequence[Region] = (),
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Paint three frames on one sheet, above them what they were.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        style: The painting's file, or several.
        output: A picture's name.
        config: As for the whole clip; the preview is smaller.
        regions: As for the whole clip. Masks that go along with what they lie on are
            carried as far as the last of the three.
        overwrite: Whether a picture that is there may be replaced.
        listener: Is told every step, and what the whole would take.

    Raises:
        VidstyleError: As ``stylize_video`` does.
    """
    clip, output = Path(clip), Path(output)
    regions = as_regions(regions)
    check_picture_path(output)
    check_free(output, overwrite=overwrite)
    config = config or VideoConfig()
    info = probe(clip, fps=config.input_fps, background=config.background)
    full, small = _sizes(info, config.style)
    reduced = _reduced(config.style, full, small)
    picked = _picked(info, config, *small)
    listener(
        Notice(
            text=f"{summary(info, config)} -> {full[1]}x{full[0]}; "
            f"this preview: {small[1]}x{small[0]}"
        )
    )
    for text in never_reached(info, config):
        listener(Notice(text=text, is_warning=True))
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        masks = RegionMasks(
            regions=regions,
            info=info,
            config=_up_to(max(picked), config, info),
            store=FrameStore(Path(folder)),
            height=small[0],
            width=small[1],
        )
        masks.check()
        stylizer = load_stylizer(
            style,
            reduced,
            height=small[0],
            width=small[1],
            listener=listener,
            times_s=config.style_at,
            regions=regions,
        )
        masks.open({}, restart=False, listener=listener)
        listener(
            Plan(
                height=small[0],
                width=small[1],
                frames=len(picked),
                next_steps=reduced.steps,
            )
        )
        started, work = time.monotonic(), 0.0
        painted: list[Frame] = []
        for index, frame in picked.items():
            steps: list[StepReport] = []
            own_masks, time_s = masks.at(index), float(index / info.fps)
            tell = partial(_tell, listener, index, steps)
            painted.append(
                stylizer.stylize(frame, masks=own_masks, time_s=time_s, on_step=tell)
            )
            work += sum(step.work for step in steps)
            taken = steps[-1].step if steps else 0
            listener(
                FrameReport(
                    frame=index, steps=taken, frames_known=len(picked), all_known=True
                )
            )
    write_picture(output, contact_sheet([list(picked.values()), painted]))
    count = expected_frames(info, config)
    if count and work:
        per_step = (time.monotonic() - started) / work
        per_step *= full[0] * full[1] / (small[0] * small[1])
        passes = max(1, len(regions) + stylizer.bank.has_rest)
        listener(_estimate(count, full, config, per_step * passes))
    return output


def _estimate(
    count: int, shape: tuple[int, int], config: VideoConfig, per_step_s: float
) -> Notice:
    """Estimate the time that the whole clip would take."""
    steps = config.style.steps + (count - 1) * config.next_steps
    return Notice(
        text=f"the whole clip: {count} frames of {shape[1]}x{shape[0]}, "
        f"about {_duration(per_step_s * steps)} on this machine"
    )


def _sizes(
    info: VideoInfo, style: StyleConfig
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the sizes of the whole clip and of the preview."""

    def size(long_side: int | None) -> tuple[int, int]:
        return working_size(height=info.height, width=info.width, long_side=long_side)

    full = size(style.long_side)
    return full, size(min(LONG_SIDE, max(full)))


def _reduced(
    style: StyleConfig, full: tuple[int, int], small: tuple[int, int]
) -> StyleConfig:
    """Shrink the content and the strokes alike."""
    side = style.style_side
    if side is not None:
        side = max(MIN_SIDE, side * max(small) // max(full))
    steps = min(STEPS, style.steps)
    return replace(style, long_side=max(small), steps=steps, style_side=side)


def _picked(
    info: VideoInfo, config: VideoConfig, height: int, width: int
) -> dict[int, Frame]:
    """Read three frames, spread over those that were asked for.

    Raises:
        ConfigError: If there is none.
    """
    count = expected_frames(info, config)
    first, _ = expected_span(info, config)
    wanted = evenly_spaced(first, count or UNKNOWN_COUNT, PICTURES)
    picked = pick_frames(info, wanted, height=height, width=width)
    if max(picked) < first:
        raise ConfigError(f"{info.path} ends before the range that was asked for.")
    return picked


def _up_to(last: int, config: VideoConfig, info: VideoInfo) -> VideoConfig:
    """Take no frame after one."""
    first, _ = expected_span(info, config)
    return replace(config, frames=(first, last + 1), start_s=None, duration_s=None)


def _tell(
    listener: Listener,
    index: int,
    steps: list[StepReport],
    report: StepReport,
    _: Callable[[], Frame],
) -> None:
    """Collect a step, and report it as one of the frame with that index."""
    steps.append(report)
    listener(replace(report, frame=index))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
