"""Ray workers, on this machine or a cluster, and messages from them.

Ray starts the processes, assigns a GPU or cores to each, and retries failed tasks.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Self
from warnings import catch_warnings

import torch

from vidstyle.clip.manifest import describe_machine
from vidstyle.config import StyleConfig
from vidstyle.devices import choose_device
from vidstyle.errors import (
    ConfigError,
    DependencyError,
    InputError,
    OptimizationError,
    VidstyleError,
)
from vidstyle.images import write_whole
from vidstyle.records import Event, Listener, Notice, StepReport
from vidstyle.stylize import load_for
from vidstyle.video.work_dir import EVOLUTION, SOURCE, FrameStore

SHARE = 2  # cores per worker without a GPU, unless the number of workers is given
TRIES = 3  # of a task that fails
STORE_BYTES = 256 * 2**20  # of Ray's object store, for messages; frames are files
WAIT_S = 30  # until the user is told that no worker is free
SEND_S = 0.5  # interval of messages
LOST_S = 50  # timeout of an answer; after 60, Ray would end the driver
# Files of each pass. Pixels mark a frame as done: they are read first, written last.
KINDS = (
    *("stylized/*.png", "paint/*.npz", "begun/*.npz", "*.json"),
    *("source/*.png", "evolution/*.png"),
)
PLACES = "", "region-*/", "composed/", "mask-*/"
Files = dict[str, bytes]  # contents by path relative to the work directory


class Mailbox:
    """A Ray actor that keeps messages until they are taken."""

    def __init__(self) -> None:
        self._boxes = defaultdict[str, list[tuple[list[Event], Files]]](list)

    def put(self, key: str, events: list[Event], files: Files) -> None:
        self._boxes[key].append((events, files))

    def take(self, key: str) -> list[tuple[list[Event], Files]]:
        return self._boxes.pop(key, [])


class Post:
    """A listener in a worker that sends events and files to the driver's mailbox."""

    _handing: FrameStore | None = None  # store whose new files are sent

    def __init__(self, key: str) -> None:
        import ray

        self._ray, self._key, self._sent_s = ray, key, 0.0
        self._raylet = os.getppid()
        self._mailbox = ray.get_actor(Mailbox.__name__)
        self._events, self._messages = list[Event](), list[Any]()
        self._known = set[tuple[Path, int]]()

    def __call__(self, event: Event) -> None:
        if os.getppid() != self._raylet:  # it died; Ray would wait for this process
            os._exit(1)
        self._events.append(event)
        if time.monotonic() - self._sent_s > SEND_S:
            self._send()

    def _send(self) -> None:
        files = pack(self._handing, self._is_new) if self._handing else {}
        events = [
            _settled(event) if isinstance(event, StepReport) else event
            for event in self._events
        ]
        self._messages.append(self._mailbox.put.remote(self._key, events, files))
        self._events, self._sent_s = [], time.monotonic()

    def hand_back(self, store: FrameStore) -> None:
        """From now on, send new files of a store."""
        self._handing = store
        pack(store, self._is_new)  # those there now are not new

    def close(self) -> None:
        """Send the rest, and wait until all messages have arrived."""
        self._send()
        self._ray.get(self._messages, timeout=LOST_S)
        self._messages, self._handing = [], None

    def _is_new(self, path: Path) -> bool:
        version = path, path.stat().st_mtime_ns
        if version in self._known:
            return False
        self._known.add(version)
        is_result = path.parent.name != SOURCE and frame_of(path) is not None
        return is_result or path.stem == EVOLUTION


def _settled(report: StepReport) -> StepReport:
    """Make a report picklable: read its losses, and drop the picture."""
    return replace(report, read_losses=partial(dict, report.losses), picture=None)


def pack(store: FrameStore, is_wanted: Callable[[Path], bool]) -> Files:
    """Read some files; the result is in the order in which to write them."""
    files = {}
    for kind, place in product(KINDS, PLACES):
        for path in store.work_dir.glob(place + kind):
            with suppress(FileNotFoundError):  # it may be deleted at any time
                if is_wanted(path):
                    name = path.relative_to(store.work_dir).as_posix()
                    files[name] = path.read_bytes()
    return dict(reversed(files.items()))


def unpack(store: FrameStore, files: Files) -> None:
    for name, data in files.items():
        path = store.work_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)


def frame_of(path: Path) -> int | None:
    """Return the frame, or the first one of the shot, that a file belongs to."""
    number = path.stem[-6:]
    return int(number) - 1 if number.isdecimal() else None


