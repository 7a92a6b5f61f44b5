import pytest
import torch
from problems import Quadratics, run

from vidstyle.config import StyleConfig
from vidstyle.optimize.optimizer import rms
from vidstyle.optimize.second_order import (
    FIRST_STEP_RMS,
    GENTLE,
    LARGEST_STEP_RMS,
    LBFGS,
)

LBFGS_CONFIG = StyleConfig(optimizer="lbfgs")


def test_lbfgs_finds_the_minimum_of_every_sample():
    problem = Quadratics(4)
    best = run(LBFGS_CONFIG, problem, 80)
    assert (best.images - problem.minima).abs().max() < 1e-6


@pytest.mark.parametrize("other", ["adam", "momentum"])
def test_lbfgs_needs_fewer_steps_on_a_badly_scaled_problem(other):
    problem = Quadratics(1, condition=1000)
    errors = [
        (run(StyleConfig(optimizer=name), problem, 60).images - problem.minima).norm()
        for name in ("lbfgs", other)
    ]
    assert errors[0] < errors[1] / 10


def test_two_loop_by_inner_products_is_the_textbook_recursion():
    problem = Quadratics(1)
    images = problem.start
    optimizer = LBFGS(images, history=4)
    pairs, last = [], None
    for _ in range(7):
        losses, gradients = problem(images)
        if last is not None:
            pairs.append(
                ((images - last[0]).flatten(), (gradients - last[1]).flatten())
            )
        last = (images, gradients)
        images = optimizer.step(images, losses, gradients)
    direction, alphas = last[1].flatten().clone(), []
    for step, change in reversed(pairs[-4:]):
        alphas.append(step @ direction / (step @ change))
        direction -= alphas[-1] * change
    step, change = pairs[-1]
    direction *= step @ change / (change @ change)
    for (step, change), alpha in zip(pairs[-4:], reversed(alphas), strict=True):
        direction += (alpha - change @ direction / (step @ change)) * step
    taken = (images - last[0]).flatten()
    torch.testing.assert_close(taken, -direction, rtol=1e-9, atol=1e-12)


def test_a_gentle_beginning_takes_a_shorter_first_step():
    problem = Quadratics(2)
    optimizer = LBFGS(problem.start, history=4)
    optimizer.begin_gently(1)
    moved = optimizer.step(problem.start, *problem(problem.start)) - problem.start
    usual, gentle = moved.flatten(1).square().mean(dim=1).sqrt().tolist()
    assert gentle / usual == pytest.approx(GENTLE)


def test_the_first_step_has_its_length_and_none_is_longer_than_the_cap():
    problem = Quadratics(2, condition=1000)
    # Far away: uncapped steps would be long.
    images = torch.full_like(problem.minima, 5.0)
    optimizer = LBFGS(images, history=10)
    lengths = []
    for _ in range(12):
        moved = optimizer.step(images, *problem(images))
        lengths.append(rms(moved - images))
        images = moved
    torch.testing.assert_close(
        lengths[0], torch.full_like(lengths[0], FIRST_STEP_RMS), rtol=1e-9, atol=0
    )
    assert torch.stack(lengths).max() <= LARGEST_STEP_RMS * (1 + 1e-9)
    assert torch.stack(lengths).max() > 0.99 * LARGEST_STEP_RMS


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_lbfgs_returns_to_the_best_after_a_bad_loss_and_leaves_others_alone(bad):
    problem = Quadratics(2)
    undisturbed = run(LBFGS_CONFIG, problem, 40)
    images = problem.start
    optimizer = LBFGS(images, history=10)
    for step in range(60):
        losses, gradients = problem(images)
        if step == 10:
            before = optimizer.best.images[0].clone()
            losses[0] = bad * losses[0].abs()
            gradients[0] = float("nan")
        moved = optimizer.step(images, losses, gradients)
        if step == 10:
            # Back at the best, then half an uninformed step along its gradient.
            length = rms(moved[:1] - before).item()
            assert length == pytest.approx(FIRST_STEP_RMS / 2)
        images = moved
        if step == 39:
            assert torch.equal(optimizer.best.images[1], undisturbed.images[1])
    assert (optimizer.best.images[0] - problem.minima[0]).abs().max() < 1e-6


def test_lbfgs_sent_back_twice_without_a_gain_takes_a_shorter_step_each_time():
    problem = Quadratics(1)
    best = problem.start
    optimizer = LBFGS(best, history=10)
    lengths, images = [], best
    for factor in (1, 2, 1.2, 2, 1.2, 2):  # of the best loss; above 1.5 it goes back
        _, gradients = problem(images)
        losses = torch.tensor([float(factor)], dtype=images.dtype)
        images = optimizer.step(images, losses, gradients)
        if factor != 1.2:
            lengths.append(rms(images - best).item() / FIRST_STEP_RMS)
    assert lengths == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8])
