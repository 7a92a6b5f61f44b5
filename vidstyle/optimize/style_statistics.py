"""What of a painting's features is its style: features in, a statistic of them out.

All of them forget where things are. Each measures a tensor, in which mixing paintings
is adding with weights, and says how far one measured is from a target, as a square.
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
"""Added to variances, as a share of a photograph's usual mean square: no root of 0."""
QUANTILES = 256  # bins of equal share into which sorted projections are averaged


class Statistic(ABC):
    """One way to say what style is; what is measured has the shape (N, ..., C)."""

    @abstractmethod
    def measure(
        self, features: Tensor, usual: float, guide: Tensor | None = None
    ) -> Tensor:
        """Measure features (N, C, h, w) so that h and w leave no trace.

        ``usual`` is the mean square of a photograph's features on this layer; a guide
        (N, 1, h, w) says how much each place counts, 1 on average; None: all alike.
        """

    def as_target(self, measured: Tensor) -> Tensor:
        """Turn what was measured, or mixed, into what ``error`` compares with.

        The sum of its squares is what a relative error divides by.
        """
        return measured

    def error(self, measured: Tensor, target: Tensor) -> Tensor:
        """Sum the squared difference of each sample: (N, ...) and (N, ...) -> (N,)."""
        return squared_error(measured, target)

    def reference_norm(
        self, network: FeatureNetwork, layer: str, channels: int
    ) -> float:
        """Return the sum of squares of a photograph's target.

        It is this one where the squares sum to the channels' mean squares.
        """
        return channels * network.feature_energy[layer]


