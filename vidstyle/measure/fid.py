"""Sets of results, contents and paintings come in; how far apart they are, FID, out.

A set is compared as a whole: no result is paired with its content. What is compared are
the pooled features of torchvision's Inception v3, where it is at hand; nothing is
downloaded. Its weights are torchvision's, trained on ImageNet, and not those of the
first program that computed FID, so its numbers are near those of papers, not the same.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import WeightsError
from vidstyle.images import frame_to_image, read_picture, resize_frame
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import Facts, compare, load_distance_network
from vidstyle.networks.published import cache_directory, check_hash, find_file
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.networks.weights import read_tensors
from vidstyle.records import Listener, Notice

LAYER: Final = "relu5_1"  # averaged over the picture; all our networks have it
URL: Final = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
SHA256: Final = "0cc3c7bd"  # what the file's hash begins with, as its name says
SIZE_MB: Final = 109
FILE_NAME: Final = URL.rpartition("/")[2]
SIDE: Final = 299  # of the pictures that it was trained on
FIRST: Final = "Conv2d_1a_3x3.conv.weight"  # no other network's weights have this name
UNUSED: Final = "AuxLogits.", "fc."  # its classifiers' weights
POOLING: Final = "Inception v3's last pooling"


class Gaussian(NamedTuple):
    """A normal distribution in D dimensions, float64 on the CPU."""

    mean: Tensor  # (D,)
    factor: Tensor  # (R, D) with R at most D; the covariance is factor.T @ factor


def fit_gaussian(features: Tensor) -> Gaussian:
    """Measure mean and covariance, by N - 1, of (N, D): a row a picture."""
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


class Features(NamedTuple):
    """What is measured of each picture."""

    name: str  # which network's, and where in it
    compute: Callable[[Tensor], Tensor]  # (1, 3, 299, 299) in [0, 1] -> (1, D)
    device: torch.device
    network: FeatureNetwork | None = None  # that stands in for Inception


def choose_features(config: MeasureConfig, listener: Listener) -> Features:
    """Load what sets are compared by.

    ``weights`` are Inception's by torchvision's names, or the network's. With neither
    them nor a network it is Inception v3 where its weights are at hand, and slim where
    they are not, which the listener is told.
    """
    network, weights, device = config.network, config.weights, config.device
    computing = choose_device(device)
    if weights is not None and (own := read_inception(weights, device=computing)):
        return Features(f"{POOLING}, weights of {weights}", own, computing)
    if network is None and weights is None:
        if (path := find_inception()) is not None:
            inception = load_inception(path, device=computing)
            return Features(f"{POOLING}, torchvision's weights", inception, computing)
        text = (
            f"using slim's features, as Inception v3's weights are missing (put "
            f"{FILE_NAME}, {SIZE_MB} MB, from {URL} into {cache_directory()})"
        )
        listener(Notice(text=text))
    loaded = load_distance_network(
        network, weights=weights, device=device, listener=listener, layers=[LAYER]
    )
    of = "" if weights is None else f" with the weights of {weights}"
    name = f"{LAYER} of {loaded.name}{of}, averaged over the picture"

    def compute(images: Tensor) -> Tensor:
        features: Tensor = loaded(images, [LAYER])[LAYER]
        return features.mean((2, 3))

    return Features(name, compute, computing, loaded)


def measure_sets(
    sets: Sequence[Sequence[Path]],
    features: Features,
    *,
    on_picture: Callable[[], None],
    listener: Listener,
) -> Facts:
    """Measure how far a set of pictures is from its contents and from paintings: FID.

    Every picture is brought to 299x299 pixels, as Inception saw them in its training;
    shrinking averages areas. The contents' own distance from themselves is 0.

    ``sets`` are files of results, contents and paintings, in this order; all but the
    paintings need at least one. The listener is told where there are too few for the
    numbers to mean much.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    measured = [
        [_measure(path, features, on_picture) for path in paths] for paths in sets
    ]
    dimensions = len(measured[0][0])
    _warn_of_few([len(rows) for rows in measured], dimensions, listener)
    results, contents, styles = (
        fit_gaussian(torch.stack(rows)) if len(rows) > 1 else None for rows in measured
    )

    def fid(one: Gaussian | None, other: Gaussian | None) -> float | None:
        return frechet_distance(one, other) if one and other else None

    return {
        "features": features.name,
        "dimensions": dimensions,
        "content_fid": compare(fid(results, contents), 0.0 if contents else None),
        "style_fid": compare(fid(results, styles), fid(contents, styles)),
    }


@torch.no_grad()
def _measure(path: Path, features: Features, on_picture: Callable[[], None]) -> Tensor:
    """Measure one picture: (D,) on the CPU."""
    frame = resize_frame(read_picture(path), height=SIDE, width=SIDE)
    with memory_errors_named(f"a picture of {SIDE}x{SIDE}"):
        image = frame_to_image(frame, device=features.device)
        row = features.compute(image)[0].cpu()
    on_picture()
    return row


def _warn_of_few(counts: Sequence[int], dimensions: int, listener: Listener) -> None:
    """Warn where a set has fewer pictures than there are features."""
    counted = dict(zip(("results", "contents", "paintings"), counts, strict=True))
    alone = [name for name, count in counted.items() if count == 1]
    few = [f"{name} ({n})" for name, n in counted.items() if 1 < n < dimensions]
    if alone:
        text = f"no FID for a single picture ({', '.join(alone)}): a set needs at "
        text += "least 2, and hundreds to be meaningful"
        listener(Notice(text=text, is_warning=True))
    if few:
        text = f"fewer pictures than the {dimensions} features: {', '.join(few)}; FIDs "
        text += "are too large and comparable only between sets of the same size"
        listener(Notice(text=text, is_warning=True))


def find_inception() -> Path | None:
    """Find its weights where vidstyle or torch itself keeps files. None: not there."""
    return find_file(FILE_NAME, cache_directory())


def load_inception(path: Path, *, device: torch.device) -> "Inception":
    """Load the network onto its device; WeightsError: it is not the published one."""
    try:
        with path.open("rb") as file:
            check_hash(file, SHA256, source=str(path))
    except OSError as err:
        raise WeightsError(f"cannot read {path}: {err.strerror}.") from err
    except WeightsError as err:
        raise WeightsError(f"{err}; delete it, or get it again from {URL}.") from err
    return Inception(read_tensors(path)).to(device)


def read_inception(path: Path, *, device: torch.device) -> "Inception | None":
    """Load the network with any weights of its own, by torchvision's names.

    None: the file holds no such. WeightsError: it holds only a part of the network.
    """
    weights = read_tensors(path)
    if FIRST not in weights:
        return None
    try:
        return Inception(weights).to(device)
    except (RuntimeError, ValueError) as err:
        reason = " ".join(str(err).split())
        raise WeightsError(f"{path} does not hold Inception v3: {reason}") from err


class Inception(nn.Module):
    """Inception v3 without its classifier, frozen."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """Build it around torchvision's weights.

        RuntimeError: one has another shape; ValueError: one is missing.
        """
        super().__init__()
        from torchvision.models import inception_v3

        self._network = inception_v3(weights=None, init_weights=False)
        found = self._network.load_state_dict(weights, strict=False)
        if missing := [one for one in found.missing_keys if not one.startswith(UNUSED)]:
            raise ValueError(f"{missing[0]} is missing.")
        self._network.fc = nn.Identity()
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, 3, 299, 299) in [0, 1] into (N, 2048), means over pixels."""
        # What its first makers trained it on, and torchvision's transform_input makes
        # out of ImageNet's normalization.
        features: Tensor = self._network(images * 2 - 1)
        return features
