"""Weights of other programs -> weights of ours, as far as that is arithmetic.

Others see pixels in 0..255 through Caffe's VGG, and sum or average where they like. Our
losses are relative errors: sum (F-P)^2 / sum P^2 for content, for each style layer
sum (G-A)^2 / sum A^2 with G = F F^T / M over M positions. So a source's factor before
such a sum becomes a weight of ours by what the sum is divided by: by how strong Caffe's
features are. Then it holds on every network and every scale of pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vidstyle.config import LayerWeight
from vidstyle.networks.vgg import block_of

PIXELS: Final = 255.0
"""Levels of a source's pixels in our full pixel range."""
NETWORK_STD: Final = (0.229 + 0.224 + 0.225) / 3
"""What torchvision's networks divide pixels in [0, 1] by, averaged over the colors."""
CHANNELS: Final[Mapping[int, int]] = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
"""Of the layers of a VGG, by block."""


def channels(layer: str) -> int:
    """Return the number of channels of a VGG's layer."""
    return CHANNELS[block_of(layer)]


def positions(layer: str, *, height: int, width: int) -> int:
    """Count the places of a feature map: its M for a picture of that size."""
    halvings = block_of(layer) - 1
    return (height >> halvings) * (width >> halvings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Energies:
    """How strong a network's features are, by layer."""

    feature: Mapping[str, float]
    """Mean of P^2 over channels and positions."""
    gram: Mapping[str, float]
    """Mean of A^2 over the entries of A = F F^T / M."""


BLANK_CONTENT: Final = 2.091e6
BLANK_STYLE: Final = {
    "relu1_1": 3.002e4,
    "relu2_1": 7.003e5,
    "relu3_1": 1.530e5,
    "relu4_1": 1.240e7,
    "relu5_1": 6.569e2,
}
"""The first losses that neural-style prints in its instructions for installing it.

Its noise start is nearly blank, so they are what a picture loses that has nothing of
the content and nothing of the painting, at its weights 5 and 100. (On the layers of
Caffe's VGG-16 up to relu2_2, a blank loses 0.999 of sum A^2 and 0.99 of sum P^2.)
"""

CAFFE_ENERGIES: Final = Energies(
    feature={"relu4_2": BLANK_CONTENT / 5, "relu2_2": 1.52e5},
    gram={
        **{
            layer: loss / 100 * channels(layer) ** 2
            for layer, loss in BLANK_STYLE.items()
        },
        "relu1_2": 4.67e8,
        "relu2_2": 2.73e9,
    },
)
"""Of Caffe's VGGs, for pixels in 0..255.

VGG-19's from the losses above. Its relu1_1 agrees with VGG-16's, of which relu1_2 and
relu2_2 are medians over 40 photographs. Deeper layers of VGG-16 are not known to us.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A source's objective, as factors before sums of squares.

    Of Caffe's features and of pixels in 0..255.
    """

    content: Mapping[str, float]
    """One layer -> factor before sum (F-P)^2."""
    style: Mapping[str, float]
    """Layer -> factor before sum (G-A)^2, where G = F F^T / M."""
    tv: float = 0.0
    """Before the sum of (dx^2 + dy^2)^(tv_beta / 2) over all pixels and colors."""
    tv_beta: float = 2.0
    temporal: float = 0.0
    """Before the sum of c * (x-w)^2 over all pixels and colors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The same objective as relative errors, divided by its style weight.

    An optimizer that knows no absolute threshold does not notice the division.
    """

    content: float
    layers: tuple[LayerWeight, ...]
    """The style layers' shares, the largest of them 1."""
    tv: float
    tv_beta: float
    temporal: float


def converted(
    sums: Sums, *, height: int, width: int, energies: Energies = CAFFE_ENERGIES
) -> Weights:
    """Convert a source's factors into weights of relative errors.

    Args:
        sums: The factors.
        height: Of the picture that they were written for: sums over positions and
            pixels grow with it, relative errors and our means over pixels do not.
        width: Of that picture.
        energies: Of the features that they were written for.
    """
    styles = {
        layer: factor * channels(layer) ** 2 * energies.gram[layer]
        for layer, factor in sums.style.items()
    }
    style, largest = sum(styles.values()), max(styles.values())
    content = sum(
        factor
        * channels(layer)
        * positions(layer, height=height, width=width)
        * energies.feature[layer]
        for layer, factor in sums.content.items()
    )
    pixels = 3 * height * width
    return Weights(
        content=_short(content / style),
        layers=tuple(
            LayerWeight(layer, _short(each / largest)) for layer, each in styles.items()
        ),
        tv=_short(sums.tv * PIXELS**sums.tv_beta * pixels / style),
        tv_beta=sums.tv_beta,
        temporal=_short(sums.temporal * PIXELS**2 * pixels / style),
    )


def _short(value: float) -> float:
    """Keep three digits: what is converted is known to no more."""
    return float(f"{value:.3g}")
