"""Fréchet Inception distance (FID) between sets of results, contents and paintings.

Sets are compared as a whole: results are not paired with their contents. The features
are the pooled ones of torchvision's Inception v3 if its weights are on disk; nothing is
downloaded. These weights were trained on ImageNet by torchvision and are not those of
the original FID implementation, so values are near those in papers, not identical.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import InputError, WeightsError
from vidstyle.images import frame_to_image, read_picture, resize_frame
from vidstyle.measure import MeasureConfig
from vidstyle.measure.distance import Facts, compare, load_distance_network
from vidstyle.networks.weights import (
    cache_directory,
    check_hash,
    find_file,
    read_tensors,
)
from vidstyle.records import FrameReport, Listener, Notice, Plan
from vidstyle.stylize.album import INDEX, pictures_in
from vidstyle.video.folder import numbered_pictures

LAYER: Final = "relu5_1"  # averaged over the picture; available in all our networks
URL: Final = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
SHA256: Final = "0cc3c7bd"  # prefix of the file's hash, from its name
SIZE_MB: Final = 109
FILE_NAME: Final = URL.rpartition("/")[2]
SIDE: Final = 299  # Inception's input size

Extractor = Callable[[Tensor], Tensor]  # (1, 3, 299, 299) in [0, 1] -> (1, D)


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


def measure_folders(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Compute the FID of a folder of results to its contents and to the paintings.

    All pictures are resized to 299x299, Inception's input size, by area averaging when
    shrinking. The contents' own FID to themselves is 0. ``style`` is a folder of
    paintings, a painting, or None. The listener is warned of sets too small to be
    meaningful.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    device = choose_device(config.device)
    sets = {"result": set_of(result), "content": set_of(config.content), "style": []}
    if config.style is not None:
        is_folder = config.style.is_dir()
        sets["style"] = set_of(config.style) if is_folder else [config.style]
    counts = {name: len(paths) for name, paths in sets.items()}
    features, extract = choose_features(config, listener)
    pictures = [(name, path) for name, paths in sets.items() for path in paths]
    total = len(pictures)
    plan = Plan(height=SIDE, width=SIDE, frames=total, unit="picture", work="measuring")
    listener(plan)
    rows: dict[str, list[Tensor]] = {name: [] for name in sets}
    for number, (name, path) in enumerate(pictures):
        rows[name].append(_extracted(path, extract, device))
        listener(FrameReport(frame=number, frames_known=total))
    dimensions = len(rows["result"][0])
    _warn_of_few(counts, dimensions, listener)
    results = _gaussian_of(rows["result"])
    contents = _gaussian_of(rows["content"])
    styles = _gaussian_of(rows["style"])
    return {
        "result": result,
        "content": config.content,
        "style": config.style,
        "pictures": counts,
        "features": features,
        "dimensions": dimensions,
        "content_fid": compare(_fid(results, contents), 0.0 if contents else None),
        "style_fid": compare(_fid(results, styles), _fid(contents, styles)),
        "note": "FIDs are comparable only for the same features and set sizes.",
    }


def _gaussian_of(rows: list[Tensor]) -> Gaussian | None:
    """Fit a normal distribution to features (D,) of pictures; None: fewer than two."""
    return fit_gaussian(torch.stack(rows)) if len(rows) > 1 else None


def _fid(a: Gaussian | None, b: Gaussian | None) -> float | None:
    return frechet_distance(a, b) if a and b else None


def choose_features(config: MeasureConfig, listener: Listener) -> tuple[str, Extractor]:
    """Return the features that pictures are compared by: what they are, and a function.

    Without ``network`` and ``weights``: Inception v3's if its weights are on disk,
    otherwise slim's, and the listener is notified.
    """
    weights = config.weights
    if config.network is None and weights is None:
        path = find_file(FILE_NAME, cache_directory())
        if path is not None:
            extract = load_inception(path, device=choose_device(config.device))
            return "Inception v3's last pooling, torchvision's weights", extract
        text = (
            f"using slim's features, as Inception v3's weights are missing (put "
            f"{FILE_NAME}, {SIZE_MB} MB, from {URL} into {cache_directory()})"
        )
        listener(Notice(text=text))
    loaded = load_distance_network(config, listener, layers=[LAYER])
    source = "" if weights is None else f" with the weights of {weights}"
    features = f"{LAYER} of {loaded.name}{source}, averaged over the picture"
    return features, lambda images: loaded(images, [LAYER])[LAYER].mean((2, 3))


@torch.no_grad()
def _extracted(path: Path, extract: Extractor, device: torch.device) -> Tensor:
    """Compute the features of one picture: (D,) on the CPU."""
    frame = resize_frame(read_picture(path), height=SIDE, width=SIDE)
    with memory_errors_named(f"a picture of {SIDE}x{SIDE}"):
        return extract(frame_to_image(frame, device=device))[0].cpu()


def _warn_of_few(
    counts: Mapping[str, int], dimensions: int, listener: Listener
) -> None:
    """Warn about sets with fewer pictures than features."""
    words = {"result": "results", "content": "contents", "style": "paintings"}
    alone = [words[name] for name, count in counts.items() if count == 1]
    if alone:
        text = f"no FID for a single picture ({', '.join(alone)}): a set needs at "
        text += "least 2, and hundreds to be meaningful"
        listener(Notice(text=text, is_warning=True))
    few = [f"{words[name]} ({n})" for name, n in counts.items() if 1 < n < dimensions]
    if few:
        text = f"fewer pictures than the {dimensions} features: {', '.join(few)}; FIDs "
        text += "are too large and comparable only between sets of the same size"
        listener(Notice(text=text, is_warning=True))


def load_inception(path: Path, *, device: torch.device) -> Extractor:
    """Load torchvision's Inception v3; WeightsError: the file is not the published one.

    Its features are those of the last pooling, (N, 2048), before the classifier.
    """
    from torchvision.models import inception_v3

    try:
        check_hash(path, SHA256, source=str(path))
    except WeightsError as err:
        raise WeightsError(f"{err}; delete it, or get it again from {URL}.") from err
    network = inception_v3(weights=None, init_weights=False)
    network.load_state_dict(read_tensors(path, str(path)))
    network.fc = nn.Identity()
    network.eval().requires_grad_(requires_grad=False).to(device)
    # The range of its original training, to which torchvision's transform_input
    # converts ImageNet's normalization.
    return lambda images: network(images * 2 - 1)


def set_of(folder: Path) -> list[Path]:
    """List the pictures of a folder, without an album's contact sheet."""
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise InputError(
            f"{folder} {problem}; to compare sets of pictures, the result and "
            "--content must be folders."
        )
    return [path for path in pictures_in(folder) if path.name != INDEX]


def are_sets(result: Path, content: Path) -> bool:
    """Whether two folders hold separate pictures rather than the frames of clips.

    They do if one has no numbered pictures, or if a result is named after a content and
    a painting, as ``vidstyle image`` does.
    """
    folders = result, content
    try:
        if not all(folder.is_dir() and any(folder.iterdir()) for folder in folders):
            return False
        if not all(numbered_pictures(folder) for folder in folders):
            return True
    except OSError as err:
        raise InputError(
            f"cannot read the folder {err.filename}: {err.strerror}."
        ) from err
    beginnings = tuple(f"{path.stem}." for path in set_of(content))
    return any(path.stem.startswith(beginnings) for path in set_of(result))
