"""Prefetch everything about a frame that does not depend on other stylized frames.

Computed one frame ahead in background threads, while the device is busy.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from vidstyle.clip.ingest import IngestState, MaskOf
from vidstyle.clip.lanes import Turn
from vidstyle.color import Mask
from vidstyle.config import FlowQuality, VideoConfig
from vidstyle.motion.consistency import (
    SCENE_TOLERANCE,
    TRUSTED_TOLERANCE,
    first_paint,
    photometric_consistency,
)
from vidstyle.motion.flow import estimate_motions
from vidstyle.motion.span import Span, measure_span
from vidstyle.records import Consistency, Frame, Motion, Paint
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import FrameStore

MEMORY = 60
"""Frames of a shot in the running color statistics of its palette."""


class MotionEstimator(Protocol):
    """Estimates motion, such as ``estimate_motions``."""

    def __call__(
        self, earlier: Frame, later: Frame, *, quality: FlowQuality
    ) -> tuple[Motion, Motion]:
        """Estimate the motion to the later frame, and back; thread-safe."""


@dataclass(slots=True, kw_only=True)
class Origin:
    """A painted frame whose paint may be carried onto another."""

    index: int
    mask: Mask | None  # the painted part; None: all of it
    motion: Motion | None  # from the origin to the other frame; None: not needed
    seen_again: Consistency | None  # their ``photometric_consistency``; None likewise


@dataclass(slots=True, kw_only=True)
class PrefetchedFrame:
    """A frame on its way through the painter, with everything it is painted from."""

    turn: Turn
    source: Frame
    content: Frame  # the content image: the source in the colors to be kept
    style: FrameStyle
    paint: Paint
    """State of its paint once painted; replaced if it is carried from another frame."""
    mask: Mask | None  # the part to paint; None: all of it
    is_blank: bool = False  # whether it is kept, because there is nothing to paint
    given: Frame | None = None  # the frame as painted by the user
    origins: list[Origin]  # frames it takes paint from
    begun: Callable[[], bytes] = bytes
    """Reads the state to resume from; empty: none. The painter adds it."""
    painted: list[tuple[Frame, Paint | None]] = field(default_factory=list)
    """Each origin as stylized, with its paint if it is a key frame; filled in by the
    painter."""

    @property
    def index(self) -> int:
        return self.turn.frame


@dataclass(slots=True)
class Prefetcher:
    """Reads frames and estimates their motion ahead of time."""

    store: FrameStore
    config: VideoConfig
    bank: StyleBank
    motion: MotionEstimator = estimate_motions
    mask: MaskOf = lambda _: None
    region: int | None = None  # to paint; None: what is outside all regions
    given: Mapping[int, Frame] = field(default_factory=dict)  # by the user, by index
    _pending: dict[int, Future[PrefetchedFrame]] = field(default_factory=dict)
    _spans: dict[tuple[int, int], Span] = field(default_factory=dict)
    """By their first and last frame, both key frames."""

    def begin(self, turn: Turn, found: IngestState, pool: Executor) -> None:
        """Start preparing a frame in the background, if not started yet."""
        if turn.frame not in self._pending:
            self._pending[turn.frame] = pool.submit(self._prefetch, turn, found)

    def take(self, turn: Turn, found: IngestState) -> PrefetchedFrame:
        """Return a prepared frame, waiting for it or preparing it now."""
        if pending := self._pending.pop(turn.frame, None):
            return pending.result()
        return self._prefetch(turn, found)

    def forget(self, index: int) -> None:
        """Release the motion from and to a key frame that is no longer needed."""
        for ends in list(self._spans):  # a copy, since other threads add to it
            if index in ends:
                del self._spans[ends]

    def _prefetch(self, turn: Turn, found: IngestState) -> PrefetchedFrame:
        index = turn.frame
        source = self.store.source(index)
        style = self._style(index, turn.start, found)
        given, light = self.given.get(index), found.lights.get(index)
        if given is not None and light is not None:  # it is painted as dim as it looks
            given = light.scene(given)
        return PrefetchedFrame(
            turn=turn,
            source=source,
            content=self.bank.content(source, style),
            style=style,
            paint=first_paint(source),
            mask=self.mask(index),
            is_blank=not found.shows(index),
            given=given,
            origins=[
                self._origin(origin, turn, source, found)
                for origin in turn.origins
                if found.shows(index) and found.shows(origin)
            ],
        )

    def _origin(
        self, index: int, turn: Turn, source: Frame, found: IngestState
    ) -> Origin:
        motion = seen_again = None
        if self.config.needs_motion:
            span = self._span(turn)
            earlier = span.frame(index)
            motion = span.motion(index, turn.frame)
            # Between key frames no other test compares the scene paint was made for.
            limit = TRUSTED_TOLERANCE if turn.after is None else SCENE_TOLERANCE
            seen_again = photometric_consistency(earlier, source, motion, trusted=limit)
            # Paint made for a dimmer frame lacks the detail that 8 bits did not hold.
            seen_again *= min(1, found.gain(index) / found.gain(turn.frame))
        mask = self.mask(index)
        return Origin(index=index, mask=mask, motion=motion, seen_again=seen_again)

    def _span(self, turn: Turn) -> Span:
        """Return the motion between the key frames around a frame, cached."""
        assert turn.before is not None  # noqa: S101  # it has an origin
        first = turn.before
        last = turn.frame if turn.after is None else turn.after
        span = self._spans.get((first, last))
        if span is None:
            sources = [self.store.source(index) for index in range(first, last + 1)]
            measure = partial(self.motion, quality=self.config.flow)
            span = measure_span(sources, first, measure)
            self._spans[first, last] = span
        return span

    def _style(self, index: int, start: int, found: IngestState) -> FrameStyle:
        """Compute a frame's mix of paintings and the running colors of its shot.

        A region's colors are accumulated since it last came into view.
        """
        oldest = index
        while oldest > max(start, index - MEMORY) and found.follows(oldest, start):
            oldest -= 1
        colors = found.colors[oldest - found.first : index - found.first + 1]
        statistics = colors[0]
        for later in colors[1:]:
            statistics = statistics.toward(later)
        if self.region is not None:
            return self.bank.for_region(self.region, statistics)
        time_s = found.times_s[index - found.first] - found.origin_s
        return self.bank.at(time_s, statistics)
