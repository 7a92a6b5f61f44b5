"""What a frame needs that does not depend on how its predecessor was painted.

Computed a frame ahead, in background threads, while the device is at work.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vidstyle.clip.ingest import IngestState
from vidstyle.color.masks import Mask
from vidstyle.config import VideoConfig
from vidstyle.motion.consistency import photometric_consistency
from vidstyle.motion.flow import estimate_motion
from vidstyle.records import Consistency, Frame, Motion
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot whose colours count for the palette of the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPass:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Says by a frame's index where it is; called in any thread."""
    keep: Callable[[int, Frame, Frame], None] | None
    """Is given each painted frame and its source, in any thread."""


@dataclass(frozen=True, slots=True)
class PrefetchedFrame:
    """A frame, and how it moved."""

    source: Frame
    content: Frame
    """The source as it is to be kept."""
    wish: FrameStyle
    """What it is to look like."""
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
    look: StyleBank,
    layer: RegionPass | None,
) -> FrameStyle:
    """Say what a frame is to look like, with the colours of its shot so far.

    Of a region they are counted from where it came into sight.

    Args:
        index: The frame's.
        start: Of its lane.
        found: What the reader knows.
        look: The paintings.
        layer: Which part of the frame is painted.
    """
    oldest = index
    while oldest > max(start, index - MEMORY) and found.follows(oldest, start):
        oldest -= 1
    oldest -= found.first
    colors = found.colors[oldest : index - found.first + 1]
    statistics = colors[0]
    for later in colors[1:]:
        statistics = statistics.toward(later)
    if layer is not None and layer.region is not None:
        return look.for_region(layer.region, statistics)
    return look.at(found.times_s[index - found.first] - found.origin_s, statistics)


def prefetch(
    index: int,
    wish: FrameStyle,
    *,
    follows: bool,
    store: FrameStore,
    config: VideoConfig,
    look: StyleBank,
    layer: RegionPass | None,
) -> PrefetchedFrame:
    """Read a frame and measure how it moved.

    Args:
        index: The frame's.
        wish: What it is to look like.
        follows: Whether it continues a painted frame.
        store: Where it is, and the one before it.
        config: Says whether the flow is needed, and which.
        look: The paintings.
        layer: Which part of the frame is painted.
    """
    source = store.source(index)
    content = look.content(source, wish)
    mask = None if layer is None else layer.mask(index)
    is_bound = config.temporal_weight > 0 and config.next_steps > 0
    needs_flow = config.next_init == "previous-warped" or is_bound
    if not (follows and needs_flow):
        return PrefetchedFrame(source, content, wish, mask)
    earlier = store.source(index - 1)
    motion = estimate_motion(earlier, source, quality=config.flow)
    seen_again = photometric_consistency(earlier, source, motion)
    before = None if layer is None else layer.mask(index - 1)
    return PrefetchedFrame(source, content, wish, mask, before, motion, seen_again)
