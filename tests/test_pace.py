"""The time left, in words; test_progress has how it is found."""

import pytest

from vidstyle.pace import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (3.4, "3 seconds"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (5400, "1.5 hours"),
    ],
)
def test_duration_is_told_in_its_unit(seconds: float, said: str) -> None:
    assert duration(seconds) == said
