import copy
from typing import get_args

import pytest
import torch

from vidstyle.config import StyleConfig, StyleLoss
from vidstyle.config.parsers import parse_layers
from vidstyle.optimize.losses import gram_matrix
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import content_target, style_target


def make(network, pictures, *, slots, temporal_weight=0.0, **settings):
    config = StyleConfig(**settings)
    style = style_target(network, pictures[3:], config)
    objective = Objective(network, style, config, temporal_weight=temporal_weight)
    objective.allocate(pictures[:slots])
    for slot in range(slots):
        content = content_target(network, pictures[slot : slot + 1], config)
        objective.set_slot(slot, content)
    return objective


def test_the_content_is_at_no_distance_from_itself(network, pictures):
    terms = make(network, pictures, slots=2).evaluate(pictures[:2]).terms
    # float32 rounds differently in a batch of another size.
    assert terms["content"].abs().max() < 1e-10
    assert (terms["style"] > 0).all()


def test_the_style_is_at_no_distance_from_itself(network, pictures):
    terms = make(network, pictures, slots=1).evaluate(pictures[3:]).terms
    assert terms["style"].item() == pytest.approx(0, abs=1e-9)
    assert terms["content"].item() > 0


def relative_errors(network, layers, image, target, *, of=lambda features: features):
    """Sum the layers' relative errors, each with its share."""
    errors = []
    for layer, _ in layers:
        ours, theirs = (of(network(p, [layer])[layer]) for p in (image, target[:1]))
        errors.append((ours - theirs).square().sum() / theirs.square().sum())
    weights = torch.tensor([weight for _, weight in layers])
    return (torch.stack(errors) * weights / weights.sum()).sum()


def test_losses_are_relative_errors(network, pictures):
    settings = {"content_weight": 1, "style_weight": 1, "content_detail": 0}
    config = StyleConfig(**settings)
    objective = make(network, pictures, slots=1, **settings)
    terms = objective.evaluate(pictures[1:2]).terms
    expected = relative_errors(network, config.content_layers, pictures[1:2], pictures)
    assert terms["content"].item() == pytest.approx(expected.item(), rel=1e-5)
    expected = relative_errors(
        network, config.style_layers, pictures[1:2], pictures[3:], of=gram_matrix
    )
    assert terms["style"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_scale_of_gatys_is_that_of_the_paper(network, pictures):
    settings = {
        "loss_scale": "gatys",
        "content_weight": 1,
        "content_layers": parse_layers("relu4_2"),
        "style_weight": 1,
        "style_layers": parse_layers("relu2_1"),
    }
    objective = make(network, pictures, slots=1, **settings)
    terms = objective.evaluate(pictures[1:2]).terms
    ours, theirs = (
        network(p, ["relu4_2"])["relu4_2"] for p in (pictures[1:2], pictures[:1])
    )
    expected = (ours - theirs).square().sum() / 2  # eq. 1
    assert terms["content"].item() == pytest.approx(expected.item(), rel=1e-5)
    flats = [
        network(p, ["relu2_1"])["relu2_1"][0].flatten(1)
        for p in (pictures[1:2], pictures[3:])
    ]
    channels, positions = flats[0].shape
    ours, theirs = (flat @ flat.T for flat in flats)
    expected = (ours - theirs).square().sum() / (4 * channels**2 * positions**2)  # 4
    assert terms["style"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_gradient_of_the_whole_objective(network, pictures):
    double = copy.deepcopy(network).double()
    images = pictures.double()
    objective = make(double, images, slots=1, temporal_weight=3.0)
    content = content_target(double, images[:1], StyleConfig())
    objective.set_slot(
        0, content, warped=images[2:3], consistency=torch.rand_like(images[:1, :1])
    )
    point = images[1:2]
    gradient = objective.evaluate(point).gradients
    direction = torch.randn(point.shape, generator=torch.Generator().manual_seed(0))
    # A ReLU has kinks, and some lie between the two points.
    step = 1e-6 * direction.double()
    ahead, behind = (objective.evaluate(point + s).losses for s in (step, -step))
    slope = ((ahead - behind) / 2).item()
    assert slope == pytest.approx((gradient * step).sum().item(), rel=1e-3)


@pytest.mark.parametrize("style_loss", get_args(StyleLoss))
def test_products_with_the_hessian_are_slopes_of_the_gradient(
    network, pictures, style_loss
):
    double, images = copy.deepcopy(network).double(), pictures.double()
    objective = make(
        double, images, slots=2, temporal_weight=3.0, style_loss=style_loss
    )
    content = content_target(double, images[:1], StyleConfig())
    trusted = torch.ones_like(images[:1, :1])
    objective.set_slot(0, content, warped=images[2:3], consistency=trusted)
    points = 0.1 + 0.8 * images[1:3]  # 0 and 1 are kinks of the range loss
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(
        points.shape, generator=generator, dtype=torch.float64
    ) * torch.tensor([1.0, 0.01]).reshape(-1, 1, 1, 1)
    products = objective.hessian(points)(directions)
    step = 1e-7 * directions  # short: a ReLU has kinks
    ahead, behind = (objective.evaluate(points + s).gradients for s in (step, -step))
    slopes = (ahead - behind) / 2e-7
    for sample in range(2):
        error = (products[sample] - slopes[sample]).norm() / slopes[sample].norm()
        # Of so short a step wasserstein's gradient has fewer digits than others.
        assert error < (1e-3 if style_loss == "wasserstein" else 1e-5)


def test_the_first_gradient_of_a_batch_is_that_of_each_alone(network, pictures):
    together = make(network, pictures, slots=3).evaluate(pictures[[1, 2, 0]])
    for slot, other in enumerate((1, 2, 0)):
        config = StyleConfig()
        alone = make(network, pictures, slots=1)
        alone.set_slot(0, content_target(network, pictures[slot : slot + 1], config))
        gradient = alone.evaluate(pictures[other : other + 1]).gradients[0]
        error = (together.gradients[slot] - gradient).norm() / gradient.norm()
        assert error < 1e-5  # the design's rule (ii)


def test_each_slot_may_have_a_style_of_its_own(network, pictures):
    config = StyleConfig()
    other = style_target(network, pictures[2:3], config)
    together = make(network, pictures, slots=2)
    content = content_target(network, pictures[1:2], config)
    together.set_slot(1, content, style=other)
    alone = Objective(network, other, config)
    alone.allocate(pictures[:2])
    for slot in range(2):
        alone.set_slot(slot, content)
    before = make(network, pictures, slots=2).evaluate(pictures[:2])
    found, expected = (each.evaluate(pictures[:2]) for each in (together, alone))
    assert torch.equal(found.losses[1], expected.losses[1])
    assert torch.equal(found.gradients[1], expected.gradients[1])
    assert torch.equal(found.gradients[0], before.gradients[0])
    together.set_slot(1, content)
    assert torch.equal(together.evaluate(pictures[:2]).losses, before.losses)


def test_a_slot_without_a_predecessor_has_no_temporal_loss(network, pictures):
    objective = make(network, pictures, slots=2, temporal_weight=5.0)
    content = content_target(network, pictures[:1], StyleConfig())
    trusted = torch.ones(1, 1, 32, 48)
    objective.set_slot(0, content, warped=pictures[1:2], consistency=trusted)
    terms = objective.evaluate(pictures[:2]).terms
    expected = 5 * (pictures[0] - pictures[1]).square().mean()
    assert terms["temporal"][0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms["temporal"][1].item() == 0
    objective.set_slot(0, content)
    assert objective.evaluate(pictures[:2]).terms["temporal"][0].item() == 0
