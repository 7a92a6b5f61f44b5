"""What a frame needs that does not depend on how its predecessor was painted.

Computed a frame ahead, in background threads, while the device is at work.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Protocol

from vidstyle.clip.ingest import IngestState
from vidstyle.clip.lanes import Turn
from vidstyle.color import Mask
from vidstyle.config import FlowQuality, VideoConfig
from vidstyle.motion.consistency import (
    ALIKE_TRUSTED,
    WORN,
    first_paint,
    photometric_consistency,
)
from vidstyle.motion.flow import estimate_motions
from vidstyle.motion.span import Span, measure_span
from vidstyle.records import Consistency, Frame, Motion, Paint
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot whose colors count for the palette of the newest."""


class MotionEstimator(Protocol):
    """A way to measure motion, such as ``estimate_motions``."""

    def __call__(
        self, earlier: Frame, later: Frame, *, quality: FlowQuality
    ) -> tuple[Motion, Motion]:
        """Find the motion to the later frame, and back; called in any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPass:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Where it is in the frame with an index; called in any thread."""


@dataclass(slots=True, kw_only=True)
class Origin:
    """A painted frame whose paint may be carried onto another."""

    index: int
    mask: Mask | None
    """The part of it that is painted; None: all of it."""
    motion: Motion | None
    """From it to the other; None: the flow is not needed."""
    seen_again: Consistency | None
    """Where the other looks like it; goes with ``motion``."""


@dataclass(slots=True, kw_only=True)
class PrefetchedFrame:
    """A frame on its way through the painter: what it is painted from."""

    turn: Turn
    source: Frame
    content: Frame
    """The source as it is to be kept."""
    style: FrameStyle
    paint: Paint
    """What it has once it is painted; one that follows another gets it when begun."""
    mask: Mask | None
    """The part that is painted; None: all of it."""
    is_blank: bool = False
    """Whether it is left as it is: there is nothing to paint in it."""
    given: Frame | None = None
    """The frame as the user has painted it."""
    origins: list[Origin]
    """What it follows; empty: nothing."""
    begun: Callable[[], bytes] = bytes
    """Reads the state that it goes on from; empty: none. The painter adds it."""
    painted: list[tuple[Frame, Paint | None]] = field(default_factory=list)
    """Each origin as stylized and stored, and of a key frame its paint; the painter
    adds them."""

    @property
    def index(self) -> int:
        """Its place in the clip."""
        return self.turn.frame


@dataclass(slots=True)
class Prefetcher:
    """Reads frames and measures how they moved, before it is their turn."""

    store: FrameStore
    """Where the reader puts them."""
    config: VideoConfig
    bank: StyleBank
    motion: MotionEstimator = estimate_motions
    region: RegionPass | None = None
    """Which part of the frames is painted; None: all of them."""
    given: Mapping[int, Frame] = field(default_factory=dict)
    """Frames that the user has painted, by index."""
    _pending: dict[int, Future[PrefetchedFrame]] = field(default_factory=dict)
    _spans: dict[tuple[int, int], Span] = field(default_factory=dict)
    """By the key frames between which they are."""

    def begin(self, turn: Turn, found: IngestState, pool: Executor) -> None:
        """Prepare a frame in the background, unless that was begun."""
        if turn.frame not in self._pending:
            self._pending[turn.frame] = pool.submit(self._prefetch, turn, found)

    def take(self, turn: Turn, found: IngestState) -> PrefetchedFrame:
        """Return a frame, which was begun or is prepared now."""
        if pending := self._pending.pop(turn.frame, None):
            return pending.result()
        return self._prefetch(turn, found)

    def forget(self, index: int) -> None:
        """Let go of the motion from and to a key frame that no other needs."""
        for ends in [each for each in [*self._spans] if index in each]:
            del self._spans[ends]

    def _prefetch(self, turn: Turn, found: IngestState) -> PrefetchedFrame:
        index, source = turn.frame, self.store.source(turn.frame)
        style = self._style(index, turn.start, found)
        return PrefetchedFrame(
            turn=turn,
            source=source,
            content=self.bank.content(source, style),
            style=style,
            paint=first_paint(source),
            mask=self._mask(index),
            is_blank=not found.shows(index),
            given=self.given.get(index),
            origins=[
                self._origin(origin, turn, source)
                for origin in turn.origins
                if found.shows(index) and found.shows(origin)
            ],
        )

    def _mask(self, index: int) -> Mask | None:
        return None if self.region is None else self.region.mask(index)

    def _origin(self, index: int, turn: Turn, source: Frame) -> Origin:
        motion = seen_again = None
        if self.config.needs_motion:
            span = self._span(turn)
            earlier, motion = span.frame(index), span.motion(index, turn.frame)
            # Where a key frame's paint is carried on, what it was made for counts, too.
            most = ALIKE_TRUSTED if turn.after is None else WORN
            seen_again = photometric_consistency(earlier, source, motion, trusted=most)
        return Origin(
            index=index,
            mask=self._mask(index),
            motion=motion,
            seen_again=seen_again,
        )

    def _span(self, turn: Turn) -> Span:
        """Measure the motion between the key frames around a frame, once."""
        assert turn.before is not None  # noqa: S101  # it has an origin
        ends = turn.before, turn.frame if turn.after is None else turn.after
        if (known := self._spans.get(ends)) is None:
            sources = [
                self.store.source(index) for index in range(ends[0], ends[1] + 1)
            ]
            known = measure_span(sources, ends[0], self._measure)
            self._spans[ends] = known
        return known

    def _measure(self, earlier: Frame, later: Frame) -> tuple[Motion, Motion]:
        return self.motion(earlier, later, quality=self.config.flow)

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
