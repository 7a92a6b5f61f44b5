"""Convolutions in bfloat16, and everything else in float32."""

import pytest
import torch
from batches import optimize_batch

from vidstyle.config import StyleConfig
from vidstyle.networks import slim
from vidstyle.networks.energy import natural_pictures
from vidstyle.optimize.losses import gram_matrix
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target


@pytest.fixture
def rounded():
    network = slim()
    network.set_precision("bf16")
    return network


def test_only_convolutions_after_the_first_are_in_bfloat16(rounded, pictures):
    weights = dict(rounded.named_parameters())
    assert weights["conv1_1_weight"].dtype == torch.float32
    assert weights["conv5_1_bias"].dtype == torch.bfloat16
    handed = rounded(pictures, ["relu1_1", "relu4_2"], unmapped=["relu4_2"])
    assert [each.dtype for each in handed.values()] == [torch.float32, torch.bfloat16]
    assert rounded(pictures, ["relu4_2"])["relu4_2"].dtype == torch.float32


def test_gram_matrices_of_bfloat16_are_summed_in_float32():
    features = torch.ones(1, 2, 100, 100, dtype=torch.bfloat16).requires_grad_()
    with torch.no_grad():
        features[:, 1] = 257**0.5  # products that bfloat16 cannot tell from 256
    gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(
        gram[0, 1, 1], features[0, 1, 0, 0].float().square().detach()
    )
    gram.sum().backward()
    assert features.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("style_loss", "steps"),
    [("gram", 30), ("meanstd", 30), ("swd", 15), ("wasserstein", 15)],
)
def test_results_have_nearly_the_losses_of_float32(network, rounded, style_loss, steps):
    pictures = torch.nn.functional.interpolate(natural_pictures(), (64, 96))
    config = StyleConfig(style_loss=style_loss)
    exact = Objective(network, style_target(network, pictures[1:2], config), config)
    exact.allocate(pictures[:1])
    exact.set_slot(0, content_target(network, pictures[:1], config))
    losses = []
    for used in (network, rounded):
        task = FrameTask(
            frame=0,
            start=pictures[:1],
            content=content_target(used, pictures[:1], config),
            steps=steps,
        )
        style = style_target(used, pictures[1:2], config)
        (painted,) = optimize_batch(used, style, config, [task])
        assert painted.dtype == torch.float32
        losses.append(exact.evaluate(painted).losses.item())
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
