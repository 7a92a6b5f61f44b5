"""What does not fit is halved, or seen in tiles, and painted all the same."""

import math

import pytest
import torch
from test_optimize import job

from vidstyle.config import StyleConfig
from vidstyle.errors import DeviceMemoryError
from vidstyle.optimize import tiles
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import style_target

pytestmark = pytest.mark.slow


@pytest.fixture
def memory(monkeypatch):
    """Let a device hold so many frames, in a place where it is noticed."""

    def holds(frames, *, where="evaluate"):
        work = getattr(Objective, where)

        def tried(self, images):
            if len(images) > frames:
                raise torch.OutOfMemoryError
            return work(self, images)

        monkeypatch.setattr(Objective, where, tried)

    return holds


def paint_all(network, pictures, slots, steps=(3, 0, 4, 2, 3)):
    """Paint five frames; return the pictures, the steps of each, and what was told."""
    config, told = StyleConfig(), []
    style = style_target(network, pictures[3:], config)

    def tell(notice):
        told.append(notice.text)

    batch = BatchOptimization(network, style, config, slots=slots, listener=tell)
    jobs = [
        job(network, pictures[number % 3][None], frame=number, steps=count)
        for number, count in enumerate(steps)
    ]
    results, taken = {}, {}
    for done in batch.run(jobs):
        if done.is_finished:
            number = done.task.frame
            assert number not in results
            results[number] = batch.result(done.slot)
            taken[number] = done.report.step if done.report else 0
    return results, [taken[number] for number in range(5)], told


@pytest.mark.parametrize("where", ["evaluate", "allocate"])
def test_a_batch_is_halved_until_it_fits(network, pictures, memory, where):
    expected, _, told = paint_all(network, pictures, 1)
    assert told == []
    memory(1, where=where)
    results, taken, told = paint_all(network, pictures, 5)
    assert taken == [3, 0, 4, 2, 3]
    assert told == [
        "a batch of 5 does not fit in memory: continuing with 2",
        "a batch of 2 does not fit in memory: continuing with 1",
    ]
    assert all(torch.equal(results[number], expected[number]) for number in range(5))


def test_what_does_not_fit_even_alone_is_an_error_with_its_size(
    network, pictures, memory
):
    memory(0)
    with pytest.raises(DeviceMemoryError, match=r"1 frame\(s\) of 48x32"):
        paint_all(network, pictures, 2)


def test_frames_that_are_on_their_way_begin_anew(network, pictures, memory):
    config = StyleConfig()
    style = style_target(network, pictures[3:], config)
    batch = BatchOptimization(network, style, config, slots=2)
    jobs = [job(network, pictures[i : i + 1], frame=i, steps=5) for i in range(2)]
    steps = {0: [], 1: []}
    for done in batch.run(jobs):
        steps[done.task.frame].append(done.report.step)
        if steps[1] == [1, 2]:
            memory(1)
    assert steps == {0: [1, 2, 1, 2, 3, 4, 5], 1: [1, 2, 1, 2, 3, 4, 5]}


def test_a_frame_that_does_not_fit_is_seen_in_tiles(network, pictures, monkeypatch):
    expected, _, _ = paint_all(network, pictures, 1)
    extract = tiles.Extractor.extract

    def tried(self, images, most_pixels=math.inf):
        if most_pixels == math.inf:
            raise torch.OutOfMemoryError
        return extract(self, images, most_pixels)

    monkeypatch.setattr(tiles.Extractor, "extract", tried)
    results, taken, told = paint_all(network, pictures, 2)
    assert taken == [3, 0, 4, 2, 3]
    assert told == [
        "a batch of 2 does not fit in memory: continuing with 1",
        "a batch of 1 does not fit in memory: continuing in tiles",
    ]
    assert all((results[n] - expected[n]).abs().max() < 1e-3 for n in range(5))


def test_what_does_not_fit_in_tiles_is_an_error_with_the_size_that_would(
    network, pictures, memory, monkeypatch
):
    memory(0)
    monkeypatch.setattr("vidstyle.optimize.batch.memory_of", lambda _: 2**30 + 240_000)
    with pytest.raises(DeviceMemoryError, match=r"of 48x32;.* About 26x17 would fit"):
        paint_all(network, pictures, 2)
