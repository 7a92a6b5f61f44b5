"""A pass over a clip whose shots are painted by workers: tasks out, news in.

The clip is read, and the result put together, as ever; ``clip/worker`` is a task.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.manifest import describe_machine
from vidstyle.clip.regions import RegionPasses
from vidstyle.clip.worker import (
    SEND_S,
    SHARED,
    Job,
    frame_of,
    pack,
    paint_part,
    unpack,
)
from vidstyle.clip.workers import WAIT_S, Workers, named_error
from vidstyle.config import EvolutionConfig
from vidstyle.errors import OptimizationError
from vidstyle.records import Event, FrameReport, Listener, Notice, ignore
from vidstyle.stylize.image import Paintings


def prepare(
    passes: RegionPasses,
    paintings: Paintings,
    workers: Workers | None,
    threads: int | None,
) -> tuple[RegionPasses, dict[str, Any]]:
    """Load the network; or ask workers, which are to load it and compute in threads.

    Returns:
        The passes, ready to be painted; and what a manifest says of what paints them.
    """
    if workers is not None:
        facts = workers.ask(paintings.config, threads, passes.listener)
        return replace(passes, spread=partial(_paint_spread, workers)), facts
    stylizer = paintings.load(passes.listener)
    facts = {"network": stylizer.network.name, **describe_machine(stylizer.device)}
    return replace(passes, stylizer=stylizer), facts


def _paint_spread(
    workers: Workers,
    passes: RegionPasses,
    place: int,
    ingest: Ingest,
    listener: Listener,
) -> IngestState:
    """Paint all frames that a reader delivers to a pass, as ``Painter`` does.

    Raises:
        VidstyleError: What the reader meets, or a worker three times.
    """
    spread = _Spread(workers, passes, place, listener)
    try:
        return spread.paint(ingest)
    except (ConnectionError, workers.ray.exceptions.RayActorError) as err:
        raise OptimizationError("the connection to the workers is lost.") from err
    finally:
        spread.stop()


@dataclass(slots=True)
class _Part:
    """Some whole shots, which are a task."""

    found: IngestState  # of these frames alone
    evolution: EvolutionConfig | None
    painted: int = 0  # frames that were, when it was handed out

    @property
    def frames(self) -> range:
        return range(self.found.first, self.found.certain)


class _Spread:
    """Hands out the shots of a pass as they are read, and hears of them."""

    def __init__(
        self,
        workers: Workers,
        passes: RegionPasses,
        place: int,
        listener: Listener,
    ) -> None:
        self._workers, self._ray, self._listener = workers, workers.ray, listener
        self._passes, self._store = passes, passes.stores[place]
        self._key, self._found = uuid4().hex, IngestState()
        self._store.put_facts(SHARED, {"run": self._key})
        plain = replace(passes, listener=ignore, spread=None)
        job = Job(self._key, plain, place, workers.facts)
        self._job = self._ray.put(self._ray.cloudpickle.dumps(job))
        self._task = workers.task(paint_part)
        self._parts: dict[Any, _Part] = {}  # that are being painted, by their tasks
        self._shots = 0  # handed out, the finished ones too
        self._sends = False  # whether workers do not see the work directory
        self._told = set[str]()

    def paint(self, ingest: Ingest) -> IngestState:
        batch = self._passes.masks.config.batch
        while True:
            is_enough = len(self._parts) >= 2 * self._workers.count
            self._found = found = ingest.poll(
                painted=0,
                open_lanes=batch if is_enough else 0,
                wait=not self._parts,
            )
            for text in found.warnings:
                self._tell(Notice(text=text, is_warning=True))
            self._hand_out(batch)
            if self._parts:
                self._collect()
            elif found.is_complete:
                return found

    def stop(self) -> None:
        """End what is still being painted."""
        with suppress(ConnectionError, self._ray.exceptions.RayError):
            for task in self._parts:
                self._ray.cancel(task, force=True)
            if self._parts:
                tasks = list(self._parts)
                self._ray.wait(tasks, num_returns=len(tasks), timeout=WAIT_S)

    def _hand_out(self, batch: int) -> None:
        """Make tasks of shots whose end is known, as many in each as are batched."""
        found = self._found
        edges = found.starts[self._shots :] + [found.certain] * found.is_complete
        while len(edges) > 1 and (found.is_complete or len(edges) > batch):
            self._submit(self._part(edges[0], edges[: batch + 1][-1]))
            edges, self._shots = edges[batch:], self._shots + batch

    def _part(self, first: int, stop: int) -> _Part:
        found = self._found
        span = slice(first - found.first, stop - found.first)
        own = replace(
            found,
            starts=[start for start in found.starts if first <= start < stop],
            certain=stop,
            times_s=found.times_s[span],
            colors=found.colors[span],
            is_seen=found.is_seen[span],
            lights={},
            first=first,
            is_complete=True,
            warnings=[],
        )
        evolution = self._passes.evolution
        if evolution is not None:
            # Unless a frame is named, it is the first with something to learn.
            seen = found.is_seen[: span.stop]
            index = found.first + seen.index(True) if True in seen else None
            wanted = index if evolution.frame is None else evolution.frame
            evolution = evolution if wanted in range(first, stop) else None
        return _Part(own, evolution)

    def _submit(self, part: _Part) -> None:
        """Have a part painted, if it is not."""
        part.painted = self._painted(part)
        if part.painted < len(part.frames):
            files = None
            if self._sends:
                ours = pack(self._store, lambda path: frame_of(path) in part.frames)
                files = self._ray.put(ours)
            mailbox = self._workers.mailbox
            task = self._task(self._job, mailbox, part.found, part.evolution, files)
            self._parts[task] = part

    def _painted(self, part: _Part) -> int:
        return sum(map(self._store.is_painted, part.frames))

    def _collect(self) -> None:
        """Wait for a while, hear what is told, and see what is finished."""
        ready, _ = self._ray.wait(list(self._parts), timeout=SEND_S)
        letters = self._ray.get(self._workers.mailbox.take.remote(self._key))
        for events, files in letters:
            unpack(self._store, files)
            for event in events:
                self._tell(event)
        for task in ready:
            part = self._parts.pop(task)
            try:
                self._sends |= not self._ray.get(task)
            except self._ray.exceptions.RayError as err:
                if self._painted(part) == part.painted:
                    what = f"frames {part.frames[0]} to {part.frames[-1]}"
                    raise named_error(err, what) from err
            self._submit(part)

    def _tell(self, event: Event) -> None:
        """Tell a worker's event as this run's own; the same notice only once."""
        if isinstance(event, Notice):
            if event.text in self._told:
                return
            self._told.add(event.text)
        if isinstance(event, FrameReport):
            event = replace(
                event,
                frames_known=len(self._found.times_s),
                all_known=self._found.is_complete,
                shots_known=len(self._found.starts),
            )
        self._listener(event)
