"""A frozen 3x3 convolution and its ReLU, as one step with a gradient; how it rounds.

Replicate padding costs as much as it can: torch copies the input to pad it, keeps the
copy for a weight gradient that nobody asks for, and copies again on the way back. Here
the copy is dropped at once and the gradient's border is folded in place. The result is
the same; there is no atomic addition in it, so a GPU repeats it bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import Precision
from vidstyle.errors import ConfigError


def choose_precision(name: Precision, device: torch.device) -> Precision:
    """Turn ``auto`` into what suits the device, or raise ConfigError if it lacks it."""
    if name == "auto":
        return "tf32" if device.type == "cuda" else "fp32"
    if name == "tf32" and device.type != "cuda":
        raise ConfigError("precision tf32 needs CUDA; use --precision fp32 or bf16.")
    return name


@contextmanager
def convolutions_in(precision: Precision) -> Iterator[None]:
    """Let CUDA's convolutions of float32 round to TF32 for a while, or not."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def convolve_replicated(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with the border's own pixels around it, then take the positive part.

    Args:
        maps: (N, C, h, w).
        weight: (D, C, 3, 3), frozen: no gradient reaches it.
        bias: (D,), frozen likewise.

    Returns:
        (N, D, h, w), at least 0. Differentiable twice with respect to ``maps``.
    """
    result: Tensor = _ReplicatedConvolution.apply(maps, weight, bias)
    return result


class _ReplicatedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")  # (N, C, h + 2, w + 2)
        positive = F.conv2d(padded, weight, bias).relu_()  # (N, D, h, w)
        ctx.save_for_backward(weight, positive)
        return positive

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        weight, positive = ctx.saved_tensors
        passed = torch.ops.aten.threshold_backward(gradient, positive, 0)
        padded = F.conv_transpose2d(passed, weight)  # (N, C, h + 2, w + 2)
        for axis in (2, 3):
            padded = _folded(padded, axis)
        return padded, None, None


def _folded(padded: Tensor, axis: int) -> Tensor:
    """Add the outermost places along an axis to their neighbours, and cut them off."""
    size = padded.shape[axis] - 2
    inner = padded.narrow(axis, 1, size)
    if size == 1:
        return padded.sum(dim=axis, keepdim=True)
    ends = [slice(None)] * 4
    ends[axis] = slice(None, None, size + 1)
    inner_ends = [slice(None)] * 4
    inner_ends[axis] = slice(None, None, size - 1)
    inner[tuple(inner_ends)].add_(padded[tuple(ends)])
    return inner
