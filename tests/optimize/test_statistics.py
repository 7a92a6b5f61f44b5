import copy
import math

import pytest
import torch
from torch.autograd import gradcheck

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.style_statistics import (
    SMALL,
    Gaussian,
    Gram,
    MeanStd,
    SlicedWasserstein,
    guide_for,
)
from vidstyle.optimize.targets import content_target, style_target

ALL = {
    "gram": Gram(),
    "meanstd": MeanStd(),
    "swd": SlicedWasserstein(seed=4),
    "wasserstein": Gaussian(),
}
EACH = pytest.mark.parametrize("statistic", ALL.values(), ids=ALL)


def maps(*shape, seed=0):
    """Draw features that are independent of one another and positive."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def error(statistic, ours, theirs):
    measured, target = (statistic.measure(each, energy=1.0) for each in (ours, theirs))
    return statistic.error(measured, statistic.as_target(target))


def test_means_and_deviations_of_known_features():
    features = torch.tensor([[1.0, 3.0], [2.0, 2.0]]).reshape(1, 2, 1, 2)
    mean, deviation = MeanStd().measure(features, energy=1.0)[0]
    assert mean.tolist() == [2, 2]
    assert deviation.tolist() == pytest.approx([math.sqrt(1 + SMALL), SMALL**0.5])


def test_sliced_distance_of_shifted_features_is_the_shift_along_each_direction():
    statistic = SlicedWasserstein(seed=0)
    features, shift = maps(1, 3, 16, 16), torch.tensor([0.3, -0.2, 0.5]).double()
    moved = features + shift.view(1, 3, 1, 1)
    directions = statistic._directions_for(features.flatten(2).transpose(1, 2))
    expected = (shift @ directions).square().sum().item()
    assert error(statistic, features, moved).item() == pytest.approx(expected)
    assert directions.norm(dim=0).tolist() == pytest.approx([1, 1, 1])


def test_sliced_distance_tells_distributions_of_the_same_mean_and_covariance_apart():
    flat = maps(1, 2, 64, 64)
    normal = torch.randn(
        flat.shape, generator=torch.Generator().manual_seed(1)
    ).double()
    rows = normal.flatten(2)
    rows = (rows - rows.mean(2, keepdim=True)) / rows.std(2, keepdim=True)
    deviation, mean = flat.flatten(2).std(2, keepdim=True), flat.flatten(2).mean(2)
    normal = (rows * deviation + mean.unsqueeze(2)).reshape(flat.shape)
    assert error(SlicedWasserstein(0), normal, flat) > 10 * error(
        Gaussian(), normal, flat
    )


def test_distance_of_two_normal_distributions_is_known():
    # Independent channels: the squared distance is that of means and deviations.
    board = torch.tensor([[1.0, -1.0], [1.0, -1.0]]).double()
    ours = torch.stack([1 + 2 * board, 3 * board.T]).unsqueeze(0)
    theirs = torch.stack([4 + 0.5 * board, 1 + 1 * board.T]).unsqueeze(0)
    spread = [math.sqrt(value**2 + SMALL) for value in (2, 0.5, 3, 1)]
    expected = 3**2 + 1 + (spread[0] - spread[1]) ** 2 + (spread[2] - spread[3]) ** 2
    found = error(Gaussian(), ours, theirs).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_distance_of_correlated_normal_distributions_agrees_with_the_plain_formula():
    ours, theirs = maps(1, 4, 6, 5), maps(1, 4, 7, 7, seed=1).square()
    moments = []
    for features in (ours, theirs):
        rows = features.flatten(2)[0]
        cov = rows.cov(correction=0) + SMALL * torch.eye(4).double()
        moments.append((rows.mean(1), cov))
    (m, s), (n, t) = moments
    # The eigenvalues of s t are those of t^(1/2) s t^(1/2).
    roots = torch.linalg.eigvals(s @ t).real.sqrt().sum()
    expected = (m - n).square().sum() + s.trace() + t.trace() - 2 * roots
    assert error(Gaussian(), ours, theirs).item() == pytest.approx(expected.item())


@EACH
def test_nothing_is_at_no_distance_from_itself_wherever_things_are(statistic):
    features = maps(1, 4, 6, 5)
    moved = features.flatten(2)[..., torch.randperm(30)].reshape(features.shape)
    assert error(statistic, features, moved).abs().item() < 1e-12


@EACH
def test_pictures_of_any_size_compare(statistic):
    features = maps(1, 3, 16, 32)
    tiled = features.repeat(1, 1, 2, 3)
    other = maps(1, 3, 16, 32, seed=9).square()
    assert error(statistic, tiled, features).item() < 1e-9
    expected = error(statistic, features, other).item()
    assert error(statistic, tiled, other).item() == pytest.approx(expected, rel=1e-6)
    assert error(statistic, maps(1, 3, 2, 3), other).isfinite().all()


@EACH
def test_distance_is_the_same_both_ways(statistic):
    ours, theirs = maps(1, 4, 6, 5), maps(1, 4, 5, 8, seed=1).square()
    there, back = error(statistic, ours, theirs), error(statistic, theirs, ours)
    assert there.item() == pytest.approx(back.item(), rel=1e-9)
    assert there.item() > 0


@EACH
def test_gradients_are_those_of_the_numbers(statistic):
    theirs = maps(1, 3, 5, 4, seed=1).square()
    target = statistic.as_target(statistic.measure(theirs, energy=1.0))
    features = maps(2, 3, 4, 5).requires_grad_()

    def loss(features):
        measured = statistic.measure(features, energy=1.0)
        return statistic.error(measured, target.expand(2, *target.shape[1:]))

    assert gradcheck(loss, features)


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flat_and_equal_channels_have_gradients_that_are_numbers(statistic, dtype):
    # No variance, and eigenvalues that coincide.
    features = torch.full((1, 4, 6, 5), 0.5, dtype=dtype).requires_grad_()
    target = statistic.as_target(
        statistic.measure(torch.zeros(1, 4, 3, 3, dtype=dtype), energy=1.0)
    )
    found = statistic.error(statistic.measure(features, energy=1.0), target).sum()
    (gradient,) = torch.autograd.grad(found, features)
    assert found.isfinite()
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


@EACH
def test_each_sample_has_its_own_error(statistic):
    ours, theirs = maps(3, 4, 6, 5), maps(3, 4, 6, 5, seed=1)
    alone = [error(statistic, ours[i : i + 1], theirs[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(error(statistic, ours, theirs), torch.cat(alone))


@EACH
def test_guide_of_ones_changes_nothing(statistic):
    features = maps(2, 4, 6, 5)
    plain = statistic.measure(features, energy=1.0)
    guide = torch.ones(2, 1, 6, 5).double()
    torch.testing.assert_close(statistic.measure(features, 1.0, guide), plain)


@EACH
def test_guided_statistic_is_that_of_the_region_alone(statistic):
    features, mask = maps(1, 3, 32, 48), torch.zeros(1, 1, 32, 48).double()
    mask[..., 8:24] = 1  # a third
    guided = statistic.measure(features, 1.0, guide_for(mask, features))
    alone = statistic.measure(features[..., 8:24], 1.0)
    torch.testing.assert_close(guided, alone)
    elsewhere = features.clone()
    elsewhere[..., 24:] = 7
    again = statistic.measure(elsewhere, 1.0, guide_for(mask, features))
    assert torch.equal(again, guided)


@EACH
def test_guided_gradients_are_those_of_the_numbers(statistic):
    target = statistic.as_target(statistic.measure(maps(1, 3, 5, 4, seed=1), 1.0))
    guide = guide_for(maps(1, 1, 8, 10, seed=2), maps(1, 3, 4, 5))
    features = maps(1, 3, 4, 5).requires_grad_()

    def loss(features):
        return statistic.error(statistic.measure(features, 1.0, guide), target)

    assert gradcheck(loss, features)


def test_guide_is_the_squared_mask_at_the_size_of_the_layer():
    mask = torch.zeros(1, 1, 4, 8)
    mask[..., 4:] = 1
    mask[..., 3] = 1
    guide = guide_for(mask, torch.zeros(1, 5, 2, 4))
    expected = torch.tensor([0, 0.25, 1, 1]) / (2.25 / 4)
    torch.testing.assert_close(guide[0, 0, 0], expected)
    assert guide.mean().item() == pytest.approx(1)


def test_directions_are_those_of_the_seed():
    features = maps(1, 5, 4, 4)
    one, same, other = (
        SlicedWasserstein(seed).measure(features, energy=1.0) for seed in (3, 3, 4)
    )
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def objective_for(network, pictures, style, **settings):
    config = StyleConfig(style_weight=1, **settings)
    objective = Objective(network, style_target(network, style, config), config)
    objective.allocate(pictures[:1])
    objective.set_slot(0, content_target(network, pictures[:1], config))
    return objective


@pytest.mark.parametrize("style_loss", ALL)
def test_every_style_loss_is_a_relative_error(network, pictures, style_loss):
    def style_loss_of(image, style):
        objective = objective_for(network, pictures, style, style_loss=style_loss)
        return objective.evaluate(image).terms["style"].item()

    assert style_loss_of(pictures[3:], pictures[3:]) == pytest.approx(0, abs=1e-6)
    between = style_loss_of(pictures[1:2], pictures[3:])
    assert 1e-4 < between < 10


@pytest.mark.parametrize("style_loss", ALL)
def test_relative_error_does_not_change_with_the_scale_of_the_features(
    network, pictures, style_loss
):
    # relu1_1 times two, with all that is usual of it.
    louder = copy.deepcopy(network)
    louder.get_parameter("conv1_1_weight").data *= 2
    louder.get_parameter("conv1_1_bias").data *= 2
    for name, factor in (("feature_energy", 4), ("gram_energy", 16)):
        energies = getattr(louder, name)
        energies["relu1_1"] *= factor
    settings = {"style_loss": style_loss, "style_layers": (LayerWeight("relu1_1"),)}
    losses = [
        objective_for(each, pictures, pictures[3:], **settings)
        .evaluate(pictures[1:2])
        .terms["style"]
        .item()
        for each in (network, louder)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize("style_loss", ALL)
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_one_color_style_makes_no_accident(network, pictures, style_loss, level):
    flat = torch.full_like(pictures[:1], level)
    objective = objective_for(network, pictures, flat, style_loss=style_loss)
    for image in (pictures[1:2], flat):
        evaluation = objective.evaluate(image)
        assert evaluation.losses.isfinite().all()
        assert evaluation.gradients.isfinite().all()
        assert evaluation.losses.item() < 1e3


@pytest.mark.parametrize("style_loss", ALL)
def test_first_gradient_in_a_batch_is_that_of_each_alone(network, pictures, style_loss):
    config = StyleConfig(style_loss=style_loss)
    style = style_target(network, pictures[3:], config)

    def gradients(images):
        objective = Objective(network, style, config)
        objective.allocate(images)
        for slot in range(len(images)):
            content = content_target(network, images[slot : slot + 1], config)
            objective.set_slot(slot, content)
        return objective.evaluate(images).gradients

    together = gradients(pictures[:3])
    for slot in range(3):
        alone = gradients(pictures[slot : slot + 1])[0]
        # The design's rule (ii); sorting may swap two values that are nearly the same.
        most = 1e-3 if style_loss == "swd" else 1e-5
        assert (together[slot] - alone).norm() / alone.norm() < most
