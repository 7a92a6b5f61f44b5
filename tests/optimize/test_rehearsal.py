"""Steps on a pretended CUDA device: they mix no devices, and wait for nothing.

Everything is computed on the CPU; storages are labeled with the device that they are
said to be on, and each operation checks and passes on the labels.
"""

import pytest
import torch
from test_optimize import job
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vidstyle.config import StyleConfig
from vidstyle.devices import count_operations
from vidstyle.networks import slim
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.targets import style_target

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
GPU = torch.device("meta")  # needs no driver


def place(tensor):
    return getattr(tensor.untyped_storage(), "place", CPU)


def put(tensor, where=GPU):
    tensor.untyped_storage().place = where
    return tensor


class Rehearsal(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs, leaves = dict(kwargs or {}), tree_leaves([args, kwargs])
        tensors = [each for each in leaves if isinstance(each, Tensor)]
        is_there = GPU in map(place, tensors)
        if asked := kwargs.get("device"):
            is_there |= asked == GPU
            kwargs["device"] = CPU
        # A number on the CPU is an argument of a kernel, except of these.
        takes_numbers = func.name() not in {"aten::cat", "aten::stack"}
        here = [
            t for t in tensors if place(t) == CPU and (t.dim() or not takes_numbers)
        ]
        if is_there and here:
            assert func.name() == "aten::copy_", f"{func.name()} mixes devices"
            self.waits.append(func.name())
        results = func(*args, **kwargs)
        for each in tree_leaves(results):
            if isinstance(each, Tensor) and not hasattr(
                each.untyped_storage(), "place"
            ):
                put(each, GPU if is_there else CPU)
        return results


@pytest.fixture
def rehearsal(monkeypatch):
    mode = Rehearsal()

    def to(tensor, other, *, non_blocking=False):
        if isinstance(other, torch.dtype):
            return tensor.type(other)
        where = other.device if isinstance(other, Tensor) else torch.device(other)
        dtype = other.dtype if isinstance(other, Tensor) else tensor.dtype
        if where == place(tensor):
            return tensor.type(dtype)
        if not non_blocking:
            mode.waits.append(f"to {where}")
        return put(tensor.clone().type(dtype), where)

    with mode:
        monkeypatch.setattr(Tensor, "device", property(place))
        monkeypatch.setattr(Tensor, "is_cuda", property(lambda t: place(t) == GPU))
        monkeypatch.setattr(Tensor, "to", to)
        yield mode


@pytest.mark.parametrize(
    "settings",
    [
        *({"optimizer": name} for name in ("lbfgs", "adam", "momentum", "langevin")),
        *({"style_loss": name} for name in ("meanstd", "swd", "wasserstein")),
        {"balance": "gradients", "optimizer": "adam"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_steps_mix_no_devices_and_wait_for_nothing(rehearsal, pictures, settings):
    network, config, images = slim(), StyleConfig(**settings), put(pictures.clone())
    for each in (*network.parameters(), *network.buffers()):
        put(each)
    style = style_target(network, images[3:], config)
    held = {
        "warped": images[:1],
        "consistency": images[:1, :1],
        "mask": images[1:2, :1],
    }

    def begin(**checkpoint):
        loop = BatchOptimization(network, style, config, slots=2, temporal_weight=1.0)
        loop.load(0, job(network, images[:1], **held, **checkpoint))
        loop.load(1, job(network, images[1:2]))
        return loop

    first = begin()
    first.step()  # looks at the first loss
    state = {name: put(each.clone(), CPU) for name, each in first.state(0).items()}
    for loop in (first, begin(begun=lambda: state)):
        loop.step()
        rehearsal.waits.clear()
        assert count_operations(loop.step)[1] == 0
        assert rehearsal.waits == []
        assert place(loop.result(0)) == GPU
