"""Networks and poolings whose weights are at hand -> a trial each."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from vidstyle.config import NetworkName, Pooling, StyleConfig
from vidstyle.explore.trial import Experiment, Trial
from vidstyle.networks.load import network_status

CHOICES: Final[tuple[tuple[NetworkName, Pooling], ...]] = (
    ("slim", "average"),
    ("vgg16", "average"),
    ("vgg16", "max"),
    ("vgg19", "average"),
    ("vgg19", "max"),
)
"""Slim works with average pooling only."""


def networks(content: Path, config: StyleConfig, *, style: Path) -> Experiment:
    """Paint one pair after the features of every network, and with every pooling.

    Nothing is fetched: what is not there is skipped.

    Args:
        content: The picture.
        config: All but the network. A layer that one lacks is replaced by the nearest
            it has.
        style: The painting.

    Source: López, Villanueva and Yus 2017 compare VGG-16 with VGG-19; Gatys et al.
    2016 average pooling with max pooling.
    """
    lacking = {
        status.name: f"{status.name}: its weights are not here; vidstyle networks "
        f"--fetch {status.name} gets them (a download of {status.size_mb:.0f} MB)."
        for status in network_status()
        if not status.built_in and status.path is None
    }
    base = replace(config, missing="nearest", weights=None)
    trials = tuple(
        Trial(
            row="",
            column=f"{network}, {pooling} pooling",
            content=content,
            style=style,
            config=replace(base, network=network, pooling=pooling),
        )
        for network, pooling in CHOICES
        if network not in lacking
    )
    return Experiment(
        name="networks",
        config=base,
        rows=(trials,),
        skipped=tuple(lacking.values()),
    )
