import pytest
import torch

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import (
    FLOOR,
    MOST_ATTENTION,
    attention_weights,
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


def test_detail_weighs_more_than_flat_places_and_one_on_average() -> None:
    image = torch.full((1, 3, 64, 64), 0.5)
    checks = torch.arange(16)[:, None] + torch.arange(16)
    image[..., :16, :16] = (checks % 2).float()
    same = torch.ones(1, 8, 4, 4)
    weights = attention_weights(image, same, {"a": (16, 16)}, power=0.5)["a"]
    assert weights.shape == (1, 1, 16, 16)
    assert weights[0, 0, 1, 1] == MOST_ATTENTION
    assert weights[0, 0, 12, 12] < 0.7
    uniform = attention_weights(image, same, {"a": (16, 16)}, power=0)["a"]
    assert torch.equal(uniform, torch.ones(1, 1, 16, 16))


def test_what_excites_the_deep_layer_weighs_more_though_it_is_flat() -> None:
    flat, salient = torch.full((1, 3, 128, 128), 0.1), torch.ones(1, 8, 8, 8)
    salient[..., :3, :3] = 3
    weights = attention_weights(flat, salient, {"a": (16, 16)}, power=0.5)["a"]
    torch.testing.assert_close(weights.mean(), torch.tensor(1.0))
    assert weights[0, 0, 1, 1] > 2.5 * weights[0, 0, 12, 12]


def test_a_flat_picture_has_no_detail_anywhere(network) -> None:
    flat = torch.full((1, 3, 32, 32), 0.3)
    for weights in content_target(network, flat, StyleConfig()).attention.values():
        torch.testing.assert_close(weights, torch.ones_like(weights))


@pytest.mark.parametrize(
    "config",
    [StyleConfig(content_detail=0), StyleConfig(loss_scale="gatys")],
)
def test_all_places_count_alike_without_it_and_in_the_papers_scale(
    network, pictures, config
):
    assert not content_target(network, pictures[:1], config).attention
    assert content_target(network, pictures[:1], StyleConfig()).attention
