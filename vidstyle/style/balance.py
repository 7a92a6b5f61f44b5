"""Gradients of the loss terms brought to a given ratio of their lengths."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vidstyle.optimizers.best import rms, spread

FLOOR = 1e-3
"""Least length that a term's gradient is divided by, as a share of the longest one's.

At the content itself the content's gradient is nothing but rounding; blown up to its
full length it would be noise, and another in a batch of another size.
"""


def balanced_gradient(
    terms: Mapping[str, Tensor], weights: Mapping[str, float], images: Tensor
) -> Tensor:
    """Add up the terms' gradients, those with a weight in the ratio of their weights.

    The first of them keeps its length, and so says how long the others become. Terms
    without a weight are added as they are.

    Args:
        terms: Name -> (N,), each with its own factor, as functions of ``images``.
        weights: The factors of those to balance, at least one and all above 0.
        images: (N, 3, H, W).

    Returns:
        (N, 3, H, W). Each sample is balanced for itself. It is the gradient of no
        function: what one would be changes with every step.

    Source: the "Weight Adj." of Tella's TensorFlow project, which sets the factors of
    content, style and denoising at each step so that the gradients of the three have a
    fixed ratio. We take the root mean square over a frame as their length. A gradient
    does not become shorter as its term becomes smaller here: as long as the style's,
    the content's holds the picture at the content and leaves a fine grain, whichever
    optimiser follows; at a third of it both are gone. That of squared total variation
    (a power of 2) goes too far in each step at the same length, and leaves a grid.
    """
    named = {name: terms[name] for name in weights}
    gradients = {
        name: torch.autograd.grad(term.sum(), images, retain_graph=True)[0]
        for name, term in named.items()
    }
    plain = {name: rms(gradients[name]) / weights[name] for name in weights}
    longest = torch.stack(list(plain.values())).amax(dim=0)  # (N,)
    tiny = torch.finfo(images.dtype).tiny
    unit = next(iter(plain.values()))
    total = torch.zeros_like(images)
    for name, gradient in gradients.items():
        least = (FLOOR * longest).clamp(min=tiny)
        factor = unit / torch.maximum(plain[name], least)
        total = total + spread(factor, images) * gradient
    others = [term.sum() for name, term in terms.items() if name not in weights]
    if others:
        total = total + torch.autograd.grad(torch.stack(others).sum(), images)[0]
    return total
