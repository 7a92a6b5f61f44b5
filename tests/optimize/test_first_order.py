"""What every optimizer keeps that is told how long a step is."""

import pytest
from problems import Quadratics

from vidstyle.config import StyleConfig
from vidstyle.optimize.slots import make_optimizer

first_order = pytest.mark.parametrize("optimizer", ["adam", "momentum", "langevin"])


@first_order
def test_a_step_that_decays_is_carried_up(optimizer):
    config = StyleConfig(
        optimizer=optimizer,
        lr=0.1,
        lr_decay="staircase",
        lr_decay_rate=0.1,
        lr_decay_every=5,
        temperature=0,
    )
    problem = Quadratics(1)
    moved = {}
    for taken in (0, 5):
        smaller = make_optimizer(problem.start, config, problem.hessian)
        for _ in range(taken):
            smaller.step(problem.start, *problem(problem.start))
        fine = make_optimizer(problem.start, config, problem.hessian)
        fine.warm_start(0, problem.start[0], smaller)
        change = fine.step(problem.start, *problem(problem.start)) - problem.start
        moved[taken] = change.square().mean().sqrt().item()
    assert moved[5] == pytest.approx(moved[0] / 10, rel=1e-6)


@first_order
def test_a_step_halves_with_each_loss_that_is_not_finite_until_it_is_reset(optimizer):
    config = StyleConfig(optimizer=optimizer, temperature=0)
    problem = Quadratics(1)
    start = problem.start

    def length(made, factor=1.0):
        losses, gradients = problem(start)
        change = made.step(start, losses * factor, gradients) - start
        return change.square().mean().sqrt().item()

    made = make_optimizer(start, config, problem.hessian)
    first = length(made)
    lost = [length(made, float("nan")) for _ in range(2)]
    assert lost == pytest.approx([first / 2, first / 4])
    finer = make_optimizer(start, config, problem.hessian)
    finer.warm_start(0, start[0], made)
    assert length(finer) == pytest.approx(first / 4)
    finer.reset(0, start[0])
    assert length(finer) == pytest.approx(first)
