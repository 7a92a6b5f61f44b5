import copy
from dataclasses import replace

import pytest
import torch
from batches import optimize_batch

from vidstyle.config import StyleConfig
from vidstyle.optimize.objective import FLOOR, Objective, balanced_gradient
from vidstyle.optimize.optimizer import rms
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target

pytestmark = pytest.mark.slow

SETTINGS = {"balance": "gradients", "optimizer": "adam"}


def slopes(weights, *, lengths=None):
    """Terms that are linear, each with its weight, and their known gradients."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 4, 5, generator=generator, requires_grad=True)
    gradients, terms = {}, {}
    for name, weight in weights.items():
        drawn = torch.randn(images.shape, generator=generator)
        unit = drawn / rms(drawn).reshape(-1, 1, 1, 1)
        gradients[name] = unit * (lengths or {}).get(name, 1)
        terms[name] = weight * (images * gradients[name]).flatten(1).sum(1)
    return images, terms, gradients


def test_lengths_have_the_ratio_of_the_weights_in_each_sample():
    weights = {"style": 2.0, "content": 0.5}
    lengths = {
        "style": torch.tensor([3.0, 0.2]).reshape(-1, 1, 1, 1),
        "content": torch.tensor([0.1, 7.0]).reshape(-1, 1, 1, 1),
    }
    images, terms, gradients = slopes(weights, lengths=lengths)
    found = balanced_gradient(terms, weights, images)
    # Style keeps its own length, and content's becomes a quarter of that.
    expected = 2 * gradients["style"] + 0.5 * gradients["content"] * (
        lengths["style"] / lengths["content"]
    )
    torch.testing.assert_close(found, expected)


def test_terms_without_a_weight_are_added_as_they_are():
    weights = {"style": 1.0, "temporal": 10.0}
    images, terms, gradients = slopes(weights)
    found = balanced_gradient(terms, {"style": 1.0}, images)
    torch.testing.assert_close(found, gradients["style"] + 10 * gradients["temporal"])


def test_what_is_only_rounding_is_not_blown_up():
    weights = {"style": 1.0, "content": 1.0}
    images, terms, gradients = slopes(weights, lengths={"content": 1e-3 * FLOOR})
    found = balanced_gradient(terms, weights, images)
    departure = rms(found - gradients["style"])
    torch.testing.assert_close(departure, torch.full_like(departure, 1e-3))


def test_a_term_that_is_flat_adds_nothing():
    weights = {"style": 1.0, "tv": 1.0}
    images, terms, gradients = slopes(weights, lengths={"tv": 0})
    found = balanced_gradient(terms, weights, images)
    torch.testing.assert_close(found, gradients["style"])


def balanced(network, pictures, **settings):
    config = StyleConfig(**SETTINGS, **settings)
    objective = Objective(
        network,
        style_target(network, pictures[3:], config),
        config,
        temporal_weight=1.0,
    )
    objective.allocate(pictures[:1])
    content = content_target(network, pictures[:1], config)
    objective.set_slot(0, content)
    return objective


def test_the_objective_is_balanced_and_reports_the_losses_as_ever(network, pictures):
    at = pictures[1:2]
    alone = {
        name: balanced(
            network,
            pictures,
            **{f"{other}_weight": 0 for other in others},
            range_weight=0,
        )
        for name, *others in (
            ("style", "content", "tv"),
            ("content", "style", "tv"),
        )
    }
    style, content = (alone[name].evaluate(at).gradients for name in alone)
    both = balanced(network, pictures, content_weight=3, tv_weight=0, range_weight=0)
    evaluation = both.evaluate(at)
    expected = style + 3 * content * rms(style) / rms(content)
    # Content alone had its default weight, which its length takes out.
    torch.testing.assert_close(evaluation.gradients, expected, rtol=1e-3, atol=1e-7)
    plain = (
        3
        * alone["content"].evaluate(at).terms["content"]
        / StyleConfig().content_weight
    )
    torch.testing.assert_close(evaluation.terms["content"], plain)
    torch.testing.assert_close(evaluation.losses, sum(evaluation.terms.values()))


@pytest.mark.parametrize("optimizer", ["adam", "langevin"])
def test_the_newest_picture_is_returned_after_all_steps(network, pictures, optimizer):
    config = StyleConfig(
        balance="gradients", optimizer=optimizer, content_weight=50, lr=0.2
    )
    seen, losses = [], []

    def on_step(report, picture):
        seen.append(picture)
        losses.append(report.loss)

    content = content_target(network, pictures[:1], config)
    (result,) = optimize_batch(
        network,
        style_target(network, pictures[3:], config),
        config,
        [FrameTask(frame=0, start=pictures[:1], content=content, steps=60)],
        on_step=on_step,
    )
    assert len(seen) == 60
    assert torch.equal(result, seen[-1])
    assert losses[-1] > min(losses)


def test_a_balanced_batch_agrees_with_each_frame_alone_and_knows_no_scale(
    network, pictures
):
    double, images = copy.deepcopy(network).double(), pictures.double()

    def paint(jobs, factor=1.0):
        plain = StyleConfig(**SETTINGS)
        names = [f"{name}_weight" for name in ("content", "style", "tv", "range")]
        config = replace(
            plain, **{name: factor * getattr(plain, name) for name in names}
        )
        style = style_target(double, images[3:], config)
        return optimize_batch(double, style, config, jobs)

    jobs = [
        FrameTask(
            frame=index,
            start=images[index : index + 1],  # where the content's gradient is nothing
            content=content_target(double, images[index : index + 1], StyleConfig()),
            steps=15,
        )
        for index in range(2)
    ]
    together = paint(jobs)
    for picture, job, factor in zip(together, jobs, (1.0, 1e3), strict=True):
        (alone,) = paint([job], factor)
        assert (alone - picture).abs().max() < 1e-6
