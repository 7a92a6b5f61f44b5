"""Working-size frames -> stylized frames: lanes through the batch, coherent in time.

Flow and decoding run ahead, and storing runs behind, in background threads; everything
on the device happens in the caller's.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from torch import Tensor

from vidstyle.coherence import Following, first_age, follow
from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.controls.masks import Mask, mask_to_image
from vidstyle.first_frame import first_job
from vidstyle.images import frame_to_image, image_to_frame
from vidstyle.ingest import Found, Ingest
from vidstyle.look import Wish
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.reuse import Age, find_again
from vidstyle.preparation import Tools
from vidstyle.recording import Recording
from vidstyle.records import (
    Consistency,
    Frame,
    FrameReport,
    Listener,
    Motion,
    Notice,
)
from vidstyle.style.init_image import random_image
from vidstyle.style.lanes import Lanes
from vidstyle.style.level import Job
from vidstyle.style.optimize import BatchOptimization
from vidstyle.style.targets import content_target
from vidstyle.video.store import FrameStore

CUT_SHARE = 0.25
"""Less of the flow trusted than this: the frame is treated as the first of a shot."""
MEMORY = 60
"""Frames of a shot whose colours count for the palette of the newest."""
BEHIND = 16
"""Finished frames that may wait to be stored."""
ENERGIES = "energies"
"""Name of the stored facts: by first frame, what content errors are divided by."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a frame needs that does not depend on how its predecessor was painted."""

    source: Frame
    content: Frame
    """The source as it is to be kept."""
    wish: Wish
    """What it is to look like."""
    motion: Motion | None
    """From the predecessor; None: the frame follows none, or the flow is not needed."""
    seen_again: Consistency | None = None
    """Where it looks like its predecessor; goes with ``motion``."""


