"""The terms of the objective: tensors in, one number a sample out.

Every term returns (N,), one loss a sample, so that no sample feels another. Style and
content are relative errors: a weight means the same on any network, layer and size.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

SMOOTHING = 0.02  # difference, five levels, below which total variation is square


def gram_matrix(features: Tensor) -> Tensor:
    """Correlate the channels of features: (N, C, h, w) of any range -> (N, C, C).

    They are divided by h*w, so that the size of the picture does not scale them;
    float32 where the features are bfloat16.

    Source: Gatys et al. 2016, eq. 3; they normalise in the loss (eq. 4) instead.
    """
    gram: Tensor = _Gram.apply(features)
    return gram


class _Gram(torch.autograd.Function):
    """F F^T / (h*w) with one product on the way back, in the layout of the features.

    Autograd would make two products and hand back another layout than the convolution
    before it computes in; together that costs a quarter of a step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(features)
        rows = pixel_rows(features)  # (N, h*w, C)
        columns = rows.transpose(1, 2)
        if features.dtype != torch.bfloat16:
            grams = torch.bmm(columns, rows)
        elif features.is_cuda:  # summed in no less than float32
            grams = torch.bmm(columns, rows, out_dtype=torch.float32)
        else:
            grams = torch.bmm(columns.float(), rows.float())
        return grams / rows.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        (features,) = ctx.saved_tensors
        rows = pixel_rows(features)
        both = (gradient + gradient.transpose(1, 2)) / rows.shape[1]
        both = both.to(rows.dtype)
        returned = torch.bmm(rows, both).transpose(1, 2)  # (N, C, h*w), not copied
        return returned.reshape(features.shape)


def pixel_rows(features: Tensor) -> Tensor:
    """Put a pixel's channels side by side: (N, C, h, w) -> (N, h*w, C)."""
    return features.flatten(2).transpose(1, 2)


def squared_error(
    values: Tensor, targets: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Sum the squared differences of each sample: (N, ...) -> (N,).

    Each counts as much as ``weights``, which broadcast, say; None: once.
    """
    targets = targets.expand_as(values)
    squares = functional.mse_loss(values, targets, reduction="none")
    if weights is not None:
        squares = squares * weights
    # Not flatten(1).sum(1): that would copy maps that lie channels last.
    return squares.sum(dim=tuple(range(1, values.dim())))


def tv_loss(images: Tensor, beta: float) -> Tensor:
    """Average how much neighbouring pixels of (N, 3, H, W) differ, to the power beta.

    With beta 1, the least, a ripple costs as much as the edge that it could be gathered
    into, so that paint lies in flat dabs with edges; with 2 edges are dear and ripples
    cheap, and all is soft. (N,) is the mean of ``(dx^2 + dy^2)^(beta / 2)``, where a
    square is the mean of the three colors'; at the last row and column a difference is
    0.

    Source: Mahendran and Vedaldi 2015, eq. 4; beta 1 is Rudin, Osher and Fatemi 1992.
    We take the mean where they sum, so that the size of the picture does not scale it,
    and the colors together, so that their edges fall into one place. Below beta 2, the
    root is rounded off where differences are less than ``SMOOTHING``.
    """
    across = functional.pad(images.diff(dim=-1), (0, 1))
    down = functional.pad(images.diff(dim=-2), (0, 0, 0, 1))
    squares = (across.square() + down.square()).mean(dim=1)  # (N, H, W)
    if beta < 2:  # where the power has a kink or a pole at 0
        powers: Tensor = (squares + SMOOTHING**2).pow(beta / 2) - SMOOTHING**beta
    else:
        powers = squares.pow(beta / 2)
    mean: Tensor = powers.flatten(1).mean(dim=1)
    return mean


def temporal_loss(images: Tensor, warped: Tensor, consistency: Tensor) -> Tensor:
    """Penalise departing from the warped previous frame where the flow is trusted.

    Images and warped are (N, 3, H, W) in [0, 1], consistency (N, 1, H, W), 1 = trusted;
    (N,) is the sum of c*d^2 over 3*H*W, all pixels. Source: Ruder et al. 2016, eq. 6.
    """
    squares = functional.mse_loss(images, warped, reduction="none")
    return (consistency * squares).flatten(1).mean(dim=1)


def range_loss(images: Tensor) -> Tensor:
    """Average the squared distance of the pixels from [0, 1]: (N, 3, H, W) -> (N,).

    Clamping inside the loop would hide from L-BFGS what its steps did; this does not.
    """
    inside = images.clamp(0, 1)
    return functional.mse_loss(images, inside, reduction="none").flatten(1).mean(dim=1)
