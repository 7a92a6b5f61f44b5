import numpy as np
import pytest

from vidstyle.color import (
    LARGEST_GAIN,
    ColorStatistics,
    color_statistics,
    palette_map,
)


def picture(seed, mean, spread, shape=(60, 80)):
    """Correlated random colors well inside [0, 255]."""
    random = np.random.default_rng(seed)
    mixed = np.eye(3) + 0.3 * random.normal(size=(3, 3))
    colors = random.normal(size=(*shape, 3)) @ mixed
    colors = mean + spread * colors / colors.std()
    return colors.clip(0, 255).astype(np.uint8)


def test_statistics_of_two_colors_are_known():
    frame = np.zeros((2, 4, 3), np.uint8)
    frame[0] = (255, 0, 51)
    found = color_statistics(frame)
    np.testing.assert_allclose(found.mean, (0.5, 0, 0.1))
    np.testing.assert_allclose(found.covariance[0], (0.25, 0, 0.05), atol=1e-15)


def test_statistics_of_a_part_are_those_of_its_pixels():
    frame = picture(8, (90, 120, 140), 22)
    mask = np.zeros(frame.shape[:2], np.float32)
    mask[:, :20] = 0.5
    found, expected = color_statistics(frame, mask), color_statistics(frame[:, :20])
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.covariance, expected.covariance)


def test_the_map_gives_the_content_the_mean_and_covariance_of_the_style():
    content, style = picture(1, (90, 120, 140), 22), picture(2, (150, 110, 100), 20)
    wanted = color_statistics(style)
    mapped = palette_map(color_statistics(content), wanted).apply(content)
    found = color_statistics(mapped)
    # A level of rounding, and a floor of 0.03 under each standard deviation.
    np.testing.assert_allclose(found.mean, wanted.mean, atol=0.004)
    np.testing.assert_allclose(found.covariance, wanted.covariance, atol=0.001)


def test_a_picture_with_the_palette_already_stays_as_it_is():
    content = picture(3, (120, 120, 120), 25)
    statistics = color_statistics(content)
    assert np.array_equal(palette_map(statistics, statistics).apply(content), content)


def test_no_hue_turns_into_its_opposite():
    maps = palette_map(
        color_statistics(picture(4, 110, 25)), color_statistics(picture(5, 140, 25))
    )
    np.testing.assert_allclose(maps.matrix, maps.matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(maps.matrix).min() > 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_one_color_content_gets_the_mean_of_the_style_and_no_noise(level):
    content = np.full((16, 16, 3), level, np.uint8)
    style = color_statistics(picture(6, (200, 120, 60), 30))
    made = palette_map(color_statistics(content), style)
    assert np.linalg.eigvalsh(made.matrix).max() <= LARGEST_GAIN + 1e-9
    mean = made.apply(content).reshape(-1, 3).mean(0) / 255
    np.testing.assert_allclose(mean, style.mean, atol=0.004)


def test_a_one_color_style_takes_the_colors_away():
    content = picture(7, (100, 140, 120), 30)
    style = color_statistics(np.full((8, 8, 3), (30, 60, 200), np.uint8))
    mapped = palette_map(color_statistics(content), style).apply(content)
    assert mapped.reshape(-1, 3).std(axis=0).max() < content.reshape(-1, 3).std() / 2
    np.testing.assert_allclose(mapped.reshape(-1, 3).mean(0), (30, 60, 200), atol=2)


def test_running_statistics_go_a_share_of_the_way():
    one = ColorStatistics(np.zeros(3), np.eye(3))
    two = ColorStatistics(np.ones(3), 3 * np.eye(3))
    moved = one.toward(two, 0.25)
    np.testing.assert_allclose(moved.mean, 0.25)
    np.testing.assert_allclose(moved.covariance, 1.5 * np.eye(3))
