"""Networks and poolings whose weights are at hand -> a trial each."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from vidstyle.config import NetworkName, Pooling, StyleConfig
from vidstyle.devices import choose_device
from vidstyle.explore.trial import Experiment, Trial
from vidstyle.networks.load import network_status
from vidstyle.networks.resnet import find_resnet, random_resnet, read_resnet

CHOICES: Final[tuple[tuple[NetworkName, Pooling], ...]] = (
    ("slim", "average"),
    ("vgg16", "average"),
    ("vgg16", "max"),
    ("vgg19", "average"),
    ("vgg19", "max"),
)
"""Slim works with average pooling only."""


def networks(
    content: Path,
    config: StyleConfig,
    *,
    style: Path,
    resnet: Path | Literal["random"] | None = None,
) -> Experiment:
    """Paint one pair after the features of every network, and with every pooling.

    Nothing is fetched: what is not there is skipped.

    Args:
        content: The picture.
        config: All but the network; every network needs its layers.
        style: The painting.
        resnet: Torchvision's weights of ResNet-50, or random ones; None: those that
            torch has downloaded, if there are any.

    Raises:
        WeightsError: If ``resnet`` is no such file.

    Source: López, Villanueva and Yus 2017 compare VGG-16 with VGG-19, Gatys et al.
    2016 average pooling with max pooling, Wang, Li and Vasconcelos 2021 ResNet-50 with
    and without smoothing, with learned and with random weights.
    """
    statuses = network_status()
    there = {each.name for each in statuses if each.built_in or each.path is not None}
    skipped = [
        f"{each.name}: its weights are not here; vidstyle networks --fetch {each.name} "
        f"gets them (a download of {each.size_mb:.0f} MB)."
        for each in statuses
        if each.name not in there
    ]
    base = replace(config, weights=None)
    trials = tuple(
        Trial(
            row="",
            column=f"{network}, {pooling} pooling",
            content=content,
            style=style,
            config=replace(base, network=network, pooling=pooling),
        )
        for network, pooling in CHOICES
        if network in there
    )
    resnet = resnet or find_resnet()
    if resnet is None:
        skipped.append(
            "resnet50: its weights are not here; name torchvision's file, or random."
        )
    else:
        trials += _resnet_trials(trials[0], resnet)
    return Experiment(
        name="networks", config=base, rows=(trials,), skipped=tuple(skipped)
    )


def _resnet_trials(like: Trial, weights: Path | Literal["random"]) -> tuple[Trial, ...]:
    """Make two trials of ResNet-50: as it is, and smoothed."""
    device = choose_device(like.config.device)
    if isinstance(weights, Path):
        make = partial(read_resnet, weights)
    else:
        make = partial(random_resnet, seed=like.config.seed)
    which = "" if isinstance(weights, Path) else " of random weights"
    trials = []
    for smoothed in (False, True):
        network = make(smoothed=smoothed)
        network.check_layers(
            [
                name
                for name, _ in (*like.config.content_layers, *like.config.style_layers)
            ]
        )
        column = f"resnet50{which}, {'smoothed' if smoothed else 'as it is'}"
        trials.append(replace(like, column=column, features=network.to(device)))
    return tuple(trials)
