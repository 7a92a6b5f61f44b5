"""Fréchet Inception distance (FID) between sets of results, contents and paintings.

Sets are compared as a whole: results are not paired with their contents. The features
are the pooled ones of torchvision's Inception v3 if its weights are on disk; nothing is
downloaded. These weights were trained on ImageNet by torchvision and are not those of
the original FID implementation, so values are near those in papers, not identical.
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

LAYER: Final = "relu5_1"  # averaged over the picture; available in all our networks
URL: Final = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
SHA256: Final = "0cc3c7bd"  # prefix of the file's hash, from its name
SIZE_MB: Final = 109
FILE_NAME: Final = URL.rpartition("/")[2]
SIDE: Final = 299  # Inception's input size
FIRST: Final = "Conv2d_1a_3x3.conv.weight"  # key that identifies Inception's weights
UNUSED: Final = "AuxLogits.", "fc."  # weights of its classifiers
POOLING: Final = "Inception v3's last pooling"


class Gaussian(NamedTuple):
    """A multivariate normal distribution, float64 on the CPU."""

    mean: Tensor  # (D,)
    factor: Tensor  # (R, D), R <= D; the covariance is factor.T @ factor


def fit_gaussian(features: Tensor) -> Gaussian:
    """Estimate mean and covariance (divided by N - 1) of (N, D), one row a picture."""
    if len(features) < 2:
        raise ValueError("a covariance needs at least two rows.")
    rows = features.detach().cpu().double()
    mean = rows.mean(0)
    factor = (rows - mean) / (len(rows) - 1) ** 0.5
    if len(rows) > rows.shape[1]:
        factor = torch.linalg.qr(factor, mode="r").R  # (D, D)
    return Gaussian(mean, factor)


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Return the squared Fréchet distance of two normal distributions.

    ``|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2))``, computed from factors of the
    covariances S = F^T F: the trace of the matrix square root is the sum of the
    singular values of ``F F'^T``. This avoids squaring and taking roots, stays exact
    with fewer rows than dimensions, and never yields complex numbers.

    Source: Dowson and Landau 1982; of Inception features it is the FID of Heusel et al.
    2017, eq. 6.
    """
    root_trace = torch.linalg.svdvals(a.factor @ b.factor.T).sum()
    traces = a.factor.square().sum() + b.factor.square().sum()
    shift = (a.mean - b.mean).square().sum()
    return max(0.0, float(shift + traces - 2 * root_trace))


class Features(NamedTuple):
    """The feature extractor that pictures are compared by."""

    name: str  # network and layer
    compute: Callable[[Tensor], Tensor]  # (1, 3, 299, 299) in [0, 1] -> (1, D)
    device: torch.device
    network: FeatureNetwork | None = None  # used in place of Inception


def choose_features(config: MeasureConfig, listener: Listener) -> Features:
    """Load the feature extractor.

    ``weights`` are Inception's, with torchvision's names, or the network's. Without
    weights and network: Inception v3 if its weights are on disk, otherwise slim, and
    the listener is notified.
    """
    network, weights = config.network, config.weights
    device = choose_device(config.device)
    if weights is not None and (own := read_inception(weights, device=device)):
        return Features(f"{POOLING}, weights of {weights}", own, device)
    if network is None and weights is None:
        if (path := find_inception()) is not None:
            inception = load_inception(path, device=device)
            return Features(f"{POOLING}, torchvision's weights", inception, device)
        text = (
            f"using slim's features, as Inception v3's weights are missing (put "
            f"{FILE_NAME}, {SIZE_MB} MB, from {URL} into {cache_directory()})"
        )
        listener(Notice(text=text))
    loaded = load_distance_network(
        network,
        weights=weights,
        device=config.device,
        listener=listener,
        layers=[LAYER],
    )
    of = "" if weights is None else f" with the weights of {weights}"
    name = f"{LAYER} of {loaded.name}{of}, averaged over the picture"

    def compute(images: Tensor) -> Tensor:
        features: Tensor = loaded(images, [LAYER])[LAYER]
        return features.mean((2, 3))

    return Features(name, compute, device, loaded)


def measure_sets(
    sets: Sequence[Sequence[Path]],
    features: Features,
    *,
    on_picture: Callable[[], None],
    listener: Listener,
) -> Facts:
    """Compute the FID of a set of results to its contents and to the paintings.

    All pictures are resized to 299x299, Inception's input size, by area averaging when
    shrinking. The contents' own FID to themselves is 0.

    ``sets`` are the files of results, contents and paintings, in this order; only the
    paintings may be empty. The listener is warned of sets too small to be meaningful.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    computed = [
        [_measure(path, features, on_picture) for path in paths] for paths in sets
    ]
    dimensions = len(computed[0][0])
    _warn_of_few([len(rows) for rows in computed], dimensions, listener)
    results, contents, styles = (
        fit_gaussian(torch.stack(rows)) if len(rows) > 1 else None for rows in computed
    )

    def fid(a: Gaussian | None, b: Gaussian | None) -> float | None:
        return frechet_distance(a, b) if a and b else None

    return {
        "features": features.name,
        "dimensions": dimensions,
        "content_fid": compare(fid(results, contents), 0.0 if contents else None),
        "style_fid": compare(fid(results, styles), fid(contents, styles)),
    }


@torch.no_grad()
def _measure(path: Path, features: Features, on_picture: Callable[[], None]) -> Tensor:
    """Compute the features of one picture: (D,) on the CPU."""
    frame = resize_frame(read_picture(path), height=SIDE, width=SIDE)
    with memory_errors_named(f"a picture of {SIDE}x{SIDE}"):
        image = frame_to_image(frame, device=features.device)
        row = features.compute(image)[0].cpu()
    on_picture()
    return row


def _warn_of_few(counts: Sequence[int], dimensions: int, listener: Listener) -> None:
    """Warn about sets with fewer pictures than features."""
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
    """Find the weights where vidstyle or torch caches files."""
    return find_file(FILE_NAME, cache_directory())


def load_inception(path: Path, *, device: torch.device) -> "Inception":
    """Load the published weights; WeightsError: the file is not the published one."""
    try:
        with path.open("rb") as file:
            check_hash(file, SHA256, source=str(path))
    except OSError as err:
        raise WeightsError(f"cannot read {path}: {err.strerror}.") from err
    except WeightsError as err:
        raise WeightsError(f"{err}; delete it, or get it again from {URL}.") from err
    return Inception(read_tensors(path)).to(device)


def read_inception(path: Path, *, device: torch.device) -> "Inception | None":
    """Load Inception with other weights, with torchvision's names.

    None: the weights are not Inception's. WeightsError: they are incomplete.
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
        """Load weights with torchvision's names.

        RuntimeError: one has the wrong shape; ValueError: one is missing.
        """
        super().__init__()
        from torchvision.models import inception_v3

        self._network = inception_v3(weights=None, init_weights=False)
        keys = self._network.load_state_dict(weights, strict=False).missing_keys
        if missing := [key for key in keys if not key.startswith(UNUSED)]:
            raise ValueError(f"{missing[0]} is missing.")
        self._network.fc = nn.Identity()
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 3, 299, 299) in [0, 1] to the average-pooled features (N, 2048)."""
        # The range of its original training, to which torchvision's transform_input
        # converts ImageNet's normalization.
        features: Tensor = self._network(images * 2 - 1)
        return features
