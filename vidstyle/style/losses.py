"""The terms of the objective: tensors in, one number a sample out.

Every term returns (N,), one loss a sample, so that no sample feels another. Style and
content are relative errors: a weight means the same on any network, layer and size.
"""

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Correlate the channels of each feature map with one another.

    Args:
        features: (N, C, h, w), any range.

    Returns:
        (N, C, C), divided by h*w so that the size of the picture does not scale it.

    Source: Gatys et al. 2016, eq. 3; they normalise in the loss (eq. 4) instead.
    """
    flat = features.flatten(2)  # (N, C, h*w)
    return torch.bmm(flat, flat.transpose(1, 2)) / flat.shape[-1]


def squared_error(values: Tensor, targets: Tensor) -> Tensor:
    """Sum the squared differences of each sample: (N, ...) -> (N,)."""
    return (values - targets).square().flatten(1).sum(dim=1)


def tv_loss(images: Tensor) -> Tensor:
    """Average the squared differences between neighbouring pixels.

    Args:
        images: (N, 3, H, W) in [0, 1].

    Returns:
        (N,), the sum of the horizontal and the vertical mean square.

    Source: total variation after Mahendran and Vedaldi 2015 with beta = 2; we take the
    mean where they sum, so that the size of the picture does not scale it.
    """
    across = (images[..., :, 1:] - images[..., :, :-1]).square()
    down = (images[..., 1:, :] - images[..., :-1, :]).square()
    return across.flatten(1).mean(dim=1) + down.flatten(1).mean(dim=1)


def temporal_loss(images: Tensor, warped: Tensor, consistency: Tensor) -> Tensor:
    """Penalise departing from the warped previous frame where the flow is trusted.

    Args:
        images: (N, 3, H, W) in [0, 1].
        warped: (N, 3, H, W), the previous stylized frame brought onto this one.
        consistency: (N, 1, H, W) in [0, 1], 1 = trusted.

    Returns:
        (N,), the sum of c*d^2 over 3*H*W: all pixels, trusted or not.

    Source: Ruder et al. 2016, eq. 6.
    """
    return (consistency * (images - warped).square()).flatten(1).mean(dim=1)


def range_loss(images: Tensor) -> Tensor:
    """Average the squared distance of the pixels from [0, 1]: (N, 3, H, W) -> (N,).

    Clamping inside the loop would hide from L-BFGS what its steps did; this does not.
    """
    return (images - images.clamp(0, 1)).square().flatten(1).mean(dim=1)
