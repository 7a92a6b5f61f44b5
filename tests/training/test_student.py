import pytest
import torch
from torch import Tensor

from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.slim import SLIM
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.training.student import (
    LeastSquares,
    Student,
    rescaled_weights,
    squared_error,
)

CHANNELS = {"relu1_1": 5, "relu4_2": 7}


def make_student(seed: int = 0) -> Student:
    return Student(CHANNELS, torch.Generator().manual_seed(seed))


def photos() -> list[Tensor]:
    return list(natural_pictures()[:3].split(1))


def test_the_weights_that_come_out_compute_what_the_student_does() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    network = FeatureNetwork(SLIM, rescaled_weights(student, photos()))
    usual = student.features(torch.cat(photos()))
    images = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    ours, theirs = student.features(images), network(images, network.layers)
    for layer in network.layers:
        means = usual[layer].mean((0, 2, 3))[:, None, None]  # (C, 1, 1)
        torch.testing.assert_close(
            theirs[layer] * means, ours[layer], rtol=1e-3, atol=1e-3
        )


def test_channels_are_scaled_by_what_they_say_of_the_teachers_features() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        student.heads["relu4_2"] += torch.rand(7, 128, generator=generator)
        student.heads["relu1_1"] += torch.rand(5, 16, generator=generator)
    before = student.features(torch.cat(photos()))
    network = FeatureNetwork(SLIM, rescaled_weights(student, photos()))
    features = network(torch.cat(photos()), network.layers)
    for layer, maps in features.items():
        means = maps.mean((0, 2, 3))
        assert float(means.mean()) == pytest.approx(1, rel=1e-3)
        if layer in CHANNELS:
            unit = before[layer].mean((0, 2, 3)) / means
            lengths = (student.heads[layer] * unit).norm(dim=0)
            torch.testing.assert_close(
                lengths, lengths.mean().expand_as(lengths), rtol=1e-2, atol=0
            )
        else:
            torch.testing.assert_close(means, torch.ones_like(means), rtol=1e-3, atol=0)


def test_a_nearly_dead_channel_is_not_made_louder_than_its_layer() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    with torch.no_grad():
        student.kernels["relu2_1"][3] *= 1e-6
        student.biases["relu2_1"][3] = 1e-7
    network = FeatureNetwork(SLIM, rescaled_weights(student, photos()))
    means = network(torch.cat(photos()), ["relu2_1"])["relu2_1"].mean((0, 2, 3))
    assert means[3] < 1e-4
    assert means.median() == pytest.approx(1, rel=1e-3)


def test_spreading_out_gives_every_channel_variance_1_before_its_relu() -> None:
    student = make_student()
    images = natural_pictures()
    student.spread_out(images)
    kernel = student.kernels["relu1_1"].unflatten(1, (-1, 3, 3))
    padded = torch.nn.functional.pad((images - 0.45) / 0.26, (1,) * 4, mode="replicate")
    raw = torch.nn.functional.conv2d(padded, kernel, student.biases["relu1_1"])
    torch.testing.assert_close(raw.std((0, 2, 3)), torch.ones(16), rtol=1e-3, atol=0)
    torch.testing.assert_close(raw.mean((0, 2, 3)), torch.zeros(16), rtol=0, atol=1e-4)


def test_heads_fit_targets_that_are_linear_in_the_features() -> None:
    student = make_student()
    images = natural_pictures()
    student.spread_out(images)
    features = student.features(images)
    mixing = torch.randn(7, 128, generator=torch.Generator().manual_seed(2)) / 11
    wanted = {
        "relu1_1": features["relu1_1"][:, :5] * 2 + 1,
        "relu4_2": torch.einsum("dc,nchw->ndhw", mixing, features["relu4_2"]),
    }
    student.fit_heads(images, wanted)
    for layer, targets in wanted.items():
        error = (student.mapped(layer, features[layer]) - targets).square().sum()
        assert error < 1e-3 * targets.square().sum()


def test_least_squares_over_parts_is_that_over_all() -> None:
    generator = torch.Generator().manual_seed(3)
    features = torch.rand(4, 3, 6, 5, generator=generator)
    targets = torch.rand(4, 2, 6, 5, generator=generator)
    whole, parts = LeastSquares(), LeastSquares()
    whole.add(features, targets)
    for at in range(4):
        parts.add(features[at : at + 1], targets[at : at + 1])
    torch.testing.assert_close(whole.solve(), parts.solve())
    mean_only = (targets - targets.mean((0, 2, 3), keepdim=True)).square().sum()
    assert squared_error(whole.solve(), features, targets) < float(mean_only)


def test_least_squares_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no features"):
        LeastSquares().solve()


def test_gradients_reach_every_weight() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    student.fit_heads(
        natural_pictures(),
        {
            layer: torch.rand(5, count, *maps.shape[2:])
            for layer, count in CHANNELS.items()
            for maps in [student.features(natural_pictures())[layer]]
        },
    )
    features = student.features(torch.cat(photos()))
    sum(
        student.mapped(layer, features[layer]).square().sum() for layer in CHANNELS
    ).backward()
    for layer in ("relu1_1", "relu1_2", "relu4_1", "relu4_2"):
        gradient = student.kernels[layer].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


def test_a_dead_channel_still_feels_a_gradient() -> None:
    student = make_student()
    with torch.no_grad():
        student.biases["relu1_1"][3] = -100
    features = student.features(torch.cat(photos()))
    assert features["relu1_1"][:, 3].abs().max() == 0
    features["relu1_1"].sum().backward()
    gradient = student.kernels["relu1_1"].grad
    assert gradient is not None
    assert gradient[3].abs().max() > 0


def test_weak_channels_are_drawn_anew_and_the_answers_stay() -> None:
    student = make_student()
    images = torch.cat(photos())
    student.spread_out(images)
    with torch.no_grad():
        for layer, channels in (("relu2_2", [3]), ("relu4_2", [5, 70])):
            student.kernels[layer][channels] = 0
            student.biases[layer][channels] = 0
        student.heads["relu4_2"] += 1
    before = student.features(images)
    answer = student.mapped("relu4_2", before["relu4_2"])
    assert student.restart_weak(images, torch.Generator().manual_seed(1)) == 3
    after = student.features(images)
    torch.testing.assert_close(student.mapped("relu4_2", after["relu4_2"]), answer)
    for layer, channels in (("relu2_2", [3]), ("relu4_2", [5, 70])):
        means = after[layer].mean((0, 2, 3))
        assert means[channels].min() > 0.1 * means.median()
    assert student.restart_weak(images, torch.Generator().manual_seed(1)) == 0
