import pytest
import torch
from problems import SHAPE, Quadratics, run

from vidstyle.config import StyleConfig
from vidstyle.optimize.first_order import Adam, StepSize


def test_adam_finds_the_minimum_of_every_sample():
    problem = Quadratics(3)
    config = StyleConfig(
        optimizer="adam", lr_decay="staircase", lr_decay_rate=0.9, lr_decay_every=20
    )
    best = run(config, problem, 400)
    assert (best.images - problem.minima).abs().max() < 1e-3


def test_adam_returns_to_the_best_after_a_loss_that_is_not_finite():
    problem = Quadratics(1)
    images = problem.start
    constant = StepSize(lr=0.03, decay="none", rate=1, every=1)
    optimizer = Adam(images, step_size=constant)
    for step in range(5):
        losses, gradients = problem(images)
        if step == 4:
            losses, gradients = losses * float("nan"), gradients * float("nan")
        images = optimizer.step(images, losses, gradients)
    assert images.isfinite().all()
    step_taken = (images - optimizer.best.images).abs().max().item()
    assert step_taken == pytest.approx(0.03 / 2, rel=1e-3)


def test_adam_takes_smaller_steps_on_each_stair():
    images = torch.zeros(1, *SHAPE)
    stairs = StepSize(lr=0.1, decay="staircase", rate=0.5, every=2)
    optimizer = Adam(images, step_size=stairs)
    gradients, lengths = torch.ones_like(images), []
    for _ in range(5):
        moved = optimizer.step(images, torch.ones(1), gradients)
        lengths.append((images - moved).mean().item())
        images = moved
    assert lengths == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025], rel=1e-4)
