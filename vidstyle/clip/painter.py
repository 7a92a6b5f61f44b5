"""Lanes of frames through the batch: which is painted when, on the device.

Flow and decoding run ahead, and storing runs behind, in background threads; everything
on the device happens in the caller's.
"""

from concurrent.futures import Executor, Future, ThreadPoolExecutor

from vidstyle.clip.frame_tasks import FrameTasks
from vidstyle.clip.frame_writer import FrameWriter, Recording, SlotState
from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.lanes import Lanes
from vidstyle.clip.prefetch import (
    PrefetchedFrame,
    RegionPass,
    frame_style_for,
    prefetch,
)
from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.images import image_to_frame
from vidstyle.motion.consistency import Age
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Frame, FrameReport, Listener, Notice
from vidstyle.stylize.stylizer import Tools
from vidstyle.video.work_dir import FrameStore


class Painter:
    """Paint every frame that a reader delivers, once."""

    def __init__(
        self,
        tools: Tools,
        store: FrameStore,
        config: VideoConfig,
        *,
        evolution: EvolutionConfig | None,
        listener: Listener,
        layer: RegionPass | None = None,
    ) -> None:
        """Prepare to paint.

        Args:
            tools: Network, painting, device.
            store: Where frames come from and go to.
            config: How.
            evolution: Which frame's learning to record; None: none's.
            listener: Is told every step and every finished frame.
            layer: Which part of the frames is painted; None: all of them.
        """
        self._tools, self._store, self._config = tools, store, config
        self._listener, self._layer = listener, layer
        self._recording = Recording(evolution, store)
        self._writer = FrameWriter(store, self._recording, layer)
        self._jobs = FrameTasks(tools, store, config)
        self._found = IngestState()
        self._lanes = Lanes(store.is_painted)
        self._batch = BatchOptimization(
            tools.network,
            tools.look.plain_style(),
            config.style,
            slots=config.batch,
            temporal_weight=config.temporal_weight,
            guided=layer is not None,
        )
        self._work: dict[int, SlotState] = {}  # by slot
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
            return self._paint(ingest, pool)

    def _paint(self, ingest: Ingest, pool: Executor) -> IngestState:
        while True:
            self._look(ingest, wait=False)
            self._fill(pool)
            if not self._batch.is_busy:
                if self._found.is_complete and not self._lanes.open_starts:
                    self._writer.flush(wait=True)
                    return self._found
                self._look(ingest, wait=True)
                continue
            for slot, (report, is_finished) in self._batch.step().items():
                self._listener(report)
                self._record(slot, report.frame)
                if is_finished:
                    self._finish(slot, report.step, pool)
            self._writer.flush(wait=False)

    def _look(self, ingest: Ingest, *, wait: bool) -> None:
        """Take in what the reader has found."""
        self._found = found = ingest.poll(
            painted=self._done, open_lanes=len(self._lanes.open_starts), wait=wait
        )
        for text in found.warnings:
            self._listener(Notice(text=text, is_warning=True))
        self._lanes.extend(
            found.starts, certain=found.certain, is_complete=found.is_complete
        )

    def _fill(self, pool: Executor) -> None:
        """Give every idle slot a frame, as far as frames are ready."""
        while self._batch.idle and (taken := self._lanes.take()):
            slot = self._batch.idle[0]
            index, start = taken
            ahead = self._ahead.pop(index, None)
            if ahead is None:
                ahead = self._prepare_ahead(index, start, pool)
            prepared = ahead.result()
            job, age = self._job(index, start, prepared)
            self._work[slot] = SlotState(index, start, age, prepared.source)
            self._batch.load(slot, job)
            following = self._lanes.following(index)
            if following is not None:
                self._ahead[following] = self._prepare_ahead(following, start, pool)
            self._recording.begin(index, prepared.source)
            if job.steps == 0:
                self._record(slot, index)
                self._finish(slot, 0, pool)

    def _job(
        self, index: int, start: int, prepared: PrefetchedFrame
    ) -> tuple[FrameTask, Age]:
        """Put together what is optimised; a region that comes into sight begins."""
        if not self._found.shows(index):
            return self._jobs.blank(index, prepared)
        if not self._found.follows(index, start):
            return self._jobs.first(index, prepared)
        previous = self._previous(index, start)
        return self._jobs.following(index, prepared, *previous)

    def _record(self, slot: int, index: int) -> None:
        """Show a frame's picture after a step, if it is the one that is recorded."""
        if self._recording.is_of(index):
            self._recording.offer(self._picture(slot))

    def _prepare_ahead(
        self, index: int, start: int, pool: Executor
    ) -> Future[PrefetchedFrame]:
        look, layer = self._tools.look, self._layer
        return pool.submit(
            prefetch,
            index,
            frame_style_for(index, start, self._found, look, layer),
            follows=self._found.follows(index, start),
            store=self._store,
            config=self._config,
            look=look,
            layer=layer,
        )

    def _previous(self, index: int, start: int) -> tuple[Frame, Age]:
        """Return a frame's painted predecessor as stored, and the age of its paint."""
        if start in self._last:
            return self._last[start]
        return self._store.stylized(index - 1), self._store.age(index - 1)

    def _picture(self, slot: int) -> Frame:
        """Show the best picture of a slot so far."""
        painted = image_to_frame(self._batch.result(slot))
        return self._tools.look.restore_chroma(painted, self._work[slot].source)

    def _finish(self, slot: int, steps: int, pool: Executor) -> None:
        """Take a finished frame out of its slot and have it stored."""
        frame = self._picture(slot)
        work = self._work.pop(slot)
        self._batch.release(slot)
        self._last[work.start] = frame, work.age
        self._writer.put(work, frame, pool)
        self._lanes.release(work.index)
        for ended in self._last.keys() - set(self._lanes.open_starts):
            del self._last[ended]
        self._done += 1
        self._listener(
            FrameReport(
                frame=work.index,
                steps=steps,
                frames_known=len(self._found.times_s),
                all_known=self._found.is_complete,
            )
        )