@dataclass(frozen=True, slots=True)
class Work:
    """A frame in a slot."""

    index: int
    start: int
    """First frame of its lane."""
    age: Age
    source: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Which part of the frames a pass paints."""

    region: int | None
    """None: what is in no region."""
    mask: Callable[[int], Mask]
    """Says by a frame's index where it is."""
    keep: Callable[[int, Frame, Frame], None] | None
    """Is given each painted frame and its source, in any thread."""


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
        layer: Layer | None = None,
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
        self._found = Found()
        self._lanes = Lanes(store.is_painted)
        self._batch = BatchOptimization(
            tools.network,
            tools.look.plain_style(),
            config.style,
            slots=config.batch,
            temporal_weight=config.temporal_weight,
            guided=layer is not None,
        )
        self._work: dict[int, Work] = {}  # by slot
        self._last: dict[int, tuple[Frame, Age]] = {}  # newest painted, by lane start
        self._ahead: dict[int, Future[Prepared]] = {}
        self._stores: list[Future[None]] = []
        self._energies: dict[str, Mapping[str, float]] = store.facts(ENERGIES) or {}
        self._done = 0

    def paint(self, ingest: Ingest) -> Found:
        """Paint until there is nothing left to paint.

        Returns:
            What the reader has found: all of it.

        Raises:
            VidstyleError: Whatever reading, optimising or storing meets.
        """
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="ahead") as pool:
            return self._paint(ingest, pool)

    def _paint(self, ingest: Ingest, pool: ThreadPoolExecutor) -> Found:
        while True:
            self._look(ingest, wait=False)
            self._fill(pool)
            if not self._batch.is_busy:
                if self._found.is_complete and not self._lanes.open_starts:
                    self._settle(wait=True)
                    return self._found
                self._look(ingest, wait=True)
                continue
            for slot, (report, is_finished) in self._batch.step().items():
                self._listener(report)
                self._record(slot, report.frame, report.step)
                if is_finished:
                    self._finish(slot, report.step, pool)
            self._settle(wait=False)

    def _look(self, ingest: Ingest, *, wait: bool) -> None:
        """Take in what the reader has found."""
        self._found = found = ingest.look(
            painted=self._done, open_lanes=len(self._lanes.open_starts), wait=wait
        )
        for text in found.warnings:
            self._listener(Notice(text=text, is_warning=True))
        self._lanes.extend(
            found.starts, certain=found.certain, is_complete=found.is_complete
        )

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        """Give every idle slot a frame, as far as frames are ready."""
        while self._batch.idle and (taken := self._lanes.take()):
            slot = self._batch.idle[0]
            index, start = taken
            ahead = self._ahead.pop(index, None)
            if ahead is None:
                ahead = self._prepare_ahead(index, start, pool)
            prepared = ahead.result()
            job, age = self._job(index, start, prepared)
            self._work[slot] = Work(index, start, age, prepared.source)
            self._batch.load(slot, job)
            following = self._lanes.following(index)
            if following is not None:
                self._ahead[following] = self._prepare_ahead(following, start, pool)
            self._recording.begin(index, prepared.source)
            if job.steps == 0:
                self._record(slot, index, 0)
                self._finish(slot, 0, pool)

    def _record(self, slot: int, index: int, step: int) -> None:
        """Show a frame's picture after a step, if it is the one that is recorded."""
        if self._recording.is_of(index):
            self._recording.offer(step, self._picture(slot))

    def _prepare_ahead(
        self, index: int, start: int, pool: ThreadPoolExecutor
    ) -> Future[Prepared]:
        found = self._found
        oldest = max(start, index - MEMORY) - found.first
        colors = found.colors[oldest : index - found.first + 1]
        statistics = colors[0]
        for later in colors[1:]:
            statistics = statistics.toward(later)
        time_s = found.times_s[index - found.first] - found.origin_s
        region = self._layer.region if self._layer else None
        wish = self._tools.look.at(time_s, statistics)
        if region is not None:
            wish = self._tools.look.of_region(region, statistics)
        return pool.submit(self._prepare, index, start, wish)

    def _prepare(self, index: int, start: int, wish: Wish) -> Prepared:
        """Read a frame and measure how it moved; runs in any thread."""
        source = self._store.source(index)
        content = self._tools.look.content(source, wish)
        is_bound = self._config.temporal_weight > 0 and self._config.next_steps > 0
        needs_flow = self._config.next_init == "previous-warped" or is_bound
        if index == start or not needs_flow:
            return Prepared(source, content, wish, None)
        earlier = self._store.source(index - 1)
        motion = estimate_motion(earlier, source, quality=self._config.flow)
        seen_again = find_again(earlier, source, motion)
        return Prepared(source, content, wish, motion, seen_again)

    def _job(self, index: int, start: int, prepared: Prepared) -> tuple[Job, Age]:
        """Put together where a frame starts and what it should become."""
        image = frame_to_image(prepared.content, device=self._tools.device)
        motion = prepared.motion
        if index == start or (motion and motion.trusted_share < CUT_SHARE):
            return self._first_job(index, prepared), first_age(prepared.source)
        previous, age = self._previous(index, start)
        following = None
        steps = self._config.next_steps
        if motion is not None and prepared.seen_again is not None:
            following = follow(
                previous,
                age,
                self._tools.look.worked_on(prepared.source),
                motion=motion,
                seen_again=prepared.seen_again,
                device=self._tools.device,
            )
            age = following.age
            steps = round(steps * (2 - motion.trusted_share))
        job = Job(
            frame=index,
            start=self._next_start(index, image, previous, following),
            content=content_target(
                self._tools.network,
                image,
                self._config.style,
                self._energies_of(index),
            ),
            steps=steps,
            style=self._tools.look.style(prepared.wish),
            mask=self._mask(index),
            warped=following.warped if following else None,
            consistency=following.binding if following else None,
        )
        return job, age

    def _first_job(self, index: int, prepared: Prepared) -> Job:
        job = first_job(
            index,
            prepared.content,
            prepared.wish,
            self._tools,
            self._config.style,
            mask=None if self._layer is None else self._layer.mask(index),
            noise=index,
        )
        self._energies[str(index)] = dict(job.content.energies)
        self._store.put_facts(ENERGIES, self._energies)
        return job

    def _mask(self, index: int) -> Tensor | None:
        if self._layer is None:
            return None
        return mask_to_image(self._layer.mask(index), device=self._tools.device)

    def _next_start(
        self, index: int, image: Tensor, previous: Frame, following: Following | None
    ) -> Tensor:
        match self._config.next_init:
            case "previous-warped" if following is not None:
                return following.start
            case "content":
                return image.clone()
            case "random":
                return random_image(image, seed=self._config.style.seed, index=index)
            case _:
                return frame_to_image(previous, device=self._tools.device)

    def _energies_of(self, index: int) -> Mapping[str, float]:
        """Those of the newest first frame at or before this one."""
        first = max(known for key in self._energies if (known := int(key)) <= index)
        return self._energies[str(first)]

    def _previous(self, index: int, start: int) -> tuple[Frame, Age]:
        """What is worked on of the predecessor as stored: 8 bits, in every run."""
        if start in self._last:
            frame, age = self._last[start]
        else:
            frame, age = self._store.stylized(index - 1), self._store.age(index - 1)
        return self._tools.look.worked_on(frame), age

    def _picture(self, slot: int) -> Frame:
        """Show the best picture of a slot so far."""
        painted = image_to_frame(self._batch.result(slot))
        return self._tools.look.finished(painted, self._work[slot].source)

    def _finish(self, slot: int, steps: int, pool: ThreadPoolExecutor) -> None:
        """Take a finished frame out of its slot and store it in the background."""
        frame = self._picture(slot)
        work = self._work.pop(slot)
        self._batch.release(slot)
        self._last[work.start] = frame, work.age
        self._stores.append(pool.submit(self._keep, work, frame))
        if len(self._stores) > BEHIND:
            self._stores.pop(0).result()
        self._lanes.give_back(work.index)
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

    def _keep(self, work: Work, frame: Frame) -> None:
        """Store a finished frame; last of all its pixels, which say that it is done."""
        if self._recording.is_of(work.index):
            self._store.put_evolution(self._recording.pictures())
        if self._layer is not None and self._layer.keep is not None:
            self._layer.keep(work.index, frame, work.source)
        self._store.put_age(work.index, work.age)
        self._store.put_stylized(work.index, frame)
        if work.index > work.start:
            self._store.drop_source(work.index - 1)
            self._store.drop_age(work.index - 1)

    def _settle(self, *, wait: bool) -> None:
        """Raise what storing in the background has met."""
        for stored in [store for store in self._stores if wait or store.done()]:
            stored.result()
            self._stores.remove(stored)