class Workers:
    """Ray workers; a context manager that starts and stops them."""

    def __init__(self, where: str) -> None:
        """Parse ``local``, a number of workers, or a cluster's address or its file.

        Raises DependencyError if Ray is not installed, ConfigError for other values.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ModuleNotFoundError as err:
            raise DependencyError(
                "--workers needs Ray; install it with: pip install 'vidstyle[ray]'."
            ) from err
        self.ray: Any = ray
        self._count = int(where) if where.isdecimal() else None
        self._is_local = where == "local" or self._count is not None
        if Path(where).is_file():
            where = Path(where).read_text(encoding="utf-8").strip()
        if self._count == 0 or not (self._is_local or ":" in where):
            raise ConfigError(
                f"workers is {where!r}; it must be local, a number of at least 1, or "
                "the address of a Ray cluster such as host:6379."
            )
        self._where, self._is_ours = where, False
        self._needs, self.facts = dict[str, float](CPU=1), dict[str, Any]()
        # Ray's processes end with the thread that started them; and in the main thread,
        # it would install its own SIGTERM handler.
        self._starter = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        """Start Ray or connect to the cluster, unless Ray is initialized already.

        Raises InputError if the cluster cannot be reached.
        """
        if not self.ray.is_initialized():
            self._start()
            self._is_ours = True
        if self.ray.cluster_resources().get("GPU"):
            self._needs["GPU"] = 1
        once = {"name": Mailbox.__name__, "get_if_exists": True, "num_cpus": 0}
        # On the head: elsewhere, it would be lost with its machine.
        here = {"resources": {"node:__internal_head__": 0.001}, "max_restarts": -1}
        mailbox = self.ray.remote(Mailbox).options(**once, **here, max_task_retries=-1)
        self.mailbox = mailbox.remote()
        return self

    def _start(self) -> None:
        count = self._count or 0
        gpus = torch.cuda.device_count()
        here = {
            "address": "local",
            "num_cpus": max(count, gpus, torch.get_num_threads()),
            "num_gpus": min(count or gpus, gpus),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
        }
        options = here if self._is_local else {"address": self._where}
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            with catch_warnings(action="ignore"):
                self._starter.submit(self.ray.init, **options, **quiet).result()
        except Exception as err:  # such as a plain one, if its processes start too late
            what = f"cannot work with the Ray cluster at {self._where}"
            raise InputError(f"{what}: {' '.join(str(err).split())}") from err
        # Ray would report killed workers on stdout, among the results.
        self.ray._private.worker.print_to_stdstream = lambda *_, **__: None

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            self.ray.shutdown()
        self._starter.shutdown()

    @property
    def _machines(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    @property
    def count(self) -> int:
        """How many workers fit at once; changes when a cluster grows."""
        total = 0.0
        for has in self._machines:
            total += min(has.get(kind, 0) // need for kind, need in self._needs.items())
        return max(1, int(total))

    def task(self, function: Callable[..., Any], tries: int = 1) -> Callable[..., Any]:
        """Make calls of a function run in workers."""
        needs = {f"num_{kind.lower()}s": n for kind, n in self._needs.items()}
        again = {"max_retries": tries - 1, "retry_exceptions": True}
        remote: Callable[..., Any] = self.ray.remote(**again, **needs)(function).remote
        return remote

    def ask(
        self, config: StyleConfig, threads: int | None, listener: Listener
    ) -> dict[str, Any]:
        """Ask one worker for the manifest's facts; all others must give the same.

        They compute in ``threads``; None: by their share of the cores. The listener
        receives which network was chosen and why. Raises a worker's VidstyleErrors.
        """
        resources = self.ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        if config.device == "cuda" and not gpus:
            raise ConfigError("device cuda: no worker has a GPU; use auto or cpu.")
        if gpus and config.device in {"auto", "cuda"}:
            threads = threads or max(1, int(resources.get("CPU", 1)) // gpus)
        else:
            most = max(int(machine.get("CPU", 1)) for machine in self._machines)
            share = most // self._count if self._count else SHARE
            threads = threads or max(1, min(share, most))
            self._needs = {"CPU": min(threads, most)}
        describe = self.task(_describe, TRIES)
        # As many as there are workers: it starts them all.
        asked = [describe(config, threads) for _ in range(self.count)]
        answers, _ = self.ray.wait(asked, timeout=WAIT_S)
        if not answers:
            listener(Notice(text="waiting for a worker: none is free yet"))
            answers, _ = self.ray.wait(asked)
        try:
            self.facts, notices = self.ray.get(answers[0])
        except self.ray.exceptions.RayError as err:
            raise named_error(err, "the first task") from err
        for notice in notices:
            listener(notice)
        return self.facts


def _describe(config: StyleConfig, threads: int) -> tuple[dict[str, Any], list[Notice]]:
    """Load the network; return what affects rounding, and the notices of loading."""
    events = list[Event]()
    torch.set_num_threads(threads)
    network = load_for(config, events.append)
    facts = describe_machine(choose_device(config.device))
    notices = [event for event in events if isinstance(event, Notice)]
    return {"network": network.name, **facts}, notices


@contextmanager
def several(where: str) -> Iterator[Callable[..., Any]]:
    """Start workers shared by several concurrent runs; yield their ``map``."""
    with Workers(where) as workers, ThreadPoolExecutor(workers.count + 1) as pool:
        try:
            yield pool.map
        except BaseException:
            workers.ray.kill(workers.mailbox)  # ends all runs still active
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def named_error(err: Exception, what: str) -> VidstyleError:
    """Convert the error of a task that failed in every attempt."""
    cause = getattr(err, "cause", None)
    if isinstance(cause, VidstyleError):
        return cause
    why = f"{type(cause).__name__}: {cause}" if cause else str(err).partition("\n")[0]
    return OptimizationError(f"{what} failed {TRIES} times on workers: {why}")
