import copy
import json
from dataclasses import replace
from typing import get_args

import pytest
import torch
from batches import optimize_batch
from torch.overrides import TorchFunctionMode

from vidstyle.config import OptimizerName, StyleConfig
from vidstyle.errors import OptimizationError
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.pyramid import fitted_image, random_image
from vidstyle.optimize.slots import FrameTask, Progress
from vidstyle.optimize.targets import content_target, style_target

pytestmark = pytest.mark.slow

ENOUGH = {"newton-cg": 3}
"""Steps that show a rule, where thirty would take a minute."""
both_kinds = pytest.mark.parametrize("optimizer", ["lbfgs", "newton-cg"])
"""What asks the objective for gradients alone, and what asks for curvature, too.

``test_optimizer`` checks the same of every optimizer, on problems without a network.
"""


def job(network, picture, *, frame=0, steps=10, config=None, **temporal):
    content = content_target(network, picture, config or StyleConfig())
    return FrameTask(
        frame=frame, start=picture.clone(), content=content, steps=steps, **temporal
    )


def paint(network, pictures, jobs, *, temporal_weight=0.0, on_step=None, **settings):
    config = StyleConfig(**settings)
    style = style_target(network, pictures[3:], config)
    return optimize_batch(
        network, style, config, jobs, temporal_weight=temporal_weight, on_step=on_step
    )


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
def test_the_loss_falls_to_a_fraction(network, pictures, optimizer):
    reports = []
    paint(
        network,
        pictures,
        [job(network, pictures[:1], steps=8 if optimizer == "newton-cg" else 40)],
        optimizer=optimizer,
        tv_weight=0.01,  # these tiny pictures are all edges
        on_step=lambda report, _: reports.append(report),
    )
    assert [report.step for report in reports] == list(range(1, len(reports) + 1))
    assert min(report.loss for report in reports) < reports[0].loss / 5
    last = reports[-1]
    assert last.loss == pytest.approx(sum(last.losses.values()), rel=1e-5)
    json.dumps(last.losses)


@both_kinds
def test_neighbors_in_the_batch_do_not_change_a_frame_by_one_bit(
    network, pictures, optimizer
):
    steps, results = ENOUGH.get(optimizer, 15), []
    mine = job(network, pictures[:1], steps=steps)
    for other, its_steps in ((pictures[1], steps), (pictures[2], 2)):
        jobs = [mine, job(network, other[None], frame=1, steps=its_steps)]
        results.append(paint(network, pictures, jobs, optimizer=optimizer)[0])
    assert torch.equal(*results)


@both_kinds
def test_a_batch_agrees_with_each_frame_alone_in_float64(network, pictures, optimizer):
    double, images = copy.deepcopy(network).double(), pictures.double()
    steps = ENOUGH.get(optimizer, 30)
    jobs = [job(double, images[i : i + 1], frame=i, steps=steps) for i in range(2)]
    together = paint(double, images, jobs, optimizer=optimizer)
    for single, batched in zip(jobs, together, strict=True):
        (alone,) = paint(double, images, [single], optimizer=optimizer)
        assert (alone - batched).abs().max() < 1e-6  # the design's rule (ii)


def test_a_full_run_in_a_batch_ends_at_the_same_losses(network, pictures):
    # Large enough for the losses to be smooth: at 32x48 they differ by 2 %.
    large = torch.nn.functional.interpolate(pictures, (64, 96), mode="bicubic")
    pictures = large.clamp(0, 1)
    jobs = [job(network, pictures[i : i + 1], frame=i, steps=100) for i in range(2)]
    best = {}

    def keep(kind):
        def on_step(report, _):
            key = kind, report.frame
            best[key] = min(report.loss, best.get(key, report.loss))

        return on_step

    paint(network, pictures, jobs, on_step=keep("together"))
    paint(network, pictures, jobs[:1], on_step=keep("alone"))
    ratio = best["together", 0] / best["alone", 0]
    assert ratio == pytest.approx(1, abs=0.01)  # the design's rule (iii)


@both_kinds
def test_scaling_all_weights_gives_the_same_pixels(network, pictures, optimizer):
    double, images = copy.deepcopy(network).double(), pictures.double()
    plain = StyleConfig()
    weights = {
        f"{name}_weight": 1e3 * getattr(plain, f"{name}_weight")
        for name in ("content", "style", "tv", "range")
    }
    work = job(double, images[:1], steps=ENOUGH.get(optimizer, 30))
    (expected,) = paint(double, images, [work], optimizer=optimizer)
    (found,) = paint(double, images, [work], optimizer=optimizer, **weights)
    assert (found - expected).abs().max() < 1e-6


