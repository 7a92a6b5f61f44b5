"""Lanes of frames through the batch: which is painted when, on the device.

Flow and decoding run ahead, and storing runs behind, in background threads; everything
on the device happens in the caller's.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from vidstyle.clip.frame_tasks import FrameTasks
from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.lanes import Lanes
from vidstyle.clip.prefetch import (
    PrefetchedFrame,
    RegionPass,
    frame_style_for,
    prefetch,
)
from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.motion.consistency import Age
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Frame, FrameReport, Listener, Notice
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.evolution import Evolution
from vidstyle.video.work_dir import EVOLUTION, FrameStore

BEHIND = 16
"""Finished frames that may wait to be stored."""


class Recording:
    """Watch for the wanted frame, and keep its evolution once.

    An interrupted run that has painted the frame has stored its evolution too.
    """

    def __init__(self, config: EvolutionConfig | None, store: FrameStore) -> None:
        """Wait for the frame.

        Args:
            config: Says which, or None: whichever is painted first.
            store: Knows whether an earlier run has recorded it.
        """
        is_wanted = config is not None and store.facts(EVOLUTION) is None
        self._config = config if is_wanted else None
        self._evolution: Evolution | None = None
        self._frame: int | None = None

    def begin(self, index: int, source: Frame) -> None:
        """Start recording, if this is the frame."""
        if self._config is None or self._evolution is not None:
            return
        if self._config.frame in {None, index}:
            self._evolution = Evolution(self._config, source)
            self._frame = index

    def is_of(self, index: int) -> bool:
        """Whether this frame is the one, so that its pictures are to be offered."""
        return self._frame == index

    def offer(self, picture: Frame) -> None:
        """Show the frame's picture after a step."""
        if self._evolution is not None:
            self._evolution.offer(picture)

    def pictures(self) -> list[Frame]:
        """Return what was chosen, once the frame is finished."""
        return [] if self._evolution is None else self._evolution.pictures()


class FrameWriter:
    """Stores finished frames, and what a resumed run needs of them."""

    def __init__(
        self, store: FrameStore, recording: Recording, region: RegionPass | None
    ) -> None:
        """Begin with nothing to store.

        Args:
            store: Where to.
            recording: May have watched one of the frames being learned.
            region: May want each finished frame.
        """
        self._store, self._recording, self._region = store, recording, region
        self._stores: list[Future[None]] = []

    def put(self, frame: PrefetchedFrame, picture: Frame, pool: Executor) -> None:
        """Store a finished frame, soon; wait if too many wait already."""
        self._stores.append(pool.submit(self._put, frame, picture))
        if len(self._stores) > BEHIND:
            self._stores.pop(0).result()

    def flush(self, *, wait: bool) -> None:
        """Raise what storing in the background has met.

        Args:
            wait: For all that is not stored yet.
        """
        for stored in [store for store in self._stores if wait or store.done()]:
            stored.result()
            self._stores.remove(stored)

    def _put(self, frame: PrefetchedFrame, picture: Frame) -> None:
        """Store a finished frame; last of all its pixels, which say that it is done."""
        if self._recording.is_of(frame.index):
            self._store.put_evolution(self._recording.pictures())
        if self._region is not None and self._region.keep is not None:
            self._region.keep(frame.index, picture, frame.source)
        self._store.put_age(frame.index, frame.age)
        self._store.put_stylized(frame.index, picture)
        if frame.index > frame.start:
            self._store.drop_source(frame.index - 1)
            self._store.drop_age(frame.index - 1)


