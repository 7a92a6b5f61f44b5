"""What pixels say: known values, and another library's."""

import numpy as np
import pytest

from vidstyle.measure.distance import (
    K1,
    mean_gradient,
    mean_luminance,
    mean_squared_error,
    structural_similarity,
)


def noise(seed, height=40, width=56):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def flat(level):
    return np.full((16, 20, 3), level, np.uint8)


def test_mse_is_a_mean_square_of_pixel_values_from_0_to_1():
    other = flat(100)
    other[:8, :, 0] = 151  # a fifth of the range, in a sixth of the numbers

    assert mean_squared_error(flat(100), other) == pytest.approx(0.04 / 6)
    assert mean_squared_error(flat(0), flat(255)) == 1
    assert mean_squared_error(other, other) == 0


def test_ssim_of_a_picture_with_itself_is_1():
    assert structural_similarity(noise(1), noise(1)) == pytest.approx(1, abs=1e-12)


def test_ssim_of_flat_pictures_is_a_fraction_of_their_levels():
    one, other = 60 / 255, 180 / 255
    lightness = (2 * one * other + K1**2) / (one**2 + other**2 + K1**2)

    measured = structural_similarity(flat(60), flat(180))

    assert measured == pytest.approx(lightness, abs=1e-10)


def test_ssim_is_what_scikit_image_says():
    # skimage 0.26: structural_similarity(x, y, data_range=1, gaussian_weights=True,
    # sigma=1.5, use_sample_covariance=False) of the two's luma, as BT.709 weighs it.
    rng = np.random.default_rng(4)
    one = rng.integers(0, 256, (40, 56, 3), np.uint8)
    other = (one // 2 + rng.integers(0, 100, one.shape)).astype(np.uint8)
    levels = rng.integers(0, 256, (5, 7, 3), np.uint8)
    smooth = np.repeat(np.repeat(levels, 8, 0), 8, 1)
    faded = (smooth * 0.7 + 20).astype(np.uint8)

    assert structural_similarity(one, other) == pytest.approx(0.7038724018215896)
    assert structural_similarity(smooth, faded) == pytest.approx(0.9337574322873801)
    assert structural_similarity(smooth, one) == pytest.approx(0.0230604988332227)


def test_ssim_falls_below_0_where_light_and_dark_change_places():
    one = noise(2)

    assert structural_similarity(one, 255 - one) < -0.5
    assert structural_similarity(one, 255 - one) == pytest.approx(
        structural_similarity(255 - one, one)
    )


def test_two_shapes_are_refused():
    for compare in (mean_squared_error, structural_similarity):
        with pytest.raises(ValueError, match="resize one"):
            compare(noise(1), noise(1)[:, 1:])
    with pytest.raises(ValueError, match="at least 11"):
        structural_similarity(noise(1)[:10], noise(1)[:10])


def test_luminance_weighs_colors_as_bt709() -> None:
    frame = np.zeros((16, 16, 3), np.uint8)
    frame[:, :8] = (255, 0, 0)
    assert mean_luminance(frame) == pytest.approx(0.2126 / 2)
    frame[:] = 255
    assert mean_luminance(frame) == pytest.approx(1)
    frame[:] = (0, 51, 0)
    assert mean_luminance(frame) == pytest.approx(0.2 * 0.7152)


def test_gradient_is_the_length_of_both_slopes() -> None:
    y, x = np.mgrid[:20, :30]
    slope = (3 * x + 4 * y).astype(np.uint8)
    frame = np.repeat(slope[..., np.newaxis], 3, axis=2)

    assert mean_gradient(frame) == pytest.approx(5 / 255)
    assert mean_gradient(np.full_like(frame, 77)) == 0


def test_blur_lowers_the_gradient() -> None:
    frame = noise(3)
    blurred = (frame[:, :-1].astype(float) + frame[:, 1:]) / 2

    assert mean_gradient(blurred.astype(np.uint8)) < 0.99 * mean_gradient(frame)
