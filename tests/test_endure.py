"""What a struck run has painted is not lost; ``tests/endure.py`` tries far more."""

import endure
import pytest

pytestmark = pytest.mark.slow


def test_killed_and_struck_runs_lose_nothing() -> None:
    ended = [*endure.run("kill", times=2), *endure.run("clock")]
    assert len(ended) == 2
    assert not [line for line in ended if "FAULT" in line]
