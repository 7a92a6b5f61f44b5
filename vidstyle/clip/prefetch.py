"""What a frame needs that does not depend on how its predecessor was painted.

Computed a frame ahead, in background threads, while the device is at work.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vidstyle.clip.ingest import IngestState
from vidstyle.color.masks import Mask
from vidstyle.config import VideoConfig
from vidstyle.motion.consistency import Age, first_age, photometric_consistency
from vidstyle.motion.flow import estimate_motion
from vidstyle.records import Consistency, Frame, Motion
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot whose colors count for the palette of the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPass:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Says by a frame's index where it is; called in any thread."""
    keep: Callable[[int, Frame, Frame], None] | None
    """Is given each painted frame and its source, in any thread."""


@dataclass(slots=True)
class PrefetchedFrame:
    """A frame from the work directory to the batch and back, and how it moved."""

    index: int
    start: int
    """First frame of its lane."""
    source: Frame
    content: Frame
    """The source as it is to be kept."""
    style: FrameStyle
    """What it is to look like."""
    age: Age
    """Of its paint; known when its task is made."""
    mask: Mask | None = None
    """Of the part that is painted; None: all of it."""
    mask_before: Mask | None = None
    """The same of the predecessor; goes with ``motion``."""
    motion: Motion | None = None
    """From the predecessor; None: the frame follows none, or the flow is not needed."""
    seen_again: Consistency | None = None
    """Where it looks like its predecessor; goes with ``motion``."""


def frame_style_for(
    index: int,
    start: int,
    found: IngestState,
    bank: StyleBank,
    region: RegionPass | None,
) -> FrameStyle:
    """Choose a frame's mix of paintings, and the colors of its shot so far.

    Of a region they are counted from where it came into sight.

    Args:
        index: The frame's.
        start: Of its lane.
        found: What the reader knows.
        bank: The paintings.
        region: Which part of the frame is painted.
    """
    oldest = index
    while oldest > max(start, index - MEMORY) and found.follows(oldest, start):
        oldest -= 1
    oldest -= found.first
    colors = found.colors[oldest : index - found.first + 1]
    statistics = colors[0]
    for later in colors[1:]:
        statistics = statistics.toward(later)
    if region is not None and region.region is not None:
        return bank.for_region(region.region, statistics)
    return bank.at(found.times_s[index - found.first] - found.origin_s, statistics)


def prefetch(
    index: int,
    start: int,
    style: FrameStyle,
    *,
    follows: bool,
    store: FrameStore,
    config: VideoConfig,
    bank: StyleBank,
    region: RegionPass | None,
) -> PrefetchedFrame:
    """Read a frame and measure how it moved.

    Args:
        index: The frame's.
        start: Of its lane.
        style: What it is to look like.
        follows: Whether it continues a painted frame.
        store: Where it is, and the one before it.
        config: Says whether the flow is needed, and which.
        bank: The paintings.
        region: Which part of the frame is painted.
    """
    source = store.source(index)
    frame = PrefetchedFrame(
        index=index,
        start=start,
        source=source,
        content=bank.content(source, style),
        style=style,
        age=first_age(source),
        mask=None if region is None else region.mask(index),
    )
    is_bound = config.temporal_weight > 0 and config.next_steps > 0
    needs_flow = config.next_init == "previous-warped" or is_bound
    if follows and needs_flow:
        earlier = store.source(index - 1)
        motion = estimate_motion(earlier, source, quality=config.flow)
        frame.motion = motion
        frame.seen_again = photometric_consistency(earlier, source, motion)
        frame.mask_before = None if region is None else region.mask(index - 1)
    return frame
