"""Drive a ``FramePainter``: feed it frames in order, and store the results.

Decoding and motion estimation run ahead, and storing runs behind, in background
threads; everything on the device happens in the caller's thread.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Protocol

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.lanes import Lanes, Turn
from vidstyle.clip.prefetch import PrefetchedFrame, Prefetcher
from vidstyle.config import EvolutionConfig
from vidstyle.motion.consistency import first_paint
from vidstyle.motion.fades import plain_color
from vidstyle.records import Frame, FrameReport, Listener, Notice, Paint, StepReport
from vidstyle.video.figures import Evolution
from vidstyle.video.work_dir import EVOLUTION, FrameStore

BEHIND = 16
"""Finished frames that may wait to be stored."""

BEGUN_S = 20
"""Seconds between checkpoints of a frame that takes long."""
COST = 30
"""Least ratio of that interval to the time that a checkpoint takes."""

Keep = Callable[[int, Frame, Frame], None]
"""Called with an index, the stylized frame and its source; in any thread."""


@dataclass(frozen=True, slots=True)
class PaintStep:
    """One step of one frame."""

    frame: PrefetchedFrame
    report: StepReport | None  # None: the frame takes no steps
    picture: Callable[[], Frame]  # renders the current frame; valid until the next step
    is_finished: bool
    state: Callable[[], bytes] | None = None  # returns a checkpoint, if it has one


class FramePainter(Protocol):
    """Stylizes frames, one after the other or several in a batch."""

    def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
        """Stylize frames until there are no more; None: the next is not ready yet.

        Frames are consumed when there is room for them.
        """


class Painter:
    """Stylizes every frame that the ingest delivers, and stores it."""

    def __init__(
        self,
        prefetcher: Prefetcher,
        frame_painter: FramePainter,
        store: FrameStore,
        listener: Listener,
        *,
        lanes: Lanes,
        drops: bool = True,
        evolution: EvolutionConfig | None = None,
        keep: Keep | None = None,
    ) -> None:
        """Prepare to paint; ``evolution`` tells which frame to record.

        ``drops``: delete files that no frame of ``lanes`` needs any more. ``keep`` is
        called with each stylized frame before it is stored.
        """
        self._prefetcher, self._frame_painter = prefetcher, frame_painter
        self._store, self._listener, self._keep = store, listener, keep
        # An earlier run that has painted that frame has stored its evolution, too.
        self._wanted = evolution if store.facts(EVOLUTION) is None else None
        self._recorders: dict[int, Evolution] = {}  # of the frame to record, by index
        self._lanes, self._drops = lanes, drops
        self._found = IngestState()
        # By index: stylized frames whose paint may still be carried on.
        self._painted: dict[int, tuple[Frame, Paint | None]] = {}
        self._writes: list[Future[None]] = []
        self._first: Frame | None = None  # the stylized first frame, to close a loop
        self._begun = self._done = 0
        self._due_s: dict[int, float] = {}  # when each begun frame is stored next

    def paint(self, ingest: Ingest) -> IngestState:
        """Paint all frames; return the final state of the ingest.

        VidstyleError: any error of reading, optimizing or storing.
        """
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="ahead") as pool:
            for step in self._frame_painter.run(self._ready_frames(ingest, pool)):
                if step.report is not None:
                    begins_shot = not step.frame.origins
                    report = replace(step.report, begins_shot=begins_shot)
                    self._listener(replace(report, picture=step.picture))
                if recorder := self._recorders.get(step.frame.index):
                    recorder.offer(step.picture())
                if step.is_finished:
                    self._finish(step, pool)
                else:
                    self._store_begun(step)
                self._flush(wait=False)
                self._poll(ingest, wait=False)
            self._flush(wait=True)
        return self._found.without_repeat()

    def _ready_frames(
        self, ingest: Ingest, pool: Executor
    ) -> Iterator[PrefetchedFrame | None]:
        """Yield frames as they become ready; None: wait for a frame being painted."""
        while True:
            self._poll(ingest, wait=False)
            if turn := self._lanes.take():
                yield self._begin(turn, pool)
            elif self._begun > self._done:
                yield None
            elif self._found.is_complete and not self._lanes.open_starts:
                return
            else:
                self._poll(ingest, wait=True)

    def _poll(self, ingest: Ingest, *, wait: bool) -> None:
        """Update the state of the ingest, report its warnings, and plan new frames."""
        self._found = found = ingest.poll(
            painted=self._done, open_lanes=len(self._lanes.open_starts), wait=wait
        )
        for text in found.warnings:
            self._listener(Notice(text=text, is_warning=True))
        starts, certain, is_complete = found.starts, found.certain, found.is_complete
        has_first = self._first is not None or self._store.is_painted(found.first)
        if found.again is not None and not has_first:
            # The repeated frame is the painted first one: plan it later.
            starts = [start for start in starts if start != found.again]
            certain, is_complete = min(certain, found.again), False
        self._lanes.extend(starts, certain=certain, is_complete=is_complete)

    def _begin(self, turn: Turn, pool: Executor) -> PrefetchedFrame:
        """Take a prefetched frame, and start prefetching the next one of its lane."""
        found, index = self._found, turn.frame
        frame = self._prefetcher.take(turn, found)
        if (following := self._lanes.following(turn)) is not None:
            self._prefetcher.begin(following, found, pool)
        frame.painted = [self._origin(turn, each.index) for each in frame.origins]
        if index == found.again and turn.is_bound:
            if self._first is None:
                self._first = self._store.stylized(found.first)
            frame.given = self._first
        self._begun += 1
        self._due_s[index] = monotonic() + BEGUN_S
        if self._wanted is not None and self._is_wanted(self._wanted.frame, frame):
            self._recorders[index] = Evolution(self._wanted, frame.source)
            self._wanted = None
        if index not in self._recorders:  # a recording starts at the beginning
            frame.begun = partial(self._store.begun_state, index)
        return frame

    def _is_wanted(self, wanted: int | None, frame: PrefetchedFrame) -> bool:
        """Return whether to record a frame; by default, the first one optimized."""
        if wanted is not None:
            return wanted == frame.index
        opening = self._found.opening
        opens = opening is not None and frame.turn.start <= opening
        return opens and plain_color(frame.source) is None

    def _store_begun(self, step: PaintStep) -> None:
        """Store a checkpoint if one is due, unless the optimization is recorded."""
        index, start_s = step.frame.index, monotonic()
        if step.state is None or index in self._recorders:
            return
        if start_s > self._due_s[index]:
            self._store.put_begun(index, step.state())
            end_s = monotonic()
            self._due_s[index] = end_s + max(BEGUN_S, COST * (end_s - start_s))

    def _origin(self, turn: Turn, index: int) -> tuple[Frame, Paint | None]:
        """Return a stylized frame as stored, with its paint if it is a key frame."""
        if index in self._painted:
            picture, paint = self._painted[index]
        else:
            picture, paint = self._store.stylized(index), None
        if paint is None and index in {turn.before, turn.after}:
            # It is gone if a later frame was damaged and is painted again.
            paint = self._store.paint(index) or first_paint(self._store.source(index))
        self._painted[index] = picture, paint
        return picture, paint

    def _finish(self, step: PaintStep, pool: Executor) -> None:
        """Report a finished frame, store it in the background, and advance its lane."""
        frame, picture = step.frame, step.picture()
        turn = frame.turn
        self._lanes.release(turn)
        del self._due_s[turn.frame]
        # Only key frames' paint is stored, so a resumed run knows no other.
        paint = frame.paint if turn.after is None else None
        self._painted[turn.frame] = picture, paint
        for index in list(self._painted):
            if not self._lanes.needs(index):
                del self._painted[index]
                self._prefetcher.forget(index)
        if turn.frame == self._found.first:
            self._first = picture
        self._done += 1
        try:
            self._listener(
                FrameReport(
                    frame=frame.index,
                    steps=0 if step.report is None else step.report.step,
                    frames_known=len(self._found.times_s),
                    all_known=self._found.is_complete,
                    shots_known=len(self._found.starts),
                )
            )
        finally:  # a frame is reported before it is found on disk
            self._writes.append(pool.submit(self._write, frame, picture))
            if len(self._writes) > BEHIND:
                self._writes.pop(0).result()

    def _write(self, frame: PrefetchedFrame, picture: Frame) -> None:
        """Store a finished frame; its pixels, which mark it as done, come last."""
        if recorder := self._recorders.get(frame.index):
            self._store.put_evolution(recorder.pictures(), frame.index)
        if self._keep is not None:
            self._keep(frame.index, picture, frame.source)
        turn = frame.turn
        if turn.after is None and turn.is_bound:
            self._store.put_paint(turn.frame, frame.paint)
        self._store.put_stylized(turn.frame, picture)
        if self._drops:
            for index in turn.settles:
                self._store.drop_source(index)
                self._store.drop_paint(index)

    def _flush(self, *, wait: bool) -> None:
        """Re-raise errors of background writes; ``wait`` for all of them."""
        for write in [each for each in self._writes if wait or each.done()]:
            write.result()
            self._writes.remove(write)
