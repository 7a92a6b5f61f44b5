import pytest
import torch

from vidstyle.optimizers.adam import Adam
from vidstyle.optimizers.best import rms
from vidstyle.optimizers.lbfgs import FIRST_STEP_RMS, LARGEST_STEP_RMS, LBFGS

SHAPE = (3, 6, 7)


def quadratics(samples, *, condition=50.0, seed=0, dtype=torch.float64):
    """Per-sample diagonal quadratics with known minima and very different scales."""
    generator = torch.Generator().manual_seed(seed)
    minima = torch.rand(samples, *SHAPE, generator=generator, dtype=dtype)
    curves = 1 + (condition - 1) * torch.rand(
        samples, *SHAPE, generator=generator, dtype=dtype
    )
    scales = torch.logspace(-3, 3, samples, dtype=dtype).reshape(-1, 1, 1, 1)

    def evaluate(images):
        errors = images - minima
        losses = (scales * curves * errors.square()).flatten(1).sum(1) / 2
        # Like a style loss, it does not end at 0.
        return losses + scales.flatten() * 10, scales * curves * errors

    return minima, evaluate


def lbfgs(images):
    return LBFGS(images, history=10)


def adam(images):
    return Adam(images, lr=0.03, lr_decay=0.9, lr_decay_every=20)


def run(make, evaluate, images, steps):
    optimizer = make(images)
    for _ in range(steps):
        losses, gradients = evaluate(images)
        images = optimizer.step(images, losses, gradients)
    return optimizer.best


def test_lbfgs_finds_the_minimum_of_every_sample():
    minima, evaluate = quadratics(4)
    best = run(lbfgs, evaluate, torch.full_like(minima, 0.5), 80)
    assert (best.images - minima).abs().max() < 1e-6


def test_adam_finds_the_minimum_of_every_sample():
    minima, evaluate = quadratics(3)
    best = run(adam, evaluate, torch.full_like(minima, 0.5), 400)
    assert (best.images - minima).abs().max() < 1e-3


def test_lbfgs_needs_fewer_steps_than_adam_on_a_badly_scaled_problem():
    minima, evaluate = quadratics(1, condition=1000)
    start = torch.full_like(minima, 0.5)
    errors = [
        (run(make, evaluate, start, 60).images - minima).norm()
        for make in (lbfgs, adam)
    ]
    assert errors[0] < errors[1] / 10


def test_two_loop_by_inner_products_is_the_textbook_recursion():
    minima, evaluate = quadratics(1)
    optimizer = LBFGS(torch.full_like(minima, 0.5), history=4)
    images = torch.full_like(minima, 0.5)
    pairs, last = [], None
    for _ in range(7):
        losses, gradients = evaluate(images)
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


@pytest.mark.parametrize("make", [lbfgs, adam])
def test_neighbours_do_not_change_a_sample_by_one_bit(make):
    _, evaluate = quadratics(3, dtype=torch.float32)
    generator = torch.Generator().manual_seed(1)
    mine = torch.rand(1, *SHAPE, generator=generator)
    results = []
    for _ in range(2):
        others = torch.rand(2, *SHAPE, generator=generator)
        images = torch.cat([others[:1], mine, others[1:]])
        results.append(run(make, evaluate, images, 30).images[1])
    assert torch.equal(*results)


@pytest.mark.parametrize("make", [lbfgs, adam])
def test_a_batch_agrees_with_each_sample_alone(make):
    minima, evaluate = quadratics(3)
    start = torch.full_like(minima, 0.5)
    together = run(make, evaluate, start, 30).images
    for sample in range(3):

        def alone(images, sample=sample):
            losses, gradients = evaluate(images.expand(3, *SHAPE))
            return losses[sample : sample + 1], gradients[sample : sample + 1]

        single = run(make, alone, start[sample : sample + 1], 30).images[0]
        # The acceptance rule of the design: 1e-6 after 30 steps in float64.
        assert (single - together[sample]).abs().max() < 1e-6


