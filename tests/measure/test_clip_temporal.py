"""Flicker and drift of clips whose flicker and drift are known."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from vidstyle.measure.clip import TemporalError, temporal_error

pytestmark = pytest.mark.slow

Frame = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 64, 96


def world(seed: int) -> npt.NDArray[np.float64]:
    """Make a smooth texture wider than a frame, in [60, 190]."""
    rng = np.random.default_rng(seed)
    waves = np.zeros((HEIGHT, WIDTH + 64, 3))
    y, x = np.mgrid[:HEIGHT, : WIDTH + 64]
    for _ in range(40):
        across, down = rng.normal(0, 0.35, 2)
        for color in range(3):
            waves[..., color] += np.sin(across * x + down * y + rng.uniform(0, 6.3))
    return 125 + 65 * waves / np.abs(waves).max()


def pan(seed: int, count: int, step: int = 2) -> list[Frame]:
    """Move a texture to the left, so that each frame brings in something new."""
    picture = world(seed).round().astype(np.uint8)
    return [picture[:, step * t : step * t + WIDTH] for t in range(count)]


def temporal_errors(pairs) -> list[TemporalError]:
    return [temporal_error(*two) for two in pairwise(pairs)]


def test_paint_that_moves_with_the_source_does_not_flicker() -> None:
    source, painted = pan(0, 4), pan(1, 4)

    errors = temporal_errors(zip(painted, source, strict=True))

    assert len(errors) == 3
    for error in errors:
        assert error.error < 1e-4
        assert error.source_error < 1e-4
        # Two of 96 columns come in, and one more is smoothed.
        assert 0.95 < error.trusted_share < 1 - 1.9 / WIDTH


def test_paint_that_stands_still_on_a_moving_source_is_found() -> None:
    painted = [pan(1, 1)[0]] * 3

    errors = temporal_errors(zip(painted, pan(0, 3, step=6), strict=True))

    # The mean is over the pixels that were there before, not over all.
    slid = np.diff(np.stack(pan(1, 2, step=6)) / 255, axis=0)[..., :-6, :]
    expected = float(np.square(slid).mean())
    assert [error.error for error in errors] == pytest.approx([expected] * 2, rel=0.03)
    assert all(error.source_error < 1e-4 for error in errors)


def test_the_error_is_a_mean_square_in_full_ranges() -> None:
    source = [pan(0, 1)[0]] * 3
    painted = [np.full_like(source[0], level) for level in (100, 151, 100)]

    errors = temporal_errors(zip(painted, source, strict=True))

    assert [error.error for error in errors] == pytest.approx([0.04, 0.04])
    assert [error.source_error for error in errors] == [0, 0]
    assert [error.trusted_share for error in errors] == [1, 1]


def test_one_color_counts_a_third() -> None:
    source = [pan(0, 1)[0]] * 2
    painted = [np.full_like(source[0], 100), np.full_like(source[0], 100)]
    painted[1][..., 2] = 151

    (error,) = temporal_errors(zip(painted, source, strict=True))

    assert error.error == pytest.approx(0.04 / 3)


def test_what_the_source_cannot_show_is_not_measured() -> None:
    source = pan(0, 2, step=8)
    painted = [frame.copy() for frame in source]
    painted[1][:, -7:] = 0  # came in on the right

    (error,) = temporal_errors(zip(painted, source, strict=True))

    assert error.error < 1e-4


def test_a_source_is_its_own_measure() -> None:
    source = pan(0, 3)

    for error in temporal_errors(zip(source, source, strict=True)):
        assert error.error == error.source_error


def test_flicker_is_relative_to_the_squared_gradient() -> None:
    source = [pan(0, 1)[0]] * 2
    ramp = np.tile((np.arange(WIDTH) * 2)[None, :, None], (HEIGHT, 1, 3)).astype(
        np.uint8
    )

    (error,) = temporal_errors(zip([ramp, ramp + np.uint8(4)], source, strict=True))

    assert error.error == pytest.approx((4 / 255) ** 2, rel=1e-3)
    assert error.flicker == pytest.approx(4.0, rel=1e-3)  # moved as by two pixels
