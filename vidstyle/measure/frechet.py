"""Two sets of feature vectors come in, the Frechet distance of their Gaussians out."""

from typing import NamedTuple

import torch
from torch import Tensor


class Gaussian(NamedTuple):
    """A normal distribution in D dimensions, float64 on the CPU."""

    mean: Tensor
    """(D,)."""
    factor: Tensor
    """(R, D) with R at most D: its covariance is ``factor.T @ factor``."""


def fit_gaussian(features: Tensor) -> Gaussian:
    """Measure mean and covariance, the latter by N - 1.

    Args:
        features: (N, D), a row a picture.

    Raises:
        ValueError: If there are fewer than two rows.
    """
    if len(features) < 2:
        raise ValueError("a covariance needs at least two rows.")
    rows = features.detach().cpu().double()
    mean = rows.mean(0)
    factor = (rows - mean) / (len(rows) - 1) ** 0.5
    if len(rows) > rows.shape[1]:
        factor = torch.linalg.qr(factor, mode="r").R  # (D, D)
    return Gaussian(mean, factor)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Compare two normal distributions; 0 if they are the same, in squared units.

    ``|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2))``, computed from factors of the
    covariances S = F^T F: the trace of the root is the sum of the singular values of
    ``F F'^T``. So nothing is squared that has to be rooted again, sets with fewer rows
    than dimensions are as exact as others, and nothing comes out complex.

    Source: Dowson and Landau 1982; of features of Inception it is the FID of Heusel et
    al. 2017, eq. 6.
    """
    overlap = torch.linalg.svdvals(one.factor @ other.factor.T).sum()
    spread = one.factor.square().sum() + other.factor.square().sum()
    shift = (one.mean - other.mean).square().sum()
    return max(0.0, float(shift + spread - 2 * overlap))
