"""A small picture and a painting, and the least work there can be."""

from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import StyleConfig
from vidstyle.images import resize_frame, write_picture


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """``photo.png`` 32x24, ``painting.png`` and ``other.png`` 40x30."""
    random = np.random.default_rng(0)
    for name, (height, width) in {
        "photo.png": (24, 32),
        "painting.png": (30, 40),
        "other.png": (30, 40),
    }.items():
        coarse = random.integers(0, 256, (5, 6, 3), np.uint8)
        write_picture(tmp_path / name, resize_frame(coarse, height=height, width=width))
    return tmp_path


@pytest.fixture
def config() -> StyleConfig:
    return StyleConfig(network="slim", device="cpu", steps=3)
