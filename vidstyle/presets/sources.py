"""The presets of the literature: each source's experiment in our units.

What a source does not say, or what is not known to us of it, is named in its notes.
None of the sources recolors the content, and none but Ruder et al. stops early.
"""

from typing import Any, Final

from vidstyle.config import equal_layers
from vidstyle.presets.preset import Preset
from vidstyle.presets.sums import (
    GATYS_LAYERS,
    gatys_sums,
    keras_sums,
    neural_style_sums,
)
from vidstyle.presets.units import (
    CAFFE_ENERGIES,
    NETWORK_STD,
    PIXELS,
    Energies,
    converted,
)

VGG16_LAYERS: Final = tuple(
    f"relu{number}_{place}"
    for number, places in enumerate((2, 2, 3, 3, 3), start=1)
    for place in range(1, places + 1)
)

CAFFE: Final = (
    "Written for pixels in 0..255 and the features of Caffe's VGG, as sums or means "
    "of squares. Here they are relative errors, by the strength of Caffe's features as "
    "the first losses that neural-style prints tell it: the scale of pixels and "
    "features is gone, and the balance holds on any network. torchvision's weights "
    "were trained anew, and the strength of its layers beside one another is not "
    "Caffe's: expect the figure's kind, not its pixels. --loss-scale gatys has the "
    "paper's sums."
)


def _fixed_steps(steps: int) -> dict[str, Any]:
    """Take so many steps, all in the result's size, and never stop before."""
    return {"steps": steps, "min_steps": steps, "pyramid": 1}


GATYS_SIDE: Final = 512
LOPEZ_SIDE: Final = 448
GATYS: Final = converted(
    gatys_sums(content=1e-3, style=1), height=GATYS_SIDE, width=GATYS_SIDE
)
LOPEZ: Final = converted(
    gatys_sums(content=1e-3, style=1), height=LOPEZ_SIDE, width=LOPEZ_SIDE
)
RUDER: Final = converted(
    neural_style_sums(
        content=5, style=100, tv=1e-3, temporal=1e3, height=350, width=450
    ),
    height=350,
    width=450,
)
KERAS_ENERGIES: Final = Energies(
    feature=CAFFE_ENERGIES.feature,
    gram={
        **CAFFE_ENERGIES.gram,
        "relu3_3": CAFFE_ENERGIES.gram["relu3_1"],
        "relu4_3": CAFFE_ENERGIES.gram["relu4_1"],
        "relu5_3": CAFFE_ENERGIES.gram["relu5_1"],
    },
)
"""What is not known of the deeper layers is taken from the first of their blocks."""
LEE: Final = converted(
    keras_sums(content=0.025, style=5, tv=1),
    height=512,
    width=512,
    energies=KERAS_ENERGIES,
)

ALIKE: Final = (
    "Layers are weighed alike, as the paper does over a network rescaled to a mean "
    "activation of 1: that is alike in relative errors. With Caffe's raw features "
    "relu4_1 would hold 99 % of the style loss."
)

GATYS_2016: Final = Preset(
    name="gatys2016",
    summary="Gatys, Ecker, Bethge: VGG-19, average pooling, noise start, L-BFGS",
    notes=(
        CAFFE,
        ALIKE,
        "Content to style 1e-3 becomes 0.268, for sums over 512x512 pixels of Caffe's "
        "features. Over the paper's rescaled ones its sums would weigh content "
        "thousandfold, and nothing would be painted.",
        "The paper names no number of steps; 500 is that of the code published later. "
        "The penalty on pixels outside the range is ours; our L-BFGS searches no line.",
    ),
    settings={
        "network": "vgg19",
        "content_layers": equal_layers("relu4_2"),
        "content_weight": GATYS.content,
        "style_layers": equal_layers(*GATYS_LAYERS),
        "tv_weight": 0.0,
        "recolor": False,
        "init": "random",
        "long_side": GATYS_SIDE,
        **_fixed_steps(500),
    },
)

