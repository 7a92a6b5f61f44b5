"""A Caffe-like VGG.

It is one of ReLUs without biases, so that its features of pixels in 0..255 are exactly
so many times ours of the same picture.
"""

from dataclasses import replace

import pytest
import torch
from conversions import NETWORK_STD

from vidstyle.networks import published_weights
from vidstyle.networks.vgg import FeatureNetwork


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    topology = replace(published_weights("vgg16").topology, std=(NETWORK_STD,) * 3)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in topology.weight_shapes.items():
        weights[name] = torch.zeros(shape)
        if len(shape) > 1:
            scale = (2 / (9 * shape[1])) ** 0.5
            weights[name].normal_(0, scale, generator=generator)
    return FeatureNetwork(topology, weights)
