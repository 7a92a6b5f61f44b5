"""The presets of the literature: each source's experiment in our units.

What a source does not say, or what is not known to us of it, is named in its notes.
None of the sources recolors the content, and none but Ruder et al. stops early.
"""

from typing import Any, Final

from vidstyle.config import equal_layers
from vidstyle.presets.preset import Preset
from vidstyle.presets.units import (
    CHANNELS,
    FEATURES,
    NETWORK_STD,
    PIXELS,
    Sums,
    block,
    converted,
    positions,
)

GATYS_LAYERS: Final = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

CAFFE: Final = (
    "Written for pixels in 0..255 and Caffe's VGG. Features are taken to be 57.6 times "
    "ours (255 times torchvision's mean standard deviation of 0.226), so that squares "
    "of them weigh 3.0e-4 and squares of Gram matrices 9.1e-8 of what they did. "
    "torchvision's weights were trained anew and depart from Caffe's, layer by layer: "
    "expect the figure's kind, not its pixels. On slim, a quarter as wide, the more so."
)


def _fixed_steps(steps: int) -> dict[str, Any]:
    """Take so many steps and never stop before."""
    return {"steps": steps, "min_steps": steps}


def gatys_ratio(ratio: float) -> float:
    """Convert alpha/beta for Caffe's features into our content weight.

    The sums are those of ``loss_scale="gatys"`` already, so that only the scale of the
    features is left: their square for content, over their fourth power for style.
    """
    return ratio * FEATURES**2


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
    layer = "relu4_2"
    size = CHANNELS[block(layer)] * positions(layer, height=height, width=width)
    return Sums(
        content=content / size,
        style={name: style / CHANNELS[block(name)] ** 4 for name in GATYS_LAYERS},
        tv=tv / 2,
        temporal=temporal / (3 * height * width),
    )


KERAS_LAYERS: Final = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
KERAS_STEP: Final = 10.0
"""Levels between neighbours at which the two forms of total variation are matched."""


def keras_sums(*, content: float, style: float, tv: float) -> Sums:
    """Write the losses of the Keras example as sums.

    Its Gram matrices are not divided by M; the loss is over 4 * 3^2 * (H W)^2 instead
    and averaged over the layers. M is H W / 4^(b-1) in block b, so that the factor
    falls by 16 with each block. Its total variation is the power 1.25 of the squared
    differences; a square has the same size where they are ``KERAS_STEP``.
    """
    return Sums(
        content=content,
        style={
            name: style / len(KERAS_LAYERS) / 36 / 16 ** (block(name) - 1)
            for name in KERAS_LAYERS
        },
        tv=tv * KERAS_STEP**0.5,
    )


RUDER: Final = converted(
    neural_style_sums(
        content=5, style=100, tv=1e-3, temporal=1e3, height=350, width=450
    ),
    height=350,
    width=450,
)
LEE: Final = converted(keras_sums(content=0.025, style=5, tv=1), height=512, width=512)

GATYS_2016: Final = Preset(
    name="gatys2016",
    summary="Gatys, Ecker, Bethge: VGG-19, noise start, L-BFGS, sums, ratio 1e-3",
    notes=(
        CAFFE,
        "Content to style 1e-3 becomes 3.0e-7. The paper says that its network was "
        "rescaled to a mean activation of 1. With sums over such features that ratio "
        "would leave the content as it is, so Caffe's own are converted from.",
        "The paper names no number of steps; 500 is that of the code published later. "
        "The penalty on pixels outside the range is ours; our L-BFGS searches no line.",
    ),
    settings={
        "network": "vgg19",
        "missing": "nearest",
        "loss_scale": "gatys",
        "content_weight": gatys_ratio(1e-3),
        "style_layers": equal_layers(*GATYS_LAYERS),
        "tv_weight": 0.0,
        "recolor": False,
        "init": "random",
        "long_side": 512,
        **_fixed_steps(500),
    },
)

LOPEZ_2017: Final = Preset(
    name="lopez2017",
    summary="Lopez, Villanueva, Yus: VGG-16, 448 px, content start, Adam in stairs",
    notes=(
        CAFFE,
        "Content to style 1e-3 becomes 3.0e-7. Adam's step of 8 levels becomes 8/255 = "
        "0.031, times 0.94 after every 100 steps.",
        "1000 steps are our choice: ten stairs.",
    ),
    settings={
        "network": "vgg16",
        "missing": "nearest",
        "loss_scale": "gatys",
        "content_weight": gatys_ratio(1e-3),
        "style_layers": equal_layers(*GATYS_LAYERS),
        "tv_weight": 0.0,
        "recolor": False,
        "init": "content",
        "long_side": 448,
        "optimizer": "adam",
        "lr": 8 / PIXELS,
        "lr_decay": "stairs",
        "lr_decay_rate": 0.94,
        "lr_decay_every": 100,
        **_fixed_steps(1000),
    },
)

