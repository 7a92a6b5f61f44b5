"""What a frame needs that does not depend on how its predecessor was painted.

Computed a frame ahead, in background threads, while the device is at work.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Protocol

from vidstyle.clip.ingest import IngestState
from vidstyle.color.masks import Mask
from vidstyle.config import FlowQuality, VideoConfig
from vidstyle.motion.consistency import first_paint, photometric_consistency
from vidstyle.motion.flow import estimate_motion
from vidstyle.records import Consistency, Frame, Motion, Paint
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot whose colors count for the palette of the newest."""


class MotionEstimator(Protocol):
    """A way to measure motion, such as ``estimate_motion``."""

    def __call__(self, earlier: Frame, later: Frame, *, quality: FlowQuality) -> Motion:
        """Find how the content moved between two frames; called in any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPass:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Where it is in the frame with an index; called in any thread."""


@dataclass(slots=True, kw_only=True)
class PrefetchedFrame:
    """A frame on its way through the painter: what it is painted from."""

    index: int
    start: int
    """First frame of its lane."""
    source: Frame
    content: Frame
    """The source as it is to be kept."""
    style: FrameStyle
    paint: Paint
    """Of the frame once it is painted; one that follows another gets it when begun."""
    mask: Mask | None
    """The part that is painted; None: all of it."""
    is_blank: bool = False
    """Whether it is left as it is: there is nothing to paint in it."""
    mask_before: Mask | None = None
    """The predecessor's mask; goes with ``motion``."""
    motion: Motion | None = None
    """From the predecessor; None: the frame follows none, or the flow is not needed."""
    seen_again: Consistency | None = None
    """Where it looks like its predecessor; goes with ``motion``."""
    previous: tuple[Frame, Paint] | None = None
    """Its predecessor as stylized and stored, and that one's paint; the painter adds
    it. None: the frame follows none."""


@dataclass(slots=True)
class Prefetcher:
    """Reads frames and measures how they moved, before it is their turn."""

    store: FrameStore
    """Where the reader puts them."""
    config: VideoConfig
    bank: StyleBank
    motion: MotionEstimator = estimate_motion
    region: RegionPass | None = None
    """Which part of the frames is painted; None: all of them."""
    _pending: dict[int, Future[PrefetchedFrame]] = field(default_factory=dict)

    def begin(self, index: int, start: int, found: IngestState, pool: Executor) -> None:
        """Prepare a frame of the lane from ``start`` on in the background."""
        self._pending[index] = pool.submit(self._prefetch, index, start, found)

    def take(self, index: int, start: int, found: IngestState) -> PrefetchedFrame:
        """Return a frame, which was begun or is prepared now."""
        if pending := self._pending.pop(index, None):
            return pending.result()
        return self._prefetch(index, start, found)

    def _prefetch(self, index: int, start: int, found: IngestState) -> PrefetchedFrame:
        region, source = self.region, self.store.source(index)
        style = self._style(index, start, found)
        frame = PrefetchedFrame(
            index=index,
            start=start,
            source=source,
            content=self.bank.content(source, style),
            style=style,
            paint=first_paint(source),
            mask=None if region is None else region.mask(index),
            is_blank=not found.shows(index),
        )
        if found.follows(index, start) and self.config.needs_motion:
            earlier = self.store.source(index - 1)
            motion = self.motion(earlier, source, quality=self.config.flow)
            frame.motion = motion
            frame.seen_again = photometric_consistency(earlier, source, motion)
            frame.mask_before = None if region is None else region.mask(index - 1)
        return frame

    def _style(self, index: int, start: int, found: IngestState) -> FrameStyle:
        """Choose a frame's mix of paintings, and the colors of its shot so far.

        A region's colors are counted from where it came into sight.
        """
        oldest = index
        while oldest > max(start, index - MEMORY) and found.follows(oldest, start):
            oldest -= 1
        colors = found.colors[oldest - found.first : index - found.first + 1]
        statistics = colors[0]
        for later in colors[1:]:
            statistics = statistics.toward(later)
        if self.region is not None and self.region.region is not None:
            return self.bank.for_region(self.region.region, statistics)
        time_s = found.times_s[index - found.first] - found.origin_s
        return self.bank.at(time_s, statistics)
