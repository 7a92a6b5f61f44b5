"""The terms of the objective.

Every term returns one loss per sample, (N,), so that samples are independent. Style and
content are relative errors: a weight means the same for any network, layer and size.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

SMOOTHING = 0.02  # difference (5 of 255 levels) below which TV is quadratic


def gram_matrix(features: Tensor) -> Tensor:
    """Compute the Gram matrices of features: (N, C, h, w) -> (N, C, C).

    Divided by h*w, so that they do not scale with the image size; float32 for bfloat16
    features.

    Source: Gatys et al. 2016, eq. 3; they normalize in the loss (eq. 4) instead.
    """
    gram: Tensor = _Gram.apply(features)
    return gram


class _Gram(torch.autograd.Function):
    """F F^T / (h*w), with one product in the backward pass and the features' layout.

    Autograd would compute two products and return a gradient in another memory layout
    than the preceding convolution's; together that costs a quarter of a step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(features)
        rows = pixel_rows(features)  # (N, h*w, C)
        columns = rows.transpose(1, 2)
        if features.dtype != torch.bfloat16:
            grams = torch.bmm(columns, rows)
        elif features.is_cuda:  # accumulates in float32
            grams = torch.bmm(columns, rows, out_dtype=torch.float32)
        else:
            grams = torch.bmm(columns.float(), rows.float())
        return grams / rows.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        (features,) = ctx.saved_tensors
        rows = pixel_rows(features)
        symmetric = (gradient + gradient.transpose(1, 2)) / rows.shape[1]
        product = torch.bmm(rows, symmetric.to(rows.dtype))  # (N, h*w, C)
        return product.transpose(1, 2).reshape(features.shape)  # a view


def pixel_rows(features: Tensor) -> Tensor:
    """Make a row of each pixel's channels: (N, C, h, w) -> (N, h*w, C), a view."""
    return features.flatten(2).transpose(1, 2)


def squared_error(
    values: Tensor, targets: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Sum each sample's squared differences: (N, ...) -> (N,).

    ``weights`` broadcast over the values; None: all 1.
    """
    targets = targets.expand_as(values)
    squares = functional.mse_loss(values, targets, reduction="none")
    if weights is not None:
        squares = squares * weights
    # flatten(1) would copy channels-last features.
    return squares.sum(dim=tuple(range(1, values.dim())))


def tv_loss(images: Tensor, beta: float) -> Tensor:
    """Compute the total variation of images (N, 3, H, W), with exponent beta >= 1.

    With beta 1 a sharp edge costs no more than a gradual change of the same height,
    which favors flat dabs of paint with edges; with 2 edges are expensive and small
    ripples cheap, and the result is soft.

    Returns:
        (N,), the mean of ``(dx^2 + dy^2)^(beta / 2)`` over pixels. Squares are averaged
        over the channels; the differences at the last row and column are 0.

    Source: Mahendran and Vedaldi 2015, eq. 4; beta 1 is Rudin, Osher and Fatemi 1992.
    We take the mean where they sum, so that it does not scale with the image size, and
    couple the channels, so that their edges coincide. Below beta 2 the power is
    smoothed for differences below ``SMOOTHING``.
    """
    dx = functional.pad(images.diff(dim=-1), (0, 1))
    dy = functional.pad(images.diff(dim=-2), (0, 0, 0, 1))
    squares = (dx.square() + dy.square()).mean(dim=1)  # (N, H, W)
    if beta < 2:  # the power is not smooth at 0
        powers: Tensor = (squares + SMOOTHING**2).pow(beta / 2) - SMOOTHING**beta
    else:
        powers = squares.pow(beta / 2)
    mean: Tensor = powers.flatten(1).mean(dim=1)
    return mean


def temporal_loss(images: Tensor, warped: Tensor, consistency: Tensor) -> Tensor:
    """Penalize deviations from the warped previous frame where the flow is trusted.

    Images and warped are (N, 3, H, W) in [0, 1], consistency (N, 1, H, W), 1 = trusted.
    Returns (N,), the mean of c*d^2 over all 3*H*W values, trusted or not.

    Source: Ruder et al. 2016, eq. 6.
    """
    squares = functional.mse_loss(images, warped, reduction="none")
    return (consistency * squares).flatten(1).mean(dim=1)


def range_loss(images: Tensor) -> Tensor:
    """Average the squared distance of pixels from [0, 1]: (N, 3, H, W) -> (N,).

    Used instead of clamping in the loop, which would corrupt L-BFGS's curvature pairs.
    """
    inside = images.clamp(0, 1)
    return functional.mse_loss(images, inside, reduction="none").flatten(1).mean(dim=1)
