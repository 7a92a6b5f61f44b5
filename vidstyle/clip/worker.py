"""One process of many that paint a clip: some of its shots in, stored frames out.

Where it does not see the work directory, it hands the files back. These, and what is
told on the way, go to the driver, which is ``clip/workers``, by letters.
"""

# ruff: noqa: ANN401  # what Ray hands out has no types

import platform
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.manifest import describe_machine
from vidstyle.clip.regions import RegionPasses
from vidstyle.config import EvolutionConfig, StyleConfig
from vidstyle.devices import choose_device
from vidstyle.errors import InputError
from vidstyle.images import write_whole
from vidstyle.records import Event, Notice, StepReport
from vidstyle.stylize.image import Paintings
from vidstyle.stylize.stylizer import load_for
from vidstyle.video.work_dir import EVOLUTION, FrameStore

SHARED = "shared"  # stored facts by which a worker tells that it sees the directory
SEND_S = 0.5  # between two letters
# Files, those first that must be written last.
KINDS = "stylized/*.png", "paint/*.npz", "*.json", "source/*.png", "evolution/*.png"

Files = dict[str, bytes]  # by their names in the work directory
Letter = tuple[list[Event], Files]


class Mailbox:
    """An actor that keeps letters until they are taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self._boxes = defaultdict[str, list[Letter]](list)

    def put(self, key: str, events: list[Event], files: Files) -> None:
        """Keep a letter."""
        self._boxes[key].append((events, files))

    def take(self, key: str) -> list[Letter]:
        """Hand out all letters there are."""
        return self._boxes.pop(key, [])


@dataclass(frozen=True, slots=True)
class Job:
    """What all tasks of a pass have in common."""

    key: str
    passes: RegionPasses
    place: int  # which of the passes
    machine: Mapping[str, Any]  # what must be alike on all machines


def describe_worker(
    config: StyleConfig, threads: int
) -> tuple[dict[str, Any], list[Notice]]:
    """Load the network: what rounding depends on, and what is told of it."""
    told: list[Event] = []
    torch.set_num_threads(threads)
    network = load_for(config, told.append)
    facts = describe_machine(choose_device(config.device))
    notices = [event for event in told if isinstance(event, Notice)]
    return {"network": network.name, **facts}, notices


def paint_part(
    packed: bytes,
    mailbox: Any,
    found: IngestState,
    evolution: EvolutionConfig | None,
    files: Files | None,
) -> bool:
    """Paint whole shots, but for the frames that are stored.

    ``packed`` is a ``Job``, ``found`` is of these shots alone, and so are the ``files``
    that are given if the work directory is not shared.

    Returns:
        Whether they are painted: not if their files are not here.
    """
    job, post = _loaded(packed)
    passes, masks = replace(job.passes, evolution=evolution), job.passes.masks
    with TemporaryDirectory(prefix="vidstyle-") as folder:
        if passes.stores[job.place].facts(SHARED) != {"run": job.key}:
            if masks.regions:
                raise InputError("regions need a work directory that all workers see.")
            if files is None:
                return False
            store = post.handing = FrameStore(Path(folder))
            store.open({})
            unpack(store, files)
            passes = replace(passes, masks=replace(masks, store=store))
        post.mailbox = mailbox
        try:
            passes.painter(job.place, post).paint(_Given(found))
        finally:
            post.close()
    return True


@lru_cache(maxsize=1)
def _loaded(packed: bytes) -> tuple[Job, "_Post"]:
    """Load the network for a job, once in a process."""
    import ray

    job: Job = ray.cloudpickle.loads(packed)
    post, stylizer = _Post(job.key), job.passes.stylizer
    torch.set_num_threads(job.machine["threads"])
    if isinstance(stylizer, Paintings):
        stylizer = stylizer.load(post)
    own = {"network": stylizer.network.name, **describe_machine(stylizer.device)}
    if own != job.machine:
        raise InputError(
            f"workers differ: {platform.node()} has {own}, the first {job.machine}."
        )
    return replace(job, passes=replace(job.passes, stylizer=stylizer)), post


class _Given(Ingest):
    """What the driver has read."""

    def __init__(self, found: IngestState) -> None:
        self._given = found

    def poll(self, **_: object) -> IngestState:
        return self._given


class _Post:
    """Sends home what is told, and files; a listener."""

    mailbox: Any = None
    handing: FrameStore | None = None  # whose new files are handed back

    def __init__(self, key: str) -> None:
        self._key, self._sent_s = key, 0.0
        self._events, self._letters = list[Event](), list[Any]()
        self._known = set[tuple[Path, int]]()

    def __call__(self, event: Event) -> None:
        self._events.append(event)
        if self.mailbox is not None and time.monotonic() - self._sent_s > SEND_S:
            self._send()

    def _send(self) -> None:
        events = list(map(_readable, self._events))
        files = pack(self.handing, self._is_new) if self.handing else {}
        self._letters.append(self.mailbox.put.remote(self._key, events, files))
        self._events, self._sent_s = [], time.monotonic()

    def close(self) -> None:
        """Send the rest, and wait until all of it is there."""
        import ray

        self._send()
        ray.get(self._letters)
        self._letters, self.mailbox, self.handing = [], None, None

    def _is_new(self, path: Path) -> bool:
        version = path, path.stat().st_mtime_ns
        is_result = path.parent.name != "source" and frame_of(path) is not None
        is_new = (is_result or path.stem == EVOLUTION) and version not in self._known
        self._known.add(version)
        return is_new


def _readable(event: Event) -> Event:
    """Read the losses of a step, which are on this process' device; no picture."""
    if isinstance(event, StepReport):
        return replace(event, read_losses=partial(dict, event.losses), picture=None)
    return event


def pack(store: FrameStore, is_wanted: Callable[[Path], bool]) -> Files:
    """Read some files, in the order in which they are to be written."""
    files = {}
    for kind in KINDS:
        for path in store.work_dir.glob(kind):
            with suppress(FileNotFoundError):  # it may be dropped at any time
                if is_wanted(path):
                    name = path.relative_to(store.work_dir).as_posix()
                    files[name] = path.read_bytes()
    return dict(reversed(files.items()))


def unpack(store: FrameStore, files: Files) -> None:
    """Write files."""
    for name, data in files.items():
        write_whole(store.work_dir / name, data)


def frame_of(path: Path) -> int | None:
    """Tell which frame, or the first of which shot, a file is about."""
    number = path.stem[-6:]
    return int(number) - 1 if number.isdecimal() else None
