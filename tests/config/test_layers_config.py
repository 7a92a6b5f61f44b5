"""Test which layers can be weighed."""

import pytest

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.errors import ConfigError
from vidstyle.networks.vgg import block_of

UNIT = LayerWeight("relu1_1", 1)


@pytest.mark.parametrize("setting", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((), "is empty; name at least one layer"),
        ((UNIT, UNIT), "names a layer twice: relu1_1, relu1_1"),
        ((UNIT, LayerWeight("relu1_1", 2)), "names a layer twice"),
        ((LayerWeight("relu1_1", -1),), "is -1; it must be at least 0"),
        ((LayerWeight("relu1_1", float("nan")),), "is nan; it must be at least 0"),
        ((LayerWeight("relu1_1", float("inf")),), "is inf; it must be at least 0"),
        ((LayerWeight("relu1_1", 0),), "at least one weight must be more than 0"),
    ],
)
def test_layers_that_cannot_be_weighed_are_refused(
    setting: str, layers: tuple[LayerWeight, ...], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        StyleConfig(**{setting: layers})
    text = str(refused.value)
    assert said in text
    assert setting.replace("_", "-") in text


def test_a_layer_may_weigh_nothing_beside_others() -> None:
    layers = (UNIT, LayerWeight("relu2_1", 0))
    assert StyleConfig(style_layers=layers).style_layers == layers


@pytest.mark.parametrize(("layer", "block"), [("relu1_2", 1), ("relu5_1", 5)])
def test_layer_says_its_block(layer: str, block: int) -> None:
    assert block_of(layer) == block
