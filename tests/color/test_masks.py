import numpy as np
import pytest
import torch

from vidstyle.color import (
    BORDER,
    REACH,
    complement,
    composite,
    fitted_mask,
    flatten_masks,
    guide_image,
    is_painted,
    moved_mask,
    soft_mask,
)


def half(height=60, width=100):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = 255
    return picture


def test_border_is_soft_over_a_few_pixels_and_hard_beyond():
    mask = soft_mask(half(), height=60, width=100)
    reach = round(REACH * BORDER * 100)
    assert mask.dtype == np.float32
    assert (mask[:, : 50 - reach] == 0).all()
    assert (mask[:, 50 + reach :] == 1).all()
    assert mask[:, 49:51].mean() == pytest.approx(0.5, abs=0.01)
    assert (np.diff(mask, axis=1) >= 0).all()
    assert np.diff(mask, axis=1).max() < 0.5


def test_mask_of_another_size_and_color_is_fitted():
    picture = half(120, 200)
    picture[picture == 255] = 128  # half inside
    mask = soft_mask(picture, height=60, width=100)
    assert mask.shape == (60, 100)
    np.testing.assert_allclose(mask[:, 90], 128 / 255, atol=1e-5)


@pytest.mark.parametrize("level", [0, 255])
def test_mask_of_one_color_is_all_or_nothing(level):
    mask = soft_mask(np.full((40, 50, 3), level, np.uint8), height=40, width=50)
    assert (mask == level / 255).all()


def test_later_mask_lies_over_the_earlier():
    one, two = np.float32([[1, 1, 0, 0.5]]), np.float32([[0, 1, 0.5, 1]])
    first, second = flatten_masks([one, two])
    assert np.array_equal(second, two)
    np.testing.assert_allclose(first, [[1, 0, 0, 0]])
    np.testing.assert_allclose(complement([first, second]), [[0, 0, 0.5, 0]])
    assert flatten_masks([]) == []


def test_each_picture_is_seen_where_its_mask_is():
    random = np.random.default_rng(0)
    background, one, two = random.integers(0, 256, (3, 4, 6, 3)).astype(np.uint8)
    masks = np.zeros((2, 4, 6), np.float32)
    masks[0, :, :2] = 1
    masks[1, :, 2:4] = 0.5
    made = composite(background, [one, two], list(masks))
    assert np.array_equal(made[:, :2], one[:, :2])
    assert np.array_equal(made[:, 4:], background[:, 4:])
    between = (background[:, 2:4].astype(float) + two[:, 2:4]) / 2
    assert np.abs(made[:, 2:4] - between).max() <= 0.5


def test_carried_mask_moves_with_the_flow_and_stays_sharp():
    mask = np.zeros((40, 80), np.float32)
    mask[10:30, 20:40] = 1
    flow = np.zeros((40, 80, 2), np.float32)
    flow[..., 0] = -1.5  # everything moves to the right
    trusted = np.ones((40, 80), np.float32)
    moved = mask
    for _ in range(12):
        moved = moved_mask(moved, flow, trusted)
    expected = np.zeros_like(mask)
    expected[10:30, 38:58] = 1
    assert np.abs(moved - expected).sum() < 0.05 * expected.sum()
    assert ((moved > 0.05) & (moved < 0.95)).sum() <= 80


def test_what_comes_into_sight_goes_with_what_is_around_it():
    mask = np.zeros((40, 80), np.float32)
    mask[:, :40] = 1
    trusted, flow = np.ones((40, 80), np.float32), np.zeros((40, 80, 2), np.float32)
    trusted[:, 60:64] = 0
    flow[:, 60:64, 0] = -50  # would bring a piece of the region there
    moved = moved_mask(mask, flow, trusted)
    assert moved[:, 60:64].max() < 0.1
    assert moved[:, :36].min() > 0.95


def test_what_comes_from_outside_the_frame_is_in_no_region():
    mask = np.zeros((40, 80), np.float32)
    mask[:, 40:] = 1
    trusted, flow = np.ones((40, 80), np.float32), np.zeros((40, 80, 2), np.float32)
    trusted[:, 70:] = 0
    flow[..., 0] = 10  # everything moves to the left
    moved = moved_mask(mask, flow, trusted)
    assert moved[:, 73:].max() < 0.5
    assert moved[:, 34:66].min() > 0.95
    assert moved[:, :26].max() == 0


def test_region_is_painted_as_far_out_as_it_can_be_seen():
    mask = np.float32([[0, 1 / 16, 1 / 8, 0.5, 1]])
    guide = guide_image(mask, device=torch.device("cpu"))
    assert guide.shape == (1, 1, 1, 5)
    assert guide.flatten().tolist() == [0, 0.5, 1, 1, 1]
    assert is_painted(mask).tolist() == [[False, False, True, True, True]]


def test_mask_is_reduced_evenly():
    small = fitted_mask(np.float32([[0, 1, 1, 1], [0, 0, 1, 1]]), height=1, width=2)
    assert small.tolist() == [[0.25, 1]]
