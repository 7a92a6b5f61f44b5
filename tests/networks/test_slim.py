import pytest
import torch

from vidstyle.errors import ConfigError
from vidstyle.networks.slim import slim


def test_slim_has_vgg16s_layers_up_to_relu5_1() -> None:
    assert slim().layers == (
        *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2"),
        *("relu3_3", "relu4_1", "relu4_2", "relu4_3", "relu5_1"),
    )


def test_gradients_reach_the_images_and_not_the_weights() -> None:
    network = slim()
    images = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    network(images, ["relu5_1"])["relu5_1"].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in network.parameters())


def test_max_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="slim works with average pooling only"):
        slim(pooling="max")
