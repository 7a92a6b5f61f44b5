"""Teachers: networks whose features the built-in one learns to give.

A teacher names its features as the student does; where it has more convolutions in a
block, the end of its block stands for the end of the student's.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.errors import WeightsError
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.networks.weights import DAMAGED

TAUGHT: Final = (
    *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_3"),
    *("relu4_1", "relu4_2", "relu4_3", "relu5_1"),
)
"""Layers of the student that are fitted: what style and content use, ends of blocks."""
ENCODER_BLOCKS: Final = (2, 2, 4, 4, 1)
"""Convolutions in each block of the small encoder, as in VGG-19."""


class Teacher(Protocol):
    """What a teacher has to offer."""

    name: str

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Compute (N, C, h, w) for each of TAUGHT, without a gradient."""

    def widen(self, layer: str, features: Tensor) -> Tensor:
        """Map features of a layer to those that are taught, pixel by pixel.

        Args:
            layer: One of ``TAUGHT``.
            features: (N, C, h, w).

        Returns:
            (N, D, h, w), with D the number of channels that are taught.
        """


class NetworkTeacher:
    """VGG-16 or VGG-19."""

    def __init__(self, network: FeatureNetwork) -> None:
        """Wrap a network that is on its device.

        Raises:
            ConfigError: If it has no relu5_1.
        """
        self.name = network.name
        self._network = network
        self._layers = {layer: _end_of_block(layer, network.layers) for layer in TAUGHT}
        network.check_layers(tuple(self._layers.values()))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Compute (N, C, h, w) for each of TAUGHT, without a gradient."""
        with torch.no_grad():
            found = self._network(images, tuple(self._layers.values()))
        return {layer: found[theirs] for layer, theirs in self._layers.items()}

    def widen(self, layer: str, features: Tensor) -> Tensor:  # noqa: ARG002
        """Leave them as they are."""
        return features


class EncoderTeacher:
    """The small encoder of Wang et al. 2020, with its 1x1 layers to VGG-19's width.

    Its file has ``conv0`` (fixed preprocessing of RGB in [0, 1]), ``conv11`` to
    ``conv51`` (3x3, reflection padding, ReLU, max pooling between blocks), and
    ``conv11_aux`` to ``conv51_aux`` (1x1, ReLU), each as ``.weight`` and ``.bias``.

    Source: Wang et al. 2020, "Collaborative Distillation for Ultra-Resolution Universal
    Style Transfer"; https://github.com/MingSun-Tse/Collaborative-Distillation.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Take the tensors of its file."""
        self.name = "small VGG-19 encoder (Collaborative Distillation)"
        self._weights = weights

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Compute (N, C, h, w) for each of TAUGHT, without a gradient."""
        found: dict[str, Tensor] = {}
        with torch.no_grad():
            signal = self._convolve("conv0", images)
            for block, count in enumerate(ENCODER_BLOCKS, start=1):
                if block > 1:
                    signal = F.max_pool2d(signal, 2)
                for place in range(1, count + 1):
                    padded = F.pad(signal, (1, 1, 1, 1), mode="reflect")
                    signal = F.relu(self._convolve(f"conv{block}{place}", padded))
                    found[f"relu{block}_{place}"] = signal
        layers = tuple(found)
        return {layer: found[_end_of_block(layer, layers)] for layer in TAUGHT}

    def widen(self, layer: str, features: Tensor) -> Tensor:
        """Map the first of a block to VGG-19's 64 to 512 channels; leave the others."""
        name = layer.replace("relu", "conv").replace("_", "") + "_aux"
        if f"{name}.weight" not in self._weights:
            return features
        with torch.no_grad():
            return F.relu(self._convolve(name, features))

    def _convolve(self, name: str, signal: Tensor) -> Tensor:
        weight, bias = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return F.conv2d(signal, weight, bias)


def read_encoder(path: Path, device: torch.device) -> EncoderTeacher:
    """Read the small encoder's file.

    Raises:
        WeightsError: If it cannot be read, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            weights: dict[str, Any] = {
                name: _place(np.asarray(values, np.float32), device)
                for name, values in arrays.items()
            }
    except FileNotFoundError as err:
        raise WeightsError(f"cannot read the teacher {path}: {err.strerror}.") from err
    except DAMAGED as err:
        raise WeightsError(f"{path} is damaged, or no .npz of weights.") from err
    teacher = EncoderTeacher(weights)
    try:
        teacher.features(torch.zeros(1, 3, 32, 32, device=device))
    except (KeyError, RuntimeError) as err:
        raise WeightsError(
            f"{path} is not the small encoder that a teacher must be: {err}."
        ) from err
    return teacher


def _place(values: Any, device: torch.device) -> Tensor:  # noqa: ANN401
    tensor = torch.from_numpy(values).to(device)
    if tensor.dim() == 4:
        return tensor.to(memory_format=torch.channels_last)
    return tensor


def _end_of_block(layer: str, layers: Collection[str]) -> str:
    """Name a teacher's layer: the same, or its block's last for relu3_3 and relu4_3."""
    block, _, place = layer.partition("_")
    last = max(name for name in layers if name.startswith(block))
    return last if place == "3" else layer
