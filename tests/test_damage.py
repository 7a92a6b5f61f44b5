"""Damaged clips and pictures are read or refused, never worse."""

import damage
import pytest


@pytest.mark.slow
def test_damaged_files_are_read_or_refused() -> None:
    ended = damage.run(30)
    assert len(ended) == 30
    assert not [line for line in ended if "FAULT" in line]
