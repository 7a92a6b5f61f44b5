"""Which device computes, which noise it draws, and what some work makes it do."""

# ruff: noqa: ANN401  # torch's own hooks take anything

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from vidstyle.config import DeviceName
from vidstyle.errors import ConfigError, DeviceMemoryError


def choose_device(name: DeviceName) -> torch.device:
    """Turn a device's name into a device; ``auto`` takes cuda, then mps, then the CPU.

    ConfigError: it is not on this machine.
    """
    there = ["cuda"] if torch.cuda.is_available() else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    there += ["cpu"]
    if name not in {"auto", *there}:
        raise ConfigError(
            f"this machine has no device {name}; use --device auto or cpu."
        )
    return torch.device(there[0] if name == "auto" else name)


@contextmanager
def threads(count: int | None) -> Iterator[int | None]:
    """Compute in so many threads for the time of the block; None: in as many as now."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield count
    finally:
        torch.set_num_threads(before)


def memory_of(device: torch.device) -> int:
    """Return how many bytes of memory a device has, whoever uses them."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 * 2**30  # Windows does not say it so simply


def memory_used(device: torch.device) -> int:
    """Return the most bytes of a device that this process has held; 0: not known."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def seeded_generator(seed: int, index: int) -> torch.Generator:
    """Make the CPU generator of one frame's noise: a function of (seed, index)."""
    # One frame's stream must not be another seed's: mix instead of adding.
    mixed = (seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9) % 2**63
    return torch.Generator().manual_seed(mixed)


@contextmanager
def memory_errors_named(what: str) -> Iterator[None]:
    """Turn a device's out-of-memory error into DeviceMemoryError.

    ``what`` is the work that was tried, such as ``4 frames of 960x540``.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as err:
        raise _too_large(what) from err
    except RuntimeError as err:
        if "can't allocate memory" not in str(err):  # the CPU allocator's own words
            raise
        raise _too_large(what) from err


def _too_large(what: str) -> DeviceMemoryError:
    return DeviceMemoryError(
        f"not enough memory for {what}; use a smaller --long-side or --batch."
    )


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what computes, and what hands a value to the host."""

    count = reads = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        is_read = name in {"_local_scalar_dense", "nonzero", "masked_select", "equal"}
        self.reads += is_read
        self.count += not (is_read or func.is_view or name == "_unsafe_view")
        return func(*args, **kwargs or {})


class _Copies(TorchFunctionMode):
    """Counts the reads that torch makes without an operation where there is no GPU."""

    reads = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.reads += getattr(func, "__name__", "") in {"tolist", "numpy", "cpu"}
        return func(*args, **kwargs or {})


def count_operations(work: Callable[[], object]) -> tuple[int, int]:
    """Count the operations of some work that compute, and its reads by the host.

    It is the same on any device, so a CPU can tell how much a GPU will have to launch.
    """
    with _Operations() as operations, _Copies() as copies:  # type: ignore[no-untyped-call]
        work()
    return operations.count, operations.reads + copies.reads
