"""Three spread frames of a clip, painted small: what the whole would look like."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from vidstyle.clip.pipeline import expected_frames, never_reached, summary
from vidstyle.clip.region_masks import ClipMasks
from vidstyle.color.masks import Mask
from vidstyle.config import MIN_SIDE, Region, StyleConfig, VideoConfig
from vidstyle.errors import ConfigError
from vidstyle.images import check_picture_path, write_picture
from vidstyle.records import (
    Frame,
    FrameReport,
    Listener,
    Notice,
    Plan,
    StepReport,
    VideoInfo,
    ignore,
)
from vidstyle.stylize.image import paint_frame
from vidstyle.stylize.stylizer import Tools, prepare, working_size
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
    clip: Path,
    style: Path | Sequence[Path],
    output: Path,
    *,
    config: VideoConfig | None = None,
    regions: Sequence[Region] = (),
    listener: Listener = ignore,
) -> Path:
    """Paint three spread frames on one sheet, above them what they were.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        style: The painting's file, or several.
        output: A picture's name.
        config: As for the whole clip; the preview is smaller.
        regions: As for the whole clip. Masks that go along with what they lie on are
            carried as far as the last of the three.
        listener: Is told every step, and what the whole would take.

    Raises:
        VidstyleError: As ``stylize_video`` does.
    """
    check_picture_path(output)
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
        masks = ClipMasks(
            regions=regions,
            info=info,
            config=_up_to(max(picked), config, info),
            store=FrameStore(Path(folder)),
            height=small[0],
            width=small[1],
        )
        masks.check()
        tools = prepare(
            style,
            reduced,
            height=small[0],
            width=small[1],
            listener=listener,
            times_s=config.style_at,
            regions=regions,
        )
        masks.open({}, restart=False, listener=listener)
        sheet, started = _Painted(tools, reduced, listener), time.monotonic()
        sheet.announce(*small, len(picked))
        for index, frame in picked.items():
            time_s = float(index / info.fps)
            sheet.paint(index, frame, masks.at(index), time_s, len(picked))
    write_picture(output, contact_sheet([list(picked.values()), sheet.frames]))
    count = expected_frames(info, config)
    if count and sheet.work:
        per_step = (time.monotonic() - started) / sheet.work
        per_step *= full[0] * full[1] / (small[0] * small[1])
        passes = max(1, len(regions) + tools.look.has_rest)
        listener(_estimate(count, full, config, per_step * passes))
    return output


def _estimate(
    count: int, shape: tuple[int, int], config: VideoConfig, per_step_s: float
) -> Notice:
    """Say what the whole would take."""
    steps = config.style.steps + (count - 1) * config.next_steps
    return Notice(
        text=f"the whole clip: {count} frames of {shape[1]}x{shape[0]}, "
        f"about {_duration(per_step_s * steps)} on this machine"
    )


def _sizes(
    info: VideoInfo, style: StyleConfig
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Say in which size the whole would be painted, and in which the preview is."""

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
    first = config.frames[0] or round((config.start_s or 0) * info.fps)
    wanted = evenly_spaced(first, count or UNKNOWN_COUNT, PICTURES)
    picked = pick_frames(info, wanted, height=height, width=width)
    if max(picked) < first:
        raise ConfigError(f"{info.path} ends before the range that was asked for.")
    return picked


def _up_to(last: int, config: VideoConfig, info: VideoInfo) -> VideoConfig:
    """Take no frame after one."""
    if config.start_s is None and config.duration_s is None:
        return replace(config, frames=(config.frames[0], last + 1))
    end_s = float((last + Fraction(1, 2)) / info.fps)
    return replace(config, duration_s=end_s - (config.start_s or 0))


class _Painted:
    """The pictures of a preview, painted one after the other, and their work."""

    def __init__(self, tools: Tools, config: StyleConfig, listener: Listener) -> None:
        self._tools, self._config, self._listener = tools, config, listener
        self.frames: list[Frame] = []
        self.work = 0.0
        """In steps at the preview's size."""

    def announce(self, height: int, width: int, frames: int) -> None:
        """Tell what is going to be painted."""
        steps = self._config.steps
        self._listener(
            Plan(height=height, width=width, frames=frames, next_steps=steps)
        )

    def paint(
        self, index: int, frame: Frame, masks: Sequence[Mask], time_s: float, of: int
    ) -> None:
        """Paint the next one."""
        steps = 0

        def on_step(report: StepReport, _: Callable[[], Frame]) -> None:
            nonlocal steps
            steps = report.step
            self.work += report.work
            self._listener(replace(report, frame=index))

        self.frames.append(
            paint_frame(
                frame, self._tools, self._config, on_step, time_s=time_s, masks=masks
            )
        )
        self._listener(
            FrameReport(frame=index, steps=steps, frames_known=of, all_known=True)
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