class Gram(Statistic):
    """How the channels go together: (N, C, C). Source: Gatys et al. 2016, eq. 3."""

    def measure(
        self,
        features: Tensor,
        usual: float,  # noqa: ARG002
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
    of batch normalisation). We add a little to each variance.
    """

    def measure(
        self, features: Tensor, usual: float, guide: Tensor | None = None
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        mean = _weighed(rows, guide).mean(dim=1)
        departures = (rows - mean.unsqueeze(1)).square()
        variance = _weighed(departures, guide).mean(dim=1)
        return torch.stack([mean, (variance + SMALL * usual).sqrt()], dim=1)


class SlicedWasserstein(Statistic):
    """How the features are distributed along fixed directions: (N, Q, C) quantiles.

    There are as many directions as channels, drawn from the seed, the same in every
    step: L-BFGS needs one objective. The sorted projections are averaged in Q bins of
    equal share, so that pictures of any two sizes compare.

    Source: Heitz et al. 2021, "A sliced Wasserstein loss for neural texture synthesis",
    eq. 4 and 5. They draw new directions at each step, and compare sorted lists of one
    length.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._directions: dict[int, Tensor] = {}

    def measure(
        self,
        features: Tensor,
        usual: float,  # noqa: ARG002
        guide: Tensor | None = None,
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        lines = (rows @ self._directions_for(rows)).transpose(1, 2)  # (N, C, h*w)
        ordered, places = lines.sort(dim=2)
        if guide is not None:
            ordered = _spread(ordered, guide.flatten(2).expand_as(lines), places)
        binned: Tensor = functional.adaptive_avg_pool1d(ordered, QUANTILES)
        return binned.transpose(1, 2) / math.sqrt(QUANTILES)  # (N, Q, C)

    def _directions_for(self, rows: Tensor) -> Tensor:
        """Draw unit vectors, (C, C), one a column; once for a number of channels."""
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
    """Mean and covariance, a row of means over the covariances: (N, 1 + C, C).

    The error is the squared Wasserstein-2 distance between two normal distributions,
    ``|m - m'|^2 + tr(S + S' - 2 (S'^(1/2) S S'^(1/2))^(1/2))``. No eigenvector is
    differentiated: both derivatives are finite where eigenvalues coincide.

    Source: Dowson and Landau 1982; as a style loss used by Mroueh 2020, "Wasserstein
    style transfer". We add a little to each variance, and compute in float64.
    """

    def measure(
        self, features: Tensor, usual: float, guide: Tensor | None = None
    ) -> Tensor:
        rows = pixel_rows(features)  # (N, h*w, C)
        mean = _weighed(rows, guide).mean(dim=1, keepdim=True)
        centered = rows - mean
        covariance = centered.transpose(1, 2) @ _weighed(centered, guide)  # (N, C, C)
        covariance = covariance / rows.shape[1]
        floor = SMALL * usual * torch.eye(rows.shape[-1]).to(rows)
        return torch.cat([mean, covariance + floor], dim=1)

    def as_target(self, measured: Tensor) -> Tensor:
        """Take the square root of the covariance beforehand."""
        values, vectors = torch.linalg.eigh(_exact(measured[:, 1:]))
        roots = vectors * values.clamp(min=0).sqrt().unsqueeze(1)
        root = (roots @ vectors.transpose(1, 2)).to(measured)
        return torch.cat([measured[:, :1], root], dim=1)

    def error(self, measured: Tensor, target: Tensor) -> Tensor:
        ours, theirs = _exact(measured), _exact(target)
        covariance, root = ours[:, 1:], theirs[:, 1:]
        between = root @ covariance @ root
        # Symmetric but for rounding.
        overlap = trace_of_root((between + between.transpose(1, 2)) / 2)
        spread = covariance.diagonal(dim1=1, dim2=2).sum(dim=1)
        shift = squared_error(ours[:, 0], theirs[:, 0])
        error: Tensor = shift + spread + root.square().sum(dim=(1, 2)) - 2 * overlap
        return error.to(measured)


def guide_for(mask: Tensor, features: Tensor) -> Tensor:
    """Weigh a layer's places for a region's mask (1, 1, H, W) in [0, 1], not empty.

    (1, 1, h, w) like the features, 1 on average: the squared mask, as Gatys' guided
    Gram matrix has it, whose features are multiplied by the mask.

    Source: Gatys et al. 2017, "Controlling perceptual factors", eq. 4 and 5.
    """
    height, width = features.shape[-2:]
    small = functional.adaptive_avg_pool2d(mask, (height, width)).square()
    return small / small.mean().clamp(min=torch.finfo(small.dtype).tiny)


def _weighed(rows: Tensor, guide: Tensor | None) -> Tensor:
    """Let each row (N, h*w, C) count as much as a guide (N, 1, h, w) says."""
    return rows if guide is None else rows * pixel_rows(guide)


def _spread(ordered: Tensor, weights: Tensor, places: Tensor) -> Tensor:
    """Give each of the sorted values (N, C, n) as much room as it weighs.

    Weights are 1 on average, in the order of the pixels; places say which pixel each of
    the sorted values is of.
    """
    count = ordered.shape[2]
    ends = weights.double().gather(2, places).cumsum(dim=2)
    levels = torch.arange(count, device=ordered.device, dtype=ends.dtype) + 0.5
    wanted = levels.expand_as(ends).contiguous()
    taken = torch.searchsorted(ends.contiguous(), wanted).clamp(max=count - 1)
    return ordered.gather(2, taken)


def _exact(values: Tensor) -> Tensor:
    """Go to float64, and to a device that has it and eigenvalues."""
    device = "cpu" if values.device.type == "mps" else values.device
    return values.to(device).double()


def trace_of_root(matrices: Tensor) -> Tensor:
    """Sum the roots of the eigenvalues of symmetric float64: (N, C, C) -> (N,).

    An eigenvalue that is not positive, by rounding, counts as 0; nothing depends on it.

    Source: Daleckii and Krein 1965 on derivatives of functions of matrices; in Higham
    2008, "Functions of matrices", theorem 3.11.
    """
    traces: Tensor = _TraceOfRoot.apply(matrices)
    return traces


class _TraceOfRoot(torch.autograd.Function):
    """The sum of a_i, the roots of the eigenvalues; its slope is half the inverse root.

    Autograd would differentiate eigenvectors for a second derivative, and divide by
    differences of eigenvalues: of a covariance of more channels than pixels many are
    alike. The function itself is smooth: its derivatives divide by sums of roots only.
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
