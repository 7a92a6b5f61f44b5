import numpy as np
import pytest

from vidstyle.images import resize_frame
from vidstyle.motion.flow import estimate_motions
from vidstyle.motion.span import joined, measure_span
from vidstyle.records import Motion

HEIGHT, WIDTH = 48, 64


def shift(x: float, trust: float = 1.0) -> Motion:
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = x
    return Motion(
        flow_backward=flow,
        consistency=np.full((HEIGHT, WIDTH), trust, np.float32),
    )


def test_joined_motions_add_up_and_the_lesser_trust_stays():
    motion = joined(shift(1.5, trust=0.25), shift(2.0))
    assert (motion.flow_backward == [3.5, 0]).all()
    assert (motion.consistency == 0.25).all()


def test_second_motion_says_where_the_first_is_looked_up():
    first = shift(0)
    first.flow_backward[:, :32] = [5, 0]
    moved = joined(first, shift(8.0)).flow_backward[..., 0]
    assert (moved[:, :24] == 13).all()
    assert (moved[:, 25:] == 8).all()


def measure(earlier, later):
    """Motions of numbers that stand for frames: each is its own place."""
    return shift(later - earlier), shift(earlier - later)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_every_frame_between_has_its_motion_from_both_ends(count):
    span = measure_span([*range(10, 10 + count)], 10, measure)
    last = 10 + count - 1
    assert span.ends == (10, last)
    for frame in range(11, last + 1):
        assert (span.motion(10, frame).flow_backward[..., 0] == frame - 10).all()
        assert (span.motion(frame - 1, frame).flow_backward[..., 0] == 1).all()
    for frame in range(11, last):
        assert (span.motion(last, frame).flow_backward[..., 0] == frame - last).all()


def test_motion_over_many_frames_is_found_in_a_real_pan():
    coarse = np.random.default_rng(1).integers(0, 256, (12, 24, 3), np.uint8)
    wide = resize_frame(coarse, height=HEIGHT, width=2 * WIDTH)
    frames = [np.ascontiguousarray(wide[:, 3 * n : 3 * n + WIDTH]) for n in range(9)]

    def estimate(earlier, later):
        return estimate_motions(earlier, later, quality="medium")

    flow = measure_span(frames, 0, estimate).motion(0, 8).flow_backward
    inner = flow[8:-8, 8:-32]
    assert np.abs(inner - [24, 0]).mean() < 0.5
