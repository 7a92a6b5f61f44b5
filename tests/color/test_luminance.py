import numpy as np
import pytest

from vidstyle.color import (
    WEIGHTS,
    color_statistics,
    luminance,
    luminance_statistics,
    with_chroma,
)


def random_frame(seed, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (40, 50, 3)).astype(np.uint8)


def chroma(frame):
    return frame - (frame @ WEIGHTS)[..., None]


def test_luminance_of_known_colors():
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
    assert luminance(colors)[0].tolist() == [
        [76, 76, 76],
        [150, 150, 150],
        [29, 29, 29],
        [9, 9, 9],
    ]


def test_gray_stays_as_it_is():
    gray = luminance(random_frame(1))
    assert np.array_equal(luminance(gray), gray)
    assert np.array_equal(with_chroma(gray, gray), gray)


def test_chroma_of_the_source_is_kept_to_within_a_level():
    # Pale enough for any chroma to fit beside any of these luminances.
    painted, source = random_frame(1, 100, 156), random_frame(2, 100, 156)
    result = with_chroma(painted, source)
    assert np.abs(chroma(result) - chroma(source)).max() < 1
    assert np.abs(result @ WEIGHTS - painted @ WEIGHTS).max() <= 0.5 + 1e-3


def test_where_no_screen_shows_both_the_luminance_stays_and_the_hue():
    painted, source = random_frame(3), random_frame(4)
    result = with_chroma(painted, source)
    assert np.abs(result @ WEIGHTS - painted @ WEIGHTS).max() <= 0.5 + 1e-3
    ours, theirs = chroma(result), chroma(source)
    # What is left of the chroma points the same way, and is never more.
    size = np.linalg.norm(theirs, axis=2)
    along = (ours * theirs).sum(2) / size.clip(1)
    assert (along <= size + 1).all()
    assert np.abs(ours - (along / size.clip(1))[..., None] * theirs).max() < 1
    assert (along < size / 2).any()


def test_picture_with_its_own_chroma_is_itself():
    source = random_frame(5)
    assert np.array_equal(with_chroma(source, source), source)


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_have_no_chroma(level):
    painted = np.full((40, 50, 3), level, np.uint8)
    assert np.array_equal(with_chroma(painted, random_frame(6)), painted)


def test_statistics_of_the_luminance_are_those_of_the_gray_picture():
    frame = random_frame(7, 60, 200)
    expected = color_statistics(luminance(frame))
    found = luminance_statistics(color_statistics(frame))
    np.testing.assert_allclose(found.mean, expected.mean, atol=2e-4)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=2e-4)
