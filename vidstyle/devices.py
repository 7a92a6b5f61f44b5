"""Devices: selection, threads, memory, seeded noise, and counting operations."""

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

# Texts of out-of-memory errors that are plain RuntimeErrors.
OUT_OF_MEMORY = (
    "can't allocate memory",  # CPU, on Linux
    "not enough memory",  # CPU, on Windows
    "out of memory",  # MPS, CUDA driver
    "_ALLOC_FAILED",  # cuBLAS
    "_ALLOCATION_FAILED",  # cuDNN
)


def choose_device(name: DeviceName) -> torch.device:
    """Return a device or raise ConfigError; ``auto`` is cuda, else mps, else cpu."""
    available = ["cuda"] if torch.cuda.is_available() else []
    available += ["mps"] if torch.backends.mps.is_available() else []
    available += ["cpu"]
    if name not in {"auto", *available}:
        raise ConfigError(
            f"this machine has no device {name}; use --device auto or cpu."
        )
    return torch.device(available[0] if name == "auto" else name)


@contextmanager
def threads(count: int | None) -> Iterator[int | None]:
    """Set the number of CPU threads within the block; None: leave it unchanged."""
    previous = torch.get_num_threads()
    torch.set_num_threads(count or previous)
    try:
        yield count
    finally:
        torch.set_num_threads(previous)


def memory_of(device: torch.device) -> int:
    """Return a device's total memory in bytes, free or not."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 * 2**30  # a guess: Windows has no sysconf


def memory_used(device: torch.device) -> int:
    """Return this process's peak memory use on a device in bytes; 0: unknown."""
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
    """Create the CPU generator of one frame's noise: a function of (seed, index)."""
    # Hash instead of adding: (seed, index + 1) must not repeat (seed + 1, index).
    mixed = (seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9) % 2**63
    return torch.Generator().manual_seed(mixed)


@contextmanager
def memory_errors_named(what: str) -> Iterator[None]:
    """Convert out-of-memory errors to DeviceMemoryError.

    ``what`` names the attempted work, such as ``4 frames of 960x540``.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as err:
        is_plain = not isinstance(err, torch.OutOfMemoryError | MemoryError)
        if is_plain and not any(text in str(err) for text in OUT_OF_MEMORY):
            raise
        raise DeviceMemoryError(
            f"not enough memory for {what}; use a smaller --long-side or --batch."
        ) from err


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations that compute, and those that return a value to the host."""

    count = reads = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in {"_local_scalar_dense", "nonzero", "masked_select", "equal"}:
            self.reads += 1
        elif not func.is_view and name != "_unsafe_view":
            self.count += 1
        return func(*args, **kwargs or {})


class _Copies(TorchFunctionMode):
    """Counts host reads that dispatch no operation when tensors are on the CPU."""

    reads = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "") in {"tolist", "numpy", "cpu"}:
            self.reads += 1
        return func(*args, **kwargs or {})


def count_operations(call: Callable[[], object]) -> tuple[int, int]:
    """Count the tensor operations that a call computes, and its host reads.

    The counts are the same on any device, so that a CPU can predict kernel launches.
    """
    with _Operations() as operations, _Copies() as copies:  # type: ignore[no-untyped-call]
        call()
    return operations.count, operations.reads + copies.reads
