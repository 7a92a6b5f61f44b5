"""Sizes, shares of steps, and frames that go from size to size."""

from dataclasses import replace

import pytest
import torch
from batches import optimize_batch
from torch.nn import functional

from vidstyle.config import StyleConfig
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.pyramid import (
    LEAST_SIDE,
    enlarged,
    factors,
    picture_work,
    shared_steps,
)
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target

pytestmark = pytest.mark.slow

SIZES = ((16, 24), (23, 34), (32, 48))
"""Of the pictures, coarsest first."""


def climbing_job(network, picture, style, *, frame=0, steps=(4, 3, 2), config=None):
    """A frame that is painted in three sizes."""
    config = config or StyleConfig()
    coarser = ()
    for size, share in zip(SIZES, steps, strict=True):
        small, painting = (
            functional.adaptive_avg_pool2d(each, size) for each in (picture, style)
        )
        job = FrameTask(
            frame=frame,
            start=small,
            content=content_target(network, small, config),
            steps=share,
            style=style_target(network, painting, config),
            coarser=coarser,
        )
        coarser += (job,)
    return job


def test_sizes_shrink_by_the_root_of_two_as_far_as_there_is_room():
    assert factors(1, 1000) == []
    assert factors(4, 1000) == pytest.approx([8**-0.5, 0.5, 0.5**0.5])
    assert factors(20, 2 * LEAST_SIDE) == pytest.approx([0.5, 0.5**0.5])
    assert factors(5, LEAST_SIDE) == []


@pytest.mark.parametrize(("total", "levels"), [(300, 5), (10, 3), (3, 3), (7, 1)])
def test_steps_are_shared_out_without_a_rest(total, levels):
    shares = shared_steps(total, levels)
    assert sum(shares) == total
    assert len(shares) == levels
    assert min(shares) >= 1
    assert shares == sorted(shares, reverse=True)


def test_the_coarsest_size_gets_three_times_the_steps_of_the_largest():
    assert shared_steps(300, 5) == [90, 75, 60, 45, 30]


def test_smaller_sizes_take_less_time():
    # At 0.25, 0.3, 0.4, 0.6 and 1 of the time of a step in full size.
    assert picture_work(300, 5, 1000) == pytest.approx(126)
    assert picture_work(300, 1, 1000) == picture_work(300, 5, LEAST_SIDE) == 300
    assert picture_work(0, 5, 1000) == 0


def test_a_picture_keeps_its_colors_and_place_when_it_is_enlarged():
    ramp = torch.linspace(0, 1, 10).repeat(1, 3, 8, 1)
    large = enlarged(ramp, torch.empty(1, 3, 11, 14))
    assert large.shape == (1, 3, 11, 14)
    assert large.mean() == pytest.approx(0.5, abs=1e-4)
    assert (large + large.flip(-1) - 1).abs().max() < 1e-5
    same = enlarged(ramp, ramp)
    assert torch.equal(same, ramp)
    assert same is not ramp


def test_a_frame_goes_from_size_to_size_and_its_steps_are_counted_through(
    network, pictures
):
    job = climbing_job(network, pictures[:1], pictures[3:])
    heard = []
    (result,) = optimize_batch(
        network,
        job.style,
        StyleConfig(),
        [job],
        on_step=lambda report, image: heard.append((report, image.shape)),
    )
    reports = [report for report, _ in heard]
    assert [report.step for report in reports] == list(range(1, 10))
    assert [report.evaluations for report in reports] == list(range(1, 10))
    assert {report.steps for report in reports} == {9}
    assert [report.level for report in reports] == [1] * 4 + [2] * 3 + [3] * 2
    assert {report.levels for report in reports} == {3}
    assert {shape for _, shape in heard} == {(1, 3, 32, 48)}
    works = [0.2 + 0.8 * height * width / (32 * 48) for height, width in SIZES]
    assert reports[0].work == pytest.approx(works[0])
    assert reports[0].work_left == pytest.approx(3 * works[0] + 3 * works[1] + 2)
    assert reports[-1].work_left == 0
    assert result.shape == (1, 3, 32, 48)


