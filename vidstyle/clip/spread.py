"""Distribute the shots of a pass over Ray workers.

The driver reads the clip and encodes the result as usual. A task is a few whole shots
or, if these are scarce, part of one; its frames are stored in the work directory or, if
the worker cannot access that, sent back. Events reach the driver as messages.
"""

import platform
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import torch

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.manifest import describe_machine
from vidstyle.clip.regions import RegionPasses
from vidstyle.clip.workers import (
    LOST_S,
    SEND_S,
    TRIES,
    WAIT_S,
    Files,
    Post,
    Workers,
    frame_of,
    named_error,
    pack,
    unpack,
)
from vidstyle.errors import InputError, OptimizationError
from vidstyle.records import Event, FrameReport, Listener, Notice
from vidstyle.stylize import Stylizer
from vidstyle.video.work_dir import FrameStore

SHARED = "shared"  # stored facts by which a worker checks that it sees the directory


class _Job(NamedTuple):
    """What all tasks of a pass have in common."""

    key: str
    passes: RegionPasses
    place: int  # number of the pass
    machine: Mapping[str, Any]  # what must be equal on all machines


@dataclass(slots=True, eq=False)
class _Part:
    """What a task paints: whole shots, key frames of a shot, or frames between two."""

    found: Any  # reference to the IngestState of its shots alone
    shots: range  # their frames
    frames: Sequence[int]
    reads: Collection[int]  # frames whose files it needs
    after: Collection[int] = ()  # frames that have to be painted before
    painted: int = 0  # frames that were painted when it was submitted
    failures: int = 0  # since a frame was painted


class SpreadPainter:
    """A ``PassPainter`` that submits shots to workers as they are read."""

    def __init__(
        self, workers: Workers, passes: RegionPasses, place: int, listener: Listener
    ) -> None:
        self._workers, self._ray, self._listener = workers, workers.ray, listener
        self._passes, self._store = passes, passes.stores[place]
        self._key, self._found = uuid4().hex, IngestState()
        passes.masks.store.put_facts(SHARED, {"run": self._key})
        job = _Job(self._key, passes, place, workers.facts)
        self._job = self._ray.put(self._ray.cloudpickle.dumps(job))
        self._task = workers.task(paint_part)
        self._parts: dict[Any, _Part] = {}  # being painted, by task
        self._waiting = list[_Part]()  # for frames of others
        self._shots = 0  # handed out so far
        self._sends = False  # whether a worker cannot access the work directory
        self._texts = set[str]()  # of notices reported so far
        self._untold = set[int]()  # frames of tasks without a report so far

    def paint(self, ingest: Ingest) -> IngestState:
        """Paint all frames read, as ``Painter`` does.

        Raises VidstyleError if reading fails, or a worker three times.
        """
        lost = ConnectionError, TimeoutError, self._ray.exceptions.RayActorError
        try:
            return self._paint(ingest)
        except lost as err:
            self._parts.clear()  # they cannot be cancelled any more
            raise OptimizationError("lost the connection to the workers.") from err
        finally:
            tasks = list(self._parts)
            with suppress(ConnectionError, self._ray.exceptions.RayError):
                for task in tasks:
                    self._ray.cancel(task, force=True)
                if tasks:
                    self._ray.wait(tasks, num_returns=len(tasks), timeout=WAIT_S)

    def _paint(self, ingest: Ingest) -> IngestState:
        while True:
            is_enough = len(self._parts) >= 2 * self._workers.count
            open_lanes = self._passes.masks.config.batch if is_enough else 0
            self._found = found = ingest.poll(
                painted=0, open_lanes=open_lanes, wait=not self._parts
            )
            for text in found.warnings:
                self._tell(Notice(text=text, is_warning=True))
            self._hand_out()
            if self._parts:
                self._collect()
            elif found.is_complete:
                return found.without_repeat()

    def _hand_out(self) -> None:
        """Submit shots whose end is known, in tasks of as many as are batched."""
        found, batch = self._found, self._passes.masks.config.batch
        edges = found.starts[self._shots :] + [found.certain] * found.is_complete
        tasks = len(self._parts) + len(edges) - 1
        is_scarce = found.is_complete and tasks < 2 * self._workers.count
        while len(edges) > 1 and (found.is_complete or len(edges) > batch):
            part = self._part(edges[0], edges[: batch + 1][-1])
            self._untold |= {n for n in part.shots if not self._store.is_painted(n)}
            self._waiting += self._divided(part) if is_scarce else [part]
            edges, self._shots = edges[batch:], self._shots + batch
        for part in [*self._waiting]:
            if all(map(self._store.is_painted, part.after)):
                self._waiting.remove(part)
                self._submit(part)

    def _part(self, first: int, stop: int) -> _Part:
        found, shots = self._found, range(first, stop)
        span = slice(first - found.first, stop - found.first)
        own = replace(
            found,
            starts=[start for start in found.starts if start in shots],
            certain=stop,
            times_s=found.times_s[span],
            colors=found.colors[span],
            is_seen=found.is_seen[span],
            lights={n: found.lights[n] for n in shots if n in found.lights},
            first=first,
            is_complete=True,
            again=found.again if first == found.first else None,
            warnings=[],
        )
        after = {found.first} - {*shots} if found.again in shots else ()
        return _Part(self._ray.put(own), shots, shots, shots, after)

    def _divided(self, part: _Part) -> list[_Part]:
        """Divide a shot into its key frames and those between each two of them.

        Those between depend on nothing else, unless key frames are black or white.
        """
        batch, shows = self._passes.masks.config.batch, self._found.shows
        if batch > 1 or not all(map(shows, part.shots)):
            return [part]
        first, stop = part.shots.start, part.shots.stop
        lanes = self._passes.lanes(lambda _: False)
        lanes.extend([first], certain=stop, is_complete=True)
        parts = [replace(part, frames=lanes.keys)]
        for ends in pairwise(lanes.keys):
            if between := range(ends[0] + 1, ends[1]):
                reads = {first, *ends, *between}
                parts.append(replace(part, frames=between, reads=reads, after=ends))
        return parts

    def _submit(self, part: _Part) -> None:
        """Submit a part; if all its frames are painted, delete what no other needs."""
        part.painted = self._painted(part)
        if part.painted == len(part.frames):
            others = *self._waiting, *self._parts.values()
            if not any(other.shots == part.shots for other in others):
                for frame in part.shots:
                    self._store.drop_source(frame)
                    self._store.drop_paint(frame)
                    self._store.drop_begun(frame)
            return
        found, passes, files = self._found, self._passes, None
        if self._sends:
            wanted = {*part.reads, *passes.masks.last_frames}
            packed = pack(passes.masks.store, lambda path: frame_of(path) in wanted)
            files = self._ray.put(packed)
        given = {n: picture for n, picture in passes.given.items() if n in part.shots}
        if found.again in part.frames and found.first not in part.shots:
            given[part.shots[-1]] = self._store.stylized(found.first)
        evolution = passes.evolution
        if evolution is not None and evolution.frame is None:
            # The first frame that is not blank is recorded.
            first = found.first + (*found.is_seen, True).index(True)
            evolution = evolution if first in part.frames else None
        own = {"given": given, "evolution": evolution}
        task = self._task(self._job, part.found, part.frames, own, files)
        self._parts[task] = part

    def _painted(self, part: _Part) -> int:
        return sum(map(self._store.is_painted, part.frames))

    def _collect(self) -> None:
        """Wait for a while, then process messages and finished tasks."""
        ready, _ = self._ray.wait(list(self._parts), timeout=SEND_S)
        taken = self._workers.mailbox.take.remote(self._key)
        messages = self._ray.get(taken, timeout=LOST_S)
        for events, files in messages:
            unpack(self._passes.masks.store, files)
            for event in events:
                self._tell(event)
        for task in ready:
            part = self._parts.pop(task)
            try:
                self._sends |= not self._ray.get(task)
            except self._ray.exceptions.RayError as err:
                is_stuck = self._painted(part) == part.painted
                part.failures = part.failures + 1 if is_stuck else 0
                if part.failures == TRIES:
                    what = f"frames {part.frames[0]} to {part.frames[-1]}"
                    raise named_error(err, what) from err
            for frame in self._untold.intersection(part.frames):
                if self._store.is_painted(frame):  # a worker died before reporting it
                    self._tell(FrameReport(frame=frame, frames_known=0))
            self._submit(part)

    def _tell(self, event: Event) -> None:
        """Forward a worker's event as this run's own; each notice and frame once."""
        if isinstance(event, Notice):
            if event.text in self._texts:
                return
            self._texts.add(event.text)
        if isinstance(event, FrameReport):
            if event.frame not in self._untold:  # painted again by another worker
                return
            self._untold.remove(event.frame)
            event = replace(
                event,
                frames_known=len(self._found.times_s),
                all_known=self._found.is_complete,
                shots_known=len(self._found.starts),
            )
        self._listener(event)


