"""What a struck run has painted is not lost; ``tests/endure.py`` tries far more."""

import endure
import pytest

pytestmark = pytest.mark.slow


def test_killed_runs_lose_nothing() -> None:
    (ended,) = endure.run("kill", times=2)
    assert "FAULT" not in ended
