"""Distribute the shots of a pass over Ray workers.

The driver reads the clip and encodes the result as usual. A task is a few whole shots;
its frames are stored in the work directory or, if the worker cannot access that, sent
back. Events reach the driver as messages.
"""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
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
from vidstyle.errors import RESUMES, InputError, OptimizationError
from vidstyle.records import Event, Frame, FrameReport, Listener, Notice
from vidstyle.stylize import Stylizer
from vidstyle.video.work_dir import EVOLUTION, FrameStore

SHARED = "shared"  # stored facts by which a worker checks that it sees the directory


class _Job(NamedTuple):
    """What all tasks of a pass have in common."""

    key: str
    passes: RegionPasses
    number: int  # of the pass, 0-based
    machine: Mapping[str, Any]  # what must be equal on all machines


@dataclass(slots=True)
class _Part:
    """Some shots, which a task paints."""

    found: Any  # reference to the IngestState of these shots alone
    frames: range
    painted: int = 0  # frames that were painted when it was submitted
    failures: int = 0  # since a frame was painted


class SpreadPainter:
    """A ``PassPainter`` that submits shots to workers as they are read."""

    def __init__(
        self, workers: Workers, passes: RegionPasses, number: int, listener: Listener
    ) -> None:
        self._workers, self._ray, self._listener = workers, workers.ray, listener
        self._passes, self._store = passes, passes.stores[number]
        self._key, self._found = uuid4().hex, IngestState()
        passes.masks.store.put_facts(SHARED, {"run": self._key})
        job = _Job(self._key, passes, number, workers.facts)
        self._job = self._ray.put(self._ray.cloudpickle.dumps(job))
        self._task = workers.task(paint_part)
        self._parts: dict[Any, _Part] = {}  # being painted, by task
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
            text = f"lost the connection to the workers; {RESUMES}."
            raise OptimizationError(text) from err
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
        edges = found.starts[self._shots :]  # where one shot ends and the next begins
        if found.is_complete:
            edges.append(found.certain)
        while len(edges) > 1 and (found.is_complete or len(edges) > batch):
            shots = min(batch, len(edges) - 1)
            frames = range(edges[0], edges[shots])
            if self._closes_loop(frames) and not self._store.is_painted(found.first):
                break  # the last shot ends in the first frame
            self._untold |= {n for n in frames if not self._store.is_painted(n)}
            self._submit(_Part(self._ray.put(_part_of(found, frames)), frames))
            edges = edges[shots:]
            self._shots += shots

    def _closes_loop(self, frames: range) -> bool:
        """Return whether frames end in the repetition of a first one painted before."""
        return self._found.again in frames and self._found.first not in frames

    def _submit(self, part: _Part) -> None:
        """Submit a part; if all its frames are painted, delete what it needed."""
        part.painted = self._painted(part)
        if part.painted == len(part.frames):
            for frame in part.frames:
                self._store.drop_source(frame)
                self._store.drop_paint(frame)
                self._store.drop_begun(frame)
            return
        masks, files = self._passes.masks, None
        if self._sends:
            wanted = {*part.frames, *masks.last_frames}

            def is_wanted(path: Path) -> bool:
                return path.stem == EVOLUTION or frame_of(path) in wanted

            files = self._ray.put(pack(masks.store, is_wanted))
        given = dict[int, Frame]()
        if self._closes_loop(part.frames):
            given[part.frames[-1]] = self._store.stylized(self._found.first)
        self._parts[self._task(self._job, part.found, given, files)] = part

    def _painted(self, part: _Part) -> int:
        return sum(self._store.is_painted(frame) for frame in part.frames)

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
                if not self._ray.get(task):
                    self._sends = True
            except self._ray.exceptions.RayError as err:
                if self._painted(part) != part.painted:
                    part.failures = 0
                else:
                    part.failures += 1
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


def _part_of(found: IngestState, frames: range) -> IngestState:
    """Restrict the state of an ingest to some whole shots."""
    span = slice(frames.start - found.first, frames.stop - found.first)
    return replace(
        found,
        starts=[start for start in found.starts if start in frames],
        certain=frames.stop,
        times_s=found.times_s[span],
        colors=found.colors[span],
        is_seen=found.is_seen[span],
        lights={n: found.lights[n] for n in frames if n in found.lights},
        first=frames.start,
        is_complete=True,
        again=found.again if found.first in frames else None,
        warnings=[],
    )


def paint_part(
    packed: bytes, found: IngestState, given: Mapping[int, Frame], files: Files | None
) -> bool:
    """Paint the frames that are not stored yet; runs in a worker.

    ``packed`` is a ``_Job``; ``given`` are more frames to use unchanged. ``files`` are
    sent if the work directory is not shared; False: they were needed but not sent.
    """
    job, stylizer, post = _loaded(packed)
    masks = job.passes.masks
    passes = replace(job.passes, given={**job.passes.given, **given})
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        if masks.store.facts(SHARED) != {"run": job.key}:
            if files is None:
                return False
            passes = replace(passes, masks=masks.moved_to(FrameStore(Path(folder))))
            passes.open({})
            unpack(passes.masks.store, files)
            post.hand_back(passes.masks.store)
        try:
            painter = passes.painter(stylizer, job.number, post, drops=False)
            painter.paint(_Given(found))
        finally:
            post.close()
    return True


@lru_cache(maxsize=1)
def _loaded(packed: bytes) -> tuple[_Job, Stylizer, Post]:
    """Load the network for a job, once per process."""
    import ray

    job: _Job = ray.cloudpickle.loads(packed)
    torch.set_num_threads(job.machine["threads"])
    post = Post(job.key)
    stylizer = job.passes.paintings.load(post)
    own = {"network": stylizer.network.name, **describe_machine(stylizer.device)}
    if own != job.machine:
        raise InputError(
            f"workers differ: {platform.node()} has {own}, the first has "
            f"{job.machine}; all need the same versions and devices."
        )
    return job, stylizer, post


class _Given(Ingest):
    """An ingest of frames that the driver has read."""

    def __init__(self, found: IngestState) -> None:
        self._given = found

    def poll(self, **_: object) -> IngestState:
        return self._given