class Painter:
    """Paint every frame that a reader delivers, once."""

    def __init__(
        self,
        stylizer: Stylizer,
        store: FrameStore,
        config: VideoConfig,
        *,
        evolution: EvolutionConfig | None,
        listener: Listener,
        region: RegionPass | None = None,
    ) -> None:
        """Prepare to paint.

        Args:
            stylizer: With the paintings measured for the size of the frames.
            store: Where frames come from and go to.
            config: How.
            evolution: Which frame's learning to record; None: none's.
            listener: Is told every step and every finished frame.
            region: Which part of the frames is painted; None: all of them.
        """
        self._stylizer, self._store, self._config = stylizer, store, config
        self._listener, self._region = listener, region
        self._recording = Recording(evolution, store)
        self._writer = FrameWriter(store, self._recording, region)
        self._tasks = FrameTasks(stylizer, store, config)
        self._found = IngestState()
        self._lanes = Lanes(store.is_painted)
        self._batch = stylizer.batch(
            config.batch,
            temporal_weight=config.temporal_weight,
            guided=region is not None,
        )
        self._entered: dict[int, PrefetchedFrame] = {}  # in the batch, by index
        self._last: dict[int, tuple[Frame, Age]] = {}  # newest painted, by lane start
        self._ahead: dict[int, Future[PrefetchedFrame]] = {}
        self._done = 0

    def paint(self, ingest: Ingest) -> IngestState:
        """Paint until there is nothing left to paint.

        Returns:
            What the reader has found: all of it.

        Raises:
            VidstyleError: Whatever reading, optimising or storing meets.
        """
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="ahead") as pool:
            for done in self._batch.run(self._ready_tasks(ingest, pool)):
                index, step = done.task.frame, 0
                if done.report is not None:
                    self._listener(done.report)
                    step = done.report.step
                if self._recording.is_of(index):
                    self._recording.offer(self._picture(done.slot, index))
                if done.is_finished:
                    self._finish(index, self._picture(done.slot, index), step, pool)
                self._writer.flush(wait=False)
                self._poll(ingest, wait=False)
            self._writer.flush(wait=True)
        return self._found

    def _ready_tasks(
        self, ingest: Ingest, pool: Executor
    ) -> Iterator[FrameTask | None]:
        """Yield what is to be optimised; None while nothing is ready."""
        while True:
            self._poll(ingest, wait=False)
            if taken := self._lanes.take():
                yield self._task(*taken, pool)
            elif self._batch.is_busy:
                yield None
            elif self._found.is_complete and not self._lanes.open_starts:
                return
            else:
                self._poll(ingest, wait=True)

    def _poll(self, ingest: Ingest, *, wait: bool) -> None:
        """Take in what the reader has found."""
        self._found = found = ingest.poll(
            painted=self._done, open_lanes=len(self._lanes.open_starts), wait=wait
        )
        for text in found.warnings:
            self._listener(Notice(text=text, is_warning=True))
        self._lanes.extend(
            found.starts, certain=found.certain, is_complete=found.is_complete
        )

    def _task(self, index: int, start: int, pool: Executor) -> FrameTask:
        """Put together what is optimised; a region that comes into sight begins."""
        ahead = self._ahead.pop(index, None) or self._prefetch(index, start, pool)
        frame = self._entered[index] = ahead.result()
        following = self._lanes.following(index)
        if following is not None:
            self._ahead[following] = self._prefetch(following, start, pool)
        self._recording.begin(index, frame.source)
        if not self._found.shows(index):
            return self._tasks.blank(frame)
        if not self._found.follows(index, start):
            return self._tasks.first(frame)
        return self._tasks.following(frame, *self._previous(index, start))

    def _prefetch(
        self, index: int, start: int, pool: Executor
    ) -> Future[PrefetchedFrame]:
        bank, region = self._stylizer.bank, self._region
        return pool.submit(
            prefetch,
            index,
            start,
            frame_style_for(index, start, self._found, bank, region),
            follows=self._found.follows(index, start),
            store=self._store,
            config=self._config,
            bank=bank,
            region=region,
        )

    def _previous(self, index: int, start: int) -> tuple[Frame, Age]:
        """Return a frame's painted predecessor as stored, and the age of its paint."""
        if start in self._last:
            return self._last[start]
        return self._store.stylized(index - 1), self._store.age(index - 1)

    def _picture(self, slot: int, index: int) -> Frame:
        """Return the best picture of a frame so far."""
        image = self._batch.result(slot)
        return self._stylizer.finished(image, self._entered[index].source)

    def _finish(self, index: int, picture: Frame, steps: int, pool: Executor) -> None:
        """Have a finished frame stored, and let its lane go on."""
        frame = self._entered.pop(index)
        self._last[frame.start] = picture, frame.age
        self._writer.put(frame, picture, pool)
        self._lanes.release(index)
        for ended in self._last.keys() - set(self._lanes.open_starts):
            del self._last[ended]
        self._done += 1
        self._listener(
            FrameReport(
                frame=index,
                steps=steps,
                frames_known=len(self._found.times_s),
                all_known=self._found.is_complete,
            )
        )