def test_products_with_the_hessian_count_as_evaluations(network, pictures):
    for optimizer, least in (("adam", 1), ("newton-cg", 2)):
        reports = []
        paint(
            network,
            pictures,
            [job(network, pictures[:1], steps=3)],
            optimizer=optimizer,
            on_step=lambda report, _, kept=reports: kept.append(report),
        )
        assert [report.step for report in reports] == [1, 2, 3]
        counts = [report.evaluations for report in reports]
        assert all(
            (after - before >= least) if least > 1 else (after - before == 1)
            for before, after in zip([0, *counts], counts, strict=False)
        )


def test_the_best_picture_is_returned_and_not_the_last(network, pictures):
    losses, seen = [], []

    def on_step(report, image):
        losses.append(report.loss)
        seen.append(image)

    # Adam with far too long a step goes up and down.
    (result,) = paint(
        network,
        pictures,
        [job(network, pictures[:1], steps=25)],
        optimizer="adam",
        lr=0.6,
        on_step=on_step,
    )
    assert losses[-1] > min(losses)
    assert torch.equal(result, seen[losses.index(min(losses))])


def test_a_frame_that_gains_nothing_stops_early_but_not_before_min_steps():
    progress = Progress(StyleConfig())
    for step in range(40):
        progress.add(1.0 / (step + 1))
        assert not progress.has_settled
    for _ in range(20):
        progress.add(1.0)
    assert progress.has_settled


def test_patience_and_min_delta_say_when_a_frame_has_settled():
    steps = {}
    for patience, min_delta in ((5, 0.11), (50, 0.11), (5, 0.4)):
        progress = Progress(StyleConfig(patience=patience, min_delta=min_delta))
        while not progress.has_settled:
            progress.add(1 / (progress.step + 1))
        steps[patience, min_delta] = progress.step
    # Of 1/n, the last of a window against that of the one before: p/n <= gain.
    assert steps == {(5, 0.11): 46, (50, 0.11): 455, (5, 0.4): 13}


def test_min_steps_hold_off_the_early_stop(network, pictures):
    taken = {}
    for least in (20, 35):
        config = StyleConfig(
            min_steps=least, content_weight=1, style_weight=0, tv_weight=0
        )
        style = style_target(network, pictures[3:], config)
        # The content's own picture is the optimum: nothing to gain from the start.
        optimize_batch(
            network,
            style,
            config,
            [job(network, pictures[:1], steps=50, config=config)],
            on_step=lambda report, _, least=least: taken.update({least: report.step}),
        )
    assert taken == {20: 20, 35: 35}


def test_an_early_stop_is_at_a_fifth_step_and_no_neighbor_moves_it(network, pictures):
    settings = {"min_steps": 12, "patience": 4, "min_delta": 0.05}
    mine = job(network, pictures[:1], steps=60)
    last = {}
    for other in (3, 60):
        jobs = [mine, job(network, pictures[1:2], frame=1, steps=other)]
        paint(
            network,
            pictures,
            jobs,
            on_step=lambda report, _, other=other: last.update(
                {(other, report.frame): report.step}
            ),
            **settings,
        )
    stops = {last[other, 0] for other in (3, 60)}
    assert len(stops) == 1
    assert stops < {12, 17, 22, 27, 32, 37, 42, 47, 52, 57}


class Reads(TorchFunctionMode):
    """Count what waits for the device."""

    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        names = {"tolist", "item", "__float__", "__bool__", "__int__", "cpu", "numpy"}
        self.count += getattr(func, "__name__", "") in names
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "momentum", "langevin"])
def test_a_step_waits_for_the_device_only_when_its_losses_are_looked_at(
    network, pictures, optimizer
):
    config = StyleConfig(optimizer=optimizer)
    style = style_target(network, pictures[3:], config)
    batch = BatchOptimization(network, style, config, slots=2)
    for slot in range(2):
        task = job(network, pictures[slot : slot + 1], frame=slot, steps=30)
        batch.load(slot, task)
    batch.step()  # the first loss is checked
    with Reads() as reads:
        reports = [report for _ in range(20) for report, _ in batch.step().values()]
        assert reads.count == 0
        assert all(report.loss > 0 for report in reports[-2:])
        assert all(report.losses["style"] > 0 for report in reports[-2:])
        assert reads.count == 1  # for both


def test_a_frame_ends_when_it_is_as_good_as_it_has_to_be(network, pictures):
    def steps_to(goal, least=1):
        reports = []
        task = job(network, pictures[:1], steps=30, goal=goal, least_steps=least)
        paint(
            network, pictures, [task], on_step=lambda report, _: reports.append(report)
        )
        return [report.own_loss for report in reports]

    losses = steps_to(float("nan"))
    assert len(losses) == 30
    first = next(step for step, loss in enumerate(losses) if loss <= losses[11])
    assert len(steps_to(losses[11])) == first + 1 + (first + 1) % 2
    assert len(steps_to(losses[11], least=20)) == 20
    assert len(steps_to(0.0)) == 30


