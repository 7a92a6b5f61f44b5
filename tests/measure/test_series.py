"""Means, drifts and ratios where numbers are missing."""

import pytest

from vidstyle.measure.series import Quantity, Series, compare


@pytest.mark.parametrize(
    ("frames", "mean", "drift"),
    [
        ([], None, None),
        ([3.0], 3, None),
        ([None, 2.0, 4.0], 3, 2),
        ([1.0, 0.0, 4.0], 5 / 3, None),
        ([None, None], None, None),
    ],
)
def test_a_series_passes_over_what_is_missing(frames, mean, drift):
    series = Series(frames)

    assert (series.mean, series.drift) == (mean, drift)
    assert Quantity(series, Series([1.0])).means[0] == mean


@pytest.mark.parametrize(
    ("result", "content", "ratio"),
    [(3.0, 2.0, 1.5), (0.0, 2.0, 0), (3.0, 0.0, None), (None, 2.0, None)],
)
def test_a_ratio_needs_something_to_divide_by(result, content, ratio):
    assert compare(result, content) == (result, content, ratio)
