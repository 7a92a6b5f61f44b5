"""Convolutions in bfloat16, and everything else in float32."""

from typing import get_args

import pytest
import torch
from batches import optimize_batch

from vidstyle.config import StyleConfig, StyleLoss
from vidstyle.networks import slim
from vidstyle.networks.energy import natural_pictures
from vidstyle.optimize.losses import gram_matrix
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target

pytestmark = pytest.mark.slow


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


@pytest.fixture
def natural():
    return torch.nn.functional.interpolate(natural_pictures(), (64, 96))


def objective_for(network, pictures, config):
    style = style_target(network, pictures[1:2], config)
    objective = Objective(network, style, config)
    objective.allocate(pictures[:1])
    objective.set_slot(0, content_target(network, pictures[:1], config))
    return objective


@pytest.mark.parametrize("style_loss", get_args(StyleLoss))
def test_losses_are_nearly_those_of_float32(network, rounded, natural, style_loss):
    config = StyleConfig(style_loss=style_loss)
    exact, near = (
        objective_for(used, natural, config).evaluate(natural[:1].flip(3))
        for used in (network, rounded)
    )
    assert near.losses.item() == pytest.approx(exact.losses.item(), rel=0.05)
    cosine = torch.nn.functional.cosine_similarity(
        near.gradients.flatten(1), exact.gradients.flatten(1)
    )
    assert cosine.item() > 0.98


@pytest.mark.parametrize(("style_loss", "steps"), [("gram", 30), ("swd", 15)])
def test_results_have_nearly_the_losses_of_float32(
    network, rounded, natural, style_loss, steps
):
    config = StyleConfig(style_loss=style_loss)
    exact = objective_for(network, natural, config)
    losses = []
    for used in (network, rounded):
        task = FrameTask(
            frame=0,
            start=natural[:1],
            content=content_target(used, natural[:1], config),
            steps=steps,
        )
        style = style_target(used, natural[1:2], config)
        (painted,) = optimize_batch(used, style, config, [task])
        assert painted.dtype == torch.float32
        losses.append(exact.evaluate(painted).losses.item())
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
