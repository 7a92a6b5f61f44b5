"""A small picture and a painting, and the least work there can be."""

from pathlib import Path

import pytest
from pictures import scene

from vidstyle.config import StyleConfig
from vidstyle.images import write_picture


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """``photo.png`` 32x24, ``painting.png`` and ``other.png`` 40x30."""
    write_picture(tmp_path / "photo.png", scene(0, 24, 32))
    write_picture(tmp_path / "painting.png", scene(1, 30, 40))
    write_picture(tmp_path / "other.png", scene(2, 30, 40))
    return tmp_path


@pytest.fixture
def config() -> StyleConfig:
    return StyleConfig(network="slim", device="cpu", steps=3)
