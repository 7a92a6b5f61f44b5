"""The frozen feature extractor behind slim, VGG-16 and VGG-19.

Weights are passed in as tensors; ``weights`` reads the files. Inputs are images in
[0, 1], normalized inside. There is no classifier, and nothing is trained.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import Pooling, Precision
from vidstyle.errors import ConfigError
from vidstyle.networks.energy import ENERGY_NAMES, layer_energies, natural_pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The architecture of a VGG-like network."""

    name: str
    blocks: tuple[tuple[int, ...], ...]  # output channels of each 3x3 convolution
    mean: tuple[float, float, float]  # of RGB in [0, 1]: subtracted from the input
    std: tuple[float, float, float]  # the input is then divided by it
    padding: Literal["zeros", "replicate"] = "zeros"  # one pixel per convolution
    poolings: tuple[Pooling, ...] = ("average", "max")  # those supported

    @property
    def layers(self) -> tuple[str, ...]:
        """Layer names from shallow to deep: relu1_1, relu1_2, relu2_1, ..."""
        return tuple(
            f"relu{block}_{place}"
            for block, channels in enumerate(self.blocks, start=1)
            for place in range(1, len(channels) + 1)
        )

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of weights (out, in, 3, 3) and biases (out,) by name, in order."""
        shapes: dict[str, tuple[int, ...]] = {}
        incoming = 3
        channels = (count for block in self.blocks for count in block)
        for layer, outgoing in zip(self.layers, channels, strict=True):
            name = convolution_of(layer)
            shapes[f"{name}_weight"] = (outgoing, incoming, 3, 3)
            shapes[f"{name}_bias"] = (outgoing,)
            incoming = outgoing
        return shapes

    def check_layers(self, layers: Collection[str]) -> None:
        """Raise ConfigError if the network lacks any of these layers."""
        unknown = [layer for layer in layers if layer not in self.layers]
        if unknown:
            raise ConfigError(
                f"{self.name} has no layer {', '.join(unknown)}; "
                f"it has {', '.join(self.layers)}."
            )


class FeatureNetwork(nn.Module):
    """A frozen stack of convolutions and ReLUs that returns the layers asked for."""

    precision: Precision = "fp32"
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        topology: Topology,
        weights: Mapping[str, Tensor],
        *,
        pooling: Pooling = "average",
    ) -> None:
        """Build the network around its weights, which are not copied.

        They have the names and shapes of ``topology.weight_shapes``. Optional entries:
        ``feature_energy`` and ``gram_energy``, (L,), and for any layer a (C, C) matrix
        such as ``relu4_2_map``, applied to the features returned. Raises ConfigError if
        the network does not support the pooling.
        """
        super().__init__()
        if pooling not in topology.poolings:
            raise ConfigError(
                f"{topology.name} supports only {topology.poolings[0]} pooling; use "
                f"--pooling {topology.poolings[0]}, or --network vgg16 or vgg19."
            )
        self.topology = topology
        self.name = topology.name
        self.layers = topology.layers  # from shallow to deep
        self._pool = F.avg_pool2d if pooling == "average" else F.max_pool2d
        for name in topology.weight_shapes:
            parameter = nn.Parameter(weights[name], requires_grad=False)
            self.register_parameter(name, parameter)
        self._mapped_layers = {name for name in self.layers if map_of(name) in weights}
        for layer in self._mapped_layers:
            self.register_buffer(map_of(layer), weights[map_of(layer)])
        for name in ("mean", "std"):
            channels = torch.tensor(getattr(topology, name)).view(1, 3, 1, 1)
            self.register_buffer(name, channels, persistent=False)
        self._stored = {name: weights[name] for name in ENERGY_NAMES if name in weights}
        self.eval()

    @property
    def feature_energy(self) -> dict[str, float]:
        """Typical mean of F**2 over pixels and channels, by layer."""
        return self._energies["feature_energy"]

    @property
    def gram_energy(self) -> dict[str, float]:
        """Typical sum of G**2, where G = F F^T / (h*w), by layer."""
        return self._energies["gram_energy"]

    def metric(self, layer: str) -> Tensor | None:
        """Return the layer's (C, C) map into the metric of its teacher network."""
        return self.get_buffer(map_of(layer)) if layer in self._mapped_layers else None

    def layer_shape(self, layer: str, images: Sequence[int]) -> tuple[int, ...]:
        """Return a layer's shape (N, C, h, w) for images of shape (N, 3, H, W)."""
        bias = self.get_parameter(f"{convolution_of(layer)}_bias")
        count, _, height, width = images
        halvings = block_of(layer) - 1
        return count, len(bias), height >> halvings, width >> halvings

    @cached_property
    def _energies(self) -> dict[str, dict[str, float]]:
        energies = self._stored
        if len(energies) < len(ENERGY_NAMES):
            with torch.no_grad():
                features = self(natural_pictures().to(self.mean), self.layers)
            measured = layer_energies(features.values())
            energies = {
                name: values.median(1).values  # (L, N) -> (L,)
                for name, values in zip(ENERGY_NAMES, measured, strict=True)
            }
        return {
            name: dict(zip(self.layers, values.tolist(), strict=True))
            for name, values in energies.items()
        }

    def set_precision(self, precision: Precision) -> None:
        """Set the precision of convolutions; with bf16 the first one stays float32."""
        self.precision = precision
        if precision == "bf16":
            for name in list(self.topology.weight_shapes)[2:]:
                parameter = self.get_parameter(name)
                parameter.data = parameter.data.bfloat16()

    def forward(
        self, images: Tensor, layers: Collection[str], *, unmapped: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Compute the features of the given layers, stopping after the deepest.

        Args:
            images: (N, 3, H, W) in [0, 1]; values slightly outside are allowed.
            layers: Names from ``self.layers``.
            unmapped: Layers returned without their map and in the dtype they were
                computed in, for callers that apply ``metric`` later, where it is
                cheaper. All others have the dtype of ``self.mean``.

        Returns:
            (N, C, h, w) by name, from shallow to deep, with h = H // 2**(b-1) in block
            b; non-negative unless the layer has a map. Differentiable with respect to
            ``images``. Must not be modified in place.

        Raises:
            ConfigError: If a layer is unknown or the images are too small for it.
        """
        self.topology.check_layers(layers)
        _check_shape(images, layers)
        features: dict[str, Tensor] = {}
        values = (images - self.mean) / self.std
        depth = max((self.layers.index(layer) + 1 for layer in layers), default=0)
        with convolutions_in(self.precision):
            for layer in self.layers[:depth]:
                if layer.endswith("_1") and layer != self.layers[0]:
                    values = self._pool(values, 2)  # (N, C, h // 2, w // 2)
                values = self._convolve(values, layer)  # (N, C', h, w)
                if layer in layers:
                    is_raw = layer in unmapped
                    features[layer] = values if is_raw else self._map(values, layer)
        return features

    def _convolve(self, values: Tensor, layer: str) -> Tensor:
        name = convolution_of(layer)
        weight = self.get_parameter(f"{name}_weight")
        bias = self.get_parameter(f"{name}_bias")
        values = values.to(weight.dtype)
        if self.topology.padding == "replicate":
            return convolve_replicated(values, weight, bias)
        return F.relu(F.conv2d(values, weight, bias, padding=1))

    def _map(self, values: Tensor, layer: str) -> Tensor:
        values = values.to(self.mean.dtype)
        matrix = self.metric(layer)
        return values if matrix is None else F.conv2d(values, matrix[..., None, None])


def _check_shape(images: Tensor, layers: Collection[str]) -> None:
    deepest = max(layers, key=block_of, default="relu1_1")
    least = 2 ** (block_of(deepest) - 1)
    height, width = images.shape[-2:]
    if min(height, width) < least:
        raise ConfigError(
            f"a picture of {width}x{height} pixels is too small for {deepest}, which "
            f"needs at least {least} pixels per side."
        )


def block_of(layer: str) -> int:
    """Return the block number of a VGG layer: relu4_2 -> 4."""
    return int(layer.removeprefix("relu").partition("_")[0])


def map_of(layer: str) -> str:
    return f"{layer}_map"


def convolution_of(layer: str) -> str:
    return layer.replace("relu", "conv")


@contextmanager
def convolutions_in(precision: Precision) -> Iterator[None]:
    """Allow TF32 in CUDA's float32 convolutions inside the block, or forbid it.

    Only deterministic algorithms are used. The flags belong to the process, so they are
    left alone until CUDA is used: threads would restore each other's values.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = precision == "tf32", True
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic = before


def convolve_replicated(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve 3x3 with replicate padding, then apply ReLU, saving memory.

    With ``F.pad`` and ``F.conv2d``, autograd keeps the padded copy for a weight
    gradient that is never needed, and copies once more in the backward pass. Here the
    copy is freed at once and the gradient's border is folded in place. The result is
    the same, and without atomic additions, hence deterministic on a GPU.

    Args:
        maps: (N, C, h, w); twice differentiable with respect to it.
        weight: (D, C, 3, 3), frozen: gets no gradient.
        bias: (D,), likewise.

    Returns:
        (N, D, h, w), non-negative.
    """
    result: Tensor = _ReplicatedConvolution.apply(maps, weight, bias)
    return result


class _ReplicatedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")  # (N, C, h + 2, w + 2)
        positive = F.conv2d(padded, weight, bias).relu_()  # (N, D, h, w)
        ctx.save_for_backward(weight, positive)
        return positive

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        weight, positive = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradient, positive, 0)
        padded = F.conv_transpose2d(gradient, weight)  # (N, C, h + 2, w + 2)
        for axis in (2, 3):
            padded = _fold_border(padded, axis)
        return padded, None, None


def _fold_border(padded: Tensor, axis: int) -> Tensor:
    """Add the outermost entries along an axis to their neighbors and cut them off."""
    size = padded.shape[axis] - 2
    inner = padded.narrow(axis, 1, size)
    if size == 1:
        return padded.sum(dim=axis, keepdim=True)
    # These strides select the first and the last entry, for a single addition.
    ends = padded.movedim(axis, 0)[:: size + 1]
    inner.movedim(axis, 0)[:: size - 1].add_(ends)
    return inner
