"""How the sources write their losses, as factors before sums of squares."""

from typing import Final

from conversions import Sums, channels, positions

from vidstyle.networks.vgg import block_of

GATYS_LAYERS: Final = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
KERAS_LAYERS: Final = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


def gatys_sums(*, content: float, style: float) -> Sums:
    """Write Gatys' losses as factors before sums (2016, eq. 1, 4 and 5)."""
    return Sums(
        content={"relu4_2": content / 2},
        style={
            layer: style / len(GATYS_LAYERS) / (4 * channels(layer) ** 2)
            for layer in GATYS_LAYERS
        },
    )


def neural_style_sums(
    *,
    content: float,
    style: float,
    tv: float,
    temporal: float,
    height: int,
    width: int,
) -> Sums:
    """Write the mean squares of neural-style and artistic-videos as sums.

    Content is averaged over channels and positions, Gram matrices are divided by C*M
    and averaged over their C^2 entries, and layers are added up. The gradient of the
    total variation is that of half the sum; the temporal loss is averaged.
    """
    size = channels("relu4_2") * positions("relu4_2", height=height, width=width)
    return Sums(
        content={"relu4_2": content / size},
        style={layer: style / channels(layer) ** 4 for layer in GATYS_LAYERS},
        tv=tv / 2,
        temporal=temporal / (3 * height * width),
    )


def keras_sums(*, content: float, style: float, tv: float) -> Sums:
    """Write the losses of the Keras example as sums.

    Its Gram matrices are not divided by M; the loss is over 4 * 3^2 * (H W)^2 instead
    and averaged over the layers. M is H W / 4^(b-1) in block b, so that the factor
    falls by 16 with each block. Its total variation takes the power 1.25 of the squared
    differences, of each color by itself.
    """
    return Sums(
        content={"relu2_2": content},
        style={
            layer: style / len(KERAS_LAYERS) / 36 / 16 ** (block_of(layer) - 1)
            for layer in KERAS_LAYERS
        },
        tv=tv,
        tv_beta=2.5,
    )
