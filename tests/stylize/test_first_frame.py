"""Frames that follow no other: their starts and targets in each size."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import scene

from vidstyle.config import EvolutionConfig, Region, StyleConfig
from vidstyle.images import read_picture, write_picture
from vidstyle.optimize import pyramid
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Event, StepReport
from vidstyle.stylize import Stylizer, image
from vidstyle.stylize.image import read_paintings

pytestmark = pytest.mark.slow

stylize_image = partial(image.stylize_image, overwrite=True)

THREE = StyleConfig(network="slim", device="cpu", steps=11, min_steps=11, pyramid=3)


@pytest.fixture(autouse=True)
def _small_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "LEAST_SIDE", 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_picture(tmp_path / "photo.png", scene(1))
    write_picture(tmp_path / "a.png", scene(2, 70, 50))
    write_picture(tmp_path / "b.png", scene(3, 20, 60))
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, :16] = 255
    write_picture(tmp_path / "mask.png", mask)
    return tmp_path


def tools_for(folder: Path, config: StyleConfig) -> Stylizer:
    return read_paintings(
        folder / "a.png", config, height=32, width=48, listener=lambda _: None
    ).load(lambda _: None)


def job_for(folder: Path, config: StyleConfig, noise: int = 0) -> FrameTask:
    tools, frame = tools_for(folder, config), scene(1)
    return tools.first_task(5, frame, noise=noise)


def shapes(job: FrameTask) -> list[tuple[int, ...]]:
    return [tuple(each.start.shape[2:]) for each in (*job.coarser, job)]


def test_sizes_and_steps_are_those_of_the_pyramid(folder: Path) -> None:
    job = job_for(folder, THREE)
    assert shapes(job) == [(16, 24), (23, 34), (32, 48)]
    assert [each.steps for each in (*job.coarser, job)] == [5, 4, 2]
    assert {each.frame for each in (*job.coarser, job)} == {5}


@pytest.mark.parametrize(
    ("settings", "count"),
    [({"pyramid": 1}, 1), ({"pyramid": 20}, 3), ({"steps": 2}, 2), ({"steps": 0}, 1)],
)
def test_there_are_as_many_sizes_as_there_is_room_and_steps_for(
    folder: Path, settings: dict[str, Any], count: int
) -> None:
    config = replace(THREE, **settings)
    job = job_for(folder, config)
    assert len(shapes(job)) == count
    assert sum(each.steps for each in (*job.coarser, job)) == config.steps


def test_painting_shrinks_with_the_picture_but_not_to_nothing(folder: Path) -> None:
    tools = read_paintings(
        [folder / "a.png", folder / "b.png"],
        THREE,
        height=32,
        width=48,
        listener=lambda _: None,
    ).load(lambda _: None)
    sizes = [
        [painting.shape[:2] for painting in look._paintings]
        for look in (tools.bank, *(level.bank for level in reversed(tools.coarser)))
    ]
    assert sizes == [
        [(48, 34), (16, 48)],
        [(34, 24), (16, 48)],
        [(24, 17), (16, 48)],
    ]


def test_every_start_but_noise_is_its_own_picture_in_each_size(folder: Path) -> None:
    for init in ("content", "style", folder / "b.png"):
        job = job_for(folder, replace(THREE, init=init))
        small, large = job.coarser[0].start, job.start
        reduced = torch.nn.functional.adaptive_avg_pool2d(large, (16, 24))
        assert (reduced - small).abs().mean() < 0.02


def test_noise_is_drawn_in_the_smallest_size_only(folder: Path) -> None:
    config = replace(THREE, init="random")
    job = job_for(folder, config)
    small, middle = job.coarser
    assert torch.equal(middle.start, pyramid.enlarged(small.start, middle.start))
    assert torch.equal(job.start, pyramid.enlarged(middle.start, job.start))
    assert torch.equal(job.start, job_for(folder, config).start)
    assert not torch.equal(job.start, job_for(folder, config, noise=1).start)


CONTROLS: tuple[dict[str, Any], ...] = (
    {},
    {"init": "random"},
    {"init": "style"},
    {"keep_color": "luminance"},
    {"keep_color": "histogram"},
    {"style_side": 24},
    {"loss_scale": "gatys"},
    {"balance": "gradients", "optimizer": "momentum"},
)


@pytest.mark.parametrize("settings", CONTROLS, ids=str)
def test_every_control_paints_in_all_sizes(
    folder: Path, settings: dict[str, Any]
) -> None:
    events: list[Event] = []
    config = replace(THREE, **settings)
    output = folder / "out.png"
    stylize_image(
        folder / "photo.png",
        folder / "a.png",
        output,
        config=config,
        listener=events.append,
    )
    steps = [event for event in events if isinstance(event, StepReport)]
    assert [each.step for each in steps] == list(range(1, 12))
    assert {each.steps for each in steps} == {11}
    assert [each.level for each in steps] == [1] * 5 + [2] * 4 + [3] * 2
    assert read_picture(output).shape == (32, 48, 3)
    assert not np.array_equal(read_picture(output), scene(1))


def test_region_does_not_change_with_the_painting_of_another(folder: Path) -> None:
    right = folder / "right.png"
    left = read_picture(folder / "mask.png")
    write_picture(right, np.ascontiguousarray(left[:, ::-1]))
    results = []
    for other in ("a.png", "b.png"):
        stylize_image(
            folder / "photo.png",
            [],
            folder / "out.png",
            config=THREE,
            regions=[
                Region(folder / "mask.png", folder / "a.png"),
                Region(right, folder / other),
            ],
        )
        results.append(read_picture(folder / "out.png"))
    one, two = results
    assert np.array_equal(one[:, :24], two[:, :24])
    assert not np.array_equal(one[:, 32:], two[:, 32:])


def test_small_sizes_are_shown_enlarged_while_a_picture_is_learned(
    folder: Path,
) -> None:
    learned = folder / "out.mp4"
    stylize_image(
        folder / "photo.png",
        folder / "a.png",
        folder / "out.png",
        config=THREE,
        evolution=EvolutionConfig(hold_s=0),
        evolution_output=learned,
    )
    assert learned.stat().st_size > 0
