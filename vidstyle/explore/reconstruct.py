"""Layers -> trials that show what each of them knows: from noise, one thing alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.explore.grid import cumulative
from vidstyle.explore.trial import Experiment, Trial

LAYERS: Final = "relu1_1, relu2_1, relu3_1, relu4_1, relu5_1"
"""Those of the papers."""
FIXED: Final[dict[str, Any]] = {
    "init": "random",
    "recolor": False,
    "keep_color": "none",
    "tv_weight": 0.0,
    "balance": "weights",
}
"""So that nothing but the layers decides how a reconstruction looks."""


def reconstruct(
    content: Path,
    config: StyleConfig,
    *,
    style: Path,
    layers: tuple[LayerWeight, ...],
) -> Experiment:
    """Reconstruct the content from each layer, and the style from growing sets of them.

    Args:
        content: The picture.
        config: All but what is weighed and where it starts.
        style: The painting.
        layers: From shallow to deep; the weights are those within a set.

    Source: Gatys et al. 2016, figure 1, and López, Villanueva and Yus 2017, figure 4.
    Their only term is the one reconstructed; here pixels are also kept within the
    range (``range_weight``), since they are not clamped.
    """
    base = replace(config, **FIXED)
    alone = [
        Trial(
            row="content alone, from",
            column=layer,
            content=content,
            style=style,
            config=replace(
                base,
                content_weight=1.0,
                style_weight=0.0,
                content_layers=(LayerWeight(layer),),
                style_layers=(LayerWeight(layer),),
            ),
        )
        for layer, _ in layers
    ]
    growing = [
        Trial(
            row="style alone, up to",
            column=used[-1].layer,
            content=content,
            style=style,
            config=replace(
                base,
                content_weight=0.0,
                style_weight=1.0,
                content_layers=(LayerWeight(used[0].layer),),
                style_layers=used,
            ),
        )
        for used in cumulative(layers).values()
    ]
    return Experiment(
        name="reconstruct", config=base, rows=(tuple(alone), tuple(growing))
    )
