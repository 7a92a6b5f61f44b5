import pytest
import torch
from problems import Quadratics, run

from vidstyle.config import StyleConfig
from vidstyle.optimize.optimizer import rms
from vidstyle.optimize.second_order import (
    FIRST_RADIUS,
    LARGEST_RADIUS,
    MOST_PRODUCTS,
    RESIDUAL,
    NewtonCG,
)

CONFIG = StyleConfig(optimizer="newton-cg")


class Saddle(Quadratics):
    """Bends downwards along half of the pixels, with a wall far away."""

    def __init__(self):
        super().__init__(1)
        self.curves[..., ::2] *= -1

    def __call__(self, images):
        losses, gradients = super().__call__(images)
        errors = images - self.minima
        wall = errors.pow(4)
        return losses + wall.flatten(1).sum(1), gradients + 4 * errors.pow(3)

    def hessian(self, images):
        bend = 12 * (images - self.minima).square()
        return lambda vectors: (self.curves + bend) * vectors


def test_it_finds_the_minimum_of_every_sample():
    problem = Quadratics(4)
    best = run(CONFIG, problem, 40)
    assert (best.images - problem.minima).abs().max() < 1e-6


def test_well_inside_the_region_the_linear_system_is_solved():
    problem = Quadratics(2)
    images = problem.minima + 1e-4
    optimizer = NewtonCG(images, hessian=problem.hessian)
    moved = optimizer.step(images, *problem(images))
    before, after = (problem(at)[1].flatten(1).norm(dim=1) for at in (images, moved))
    assert (after <= RESIDUAL * before).all()
    assert all(0 < used <= MOST_PRODUCTS for used in optimizer.products)


def test_steps_end_at_the_border_and_the_region_grows_up_to_its_cap():
    problem = Quadratics(2)
    images = torch.full_like(problem.minima, 5.0)
    optimizer = NewtonCG(images, hessian=problem.hessian)
    lengths = []
    for _ in range(8):
        moved = optimizer.step(images, *problem(images))
        lengths.append(rms(moved - images)[0].item())
        images = moved
    growing = [min(FIRST_RADIUS * 2**step, LARGEST_RADIUS) for step in range(8)]
    assert lengths == pytest.approx(growing)


def test_it_leaves_a_saddle():
    problem = Saddle()
    start = problem.minima + 1e-3  # where half of the curvature is negative
    best = run(CONFIG, problem, 60, start)
    slopes = problem(best.images)[1]
    assert slopes.norm() < 1e-3 * problem(start)[1].norm()
    bend = problem.hessian(best.images)(torch.ones_like(start))
    assert (bend > 0).all()


def test_a_step_that_does_not_lower_the_loss_is_taken_back_and_shortened():
    problem = Quadratics(2, condition=1000)
    images = problem.start
    optimizer = NewtonCG(images, hessian=problem.hessian)
    for _ in range(3):
        images = optimizer.step(images, *problem(images))
    losses, gradients = problem(images)
    best, before = optimizer.best.images.clone(), rms(images - optimizer.best.images)
    losses[0] = 2 * optimizer.best.losses[0]
    moved = optimizer.step(images, losses, gradients)
    assert torch.equal(optimizer.best.images[0], best[0])
    length = rms(moved - optimizer.best.images)[0].item()
    assert length == pytest.approx(before[0].item() / 4)


def test_without_second_derivatives_it_goes_downhill():
    problem = Quadratics(1)

    def nothing(_):
        return lambda vectors: vectors * float("nan")

    images = problem.start
    optimizer = NewtonCG(images, hessian=nothing)
    losses, gradients = problem(images)
    moved = optimizer.step(images, losses, gradients)
    assert rms(moved - images).item() == pytest.approx(FIRST_RADIUS)
    cosine = torch.cosine_similarity(-(moved - images), gradients, dim=1)
    assert ((moved - images) * gradients).sum() < 0
    assert cosine.min() == pytest.approx(1)
