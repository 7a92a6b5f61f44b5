"""How many operations some work makes, and how often the host waits for the device."""

# ruff: noqa: ANN401  # torch's own hooks take anything

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


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