@pytest.mark.parametrize("make", [lbfgs, adam])
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_scaling_the_loss_changes_nothing_but_rounding(make, factor):
    minima, evaluate = quadratics(2)
    start = torch.full_like(minima, 0.5)

    def scaled(images):
        losses, gradients = evaluate(images)
        return factor * losses, factor * gradients

    plain = run(make, evaluate, start, 25).images
    # float64 rounds at 1e-16; the curvature history amplifies that from step to step.
    assert (run(make, scaled, start, 25).images - plain).abs().max() < 1e-6


def test_the_first_step_has_its_length_and_none_is_longer_than_the_cap():
    minima, evaluate = quadratics(2, condition=1000)
    images = torch.full_like(minima, 5.0)  # far away: uncapped steps would be long
    optimizer = LBFGS(images, history=10)
    lengths = []
    for _ in range(12):
        losses, gradients = evaluate(images)
        moved = optimizer.step(images, losses, gradients)
        lengths.append(rms(moved - images))
        images = moved
    torch.testing.assert_close(
        lengths[0], torch.full_like(lengths[0], FIRST_STEP_RMS), rtol=1e-9, atol=0
    )
    assert torch.stack(lengths).max() <= LARGEST_STEP_RMS * (1 + 1e-9)
    assert torch.stack(lengths).max() > 0.99 * LARGEST_STEP_RMS


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_lbfgs_returns_to_the_best_after_a_bad_loss_and_leaves_others_alone(bad):
    minima, evaluate = quadratics(2)
    start = torch.full_like(minima, 0.5)
    undisturbed = run(lbfgs, evaluate, start, 40)
    optimizer, images = LBFGS(start, history=10), start
    for step in range(60):
        losses, gradients = evaluate(images)
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
    assert (optimizer.best.images[0] - minima[0]).abs().max() < 1e-6


def test_adam_returns_to_the_best_after_a_loss_that_is_not_finite():
    minima, evaluate = quadratics(1)
    optimizer, images = adam(torch.full_like(minima, 0.5)), torch.full_like(minima, 0.5)
    for step in range(5):
        losses, gradients = evaluate(images)
        if step == 4:
            losses, gradients = losses * float("nan"), gradients * float("nan")
        images = optimizer.step(images, losses, gradients)
    assert images.isfinite().all()
    step_taken = (images - optimizer.best.images).abs().max().item()
    assert step_taken == pytest.approx(0.03 / 2, rel=1e-3)


def test_adam_takes_smaller_steps_on_each_stair():
    images = torch.zeros(1, *SHAPE)
    optimizer = Adam(images, lr=0.1, lr_decay=0.5, lr_decay_every=2)
    gradients, lengths = torch.ones_like(images), []
    for _ in range(5):
        moved = optimizer.step(images, torch.ones(1), gradients)
        lengths.append((images - moved).mean().item())
        images = moved
    assert lengths == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025], rel=1e-4)


@pytest.mark.parametrize("make", [lbfgs, adam])
def test_a_reset_sample_starts_as_if_new(make):
    minima, evaluate = quadratics(2)
    start = torch.full_like(minima, 0.5)
    fresh = run(make, evaluate, start, 15)
    optimizer, images = make(start), start
    for step in range(25):
        if step == 10:
            images = images.clone()
            images[1] = start[1]
            optimizer.reset(1, start[1])
        losses, gradients = evaluate(images)
        images = optimizer.step(images, losses, gradients)
    assert torch.equal(optimizer.best.images[1], fresh.images[1])


@pytest.mark.parametrize("make", [lbfgs, adam])
def test_a_sample_at_its_minimum_stays_there(make):
    images = torch.full((1, *SHAPE), 0.5)
    moved = make(images).step(images, torch.zeros(1), torch.zeros_like(images))
    assert torch.equal(moved, images)