def test_what_a_small_size_changed_is_added_to_the_next_ones_start(network, pictures):
    job = climbing_job(network, pictures[:1], pictures[3:], steps=(5, 0, 0))
    small, large = job.coarser[0], replace(job, coarser=job.coarser[:1], steps=1)
    config = StyleConfig()
    (painted,) = optimize_batch(network, small.style, config, [small])
    # The best of one step is its start.
    (found,) = optimize_batch(network, large.style, config, [large])
    expected = large.start + enlarged(painted - small.start, large.start)
    assert (found - expected).abs().max() < 1e-6
    assert (found - large.start).abs().max() > 0.01


# Of every optimizer, test_optimizer checks that none touches another's sample.
@pytest.mark.parametrize("optimizer", ["lbfgs", "newton-cg"])
def test_neighbors_at_other_sizes_do_not_change_a_frame_by_one_bit(
    network, pictures, optimizer
):
    config = StyleConfig(optimizer=optimizer)
    mine = climbing_job(network, pictures[:1], pictures[3:], config=config)
    whole = replace(
        climbing_job(network, pictures[1:2], pictures[3:], frame=1, config=config),
        coarser=(),
        steps=7,
    )
    late = climbing_job(
        network, pictures[2:3], pictures[3:], frame=1, steps=(1, 5, 1), config=config
    )
    results = [
        optimize_batch(network, mine.style, config, [mine, other])[0]
        for other in (whole, late)
    ]
    assert torch.equal(*results)


def test_a_slot_takes_the_next_frame_as_if_it_were_the_first(network, pictures):
    config = StyleConfig()
    jobs = [climbing_job(network, pictures[i : i + 1], pictures[3:]) for i in range(2)]
    (fresh,) = optimize_batch(network, jobs[1].style, config, jobs[1:])
    batch = BatchOptimization(network, jobs[0].style, config)
    for job in jobs:
        assert batch.idle == [0]
        batch.load(0, job)
        while batch.is_busy:
            if batch.step()[0][1]:
                painted = batch.result(0)
                batch.release(0)
    assert torch.equal(painted, fresh)


def test_a_frame_that_has_settled_goes_on_at_the_next_size(network, pictures):
    config = StyleConfig(
        style_weight=0, tv_weight=0, content_weight=1, min_steps=2, patience=2
    )
    # Each size starts at its optimum.
    job = climbing_job(network, pictures[:1], pictures[3:], steps=(50,) * 3)
    reports = []
    optimize_batch(
        network, job.style, config, [job], on_step=lambda r, _: reports.append(r)
    )
    steps = {level: [r for r in reports if r.level == level] for level in (1, 2, 3)}
    assert {len(each) for each in steps.values()} == {7}
    assert [r.step for r in reports] == list(range(1, 22))
    # What is left at one size lapses.
    assert [each[0].steps for each in steps.values()] == [150, 107, 64]


@pytest.mark.parametrize("style_loss", ["meanstd", "swd", "wasserstein"])
def test_every_style_loss_has_targets_in_all_sizes(network, pictures, style_loss):
    config = StyleConfig(style_loss=style_loss)
    job = climbing_job(network, pictures[:1], pictures[3:], config=config)
    reports = []
    optimize_batch(
        network, job.style, config, [job], on_step=lambda r, _: reports.append(r)
    )
    assert reports[3].loss < reports[0].loss


def test_regions_are_guided_in_all_sizes(network, pictures):
    job = climbing_job(network, pictures[:1], pictures[3:])
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., :24] = 1
    levels = [
        replace(
            each, mask=functional.adaptive_avg_pool2d(mask, tuple(each.start.shape[2:]))
        )
        for each in job.coarser
    ]
    guided = replace(job, mask=mask, coarser=tuple(levels))
    half, whole = (
        optimize_batch(network, job.style, StyleConfig(), [each])[0]
        for each in (guided, job)
    )
    assert not torch.equal(half, whole)
