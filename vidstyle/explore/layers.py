"""Sets of style layers -> a trial each, and the losses of their rounds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.explore.trial import Experiment, Trial

Layers = tuple[LayerWeight, ...]

SETS: Final = (
    "relu1_2, relu2_2, relu3_3, relu4_3, relu5_1; "
    "relu1_2, relu2_2, relu3_3; "
    "relu3_3, relu4_3, relu5_1"
)
"""Three, as Lee and Lee compare; which ones theirs are is not known to us."""
ROUND: Final = 20
"""Evaluations of the loss in a round."""


def layers(
    content: Path, config: StyleConfig, *, style: Path, sets: Sequence[Layers]
) -> Experiment:
    """Paint one pair under several sets of style layers.

    Args:
        content: The picture.
        config: All but the style layers.
        style: The painting.
        sets: At least one.

    Source: Lee and Lee 2023: three sets, ten rounds of SciPy's L-BFGS with up to 20
    evaluations each, and the loss after each round. Their sets are not known to us: by
    default it is the last layer of all blocks that slim has, too, of the first three,
    and of the last three. Our L-BFGS goes on from round to round, theirs begins anew.
    """
    trials = tuple(
        Trial(
            row="",
            column=",".join(layer for layer, _ in each),
            content=content,
            style=style,
            config=replace(config, style_layers=each),
        )
        for each in sets
    )
    return Experiment(name="layers", config=config, rows=(trials,), per_round=ROUND)
