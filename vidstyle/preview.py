"""Three spread frames of a clip, painted small: what the whole would look like."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vidstyle.config import MIN_SIDE, VideoConfig
from vidstyle.errors import ConfigError
from vidstyle.images import check_picture_path, write_picture
from vidstyle.pipeline import expected_frames, summary
from vidstyle.preparation import prepare, working_size
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan, StepReport
from vidstyle.still import ignore, paint_frame
from vidstyle.video.probe import probe
from vidstyle.video.sheet import contact_sheet, pick_frames, spread

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
    listener: Listener = ignore,
) -> Path:
    """Paint three spread frames on one sheet, above them what they were.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        style: The painting's file, or several.
        output: A picture's name.
        config: As for the whole clip; the preview is smaller.
        listener: Is told every step, and what the whole would take.

    Raises:
        VidstyleError: As ``stylize_video`` does.
    """
    check_picture_path(output)
    config = config or VideoConfig()
    info = probe(clip, fps=config.input_fps, background=config.background)
    full = working_size(
        height=info.height, width=info.width, long_side=config.style.long_side
    )
    small = replace(
        config.style,
        long_side=min(LONG_SIDE, max(full)),
        steps=min(STEPS, config.style.steps),
    )
    height, width = working_size(
        height=info.height, width=info.width, long_side=small.long_side
    )
    count = expected_frames(info, config)
    first = config.frames[0] or round((config.start_s or 0) * info.fps)
    wanted = spread(first, count or UNKNOWN_COUNT, PICTURES)
    picked = pick_frames(info, wanted, height=height, width=width)
    if max(picked) < first:
        raise ConfigError(f"{clip} ends before the range that was asked for.")
    listener(
        Notice(
            text=f"{summary(info, config)} -> {full[1]}x{full[0]}; "
            f"this preview: {width}x{height}"
        )
    )
    if small.style_side is not None:
        small = replace(
            small,
            style_side=max(
                MIN_SIDE, small.style_side * max(height, width) // max(full)
            ),
        )
    tools = prepare(
        style,
        small,
        height=height,
        width=width,
        listener=listener,
        times_s=config.style_at,
    )
    reports: list[StepReport] = []
    painted, started = [], time.monotonic()
    plan = Plan(height=height, width=width, frames=len(picked), next_steps=small.steps)
    listener(plan)
    for index, frame in picked.items():

        def on_step(
            report: StepReport, _: Callable[[], Frame], index: int = index
        ) -> None:
            reports.append(replace(report, frame=index))
            listener(reports[-1])

        time_s = float(index / info.fps)
        painted.append(paint_frame(frame, tools, small, on_step, time_s=time_s))
        listener(
            FrameReport(
                frame=index,
                steps=reports[-1].step if reports else 0,
                frames_known=len(picked),
                all_known=True,
            )
        )
    write_picture(output, contact_sheet([list(picked.values()), painted]))
    if count and reports:
        work = sum(report.work for report in reports)
        per_step = (time.monotonic() - started) / work
        per_step *= full[0] * full[1] / (height * width)
        total = per_step * (config.style.steps + (count - 1) * config.next_steps)
        listener(
            Notice(
                text=f"the whole clip: {count} frames of {full[1]}x{full[0]}, "
                f"about {_duration(total)} on this machine"
            )
        )
    return output


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
