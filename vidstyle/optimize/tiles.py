"""What a network sees of a picture: all at once, or tile by tile in far less memory.

Tiles own disjoint parts of every layer, and see around them as far as the network does.
So a layer's sums are those of its tiles, features lie side by side, and a loss cannot
tell the difference. On the way back each tile is seen again, now with what its parts
are worth to the whole picture's loss.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vidstyle.config import block_of
from vidstyle.devices import memory_of
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.style_statistics import Gram

TILE_BYTES: Final = 2**30  # that one tile may take, there and back
CPU_SHARE: Final = 1 / 4  # of a CPU's memory that a picture may take in one
COPIES: Final = 3  # of a layer's features in memory, there and back; measured with slim

Place = tuple[Any, ...]  # index of a part of a tensor (N, C, h, w)


class Span(NamedTuple):
    """Rows or columns in pixels: of ``size`` a tile owns some, and sees more."""

    low: int
    start: int
    stop: int
    high: int
    size: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture. Where it starts is where pixels of every layer do."""

    spans: tuple[Span, Span]  # rows and columns

    @property
    def seen(self) -> Place:
        return (..., *(slice(span.low, span.high) for span in self.spans))

    def owned(self, layer: str, *, in_seen: bool = False) -> Place:
        """Return what it owns of a layer, of the picture's or of what it has seen."""
        by = block_of(layer) - 1
        lows = [span.low if in_seen else 0 for span in self.spans]
        owned = (
            slice((span.start - low) >> by, (span.stop - low) >> by)
            for span, low in zip(self.spans, lows, strict=True)
        )
        return (..., *owned)

    def share(self, layer: str) -> float:
        by = block_of(layer) - 1
        return math.prod(
            ((span.stop >> by) - (span.start >> by)) / (span.size >> by)
            for span in self.spans
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is asked of a network: features of some layers, Gram matrices of others."""

    network: FeatureNetwork
    layers: Collection[str]
    grams: Collection[str] = ()  # those of which the Gram matrix is enough
    unmapped: Collection[str] = ()  # those whose map is left to the caller
    guides: Mapping[str, Tensor] = field(default_factory=dict)
    """Layer -> (N, 1, h, w), how much each place counts in its Gram matrix."""

    def see(self, images: Tensor, most_pixels: float = math.inf) -> dict[str, Tensor]:
        """Look at images (N, 3, H, W) in [0, 1]; slightly outside is no error.

        One of more pixels is seen in tiles, and has no second derivative then. Returns
        layer -> (N, C, h, w), or the Gram matrix (N, C, C), from shallow to deep.
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
        seen: tuple[Tensor, ...] = _Tiled.apply(images, self, tiles)
        return dict(zip(names, seen, strict=True))

    @torch.no_grad()
    def look(self, images: Tensor) -> dict[str, Tensor]:
        """See images without a gradient, for which a quarter of the memory will do."""
        return self.see(images, 4 * TILE_BYTES / self.bytes_per_pixel)

    def most_pixels(self, images: Tensor, *, in_tiles: bool) -> float:
        """Return how many pixels of each image to see at once.

        All, unless ``in_tiles``, or a CPU's memory were filled to a good part. That is
        judged by all of its memory, not by what is free, so that a run that goes on
        later decides alike.
        """
        count, _, height, width = images.shape
        needed = count * height * width * self.bytes_per_pixel
        is_cpu = images.device.type == "cpu"
        if in_tiles or (is_cpu and needed > CPU_SHARE * memory_of(images.device)):
            return TILE_BYTES / count / self.bytes_per_pixel
        return math.inf

    def see_tile(self, images: Tensor, tile: Tile) -> dict[str, Tensor]:
        """Find what a tile adds to the picture's, from all pixels that it sees."""
        parts: dict[str, Tensor] = self.network(
            images, self.layers, unmapped=self.unmapped
        )
        for layer, values in parts.items():
            guide = self.guides.get(layer)
            guide = None if guide is None else guide[tile.owned(layer)]
            part = self._measured(layer, values[tile.owned(layer, in_seen=True)], guide)
            parts[layer] = part * tile.share(layer) if layer in self.grams else part
        return parts

    def _measured(self, layer: str, values: Tensor, guide: Tensor | None) -> Tensor:
        return Gram().measure(values, 1, guide) if layer in self.grams else values

    @property
    def used(self) -> Sequence[str]:
        """All layers down to the deepest that is asked for."""
        known = self.network.layers
        return known[: max(map(known.index, self.layers)) + 1]

    @property
    def bytes_per_pixel(self) -> float:
        """How much memory a pixel takes, there and back."""
        square = 1, 3, 1024, 1024
        shapes = [self.network.layer_shape(layer, square) for layer in self.used]
        return 4 * COPIES * sum(map(math.prod, shapes)) / 1024**2

    def _tiles(self, height: int, width: int, most_pixels: float) -> list[Tile]:
        """Divide a picture into tiles that see about so many pixels each, at most."""
        scales = [1 << (block_of(layer) - 1) for layer in self.used]
        stride = max(scales)
        # Each convolution sees a pixel of its own further.
        halo = math.ceil(sum(scales) / stride) * stride
        side = max(most_pixels**0.5 - 2 * halo, halo)
        rows, columns = (_spans(size, side, stride, halo) for size in (height, width))
        return [Tile(pair) for pair in product(rows, columns)]


def _spans(size: int, side: float, stride: int, halo: int) -> list[Span]:
    """Divide rows or columns evenly; each tile owns some of the deepest layer."""
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
        view: View,
        tiles: Sequence[Tile],
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(images)
        ctx.view, ctx.tiles = view, tiles
        whole: dict[str, Tensor] = {}
        for tile in tiles:
            for layer, part in view.see_tile(images[tile.seen], tile).items():
                if layer in view.grams:
                    whole[layer] = whole[layer] + part if layer in whole else part
                    continue
                if layer not in whole:
                    whole[layer] = part.new_empty(
                        view.network.layer_shape(layer, images.shape)
                    )
                whole[layer][tile.owned(layer)] = part
        return tuple(whole.values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (images,), view = ctx.saved_tensors, ctx.view
        gradient = torch.zeros_like(images)
        for tile in ctx.tiles:
            seen = images[tile.seen].detach().requires_grad_()
            with torch.enable_grad():
                parts = view.see_tile(seen, tile)
            worth = [
                slope if layer in view.grams else slope[tile.owned(layer)]
                for layer, slope in zip(parts, slopes, strict=True)
            ]
            (own,) = torch.autograd.grad(list(parts.values()), seen, worth)
            gradient[tile.seen] += own
        return gradient, None, None
