"""Feature extraction from whole images, or tile by tile with far less memory.

Tiles own disjoint parts of every layer and are evaluated with a halo as wide as the
receptive field. Gram matrices are summed and features put side by side, so that losses
are the same up to rounding. The backward pass evaluates each tile again, with the
gradients of the whole image's loss with respect to its parts.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vidstyle.devices import memory_of
from vidstyle.networks.vgg import FeatureNetwork, block_of
from vidstyle.optimize.style_statistics import Gram

TILE_BYTES: Final = 2**30  # of one tile, forward and backward
CPU_SHARE: Final = 1 / 4  # of a CPU's memory, up to which an image is not tiled
COPIES: Final = 3  # of a layer's features in memory at the peak; measured with slim

Index = tuple[Any, ...]  # of a part of a tensor (N, C, h, w)


class Span(NamedTuple):
    """A tile's rows or columns: start to stop, with its halo low to high."""

    low: int
    start: int
    stop: int
    high: int
    size: int  # of the image


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image, aligned to the pixels of every layer."""

    spans: tuple[Span, Span]  # rows and columns

    @property
    def window(self) -> Index:
        """The part of the image with the halo."""
        return (..., *(slice(span.low, span.high) for span in self.spans))

    def owned(self, layer: str, *, in_window: bool = False) -> Index:
        """Return the part of a layer without halo, in the image's or the window's."""
        shift = block_of(layer) - 1
        lows = [span.low if in_window else 0 for span in self.spans]
        owned = (
            slice((span.start - low) >> shift, (span.stop - low) >> shift)
            for span, low in zip(self.spans, lows, strict=True)
        )
        return (..., *owned)

    def share(self, layer: str) -> float:
        """Return the fraction of a layer's positions that the tile owns."""
        shift = block_of(layer) - 1
        return math.prod(
            ((span.stop >> shift) - (span.start >> shift)) / (span.size >> shift)
            for span in self.spans
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extractor:
    """Extracts the features of some layers, and the Gram matrices of others."""

    network: FeatureNetwork
    layers: Collection[str]
    grams: Collection[str] = ()  # layers of which only the Gram matrix is returned
    unmapped: Collection[str] = ()  # layers whose map is left to the caller
    guides: Mapping[str, Tensor] = field(default_factory=dict)
    """Layer -> (N, 1, h, w), weights of the positions in the Gram matrix."""

    def extract(
        self, images: Tensor, most_pixels: float = math.inf
    ) -> dict[str, Tensor]:
        """Extract features of images (N, 3, H, W) in [0, 1], or slightly outside.

        Images of more than ``most_pixels`` are processed in tiles and cannot be
        differentiated twice. Returns layer -> (N, C, h, w), or the Gram matrix
        (N, C, C), from shallow to deep.
        """
        height, width = images.shape[-2:]
        if height * width <= most_pixels:
            features = self.network(images, self.layers, unmapped=self.unmapped)
            return {
                layer: self._measured(layer, values, self.guides.get(layer))
                for layer, values in features.items()
            }
        tiles = self._tiles(height, width, most_pixels)
        names = [layer for layer in self.used if layer in self.layers]
        values: tuple[Tensor, ...] = _Tiled.apply(images, self, tiles)
        return dict(zip(names, values, strict=True))

    @torch.no_grad()
    def extract_detached(self, images: Tensor) -> dict[str, Tensor]:
        """Extract features without gradients, which takes a quarter of the memory."""
        return self.extract(images, 4 * TILE_BYTES / self.bytes_per_pixel)

    def most_pixels(self, images: Tensor, *, in_tiles: bool) -> float:
        """Return how many pixels of each image to process at once.

        All of them, unless ``in_tiles`` is set or they need more than ``CPU_SHARE`` of
        a CPU's total memory; free memory would differ when a run is resumed.
        """
        count, _, height, width = images.shape
        needed = count * height * width * self.bytes_per_pixel
        is_cpu = images.device.type == "cpu"
        if in_tiles or (is_cpu and needed > CPU_SHARE * memory_of(images.device)):
            return TILE_BYTES / count / self.bytes_per_pixel
        return math.inf

    def extract_tile(self, images: Tensor, tile: Tile) -> dict[str, Tensor]:
        """Compute a tile's contribution from its part of the images, with the halo."""
        parts: dict[str, Tensor] = self.network(
            images, self.layers, unmapped=self.unmapped
        )
        for layer, values in parts.items():
            guide = self.guides.get(layer)
            guide = None if guide is None else guide[tile.owned(layer)]
            part = self._measured(
                layer, values[tile.owned(layer, in_window=True)], guide
            )
            parts[layer] = part * tile.share(layer) if layer in self.grams else part
        return parts

    def _measured(self, layer: str, values: Tensor, guide: Tensor | None) -> Tensor:
        return Gram().measure(values, 1, guide) if layer in self.grams else values

    @property
    def used(self) -> Sequence[str]:
        """All layers up to the deepest one requested."""
        layers = self.network.layers
        return layers[: max(map(layers.index, self.layers)) + 1]

    @property
    def bytes_per_pixel(self) -> float:
        """Peak memory per pixel, forward and backward."""
        square = 1, 3, 1024, 1024
        shapes = [self.network.layer_shape(layer, square) for layer in self.used]
        return 4 * COPIES * sum(map(math.prod, shapes)) / 1024**2

    def _tiles(self, height: int, width: int, most_pixels: float) -> list[Tile]:
        """Divide an image into tiles of about ``most_pixels``, halo included."""
        scales = [1 << (block_of(layer) - 1) for layer in self.used]
        stride = max(scales)
        # Each convolution extends the receptive field by one pixel of its layer.
        halo = math.ceil(sum(scales) / stride) * stride
        side = max(most_pixels**0.5 - 2 * halo, halo)
        rows, columns = (_spans(size, side, stride, halo) for size in (height, width))
        return [Tile(pair) for pair in product(rows, columns)]


def _spans(size: int, side: float, stride: int, halo: int) -> list[Span]:
    """Divide rows or columns evenly, at least one pixel of the deepest layer each."""
    count = math.ceil(size / side)
    step = math.ceil(size / count / stride) * stride
    starts = range(0, max(1, size - stride + 1), step)
    return [
        Span(max(0, start - halo), start, stop, min(size, stop + halo), size)
        for start, stop in pairwise([*starts, size])
    ]


class _Tiled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        images: Tensor,
        extractor: Extractor,
        tiles: Sequence[Tile],
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(images)
        ctx.extractor, ctx.tiles = extractor, tiles
        whole: dict[str, Tensor] = {}
        for tile in tiles:
            parts = extractor.extract_tile(images[tile.window], tile)
            for layer, part in parts.items():
                if layer in extractor.grams:
                    whole[layer] = whole[layer] + part if layer in whole else part
                    continue
                if layer not in whole:
                    whole[layer] = part.new_empty(
                        extractor.network.layer_shape(layer, images.shape)
                    )
                whole[layer][tile.owned(layer)] = part
        return tuple(whole.values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (images,), extractor = ctx.saved_tensors, ctx.extractor
        gradient = torch.zeros_like(images)
        for tile in ctx.tiles:
            window = images[tile.window].detach().requires_grad_()
            with torch.enable_grad():
                parts = extractor.extract_tile(window, tile)
            part_slopes = [
                slope if layer in extractor.grams else slope[tile.owned(layer)]
                for layer, slope in zip(parts, slopes, strict=True)
            ]
            (part,) = torch.autograd.grad(list(parts.values()), window, part_slopes)
            gradient[tile.window] += part
        return gradient, None, None