def paint_part(
    packed: bytes,
    found: IngestState,
    frames: Collection[int],
    own: Mapping[str, Any],
    files: Files | None,
) -> bool:
    """Paint some frames that are not stored yet; runs in a worker.

    ``packed`` is a ``_Job``, ``own`` what differs in the passes of this task. ``files``
    are sent if the work directory is not shared; False: they were needed but not sent.
    """
    job, stylizer, post = _loaded(packed)
    passes, masks = replace(job.passes, **own), job.passes.masks
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        if masks.store.facts(SHARED) != {"run": job.key}:
            if files is None:
                return False
            passes = replace(passes, masks=masks.moved_to(FrameStore(Path(folder))))
            passes.open({})
            unpack(passes.masks.store, files)
            post.hand_back(passes.masks.store)
        try:
            passes.painter(stylizer, job.place, post, frames).paint(_Given(found))
        finally:
            post.close()
    return True


@lru_cache(maxsize=1)
def _loaded(packed: bytes) -> tuple[_Job, Stylizer, "Post"]:
    """Load the network for a job, once per process."""
    import ray

    job: _Job = ray.cloudpickle.loads(packed)
    torch.set_num_threads(job.machine["threads"])
    stylizer = job.passes.paintings.load(post := Post(job.key))
    own = {"network": stylizer.network.name, **describe_machine(stylizer.device)}
    if own != job.machine:
        raise InputError(
            f"workers differ: {platform.node()} has {own}, the first has {job.machine}."
        )
    return job, stylizer, post


class _Given(Ingest):
    """An ingest of frames that the driver has read."""

    def __init__(self, found: IngestState) -> None:
        self._given = found

    def poll(self, **_: object) -> IngestState:
        return self._given
