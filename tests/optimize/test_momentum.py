import pytest
import torch
from problems import SHAPE, Quadratics

from vidstyle.optimize.first_order import Momentum, StepSize
from vidstyle.optimize.optimizer import rms

CONSTANT = StepSize(lr=0.1, decay="none", rate=1, every=1)


def test_steps_along_one_slope_grow_to_the_step_size():
    images = torch.zeros(2, *SHAPE, dtype=torch.float64)
    slope = torch.randn(2, *SHAPE, dtype=torch.float64)
    optimizer, lengths = Momentum(images, step_size=CONSTANT), []
    for _ in range(3):
        moved = optimizer.step(images, torch.ones(2), slope)
        lengths.append(rms(moved - images)[1].item())
        images = moved
    assert lengths == pytest.approx([0.01, 0.019, 0.0271])  # 1 - 0.9^t tenths


def test_the_step_decays():
    images = torch.zeros(1, *SHAPE)
    halved = StepSize(lr=0.1, decay="staircase", rate=0.5, every=1)
    optimizer = Momentum(images, step_size=halved)
    slope = torch.ones_like(images)
    first = optimizer.step(images, torch.ones(1), slope)
    second = optimizer.step(first, torch.ones(1), slope)
    assert first.mean().item() == pytest.approx(-0.01)
    assert (second - first).mean().item() == pytest.approx(-0.014)


def test_a_loss_that_is_not_finite_halves_the_step_and_stops_the_movement():
    problem = Quadratics(1)
    images = problem.start
    optimizer = Momentum(images, step_size=CONSTANT)
    for _ in range(3):
        images = optimizer.step(images, *problem(images))
    losses, gradients = problem(images)
    moved = optimizer.step(images, losses * float("nan"), gradients)
    length = rms(moved - optimizer.best.images).item()
    assert length == pytest.approx(0.1 * 0.1 / 2)
