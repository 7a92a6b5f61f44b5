import numpy as np
import pytest

from vidstyle.motion.consistency import (
    EDGE_RADIUS,
    MATURE_AGE,
    carry_paint,
    erode_consistency,
    mask_paint,
    photometric_consistency,
)
from vidstyle.records import Motion, Paint

HEIGHT, WIDTH = 40, 60


def texture(seed=0, height=HEIGHT, width=WIDTH):
    """Smooth colors with much contrast."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(30, 225, (height // 4 + 1, width // 4 + 1, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))[:height, :width].astype(np.uint8)


def motion(x=0.0, y=0.0, *, trusted=1.0):
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0], flow[..., 1] = x, y
    return Motion(
        flow_backward=flow,
        consistency=np.full((HEIGHT, WIDTH), trusted, np.float32),
    )


def test_a_still_picture_is_found_again_everywhere():
    assert photometric_consistency(texture(), texture(), motion()).min() == 1


def test_a_picture_that_moved_as_its_flow_says_is_found_again_inside():
    wide = texture(width=WIDTH + 8)
    earlier, later = wide[:, 8:], wide[:, :-8]  # the content moved 8 to the right
    found = photometric_consistency(earlier, later, motion(x=-8))
    assert found[:, 10:].min() == 1  # at 8 and 9 the comparison looks beyond the border
    assert found[:, :8].max() == 0  # it came in from outside


def test_another_content_is_not_found_again_even_where_the_flow_is_trusted():
    earlier, later = texture(1), texture(1)
    later[10:30, 20:40] = texture(2)[10:30, 20:40]
    found = photometric_consistency(earlier, later, motion())
    assert found[14:26, 24:36].mean() < 0.2
    assert found[:6].min() == 1


def test_a_change_of_light_is_no_change_of_content():
    earlier = (texture() * 0.5).astype(np.uint8)
    later = (texture() * 0.8 + 20).astype(np.uint8)
    assert photometric_consistency(earlier, later, motion()).mean() > 0.99


def test_a_flow_that_is_off_by_half_a_pixel_is_forgiven():
    found = photometric_consistency(texture(), texture(), motion(x=0.5))
    assert found[:, :-1].mean() > 0.99


def test_where_the_flow_is_doubted_less_is_forgiven():
    # Half of the picture shows the same edges, a little brighter on one side.
    earlier, later = texture(), texture()
    later[:, 30:] = (later[:, 30:].astype(int) + 12).clip(0, 255).astype(np.uint8)
    left = np.zeros((HEIGHT, WIDTH), np.float32)
    left[:, :30] = 1
    trusted = photometric_consistency(earlier, later, motion())
    doubted = photometric_consistency(
        earlier, later, Motion(flow_backward=motion().flow_backward, consistency=left)
    )
    assert trusted[:, 34:].mean() > 0.95
    assert doubted[:, 34:].mean() < 0.7


def test_distrust_spreads_by_the_width_of_an_edge():
    trust = np.ones((21, 21), np.float32)
    trust[10, 10] = 0.25
    widened = erode_consistency(trust)
    side = 2 * EDGE_RADIUS + 1
    assert (widened == 0.25).sum() == side**2
    assert widened[10 - EDGE_RADIUS, 10 + EDGE_RADIUS] == 0.25
    assert widened[10, 10 + EDGE_RADIUS + 1] == 1


def test_paint_ages_frame_by_frame_until_it_is_dry():
    paint = Paint(np.zeros((HEIGHT, WIDTH), np.uint8), texture())
    kept = np.ones((HEIGHT, WIDTH), np.float32)
    for frame in range(1, MATURE_AGE + 4):
        paint = carry_paint(paint, texture(1), motion(), kept)
        assert (paint.age == min(frame, MATURE_AGE)).all()
        assert np.array_equal(paint.scene, texture())


def test_paint_moves_with_what_is_known_of_it_and_what_is_new_is_of_age_0():
    age = np.full((HEIGHT, WIDTH), 3, np.uint8)
    age[:, 20] = 6
    kept = np.ones((HEIGHT, WIDTH), np.float32)
    kept[:, :5] = 0
    old, new = texture(), texture(1)
    # The content moved 5 to the right.
    paint = carry_paint(Paint(age, old), new, motion(x=-5), kept)
    assert (paint.age[:, 25] == 7).all()
    assert (paint.age[:, 30] == 4).all()
    assert (paint.age[:, :5] == 0).all()
    assert np.array_equal(paint.scene[:, 5:], old[:, :-5])
    assert np.array_equal(paint.scene[:, :5], new[:, :5])


@pytest.mark.parametrize("level", [0, 255])
def test_a_flat_picture_is_found_again(level):
    flat = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    assert photometric_consistency(flat, flat, motion()).min() == 1


def test_what_was_not_painted_has_no_age():
    scene = texture(height=2, width=3)
    painted = np.array([[True, False, True], [False, True, True]])
    masked = mask_paint(Paint(np.full((2, 3), MATURE_AGE, np.uint8), scene), painted)
    assert np.array_equal(masked.age, MATURE_AGE * painted)


def test_a_limit_of_its_own_is_the_same_where_the_flow_is_trusted_and_where_not():
    flat = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    marked = flat.copy()
    marked[10:20, 10:20] += 15
    for trusted in (0.0, 1.0):
        alike = photometric_consistency(
            flat, marked, motion(trusted=trusted), trusted=10, untrusted=10
        )
        assert alike[15, 15] == pytest.approx(0.5, abs=0.15)
        assert alike[35, 50] > 0.9
