"""The network while it learns: slim's arithmetic with gradients to its weights.

The heads, which compare its features with a teacher's, are thrown away in the end.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from vidstyle.networks.slim import SLIM
from vidstyle.networks.vgg import convolution_of
from vidstyle.training.least_squares import LeastSquares

LEAK: Final = 0.01
"""Share of the gradient that passes where ReLU gives 0."""
DEAD: Final = 1e-2
"""A channel that is this much weaker than its layer's median is not made louder."""


class Student(nn.Module):
    """slim with a linear head on each layer that is taught.

    Each convolution is held as a matrix (out, in * 9), as the optimiser wants it.
    """

    def __init__(self, channels: Mapping[str, int], generator: torch.Generator) -> None:
        """Draw the convolutions' weights; the heads begin at 0.

        Args:
            channels: Of the teacher's features, by the student's layer.
            generator: Of the weights.
        """
        super().__init__()
        self.layers = SLIM.layers
        self.kernels, self.biases = nn.ParameterDict(), nn.ParameterDict()
        self.heads, self.shifts = nn.ParameterDict(), nn.ParameterDict()
        shapes = SLIM.weight_shapes
        for layer in self.layers:
            outgoing, incoming, *_ = shapes[f"{convolution_of(layer)}_weight"]
            kernel = torch.empty(outgoing, incoming * 9)
            nn.init.orthogonal_(kernel, math.sqrt(2), generator)
            self.kernels[layer] = nn.Parameter(kernel)
            self.biases[layer] = nn.Parameter(torch.zeros(outgoing))
            if layer in channels:
                self.heads[layer] = nn.Parameter(torch.zeros(channels[layer], outgoing))
                self.shifts[layer] = nn.Parameter(torch.zeros(channels[layer]))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Compute every layer's features, as ``networks.vgg`` does with the weights.

        Args:
            images: (N, 3, H, W) in [0, 1].

        Returns:
            (N, C, h, w) by layer.
        """
        found: dict[str, Tensor] = {}
        signal = self._normalized(images)
        for layer in self.layers:
            signal = _positive(self._convolve(_pooled(signal, layer), layer))
            found[layer] = signal
        return found

    def mapped(self, layer: str, features: Tensor) -> Tensor:
        """Map a layer's features to the teacher's channels: the head, linear."""
        head, shift = self.heads[layer], self.shifts[layer]
        return F.conv2d(features, head[..., None, None], shift)

    @torch.no_grad()
    def spread_out(self, images: Tensor) -> None:
        """Scale every convolution so that its outputs have mean 0 and variance 1.

        Source: Mishkin and Matas 2016, "All you need is a good init", for each channel
        by itself.
        """
        signal = self._normalized(images)
        for layer in self.layers:
            signal = _pooled(signal, layer)
            raw = self._convolve(signal, layer)  # (N, C, h, w), biases 0
            scale = raw.std((0, 2, 3)).clamp_min(1e-3)
            self.kernels[layer] /= scale[:, None]
            self.biases[layer] -= raw.mean((0, 2, 3)) / scale
            signal = F.relu(self._convolve(signal, layer))

    @torch.no_grad()
    def restart_weak(self, images: Tensor, generator: torch.Generator) -> int:
        """Draw channels that are nearly dead anew, as lively as their layer's others.

        What reads them is set to 0, so that the student's answers stay the same; the
        next steps find a use for them.

        Args:
            images: (N, 3, H, W) in [0, 1], that show which ones are weak.
            generator: Of the new weights, on the CPU.

        Returns:
            How many channels there were.
        """
        count = 0
        signal = self._normalized(images)
        for layer, following in zip(self.layers, (*self.layers[1:], ""), strict=True):
            signal = _pooled(signal, layer)
            raw = self._convolve(signal, layer)  # (N, C, h, w)
            weak = is_weak(F.relu(raw).mean((0, 2, 3)))  # (C,)
            if weak.any():
                self._redraw(layer, weak, signal, raw[:, ~weak], generator)
                if layer in self.heads:
                    self.heads[layer][:, weak] = 0
                if following:
                    self.kernels[following].unflatten(1, (-1, 9))[:, weak] = 0
                count += int(weak.sum())
            signal = F.relu(self._convolve(signal, layer))
        return count

    def _redraw(
        self,
        layer: str,
        weak: Tensor,
        signal: Tensor,
        others: Tensor,
        generator: torch.Generator,
    ) -> None:
        """Draw some rows of a convolution, with the others' mean and deviation."""
        kernel, bias = self.kernels[layer], self.biases[layer]
        fresh = torch.randn(int(weak.sum()), kernel.shape[1], generator=generator)
        kernel[weak], bias[weak] = fresh.to(kernel), torch.zeros_like(bias[weak])
        raw = self._convolve(signal, layer)[:, weak]
        scale = others.std((0, 2, 3)).median() / raw.std((0, 2, 3)).clamp_min(1e-3)
        kernel[weak] *= scale[:, None]
        bias[weak] = others.mean((0, 2, 3)).median() - raw.mean((0, 2, 3)) * scale

    @torch.no_grad()
    def fit_heads(self, images: Tensor, targets: Mapping[str, Tensor]) -> None:
        """Set each head to the best for a batch, by least squares."""
        features = self.features(images)
        for layer in self.heads:
            squares = LeastSquares()
            squares.add(features[layer], targets[layer])
            solution = squares.solve().to(self.heads[layer].dtype)  # (C + 1, D)
            self.heads[layer].copy_(solution[:-1].T)
            self.shifts[layer].copy_(solution[-1])

    def _normalized(self, images: Tensor) -> Tensor:
        mean, std = (
            images.new_tensor(values).view(1, 3, 1, 1)
            for values in (SLIM.mean, SLIM.std)
        )
        return (images - mean) / std

    def _convolve(self, signal: Tensor, layer: str) -> Tensor:
        kernel = self.kernels[layer].unflatten(1, (-1, 3, 3))  # (D, C, 3, 3)
        padded = F.pad(signal, (1, 1, 1, 1), mode=str(SLIM.padding))
        return F.conv2d(padded, kernel, self.biases[layer])


def is_weak(means: Tensor) -> Tensor:
    """Say which channels of a layer are nearly dead, by their mean activations (C,)."""
    return means < DEAD * means.median()


def _positive(signal: Tensor) -> Tensor:
    """Take the positive part, with a gradient that can wake a channel that died."""
    positive: Tensor = _LeakyBackward.apply(signal)
    return positive


class _LeakyBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, signal: Tensor) -> Tensor:  # noqa: ANN401
        positive = F.relu(signal)
        ctx.save_for_backward(positive)
        return positive

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        (positive,) = ctx.saved_tensors
        passed: Tensor = torch.ops.aten.leaky_relu_backward(
            gradient, positive, LEAK, self_is_result=True
        )
        return passed


def _pooled(signal: Tensor, layer: str) -> Tensor:
    """Halve the sides before the first convolution of every block but the first."""
    is_first = layer.endswith("_1") and layer != "relu1_1"
    return F.avg_pool2d(signal, 2) if is_first else signal
