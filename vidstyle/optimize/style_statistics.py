"""Style statistics: position-independent summaries of feature maps, and their errors.

Each statistic is a tensor in which a mix of paintings is a weighted sum, and defines a
squared error to a target.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.config import StyleConfig
from vidstyle.devices import seeded_generator
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.losses import gram_matrix, pixel_rows, squared_error

SMALL = 1e-4
"""Added to variances, relative to a photograph's mean square: avoids the root of 0."""
QUANTILES = 256  # equal bins into which sorted projections are averaged


class Statistic(ABC):
    """A representation of style, of shape (N, ..., C)."""

    @abstractmethod
    def measure(
        self, features: Tensor, energy: float, guide: Tensor | None = None
    ) -> Tensor:
        """Compute the statistic of features (N, C, h, w), independent of h and w.

        ``energy`` is the mean square of a photograph's features on this layer. A guide
        (N, 1, h, w) holds weights of the positions, 1 on average; None: uniform.
        """

    def as_target(self, measured: Tensor) -> Tensor:
        """Convert a measured or mixed statistic to a target for ``error``.

        Relative errors are divided by the target's sum of squares.
        """
        return measured

    def error(self, measured: Tensor, target: Tensor) -> Tensor:
        """Sum each sample's squared differences: (N, ...) and (N, ...) -> (N,)."""
        return squared_error(measured, target)

    def reference_norm(
        self, network: FeatureNetwork, layer: str, channels: int
    ) -> float:
        """Return the typical sum of squares of a photograph's target.

        By default that of a statistic whose squares sum to the channels' mean squares.
        """
        return channels * network.feature_energy[layer]


class Gram(Statistic):
    """Gram matrices, (N, C, C). Source: Gatys et al. 2016, eq. 3."""

    def measure(
        self,
        features: Tensor,
        energy: float,  # noqa: ARG002
        guide: Tensor | None = None,
    ) -> Tensor:
        return gram_matrix(features if guide is None else features * guide.sqrt())

    def reference_norm(
        self,
        network: FeatureNetwork,
        layer: str,
        channels: int,  # noqa: ARG002
    ) -> float:
        return network.gram_energy[layer]


