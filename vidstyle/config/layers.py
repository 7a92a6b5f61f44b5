"""The layers that a loss looks at, and how much each of them counts."""

from typing import NamedTuple

from vidstyle.config.checks import check_range
from vidstyle.errors import ConfigError


class LayerWeight(NamedTuple):
    """One layer of a loss and its share in it, relative to the loss's other layers."""

    layer: str
    """Such as ``relu4_2``."""
    weight: float = 1.0


def block_of(layer: str) -> int:
    """Return the number of the block of a VGG's layer: relu4_2 -> 4."""
    return int(layer.removeprefix("relu").partition("_")[0])


def equal_layers(*layers: str) -> tuple[LayerWeight, ...]:
    """Give each layer the same share."""
    return tuple(LayerWeight(layer) for layer in layers)


def check_layers(name: str, layers: tuple[LayerWeight, ...]) -> None:
    """Check that layers are named once each, with weights that can be normalised.

    Raises:
        ConfigError: If they are not.
    """
    names = [layer for layer, _ in layers]
    if not names:
        raise ConfigError(f"{name} is empty; name at least one layer.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{name} names a layer twice: {', '.join(names)}.")
    for layer, weight in layers:
        check_range(f"weight of {layer} in {name}", weight, least=0)
    if sum(weight for _, weight in layers) == 0:
        raise ConfigError(f"{name}: at least one weight must exceed 0.")