LOPEZ_2017: Final = Preset(
    name="lopez2017",
    summary="Lopez, Villanueva, Yus: VGG-16, 448 px, content start, Adam in stairs",
    notes=(
        CAFFE,
        ALIKE,
        "Content to style 1e-3 becomes 0.205, for sums over 448x448 pixels, with what "
        "is known of VGG-19 in VGG-16's place.",
        "Adam's step of 8 levels becomes 8/255 = 0.0314, times 0.94 after every 100 "
        "steps. 1000 steps are our choice: ten stairs.",
    ),
    settings={
        "network": "vgg16",
        "content_layers": equal_layers("relu4_2"),
        "content_weight": LOPEZ.content,
        "style_layers": equal_layers(*GATYS_LAYERS),
        "tv_weight": 0.0,
        "recolor": False,
        "init": "content",
        "long_side": LOPEZ_SIDE,
        "optimizer": "adam",
        "lr": 8 / PIXELS,
        "lr_decay": "staircase",
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
        "Converted: content 0.168, style layers 0.684, 1, 0.00918, 0.744 and 2.5e-6, "
        "total variation 4.31 with beta 2.5, for it takes the power 1.25 of squared "
        "differences (of each color by itself; ours takes the colors together). Of "
        "relu3_3, 4_3 and 5_3 the strength of relu3_1, 4_1 and 5_1 is taken.",
    ),
    settings={
        "network": "vgg16",
        "pooling": "max",
        "content_layers": equal_layers("relu2_2"),
        "content_weight": LEE.content,
        "style_layers": LEE.layers,
        "tv_weight": LEE.tv,
        "tv_beta": LEE.tv_beta,
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
    ),
    settings={
        "network": "vgg16",
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
        "F F^T/(C M) over their entries, of the temporal loss over pixels. Converted: "
        "content 0.157, style layers 0.00242, 0.0565, 0.0123, 1 and 5.3e-5, total "
        "variation 1.16, temporal 4.89.",
        "A frame stops when 50 steps gain less than 1e-4 of the loss; ours compares "
        "the best of 50 steps with the best of 50 before.",
        "Flow is OpenCV's DIS in place of DeepFlow; what comes into sight is filled in "
        "from the scene, where it was taken from the warped frame.",
    ),
    settings={
        "network": "vgg19",
        "pooling": "max",
        "content_layers": equal_layers("relu4_2"),
        "content_weight": RUDER.content,
        "style_layers": RUDER.layers,
        "tv_weight": RUDER.tv,
        "tv_beta": RUDER.tv_beta,
        "temporal_weight": RUDER.temporal,
        "recolor": False,
        "init": "random",
        "next_init": "previous-warped",
        "flow": "quality",
        "long_side": 450,
        "steps": 2000,
        "pyramid": 1,
        "next_steps": 1000,
        "patience": 50,
        "min_delta": 1e-4,
    },
)

TELLA: Final = Preset(
    name="tella",
    summary="Tella: VGG-16, gradients of content, style and denoising balanced",
    notes=(
        "Written for pixels in 0..255 and Caffe's VGG-16; balanced gradients know no "
        "scale of features or losses, so the ratio 1.5 : 10 : 0.3 needs no conversion, "
        "and torchvision's other weights change no balance.",
        "The project's own numbers are not known to us, but for its 60 iterations, and "
        "1000 in its long run (--steps 1000). Ratio, content layer relu3_1, thirteen "
        "style layers alike and noise start are those of the TensorFlow tutorial with "
        "the same three terms (Hvass Labs, no. 15).",
        "The tutorial's step of 10 levels, by gradients divided by their deviation, "
        "becomes 10/255 = 0.0392; ours goes on with momentum, theirs without. Total "
        "variation is of absolute values, as there; ours rounds off the smallest, and "
        "takes both directions and the colors together.",
    ),
    settings={
        "network": "vgg16",
        "pooling": "max",
        "balance": "gradients",
        "content_layers": equal_layers("relu3_1"),
        "content_weight": 1.5,
        "style_layers": equal_layers(*VGG16_LAYERS),
        "style_weight": 10.0,
        "tv_weight": 0.3,
        "tv_beta": 1.0,
        "recolor": False,
        "init": "random",
        "optimizer": "momentum",
        "lr": 10 / PIXELS,
        **_fixed_steps(60),
    },
)

SOURCES: Final = (GATYS_2016, LOPEZ_2017, LEE_2023, RATHOD_2023, TELLA, RUDER_2016)
"""The film last."""
