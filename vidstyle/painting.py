"""Working-size frames -> stylized frames: lanes through the batch, coherent in time.

Flow and decoding run ahead, and storing runs behind, in background threads; everything
on the device happens in the caller's.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from torch import Tensor

from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.controls.palette import ColorStatistics
from vidstyle.images import frame_to_image, image_to_frame
from vidstyle.ingest import Found, Ingest
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.records import (
    Frame,
    FrameReport,
    Listener,
    Motion,
    Notice,
    StepReport,
)
from vidstyle.still import Tools, first_start, recolored
from vidstyle.style.init_image import random_image
from vidstyle.style.lanes import Lanes
from vidstyle.style.optimize import BatchOptimization, Job
from vidstyle.style.targets import content_target
from vidstyle.video.evolution import Evolution
from vidstyle.video.store import FrameStore

CUT_SHARE = 0.25
"""Less of the flow trusted than this: the frame is treated as the first of a shot."""
ENERGIES = "energies"
"""Name of the stored facts: by first frame, what content errors are divided by."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a frame needs that does not depend on how its predecessor was painted."""

    source: Frame
    content: Frame
    """In the painting's palette, if it is to have that."""
    motion: Motion | None
    """From the predecessor; None: the frame follows none, or the flow is not needed."""


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
    ) -> None:
        """Prepare to paint.

        Args:
            tools: Network, painting, device.
            store: Where frames come from and go to.
            config: How.
            evolution: Which frame's learning to record; None: none's.
            listener: Is told every step and every finished frame.
        """
        self._tools, self._store, self._config = tools, store, config
        self._evolution_config = evolution
        self._found = Found()
        self._listener = listener
        self._lanes = Lanes(store.is_painted)
        self._batch = BatchOptimization(
            tools.network,
            tools.style,
            config.style,
            slots=config.batch,
            temporal_weight=config.temporal_weight,
        )
        self._jobs: dict[int, Job] = {}  # by slot
        self._last: dict[int, Frame] = {}  # newest stylized frame, by lane start
        self._lane_of: dict[int, int] = {}  # lane start, by slot
        self._ahead: dict[int, Future[Prepared]] = {}
        self._stores: list[Future[None]] = []
        self._energies: dict[str, Mapping[str, float]] = store.facts(ENERGIES) or {}
        self._evolution: Evolution | None = None
        self._recorded = -1  # the frame whose learning is being recorded
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
                self._record(slot, report)
                if is_finished:
                    self._finish(slot, report, pool)
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
        for slot in self._batch.idle:
            taken = self._lanes.take()
            if taken is None:
                return
            index, start = taken
            ahead = self._ahead.pop(index, None)
            if ahead is None:
                ahead = self._prepare_ahead(index, start, pool)
            prepared = ahead.result()
            job = self._job(index, start, prepared)
            self._jobs[slot], self._lane_of[slot] = job, start
            self._batch.load(slot, job)
            following = self._lanes.following(index)
            if following is not None:
                self._ahead[following] = self._prepare_ahead(following, start, pool)
            self._begin_record(index, prepared.source)

    def _prepare_ahead(
        self, index: int, start: int, pool: ThreadPoolExecutor
    ) -> Future[Prepared]:
        colors = self._found.colors[start - self._found.first :]
        statistics = colors[0]
        for later in colors[1 : index - start + 1]:
            statistics = statistics.toward(later)
        return pool.submit(self._prepare, index, start, statistics)

    def _prepare(self, index: int, start: int, statistics: ColorStatistics) -> Prepared:
        """Read a frame and measure how it moved; runs in any thread."""
        source = self._store.source(index)
        content = recolored(source, self._tools.palette, statistics)
        needs_flow = (
            self._config.next_init == "previous-warped"
            or self._config.temporal_weight > 0
        )
        if index == start or not needs_flow:
            return Prepared(source, content, None)
        earlier = self._store.source(index - 1)
        motion = estimate_motion(earlier, source, quality=self._config.flow)
        return Prepared(source, content, motion)

    def _job(self, index: int, start: int, prepared: Prepared) -> Job:
        """Put together where a frame starts and what it should become."""
        image = frame_to_image(prepared.content, device=self._tools.device)
        motion = prepared.motion
        if index == start or (motion and motion.trusted_share < CUT_SHARE):
            return self._first_job(index, image)
        content = content_target(
            self._tools.network, image, self._config.style, self._energies_of(index)
        )
        previous = frame_to_image(
            self._previous(index, start), device=self._tools.device
        )
        warped = consistency = None
        steps = self._config.next_steps
        if motion is not None:
            flow = flow_to_tensor(motion.flow_backward).to(image)
            warped = warp(previous, flow)
            consistency = consistency_to_tensor(motion.consistency).to(image)
            steps = round(steps * (2 - motion.trusted_share))
        return Job(
            frame=index,
            start=self._next_start(index, image, previous, warped),
            content=content,
            steps=steps,
            warped=warped,
            consistency=consistency,
        )

    def _first_job(self, index: int, image: Tensor) -> Job:
        style = self._config.style
        content = content_target(self._tools.network, image, style)
        self._energies[str(index)] = dict(content.energies)
        self._store.put_facts(ENERGIES, self._energies)
        return Job(
            frame=index,
            start=first_start(self._tools, image, style, index),
            content=content,
            steps=style.steps,
        )

    def _next_start(
        self, index: int, image: Tensor, previous: Tensor, warped: Tensor | None
    ) -> Tensor:
        match self._config.next_init:
            case "previous-warped" if warped is not None:
                return warped
            case "content":
                return image.clone()
            case "random":
                return random_image(image, seed=self._config.style.seed, index=index)
            case _:
                return previous

    def _energies_of(self, index: int) -> Mapping[str, float]:
        """Those of the newest first frame at or before this one."""
        first = max(known for key in self._energies if (known := int(key)) <= index)
        return self._energies[str(first)]

    def _previous(self, index: int, start: int) -> Frame:
        """The stylized predecessor as stored: 8 bits, in every run."""
        if start in self._last:
            return self._last[start]
        return self._store.stylized(index - 1)

    def _finish(self, slot: int, report: StepReport, pool: ThreadPoolExecutor) -> None:
        """Take a finished frame out of its slot and store it in the background."""
        index, start = self._jobs[slot].frame, self._lane_of[slot]
        frame = image_to_frame(self._batch.result(slot))
        self._last[start] = frame
        self._batch.release(slot)
        pictures = self._end_record(index)
        self._stores.append(pool.submit(self._keep, index, start, frame, pictures))
        self._lanes.give_back(index)
        for ended in self._last.keys() - set(self._lanes.open_starts):
            del self._last[ended]
        self._done += 1
        self._listener(
            FrameReport(
                frame=index,
                steps=report.step,
                frames_known=len(self._found.times_s),
                all_known=self._found.is_complete,
            )
        )

    def _keep(
        self, index: int, start: int, frame: Frame, pictures: list[Frame] | None
    ) -> None:
        """Store a finished frame; the evolution first, so that it cannot be missed."""
        if pictures is not None:
            self._store.put_evolution(pictures)
        self._store.put_stylized(index, frame)
        if index > start:
            self._store.drop_source(index - 1)

    def _settle(self, *, wait: bool) -> None:
        """Raise what storing in the background has met."""
        for stored in [store for store in self._stores if wait or store.done()]:
            stored.result()
            self._stores.remove(stored)

    def _begin_record(self, index: int, frame: Frame) -> None:
        config = self._evolution_config
        if config is None or self._evolution is not None:
            return
        wanted = self._first_wanted(config, index)
        if wanted:
            self._evolution = Evolution(config, frame)
            self._recorded = index

    def _first_wanted(self, config: EvolutionConfig, index: int) -> bool:
        if config.frame is not None:
            return index == config.frame
        return self._store.facts("evolution") is None and self._done == 0

    def _record(self, slot: int, report: StepReport) -> None:
        if self._evolution is not None and report.frame == self._recorded:
            picture = image_to_frame(self._batch.result(slot))
            self._evolution.offer(report.step, picture)

    def _end_record(self, index: int) -> list[Frame] | None:
        if self._evolution is None or index != self._recorded:
            return None
        self._recorded = -1
        return self._evolution.pictures()
