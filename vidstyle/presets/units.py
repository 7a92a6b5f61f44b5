"""Weights of other programs -> weights of ours, as far as that is arithmetic.

Others see pixels in 0..255 through Caffe's VGG, and sum or average where they like. Our
``loss_scale="gatys"`` is Gatys et al. 2016, eq. 1 and 4, on our features of pixels in
[0, 1]: content c/2 * sum (F-P)^2, style s * sum_l share_l/(4 C_l^2) * sum (G_l-A_l)^2
with G = F F^T / M over M positions, and the mean of squares for total variation and
temporal loss. So the squared sums of a source need two conversions: of the factors
before them, and of the scale of what is squared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vidstyle.config import LayerWeight

PIXELS: Final = 255.0
"""Levels of a source's pixels in our full pixel range."""
NETWORK_STD: Final = (0.229 + 0.224 + 0.225) / 3
"""What torchvision's networks divide pixels in [0, 1] by, averaged over the colors."""
FEATURES: Final = 1 / (PIXELS * NETWORK_STD)
"""Our features as a share of Caffe's: 0.0174.

Caffe's networks see pixels that are 255 * 0.226 = 57.6 times ours, and a network of
ReLUs passes such a factor on. That would be all if torchvision's weights were Caffe's.
They were trained anew, so the features of each layer depart from this by a factor of
their own; a published figure is met in kind and not to the pixel.
"""
CHANNELS: Final[Mapping[int, int]] = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
"""Of the layers of a VGG, by block."""


def block(layer: str) -> int:
    """Return the number of the block of a layer: relu4_2 -> 4."""
    return int(layer.removeprefix("relu").partition("_")[0])


def positions(layer: str, *, height: int, width: int) -> int:
    """Count the places of a feature map: its M for a picture of that size."""
    halvings = block(layer) - 1
    return (height >> halvings) * (width >> halvings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A source's objective, as factors before sums of squares.

    Of Caffe's features and of pixels in 0..255.
    """

    content: float
    """Before sum (F-P)^2."""
    style: Mapping[str, float]
    """Layer -> factor before sum (G-A)^2, where G = F F^T / M."""
    tv: float = 0.0
    """Before the sum of (dx^2 + dy^2) over all pixels and colors."""
    temporal: float = 0.0
    """Before the sum of c * (x-w)^2 over all pixels and colors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The same objective in our units, divided by its style weight.

    An optimiser that knows no absolute threshold does not notice the division.
    """

    content: float
    layers: tuple[LayerWeight, ...]
    """The style layers' shares, the smallest of them 1."""
    tv: float
    temporal: float


def converted(sums: Sums, *, height: int, width: int) -> Weights:
    """Convert a source's factors into weights for ``loss_scale="gatys"``.

    Args:
        sums: The factors.
        height: Of the picture that they were written for, where they are about sums
            over pixels that we average.
        width: Of that picture.
    """
    # (G-A)^2 goes with the fourth power of the features, (F-P)^2 with the second.
    shares = {
        layer: 4 * CHANNELS[block(layer)] ** 2 * factor / FEATURES**4
        for layer, factor in sums.style.items()
    }
    style, least = sum(shares.values()), min(shares.values())
    pixels = PIXELS**2 * 3 * height * width
    return Weights(
        content=2 * sums.content / FEATURES**2 / style,
        layers=tuple(
            LayerWeight(layer, round(share / least, 6))
            for layer, share in shares.items()
        ),
        tv=sums.tv * pixels / style,
        temporal=sums.temporal * pixels / style,
    )