class MeanStd(Statistic):
    """Each channel's mean and standard deviation: (N, 2, C).

    Source: Li et al. 2017, "Demystifying neural style transfer", eq. 12 (the statistics
    of batch normalization). We add a small constant to the variances.
    """

    def measure(
        self, features: Tensor, energy: float, guide: Tensor | None = None
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        mean = _weighted(rows, guide).mean(dim=1)
        deviations = (rows - mean.unsqueeze(1)).square()
        variance = _weighted(deviations, guide).mean(dim=1)
        return torch.stack([mean, (variance + SMALL * energy).sqrt()], dim=1)


class SlicedWasserstein(Statistic):
    """Quantiles of the features projected onto fixed directions, (N, Q, C).

    There are as many random directions as channels, fixed by the seed because L-BFGS
    needs a constant objective. The sorted projections are averaged in Q equal bins, so
    that images of different sizes are comparable.

    Source: Heitz et al. 2021, "A sliced Wasserstein loss for neural texture synthesis",
    eq. 4 and 5. They draw new directions at each step and compare sorted lists of equal
    length.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._directions: dict[int, Tensor] = {}

    def measure(
        self,
        features: Tensor,
        energy: float,  # noqa: ARG002
        guide: Tensor | None = None,
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        projections = (rows @ self._directions_for(rows)).transpose(1, 2)
        ordered, order = projections.sort(dim=2)  # (N, C, h*w)
        if guide is not None:
            weights = guide.flatten(2).expand_as(projections)
            ordered = _weighted_sort(ordered, weights, order)
        binned: Tensor = functional.adaptive_avg_pool1d(ordered, QUANTILES)
        return binned.transpose(1, 2) / math.sqrt(QUANTILES)  # (N, Q, C)

    def _directions_for(self, rows: Tensor) -> Tensor:
        """Return unit vectors, (C, C), one per column; cached by number of channels."""
        channels = rows.shape[-1]
        if channels not in self._directions:
            generator = seeded_generator(self._seed, channels)
            drawn = torch.randn(
                channels, channels, generator=generator, dtype=torch.float64
            )
            self._directions[channels] = functional.normalize(drawn, dim=0)
        directions = self._directions[channels] = self._directions[channels].to(rows)
        return directions


class Gaussian(Statistic):
    """Mean (first row) and covariance (the other rows) of the features, (N, 1 + C, C).

    The error is the squared Wasserstein-2 distance between two normal distributions,
    ``|m - m'|^2 + tr(S + S' - 2 (S'^(1/2) S S'^(1/2))^(1/2))``. Eigenvectors are not
    differentiated, so both derivatives are finite for coinciding eigenvalues.

    Source: Dowson and Landau 1982; used as a style loss by Mroueh 2020, "Wasserstein
    style transfer". We add a small constant to the variances and compute in float64.
    """

    def measure(
        self, features: Tensor, energy: float, guide: Tensor | None = None
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        mean = _weighted(rows, guide).mean(dim=1, keepdim=True)
        centered = rows - mean
        covariance = centered.transpose(1, 2) @ _weighted(centered, guide)  # (N, C, C)
        covariance = covariance / rows.shape[1]
        identity = torch.eye(rows.shape[-1], device=rows.device)
        floor = SMALL * energy * identity.to(rows)
        return torch.cat([mean, covariance + floor], dim=1)

    def as_target(self, measured: Tensor) -> Tensor:
        """Replace the covariance by its square root."""
        values, vectors = torch.linalg.eigh(exact(measured[:, 1:]))
        roots = vectors * values.clamp(min=0).sqrt().unsqueeze(1)
        root = (roots @ vectors.transpose(1, 2)).to(measured)
        return torch.cat([measured[:, :1], root], dim=1)

    def error(self, measured: Tensor, target: Tensor) -> Tensor:
        ours, theirs = exact(measured), exact(target)
        covariance, root = ours[:, 1:], theirs[:, 1:]
        product = root @ covariance @ root
        # Symmetric up to rounding.
        overlap = trace_of_root((product + product.transpose(1, 2)) / 2)
        spread = covariance.diagonal(dim1=1, dim2=2).sum(dim=1)
        shift = squared_error(ours[:, 0], theirs[:, 0])
        error: Tensor = shift + spread + root.square().sum(dim=(1, 2)) - 2 * overlap
        return error.to(measured)


def guide_for(mask: Tensor, features: Tensor) -> Tensor:
    """Compute a layer's guide from a region's mask (1, 1, H, W) in [0, 1], not empty.

    (1, 1, h, w) like the features, 1 on average. The mask is squared because in Gatys'
    guided Gram matrix it multiplies the features.

    Source: Gatys et al. 2017, "Controlling perceptual factors", eq. 4 and 5.
    """
    height, width = features.shape[-2:]
    guide = functional.adaptive_avg_pool2d(mask, (height, width)).square()
    return guide / guide.mean().clamp(min=torch.finfo(guide.dtype).tiny)


def _weighted(rows: Tensor, guide: Tensor | None) -> Tensor:
    """Multiply rows (N, h*w, C) by a guide (N, 1, h, w)."""
    return rows if guide is None else rows * pixel_rows(guide)


def _weighted_sort(ordered: Tensor, weights: Tensor, order: Tensor) -> Tensor:
    """Repeat or drop sorted values (N, C, n) in proportion to their weights.

    Weights are in pixel order and average 1; ``order`` holds each sorted value's pixel.
    """
    count = ordered.shape[2]
    ends = exact(weights.gather(2, order)).cumsum(dim=2)
    levels = torch.arange(count, device=ends.device, dtype=ends.dtype) + 0.5
    levels = levels.expand_as(ends).contiguous()
    indices = torch.searchsorted(ends.contiguous(), levels).clamp(max=count - 1)
    return ordered.gather(2, indices.to(ordered.device))


def exact(values: Tensor) -> Tensor:
    """Convert to float64, on a device that supports it and ``eigh``."""
    device = "cpu" if values.device.type == "mps" else values.device
    return values.to(device).double()


def trace_of_root(matrices: Tensor) -> Tensor:
    """Compute the trace of the square root of symmetric float64: (N, C, C) -> (N,).

    Eigenvalues that are not positive, due to rounding, count as 0 and get no gradient.

    Source: Daleckii and Krein 1965 on derivatives of matrix functions; in Higham 2008,
    "Functions of matrices", theorem 3.11.
    """
    traces: Tensor = _TraceOfRoot.apply(matrices)
    return traces


class _TraceOfRoot(torch.autograd.Function):
    """The trace of the matrix square root; its gradient is half the inverse root.

    For a second derivative, autograd would differentiate eigenvectors and divide by
    differences of eigenvalues, many of which are 0 if there are more channels than
    pixels. The function itself is smooth: its derivatives only divide by sums of roots.
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


class _InverseRoot(torch.autograd.Function):
    """The inverse root, V diag(1 / a_i) V^T, from a given eigendecomposition."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # autograd's own
        matrices: Tensor,  # noqa: ARG004  # receives the gradient
        roots: Tensor,
        vectors: Tensor,
    ) -> Tensor:
        inverses = torch.where(roots > 0, 1 / roots, 0)
        ctx.save_for_backward(roots, inverses, vectors)
        return (vectors * inverses.unsqueeze(1)) @ vectors.mT

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        # (1 / a - 1 / b) / (a^2 - b^2) = -1 / (a b (a + b)) has no difference in it.
        roots, inverses, vectors = ctx.saved_tensors
        products = inverses.unsqueeze(1) * inverses.unsqueeze(2)
        sums = (roots.unsqueeze(1) + roots.unsqueeze(2)).clamp(
            min=torch.finfo(roots.dtype).tiny
        )
        rotated = vectors.mT @ slopes @ vectors
        return -vectors @ (rotated * products / sums) @ vectors.mT, None, None


def make_statistic(config: StyleConfig) -> Statistic:
    match config.style_loss:
        case "gram":
            return Gram()
        case "meanstd":
            return MeanStd()
        case "swd":
            return SlicedWasserstein(config.seed)
        case "wasserstein":
            return Gaussian()
