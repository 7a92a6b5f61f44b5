"""Symmetric matrices come in, the traces of their roots go out, differentiable twice.

Autograd differentiates eigenvectors for a second derivative, and divides by differences
of eigenvalues: of a covariance of more channels than pixels many are alike, and what
comes out is not finite. The function itself is smooth: its derivatives are known, and
divide by sums of roots only.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def trace_of_root(matrices: Tensor) -> Tensor:
    """Sum the roots of the eigenvalues: (N, C, C) -> (N,).

    Args:
        matrices: Symmetric, float64. An eigenvalue that is not positive, by rounding,
            counts as 0, and nothing depends on it.

    Source: Daleckii and Krein 1965 on derivatives of functions of matrices; in Higham
    2008, "Functions of matrices", theorem 3.11.
    """
    traces: Tensor = _TraceOfRoot.apply(matrices)
    return traces


class _TraceOfRoot(Function):
    """The sum of a_i, the roots of the eigenvalues; its slope is half the inverse root.

    Without gradients eigenvectors are computed in vain; all that optimises needs them.
    """

    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:  # noqa: ANN401  # autograd's own
        values, vectors = torch.linalg.eigh(matrices)
        roots = values.clamp(min=0).sqrt()
        ctx.save_for_backward(matrices, roots, vectors)
        traces: Tensor = roots.sum(dim=1)
        return traces

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Tensor:  # noqa: ANN401  # autograd's own
        inverse: Tensor = _InverseRoot.apply(*ctx.saved_tensors)
        gradients: Tensor = slopes.view(-1, 1, 1) / 2 * inverse
        return gradients


class _InverseRoot(Function):
    """The inverse root, V diag(1 / a_i) V^T, of matrices whose spectrum is known."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # autograd's own
        matrices: Tensor,  # noqa: ARG004  # what is differentiated
        roots: Tensor,
        vectors: Tensor,
    ) -> Tensor:
        inverses = torch.where(roots > 0, 1 / roots, 0)
        ctx.save_for_backward(roots, inverses, vectors)
        return (vectors * inverses.unsqueeze(1)) @ vectors.mT

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        # (1 / a - 1 / b) / (a^2 - b^2) = -1 / (a b (a + b)): no difference is left.
        roots, inverses, vectors = ctx.saved_tensors
        products = inverses.unsqueeze(1) * inverses.unsqueeze(2)
        sums = (roots.unsqueeze(1) + roots.unsqueeze(2)).clamp(
            min=torch.finfo(roots.dtype).tiny
        )
        turned = vectors.mT @ slopes @ vectors
        return -vectors @ (turned * products / sums) @ vectors.mT, None, None
