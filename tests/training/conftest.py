"""A folder of photographs, and a teacher."""

from pathlib import Path

import pytest
from small_training import make_encoder, make_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 20 photographs."""
    return make_photos(tmp_path / "photos")


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A teacher's file."""
    return make_encoder(tmp_path / "encoder.npz")
