"""Weights that come out of a student."""

import pytest
import torch
from small_training import CHANNELS, few_photos, make_student

from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.slim import SLIM
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.training.rescale import rescaled_weights


def test_the_weights_that_come_out_compute_what_the_student_does() -> None:
    student = make_student()
    student.spread_out(natural_pictures())
    network = FeatureNetwork(SLIM, rescaled_weights(student, few_photos()))
    usual = student.features(torch.cat(few_photos()))
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
    before = student.features(torch.cat(few_photos()))
    network = FeatureNetwork(SLIM, rescaled_weights(student, few_photos()))
    features = network(torch.cat(few_photos()), network.layers)
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
    network = FeatureNetwork(SLIM, rescaled_weights(student, few_photos()))
    means = network(torch.cat(few_photos()), ["relu2_1"])["relu2_1"].mean((0, 2, 3))
    assert means[3] < 1e-4
    assert means.median() == pytest.approx(1, rel=1e-3)