LEE_2023: Final = Preset(
    name="lee2023",
    summary="Lee, Lee: VGG-16, content relu2_2, total variation, L-BFGS 10 x 20",
    notes=(
        CAFFE,
        "Ten rounds of SciPy's L-BFGS with up to 20 evaluations each are 200 of our "
        "steps, one evaluation a step; SciPy remembers 10 pairs and begins each round "
        "anew, ours goes on.",
        "The weights are not known to us: these are 0.025, 5 and 1 of the notebook of "
        "the same layer, network, optimiser and rounds (H. Narayanan 2017, after the "
        "Keras example), with its style layers, its noise start and its 512 pixels. "
        "Its sums are converted to ours: content 2.5e-8, shares 1024:256:64:16:1 of "
        "the style layers, total variation 24, matched where neighbours differ by 10 "
        "levels, for it takes the power 1.25 of squared differences.",
    ),
    settings={
        "network": "vgg16",
        "missing": "nearest",
        "pooling": "max",
        "loss_scale": "gatys",
        "content_layers": equal_layers("relu2_2"),
        "content_weight": LEE.content,
        "style_layers": LEE.layers,
        "tv_weight": LEE.tv,
        "recolor": False,
        "init": "random",
        "long_side": 512,
        "history": 10,
        **_fixed_steps(200),
    },
)

RATHOD_2023: Final = Preset(
    name="rathod2023",
    summary="Rathod: VGG-16, content relu5_3, 384 px under 256 px of style, Adam",
    notes=(
        "Written for pixels normalised as torchvision's VGG-16 wants them, which is "
        "what our networks see: the features need no conversion. Adam's step of 0.01 "
        "there is 0.01 * 0.226 = 0.00226 of the full range, averaged over the colours.",
        "Its style layers, weights and start are not known to us: Gatys' layers alike, "
        "our relative errors with our weights, and the content. Pooling is max, as in "
        "torchvision's network; its weights are taken as they are.",
        "slim ends at relu5_1, which takes the place of relu5_3.",
    ),
    settings={
        "network": "vgg16",
        "missing": "nearest",
        "pooling": "max",
        "content_layers": equal_layers("relu5_3"),
        "style_layers": equal_layers(*GATYS_LAYERS),
        "tv_weight": 0.0,
        "recolor": False,
        "init": "content",
        "long_side": 384,
        "style_side": 256,
        "optimizer": "adam",
        "lr": 0.01 * NETWORK_STD,
        **_fixed_steps(1000),
    },
)

RUDER_2016: Final = Preset(
    name="ruder2016",
    summary="Ruder, Dosovitskiy, Brox: video, VGG-19, 2000 and 1000 steps, own stop",
    notes=(
        CAFFE,
        "Its weights 5, 100, 1e-3 and 1e3 are those of one pass at 450x350. They stand "
        "before means: of content over channels and positions, of Gram matrices "
        "F F^T/(C M) over their entries, of the temporal loss over pixels. As sums in "
        "our units: content 1.9e-8, shares 64:16:4:1:1 of the style layers, total "
        "variation 10.6, temporal 44.9. At other sizes content weighs as the number of "
        "pixels does.",
        "A frame stops when 50 steps gain less than 1e-4 of the loss; ours compares "
        "the best of 50 steps with the best of 50 before.",
        "Flow is OpenCV's DIS in place of DeepFlow; what comes into sight is filled in "
        "from the scene, where it was taken from the warped frame.",
    ),
    settings={
        "network": "vgg19",
        "missing": "nearest",
        "pooling": "max",
        "loss_scale": "gatys",
        "content_weight": RUDER.content,
        "style_layers": RUDER.layers,
        "tv_weight": RUDER.tv,
        "temporal_weight": RUDER.temporal,
        "recolor": False,
        "init": "random",
        "next_init": "previous-warped",
        "flow": "quality",
        "long_side": 450,
        "steps": 2000,
        "next_steps": 1000,
        "patience": 50,
        "least_gain": 1e-4,
    },
)

SOURCES: Final = (GATYS_2016, LOPEZ_2017, LEE_2023, RATHOD_2023, RUDER_2016)
"""In the order of their years and names, the film last."""
