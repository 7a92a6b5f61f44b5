import pytest

from vidstyle.optimize.first_order import StepSize


@pytest.mark.parametrize(
    ("decay", "sizes"),
    [
        ("none", [8, 8, 8, 8]),
        ("staircase", [8, 8, 4, 1]),
        ("exponential", [8, 8 / 2**0.5, 4, 1]),
        ("inverse-time", [8, 8 / 1.25, 8 / 1.5, 8 / 2.5]),
    ],
)
def test_each_decay_has_its_known_course(decay, sizes):
    size = StepSize(lr=8, decay=decay, rate=0.5, every=100)
    assert [size.after(taken) for taken in (0, 50, 100, 300)] == pytest.approx(sizes)
    assert size.after(99) >= size.after(100)


def test_a_rate_of_one_keeps_the_step_but_for_inverse_time():
    for decay, size in (("staircase", 8), ("exponential", 8), ("inverse-time", 4)):
        given = StepSize(lr=8, decay=decay, rate=1, every=10)
        assert given.after(10) == pytest.approx(size)
