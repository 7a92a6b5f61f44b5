"""The processes that paint shots beside one another, here or on other machines.

Ray starts them, gives each its GPU or cores, and tries again what fails.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self
from warnings import catch_warnings

import torch

from vidstyle.clip.worker import Mailbox, describe_worker
from vidstyle.config import StyleConfig
from vidstyle.errors import (
    ConfigError,
    DependencyError,
    InputError,
    OptimizationError,
    VidstyleError,
)
from vidstyle.records import Listener, Notice

SHARE = 2  # cores of a worker without a GPU, unless the number of workers is given
RETRIES = 2  # how often Ray tries a task again
STORE_BYTES = 256 * 2**20  # for Ray's objects here: messages only, frames are files
WAIT_S = 30  # after which a user is told that no worker is free


class Workers:
    """Processes that paint shots; a context manager that starts and ends them."""

    def __init__(self, where: str) -> None:
        """Take ``local``, a number on this machine, a cluster's address, or its file.

        Raises:
            DependencyError: If Ray is not installed.
            ConfigError: If it is none of these.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ModuleNotFoundError as err:
            raise DependencyError(
                "workers need Ray; install it with: pip install 'vidstyle[ray]'."
            ) from err
        self.ray: Any = ray
        self._count = int(where) if where.isdecimal() else None
        self._is_local = where == "local" or self._count is not None
        if Path(where).is_file():
            where = Path(where).read_text(encoding="utf-8").strip()
        if self._count == 0 or not (self._is_local or ":" in where):
            raise ConfigError(
                f"workers {where!r} is neither local, a number from 1 on, nor the "
                "address of a Ray cluster such as ray://host:10001."
            )
        self._where, self._is_ours = where, False
        self._needs: dict[str, float] = {"num_cpus": 1}
        self.facts: dict[str, Any] = {}
        # In the main thread Ray would take SIGTERM for itself; and what it starts ends
        # with the thread that started it.
        self._starter = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        """Start Ray, or join the cluster; a session that is there is used.

        Raises:
            InputError: If the cluster cannot be reached.
        """
        ray = self.ray
        if not (is_there := ray.is_initialized()):
            count, gpus = self._count or 0, torch.cuda.device_count()
            here = {
                "address": "local",
                "num_cpus": max(count, gpus, torch.get_num_threads()),
                "num_gpus": min(count or gpus, gpus),
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
            }
            options = here if self._is_local else {"address": self._where}
            quiet = {"logging_level": "ERROR", "log_to_driver": False}
            begin = partial(ray.init, **options, **quiet)
            try:
                with catch_warnings(action="ignore"):
                    self._starter.submit(begin).result()
            except (OSError, RuntimeError, ValueError) as err:
                text = " ".join(str(err).split())
                raise InputError(
                    f"cannot work with the Ray cluster at {self._where}: {text}"
                ) from err
            # If a worker is killed, Ray would tell of it where results are told.
            ray._private.worker.print_to_stdstream = lambda *_, **__: None
        if ray.cluster_resources().get("GPU"):
            self._needs = {"num_cpus": 1, "num_gpus": 1}
        self._is_ours = not is_there
        self.mailbox = (
            ray.remote(Mailbox)
            .options(
                name=Mailbox.__name__,
                get_if_exists=True,
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=-1,
            )
            .remote()
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers, at once, if they are not someone else's."""
        if self._is_ours:
            self.ray.shutdown()
        self._starter.shutdown()

    @property
    def count(self) -> int:
        """How many can work at once; a cluster may grow."""
        there = self.ray.cluster_resources()
        kinds = {"num_cpus": "CPU", "num_gpus": "GPU"}
        most = min(there.get(kinds[kind], 0) // n for kind, n in self._needs.items())
        return max(1, int(most))

    def task(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Have calls of a function run elsewhere, and tried again if they fail."""
        options = {"max_retries": RETRIES, "retry_exceptions": True, **self._needs}
        remote: Callable[..., Any] = self.ray.remote(**options)(function).remote
        return remote

    def ask(
        self, config: StyleConfig, threads: int | None, listener: Listener
    ) -> dict[str, Any]:
        """Ask one of them what a manifest says of it; all others must be alike.

        They compute in so many ``threads``; None: as their share of the cores is. The
        listener is told which network was taken and why. VidstyleErrors are a worker's.
        """
        there = self.ray.cluster_resources()
        cpus, gpus = int(there.get("CPU", 1)), int(there.get("GPU", 0))
        if config.device == "cuda" and not gpus:
            raise ConfigError("device cuda: no worker has one; use auto or cpu.")
        if gpus and config.device in {"auto", "cuda"}:
            threads = threads or max(1, cpus // gpus)
        else:
            share = cpus // self._count if self._count else SHARE
            threads = threads or max(1, min(share, cpus))
            self._needs = {"num_cpus": min(threads, cpus)}
        asked = self.task(describe_worker)(config, threads)
        if not self.ray.wait([asked], timeout=WAIT_S)[0]:
            listener(Notice(text="waiting for a worker: none is free yet"))
        try:
            self.facts, notices = self.ray.get(asked)
        except self.ray.exceptions.RayError as err:
            raise named_error(err, "the first one") from err
        for notice in notices:
            listener(notice)
        return self.facts


@contextmanager
def several(where: str) -> Iterator[Callable[..., Any]]:
    """Start workers for several runs at once, each with these; yield a ``map``."""
    with Workers(where) as workers, ThreadPoolExecutor(workers.count + 1) as pool:
        try:
            yield pool.map
        except BaseException:
            workers.ray.kill(workers.mailbox)  # which ends all runs that still go on
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def named_error(err: Exception, what: str) -> VidstyleError:
    """Name what a task has met in each of its tries."""
    cause = getattr(err, "cause", None)
    if isinstance(cause, VidstyleError):
        return cause
    why = f"{type(cause).__name__}: {cause}" if cause else str(err).partition("\n")[0]
    return OptimizationError(f"{what} failed {RETRIES + 1} times on workers: {why}")
