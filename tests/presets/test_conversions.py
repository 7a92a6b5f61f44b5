"""Conversions, but for those of whole objectives, which are tested with the sums."""

import torch
from conversions import Energies, Sums, channels, converted, positions

from vidstyle.config import LayerWeight
from vidstyle.networks.vgg import FeatureNetwork


def test_shapes_are_those_of_the_network(network: FeatureNetwork) -> None:
    features = network(torch.rand(1, 3, 35, 50), network.layers)
    for layer, maps in features.items():
        assert maps.shape[1] == channels(layer)
        size = maps.shape[2] * maps.shape[3]
        assert positions(layer, height=35, width=50) == size


def test_shares_are_told_by_the_largest_of_them() -> None:
    energies = Energies(feature={}, gram={"relu1_1": 1.0, "relu5_1": 1.0})
    sums = Sums(content={}, style={"relu1_1": 1.0, "relu5_1": 2.0})
    weights = converted(sums, height=16, width=16, energies=energies)
    expected = (LayerWeight("relu1_1", 0.00781), LayerWeight("relu5_1", 1.0))
    assert weights.layers == expected  # 64^2 / (2 * 512^2) and 1
