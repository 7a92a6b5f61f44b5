"""The trace of a root: known values, and derivatives where eigenvalues coincide."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from vidstyle.optimize.style_statistics import trace_of_root


def turned(*values, seed=0):
    """Make a symmetric matrix with known eigenvalues: (1, C, C)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(len(values), len(values), generator=generator).double()
    vectors = torch.linalg.qr(drawn).Q
    return (vectors @ torch.diag(torch.tensor(values).double()) @ vectors.T)[None]


def symmetric(matrices):
    return trace_of_root((matrices + matrices.mT) / 2)


def test_the_trace_is_the_sum_of_the_roots():
    both = torch.cat([turned(4.0, 9.0, 0.25), turned(1.0, 1.0, 1.0)])

    assert trace_of_root(both).tolist() == pytest.approx([5.5, 3])


@pytest.mark.parametrize("values", [(4.0, 9.0, 0.25), (2.0, 2.0, 5.0), (3.0,) * 3])
def test_both_derivatives_are_right_where_eigenvalues_coincide(values):
    matrices = turned(*values).requires_grad_()

    assert gradcheck(symmetric, (matrices,))
    assert gradgradcheck(symmetric, (matrices,))


def test_nothing_depends_on_what_is_zero_but_for_rounding():
    matrices = torch.diag(torch.tensor([4.0, 0.0, -1e-18]).double())[None]
    matrices.requires_grad_()

    trace = trace_of_root(matrices)
    (slope,) = torch.autograd.grad(trace, matrices, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), matrices)

    assert trace.tolist() == [2]
    assert slope.diagonal(dim1=1, dim2=2).tolist() == [[0.25, 0, 0]]
    assert curvature.isfinite().all()