def test_no_steps_leave_the_start_beside_a_frame_that_takes_some(network, pictures):
    reports = []
    still = job(network, pictures[:1], frame=0, steps=0)
    moved = job(network, pictures[1:2], frame=1, steps=5)
    kept, painted = paint(
        network, pictures, [still, moved], on_step=lambda r, _: reports.append(r)
    )
    assert torch.equal(kept, pictures[:1])
    assert not torch.equal(painted, pictures[1:2])
    assert [report.frame for report in reports] == [1] * 5


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "newton-cg"])
@pytest.mark.parametrize("lost", [range(1, 2), range(2, 4)])
def test_a_frame_whose_loss_is_lost_begins_anew_once_with_shorter_steps(
    network, pictures, monkeypatch, lost, optimizer
):
    evaluate, evaluations = Objective.evaluate, []

    def lossy(objective, images):
        evaluations.append(images.clone())
        found = evaluate(objective, images)
        if len(evaluations) not in lost:
            return found
        return replace(found, losses=found.losses * float("nan"))

    monkeypatch.setattr(Objective, "evaluate", lossy)
    steps = []
    task = job(network, pictures[:1], frame=7, steps=3)
    settings = {"optimizer": optimizer, "on_step": lambda r, _: steps.append(r.step)}
    (painted,) = paint(network, pictures, [task], **settings)
    again = steps.index(1, 1)
    assert steps == [*range(1, again + 1), 1, 2, 3]
    assert torch.equal(evaluations[again], pictures[:1])
    if lost[0] == 2:  # the first step of all had its usual length
        moved = [(evaluations[at + 1] - evaluations[at]).norm() for at in (0, again)]
        assert moved[1] < moved[0] / 4
    assert not torch.equal(painted, pictures[:1])
    lost, evaluations[:] = range(lost[0], 99), []
    with pytest.raises(OptimizationError, match=r"of frame 7 .* even with short"):
        paint(network, pictures, [task], **settings)


def test_the_temporal_term_keeps_a_frame_near_its_predecessor(network, pictures):
    results = {}
    for weight in (0.0, 100.0):
        work = job(
            network,
            pictures[:1],
            steps=30,
            warped=pictures[1:2],
            consistency=torch.ones(1, 1, 32, 48),
        )
        (image,) = paint(network, pictures, [work], temporal_weight=weight)
        results[weight] = (image - pictures[1:2]).square().mean().item()
    assert results[100.0] < results[0.0] / 20


def test_slots_take_new_frames_while_others_go_on(network, pictures):
    config = StyleConfig()
    style = style_target(network, pictures[3:], config)
    batch = BatchOptimization(network, style, config, slots=2)
    batch.load(0, job(network, pictures[:1], frame=7, steps=6))
    assert batch.idle == [1]
    first = batch.step()
    assert {slot: report.frame for slot, (report, _) in first.items()} == {0: 7}
    batch.load(1, job(network, pictures[1:2], frame=8, steps=2))
    results = {}
    while batch.is_busy:
        for slot, (report, is_finished) in batch.step().items():
            if is_finished:
                results[report.frame] = report.step, batch.result(slot)
                batch.release(slot)
    assert {frame: steps for frame, (steps, _) in results.items()} == {7: 6, 8: 2}
    alone = BatchOptimization(network, style, config, slots=2)
    alone.load(1, job(network, pictures[1:2], frame=8, steps=2))
    alone.load(0, job(network, pictures[2:3], frame=9, steps=2))
    for _ in range(2):
        alone.step()
    assert torch.equal(alone.result(1), results[8][1])


def test_noise_depends_on_seed_and_frame_alone(pictures):
    like = pictures[:1]
    noise = random_image(like, seed=1, index=5)
    assert torch.equal(noise, random_image(like * 0, seed=1, index=5))
    others = [random_image(like, seed=s, index=i) for s, i in ((1, 6), (2, 5), (5, 1))]
    assert all((noise - other).abs().mean() > 0.05 for other in others)
    assert noise.min() >= 0
    assert noise.max() <= 1


def test_a_picture_to_start_from_is_fitted_by_its_middle(pictures):
    picture = torch.zeros(1, 3, 10, 40)
    picture[..., 15:25] = 1
    fitted = fitted_image(picture, pictures[:1])
    assert fitted.shape == pictures[:1].shape
    # The white middle fills 10 of the 15 columns kept.
    assert fitted.mean().item() == pytest.approx(2 / 3, abs=0.02)
    assert fitted[..., 0].mean() < 0.1
