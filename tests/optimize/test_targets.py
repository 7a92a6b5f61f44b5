import pytest
import torch

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import (
    FLOOR,
    content_target,
    normalized_weights,
    style_target,
)


def test_shares_sum_to_one_and_leave_out_zeros():
    layers = (LayerWeight("a", 3), LayerWeight("b", 0), LayerWeight("c", 1))
    assert normalized_weights(layers) == {"a": 0.75, "c": 0.25}


def test_the_energy_of_a_shot_comes_from_its_first_frame(network, pictures):
    config = StyleConfig()
    first = content_target(network, pictures[:1], config)
    later = content_target(network, pictures[1:2] * 0.2, config, first.energies)
    assert later.energies == first.energies


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_content_and_flat_style_make_no_accident(network, pictures, level):
    config = StyleConfig()
    flat = torch.full_like(pictures[:1], level)
    content, style = (
        content_target(network, flat, config),
        style_target(network, flat, config),
    )
    floors = [FLOOR * network.gram_energy[layer] for layer in style.statistics]
    assert all(e >= f for e, f in zip(style.energies.values(), floors, strict=True))
    objective = Objective(network, style, config)
    objective.allocate(pictures[:1])
    objective.set_slot(0, content)
    evaluation = objective.evaluate(pictures[:1])
    assert evaluation.losses.isfinite().all()
    assert evaluation.gradients.isfinite().all()
    assert evaluation.losses.item() < 1e3


def test_a_fade_to_black_has_no_jump(network, pictures):
    config = StyleConfig()
    first = content_target(network, pictures[:1], config)
    style = style_target(network, pictures[3:], config)
    objective = Objective(network, style, config)
    objective.allocate(pictures[:1])
    losses = []
    for level in torch.linspace(1, 0, 21):
        frame = pictures[:1] * level
        objective.set_slot(0, content_target(network, frame, config, first.energies))
        losses.append(objective.evaluate(pictures[:1]).terms["content"].item())
    changes = torch.tensor(losses).diff().abs()
    assert torch.tensor(losses).isfinite().all()
    # Features are not linear in the brightness; a floor that came into play would
    # multiply the loss by several in one step.
    assert changes.max() < 0.25 * max(losses)
