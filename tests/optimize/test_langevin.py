import math
from dataclasses import replace

import pytest
import torch
from problems import SHAPE, Quadratics, run

from vidstyle.config import StyleConfig
from vidstyle.devices import seeded_generator
from vidstyle.optimize.first_order import MOMENTUM, Langevin, StepSize

CONFIG = StyleConfig(optimizer="langevin")
CONSTANT = StepSize(lr=0.02, decay="none", rate=1, every=1)
SIZE = math.prod(SHAPE)


def make(images, *, seed=0, temperature=1.0):
    return Langevin(images, step_size=CONSTANT, temperature=temperature, seed=seed)


def first_push(frame=0, *, seed=0, temperature=1.0, loss=1.0):
    """The first step less that without noise, in units of a step without momentum."""
    images, slope = torch.zeros(1, *SHAPE), torch.ones(1, *SHAPE)
    moved = []
    for heat in (temperature, 0):
        optimizer = make(images, seed=seed, temperature=heat)
        optimizer.reset(0, images[0], frame=frame)
        moved.append(optimizer.step(images, torch.full((1,), loss), slope))
    return (moved[0] - moved[1])[0] / (1 - MOMENTUM)


def test_without_heat_it_is_momentum():
    problem = Quadratics(2)
    ours, theirs = (
        run(replace(CONFIG, optimizer=name, temperature=0, lr=0.02), problem, 20).images
        for name in ("langevin", "momentum")
    )
    assert torch.equal(ours, theirs)


def test_noise_is_that_of_the_temperature():
    drawn = torch.randn(
        SHAPE, generator=seeded_generator(0, -1), dtype=torch.float64
    ).float()
    # The variance is twice step size times temperature over the gradient's RMS, here 1.
    deviation = math.sqrt(2 * 0.02 * 0.1 * 1.0 / SIZE)
    torch.testing.assert_close(first_push(temperature=0.1), deviation * drawn)
    # But never more than the descent.
    torch.testing.assert_close(first_push(loss=1e6), 0.02 * drawn)


def test_noise_depends_on_seed_and_frame_alone():
    mine = first_push(5, seed=1)
    assert torch.equal(mine, first_push(5, seed=1))
    for other in (first_push(6, seed=1), first_push(5, seed=2)):
        assert (mine - other).abs().mean() > 0.001
    # A random start has drawn its noise from the same seed and frame.
    start = torch.randn(SHAPE, generator=seeded_generator(1, 5), dtype=torch.float64)
    pair = torch.stack([mine.flatten(), start.float().flatten()])
    assert abs(pair.corrcoef()[0, 1]) < 0.3


def test_noise_is_annealed():
    images, slope = torch.zeros(1, *SHAPE), torch.zeros(1, *SHAPE)
    slope[0, 0, 0, 0] = 1
    hot, cold = make(images, temperature=0.01), make(images, temperature=0)
    noises, before = [], torch.zeros_like(images)
    for _ in range(200):
        steps = [each.step(images, torch.ones(1), slope) for each in (hot, cold)]
        velocity = steps[0] - steps[1]
        noises.append((velocity - MOMENTUM * before).std().item())
        before = velocity
    first, last = sum(noises[:10]) / 10, sum(noises[-10:]) / 10
    # The temperature falls with 1 / t, and the noise with its root.
    roots = [
        sum(t**-0.5 for t in span) / 10 for span in (range(1, 11), range(191, 201))
    ]
    assert first / last == pytest.approx(roots[0] / roots[1], rel=0.1)


def test_each_sample_of_a_batch_has_its_own_noise():
    images, slope = torch.zeros(2, *SHAPE), torch.ones(2, *SHAPE)
    optimizer = make(images)
    for sample in range(2):
        optimizer.reset(sample, images[sample], frame=sample + 3)
    moved = optimizer.step(images, torch.ones(2), slope)
    assert not torch.equal(*moved)
    alone = make(images[:1])
    alone.reset(0, images[0], frame=4)
    only = alone.step(images[:1], torch.ones(1), slope[:1])
    torch.testing.assert_close(only[0], moved[1])
