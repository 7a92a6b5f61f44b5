"""Plain and resting places, whose flow nothing in the frames determines."""

import numpy as np
import numpy.typing as npt
import pytest
from pictures import View

from vidstyle.motion.flow import estimate_flow, estimate_motion, regularize_flow

HEIGHT, WIDTH = 120, 200


def noisy(
    pixels: npt.NDArray[np.uint8], seed: int, sigma: float = 1.0
) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return (pixels + noise).clip(0, 255).round().astype(np.uint8)


def wall(view: View, x: int, seed: int) -> npt.NDArray[np.uint8]:
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    frame[40:80, x : x + 40] = view(height=40, width=40, seed=5)
    return noisy(frame, seed)


def test_a_plain_wall_rests_while_something_passes_it(view: View) -> None:
    earlier, later = wall(view, 80, 1), wall(view, 86, 2)
    is_far = np.ones((HEIGHT, WIDTH), bool)
    is_far[25:95, 65:141] = False

    raw = estimate_flow(later, earlier, quality="medium")
    motion = estimate_motion(earlier, later, quality="medium")

    assert np.linalg.norm(raw, axis=-1)[is_far].mean() > 1  # what is to be settled
    assert np.linalg.norm(motion.flow_backward, axis=-1)[is_far].max() < 0.1
    assert motion.consistency[is_far].mean() > 0.98
    square = motion.flow_backward[46:74, 92:120]
    np.testing.assert_allclose(np.median(square, axis=(0, 1)), [-6, 0], atol=0.2)
    assert motion.consistency[46:74, 92:120].mean() > 0.9


def test_a_plain_sky_moves_with_the_camera(view: View) -> None:
    frames = []
    for seed, x in ((1, 0.0), (2, 4.0)):
        frame = view(height=HEIGHT, width=WIDTH, x=x)
        frame[:70] = 180
        frames.append(noisy(frame, seed))

    motion = estimate_motion(frames[0], frames[1], quality="medium")

    sky = motion.flow_backward[:60, 8:-8]
    np.testing.assert_allclose(sky, np.broadcast_to([-4, 0], sky.shape), atol=0.2)


@pytest.mark.parametrize("x", [0.1, 0.3, 1.5])
def test_a_slow_pan_is_followed(view: View, x: float) -> None:
    earlier = noisy(view(height=HEIGHT, width=WIDTH, grain=5), 1)
    later = noisy(view(height=HEIGHT, width=WIDTH, grain=5, x=x), 2)

    motion = estimate_motion(earlier, later, quality="medium")

    error = np.linalg.norm(motion.flow_backward - [-x, 0], axis=-1)[:, 8:-8].mean()
    assert error < 0.06


def test_a_camera_at_rest_moves_nothing_at_all(view: View) -> None:
    frame = view(height=HEIGHT, width=WIDTH)

    motion = estimate_motion(noisy(frame, 1), noisy(frame, 2), quality="medium")

    assert np.abs(motion.flow_backward).max() < 1e-3
    assert motion.consistency.min() == 1


def test_a_thing_with_texture_keeps_its_own_motion(view: View) -> None:
    earlier = view(height=HEIGHT, width=WIDTH)
    later = earlier.copy()
    earlier[30:90, 60:120] = later[30:90, 64:124] = view(height=60, width=60, seed=5)

    motion = estimate_motion(earlier, later, quality="medium")

    thing, rest = motion.flow_backward[40:80, 74:114], motion.flow_backward[:, :40]
    np.testing.assert_allclose(thing, np.broadcast_to([-4, 0], thing.shape), atol=0.3)
    assert np.abs(rest).max() < 1e-3


def test_motion_without_a_common_part_is_left_alone(view: View) -> None:
    start = view(height=HEIGHT, width=WIDTH).mean(axis=-1).astype(np.uint8)
    end = start.copy()
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for strip, x in enumerate([3, -5, 8, -10, 13, -16]):
        rows = slice(20 * strip, 20 * strip + 20)
        end[rows] = np.roll(start[rows], x, axis=1)
        flow[rows, :, 0] = x

    assert regularize_flow(flow, start, end) is flow


@pytest.mark.parametrize("shape", [(16, 16), (16, 200)])
def test_small_and_flat_frames_are_no_accident(shape: tuple[int, int]) -> None:
    frame = np.full((*shape, 3), 40, np.uint8)

    motion = estimate_motion(frame, frame, quality="fast")

    assert not motion.flow_backward.any()
    assert motion.trusted_share == 1
