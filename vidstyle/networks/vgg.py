"""Images -> named features: the one network class behind slim, VGG-16 and VGG-19.

It knows shapes, not files: weights come in as tensors. It normalises by itself, so that
every caller speaks images in [0, 1]. It has no classifier and never trains.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import Pooling, Precision, block_of
from vidstyle.errors import ConfigError
from vidstyle.networks.energy import ENERGY_NAMES, layer_energies, natural_pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The shape of a network: all that is not its weights."""

    name: str
    blocks: tuple[tuple[int, ...], ...]  # channels out of each 3x3 convolution
    mean: tuple[float, float, float]  # subtracted from RGB in [0, 1] first
    std: tuple[float, float, float]  # divides it then
    padding: Literal["zeros", "replicate"] = "zeros"
    """One pixel around each convolution's input: nothing, or the border's own."""
    poolings: tuple[Pooling, ...] = ("average", "max")

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer's name in order: relu1_1, relu1_2, relu2_1, ..."""
        return tuple(
            f"relu{block}_{place}"
            for block, channels in enumerate(self.blocks, start=1)
            for place in range(1, len(channels) + 1)
        )

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight (out, in, 3, 3) and bias (out,), by name, in order."""
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
        """Check that the network has these layers; ConfigError names those it has."""
        unknown = [layer for layer in layers if layer not in self.layers]
        if unknown:
            raise ConfigError(
                f"{self.name} has no layer {', '.join(unknown)}; "
                f"it has {', '.join(self.layers)}."
            )


class FeatureNetwork(nn.Module):
    """A frozen stack of convolutions and ReLUs that hands out what it is asked for.

    ``layers`` are all its layers, from shallow to deep.
    """

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
        """Build the network around its weights, which are held, not copied.

        They have the names and shapes of ``topology.weight_shapes``. Beside them there
        may be ``feature_energy`` and ``gram_energy``, a value for each layer, and for a
        layer a map (C, C), such as ``relu4_2_map``, that its features go through when
        handed out. ConfigError: this network does not work with that pooling.
        """
        super().__init__()
        if pooling not in topology.poolings:
            raise ConfigError(
                f"{topology.name} supports only {topology.poolings[0]} pooling; use "
                f"--pooling {topology.poolings[0]}, or --network vgg16 or vgg19."
            )
        self._topology = topology
        self.name = topology.name
        self.layers = topology.layers
        self._pool = F.avg_pool2d if pooling == "average" else F.max_pool2d
        for name in topology.weight_shapes:
            parameter = nn.Parameter(weights[name], requires_grad=False)
            self.register_parameter(name, parameter)
        self._mapped_layers = {each for each in self.layers if map_of(each) in weights}
        for layer in self._mapped_layers:
            self.register_buffer(map_of(layer), weights[map_of(layer)])
        for name in ("mean", "std"):
            channels = torch.tensor(getattr(topology, name)).view(1, 3, 1, 1)
            self.register_buffer(name, channels, persistent=False)
        self._stored = {name: weights[name] for name in ENERGY_NAMES if name in weights}
        self.eval()

    @property
    def feature_energy(self) -> dict[str, float]:
        """Mean of F**2 over pixels and channels that is usual, by layer."""
        return self._energies["feature_energy"]

    @property
    def gram_energy(self) -> dict[str, float]:
        """Sum of G**2, where G = F F^T / (h*w), that is usual, by layer."""
        return self._energies["gram_energy"]

    def metric(self, layer: str) -> Tensor | None:
        """Return the layer's map (C, C), into the metric of the network's teacher."""
        return self.get_buffer(map_of(layer)) if layer in self._mapped_layers else None

    def layer_shape(self, layer: str, images: Sequence[int]) -> tuple[int, ...]:
        """Return the shape (N, C, h, w) of a layer from that of the images."""
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
        """Choose how convolutions compute; with bf16 all but the first one."""
        self.precision = precision
        if precision == "bf16":
            for name in list(self._topology.weight_shapes)[2:]:
                parameter = self.get_parameter(name)
                parameter.data = parameter.data.bfloat16()

    def check_layers(self, layers: Collection[str]) -> None:
        self._topology.check_layers(layers)

    def forward(
        self,
        images: Tensor,
        layers: Collection[str],
        *,
        unmapped: Collection[str] = (),
    ) -> dict[str, Tensor]:
        """Compute named features, and nothing deeper than the deepest of them.

        Args:
            images: (N, 3, H, W) in [0, 1]; slightly outside is no error.
            layers: Names out of ``self.layers``.
            unmapped: Those handed out before their map, for a caller that applies
                ``metric`` later, where it costs less; and in the type that they were
                computed in, while all others are in that of the images' mean.

        Returns:
            By name, from shallow to deep: (N, C, h, w), where a layer of block b has
            h = H // 2**(b-1); at least 0 but where the layer has a map. Gradients reach
            ``images``. The values must not be changed in place.

        Raises:
            ConfigError: If a layer is unknown, or the images too small for it.
        """
        self.check_layers(layers)
        _check_shape(images, layers)
        features: dict[str, Tensor] = {}
        left = set(layers)
        signals = self._signals((images - self.mean) / self.std)
        for layer in self.layers:
            if not left:
                break
            with convolutions_in(self.precision):
                signal = next(signals)
            if layer in left:
                left.discard(layer)
                features[layer] = signal
                if layer not in unmapped:
                    values, matrix = signal.to(self.mean.dtype), self.metric(layer)
                    if matrix is not None:
                        values = F.conv2d(values, matrix[..., None, None])
                    features[layer] = values
        return features

    def _signals(self, signal: Tensor) -> Iterator[Tensor]:
        """Yield what each layer makes of normalised images, as long as it is asked."""
        for layer in self.layers:
            if layer.endswith("_1") and layer != self.layers[0]:
                signal = self._pool(signal, 2)  # (N, C, h // 2, w // 2)
            signal = self._convolve(signal, layer)  # (N, C', h, w)
            yield signal

    def _convolve(self, signal: Tensor, layer: str) -> Tensor:
        name = convolution_of(layer)
        weight = self.get_parameter(f"{name}_weight")
        bias = self.get_parameter(f"{name}_bias")
        signal = signal.to(weight.dtype)
        if self._topology.padding == "replicate":
            return convolve_replicated(signal, weight, bias)
        return F.relu(F.conv2d(signal, weight, bias, padding=1))


def _check_shape(images: Tensor, layers: Collection[str]) -> None:
    deepest = max(layers, key=block_of, default=None)
    if deepest is None:
        return
    least = 2 ** (block_of(deepest) - 1)
    height, width = images.shape[-2:]
    if min(height, width) < least:
        raise ConfigError(
            f"a picture of {width}x{height} pixels is too small for {deepest}, which "
            f"needs at least {least} pixels per side."
        )


def map_of(layer: str) -> str:
    return f"{layer}_map"


def convolution_of(layer: str) -> str:
    return layer.replace("relu", "conv")


@contextmanager
def convolutions_in(precision: Precision) -> Iterator[None]:
    """Let CUDA's convolutions of float32 round to TF32 for a while, or not."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def convolve_replicated(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with the border's own pixels around it, then take the positive part.

    torch's replicate padding copies the input to pad it, keeps the copy for a weight
    gradient that nobody asks for, and copies again on the way back. Here the copy is
    dropped at once and the gradient's border is folded in place. The result is the
    same; there is no atomic addition in it, so a GPU repeats it bit for bit.

    Maps (N, C, h, w) and a frozen weight (D, C, 3, 3) and bias (D,), which no gradient
    reaches, give (N, D, h, w), at least 0. Differentiable twice with respect to maps.
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
        passed = torch.ops.aten.threshold_backward(gradient, positive, 0)
        padded = F.conv_transpose2d(passed, weight)  # (N, C, h + 2, w + 2)
        for axis in (2, 3):
            padded = _folded(padded, axis)
        return padded, None, None


def _folded(padded: Tensor, axis: int) -> Tensor:
    """Add the outermost places along an axis to their neighbours, and cut them off."""
    size = padded.shape[axis] - 2
    inner = padded.narrow(axis, 1, size)
    if size == 1:
        return padded.sum(dim=axis, keepdim=True)
    ends = [slice(None)] * 4
    ends[axis] = slice(None, None, size + 1)
    inner_ends = [slice(None)] * 4
    inner_ends[axis] = slice(None, None, size - 1)
    inner[tuple(inner_ends)].add_(padded[tuple(ends)])
    return inner
