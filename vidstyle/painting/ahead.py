"""What a frame needs that does not depend on how its predecessor was painted.

Computed a frame ahead, in background threads, while the device is at work.
"""

from dataclasses import dataclass

from vidstyle.config import VideoConfig
from vidstyle.controls.masks import Mask
from vidstyle.ingest import Found
from vidstyle.look import Look, Wish
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.reuse import find_again
from vidstyle.painting.layer import Layer
from vidstyle.records import Consistency, Frame, Motion
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot whose colours count for the palette of the newest."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame, and how it moved."""

    source: Frame
    content: Frame
    """The source as it is to be kept."""
    wish: Wish
    """What it is to look like."""
    mask: Mask | None = None
    """Of the part that is painted; None: all of it."""
    mask_before: Mask | None = None
    """The same of the predecessor; goes with ``motion``."""
    motion: Motion | None = None
    """From the predecessor; None: the frame follows none, or the flow is not needed."""
    seen_again: Consistency | None = None
    """Where it looks like its predecessor; goes with ``motion``."""


def wish_for(
    index: int, start: int, found: Found, look: Look, layer: Layer | None
) -> Wish:
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
        return look.of_region(layer.region, statistics)
    return look.at(found.times_s[index - found.first] - found.origin_s, statistics)


def prepare_frame(
    index: int,
    wish: Wish,
    *,
    follows: bool,
    store: FrameStore,
    config: VideoConfig,
    look: Look,
    layer: Layer | None,
) -> Prepared:
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
        return Prepared(source, content, wish, mask)
    earlier = store.source(index - 1)
    motion = estimate_motion(earlier, source, quality=config.flow)
    seen_again = find_again(earlier, source, motion)
    before = None if layer is None else layer.mask(index - 1)
    return Prepared(source, content, wish, mask, before, motion, seen_again)
