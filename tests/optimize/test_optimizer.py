"""What every optimizer must keep."""

from typing import get_args

import pytest
import torch
from problems import SHAPE, Quadratics, run

from vidstyle.config import OptimizerName, StyleConfig
from vidstyle.optimize.slots import make_optimizer

every_optimizer = pytest.mark.parametrize(
    "config",
    [StyleConfig(optimizer=name) for name in get_args(OptimizerName)],
    ids=lambda config: config.optimizer,
)


@every_optimizer
def test_it_comes_near_the_minimum_of_every_sample(config):
    problem = Quadratics(4)
    start = (problem.start - problem.minima).square().mean().sqrt()
    best = run(config, problem, 100)
    assert (best.images - problem.minima).square().mean().sqrt() < start / 20
    assert torch.equal(best.losses, problem(best.images)[0])


@every_optimizer
def test_neighbors_do_not_change_a_sample_by_one_bit(config):
    problem = Quadratics(3, dtype=torch.float32)
    generator = torch.Generator().manual_seed(1)
    mine = torch.rand(1, *SHAPE, generator=generator)
    results = []
    for _ in range(2):
        others = torch.rand(2, *SHAPE, generator=generator)
        start = torch.cat([others[:1], mine, others[1:]])
        results.append(run(config, problem, 30, start).images[1])
    assert torch.equal(*results)


@every_optimizer
def test_a_batch_agrees_with_each_sample_alone(config):
    problem = Quadratics(3)
    together = run(config, problem, 30).images
    for sample in range(3):
        alone = run(config, problem.only(sample), 30).images[0]
        # The acceptance rule of the design: 1e-6 after 30 steps in float64.
        assert (alone - together[sample]).abs().max() < 1e-6


@every_optimizer
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_scaling_the_loss_changes_nothing_but_rounding(config, factor):
    plain, scaled = (
        run(config, Quadratics(2, factor=f), 30).images for f in (1, factor)
    )
    # float64 rounds at 1e-16; the curvature history amplifies that from step to step.
    assert (plain - scaled).abs().max() < 1e-6


@every_optimizer
def test_a_reset_sample_starts_as_if_new(config):
    problem = Quadratics(2)
    fresh = run(config, problem, 15)
    images = problem.start
    optimizer = make_optimizer(images, config, problem.hessian)
    for step in range(25):
        if step == 10:
            images = images.clone()
            images[1] = problem.start[1]
            optimizer.reset(1, problem.start[1])
        images = optimizer.step(images, *problem(images))
    assert torch.equal(optimizer.best.images[1], fresh.images[1])


@every_optimizer
def test_a_sample_at_its_minimum_stays_there(config):
    problem = Quadratics(1)
    problem.floors *= 0
    images = problem.minima.clone()
    moved = make_optimizer(images, config, problem.hessian).step(
        images, *problem(images)
    )
    assert torch.equal(moved, images)


@every_optimizer
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_sends_a_sample_back_and_no_other(config, bad):
    problem = Quadratics(2)
    undisturbed = run(config, problem, 20)
    images = problem.start
    optimizer = make_optimizer(images, config, problem.hessian)
    for step in range(20):
        losses, gradients = problem(images)
        if step == 10:
            best = optimizer.best.images[0].clone()
            losses[0], gradients[0] = bad, float("nan")
        images = optimizer.step(images, losses, gradients)
        if step == 10:
            assert (images[0] - best).square().mean().sqrt() < 0.1
    assert images.isfinite().all()
    assert optimizer.best.losses[0] < problem(problem.start)[0][0]
    assert torch.equal(optimizer.best.images[1], undisturbed.images[1])


@every_optimizer
def test_a_sample_goes_on_from_a_smaller_size_and_no_other_is_touched(config):
    problem = Quadratics(2)
    coarse = problem.start[..., ::2, ::2].clone()
    smaller = make_optimizer(coarse, config, lambda _: lambda vectors: vectors)
    for _ in range(5):
        coarse = smaller.step(coarse, coarse.square().flatten(1).sum(1) / 2, coarse)
    undisturbed = run(config, problem, 25)
    images = problem.start
    optimizer = make_optimizer(images, config, problem.hessian)
    for step in range(25):
        if step == 10:
            images = images.clone()
            images[0] = problem.start[0]
            optimizer.warm_start(0, problem.start[0], smaller)
            assert optimizer.best.losses[0] == torch.inf
        images = optimizer.step(images, *problem(images))
    losses, _ = problem(problem.start)
    assert optimizer.best.losses[0] < losses[0]
    assert torch.equal(optimizer.best.images[1], undisturbed.images[1])


@every_optimizer
def test_a_sample_goes_on_in_another_place_as_if_it_had_not_been_stopped(config):
    problem = Quadratics(2)
    whole = run(config, problem, 25)
    images = problem.start
    optimizer = make_optimizer(images, config, problem.hessian)
    for _ in range(13):  # more than L-BFGS remembers
        images = optimizer.step(images, *problem(images))
    for name in ("minima", "curves", "floors"):
        setattr(problem, name, getattr(problem, name).flip(0))
    again = make_optimizer(problem.start, config, problem.hessian)
    for sample in (0, 1):
        again.load_state(sample, optimizer.state(1 - sample))
    images = images.flip(0)
    for _ in range(12):
        images = again.step(images, *problem(images))
    assert torch.equal(again.best.images.flip(0), whole.images)
    assert torch.equal(again.best.losses.flip(0), whole.losses)


def test_lbfgs_begins_a_size_with_a_step_as_long_as_its_last():
    config, problem = StyleConfig(), Quadratics(1)
    images = problem.start
    smaller = make_optimizer(images, config, problem.hessian)
    for _ in range(12):
        images = smaller.step(images, *problem(images))
    fine = make_optimizer(problem.start, config, problem.hessian)
    fine.warm_start(0, problem.start[0], smaller)
    change = fine.step(problem.start, *problem(problem.start)) - problem.start
    # The newest step that it knows the end of is the one before the last.
    last = smaller._previous_images - _second_last(problem, config)
    assert change.square().mean().sqrt() == pytest.approx(
        last.square().mean().sqrt().item(), rel=1e-6
    )
    assert change.square().mean().sqrt() < 0.01


def _second_last(problem, config):
    images = problem.start
    optimizer = make_optimizer(images, config, problem.hessian)
    for _ in range(10):
        images = optimizer.step(images, *problem(images))
    return images
