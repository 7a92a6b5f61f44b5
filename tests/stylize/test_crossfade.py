from itertools import pairwise

import pytest

from vidstyle.stylize.style_bank import crossfade


@pytest.mark.parametrize(
    ("time_s", "expected"),
    [
        (0, (1, 0, 0)),
        (1, (1, 0, 0)),
        (2, (0.75, 0.25, 0)),
        (3, (0.5, 0.5, 0)),
        (5, (0, 1, 0)),
        (5.5, (0, 0.5, 0.5)),
        (6, (0, 0, 1)),
        (99, (0, 0, 1)),
    ],
)
def test_one_painting_gives_way_to_the_next(time_s, expected):
    assert crossfade(time_s, (1, 5, 6)) == pytest.approx(expected)


def test_weights_sum_to_one_and_change_without_a_jump():
    found = [crossfade(step / 100, (0.5, 1.25, 4)) for step in range(500)]
    assert all(sum(weights) == pytest.approx(1) for weights in found)
    assert all(weight >= 0 for weights in found for weight in weights)
    steps = [
        max(abs(b - a) for a, b in zip(one, two, strict=True))
        for one, two in pairwise(found)
    ]
    assert max(steps) < 0.014  # a hundredth of a second of 0.75


def test_a_single_painting_is_always_there():
    assert [crossfade(time_s, (2,)) for time_s in (0, 2, 9)] == 3 * [(1.0,)]
