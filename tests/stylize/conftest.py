"""Small pictures in two folders, and the least work there can be."""

from pathlib import Path

import pytest
from pictures import scene

from vidstyle.config import StyleConfig
from vidstyle.images import write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``photos`` with a (24x32), b (32x24) and c (24x32); ``styles`` with x and y."""
    shapes = {"a.png": (24, 32), "b.png": (32, 24), "c.png": (24, 32)}
    for number, name in enumerate(("photos", "styles")):
        (tmp_path / name).mkdir()
        chosen = shapes if name == "photos" else {"x.png": (40, 40), "y.png": (40, 60)}
        for seed, (file, shape) in enumerate(chosen.items()):
            write_picture(tmp_path / name / file, scene(10 * number + seed, *shape))
    return tmp_path


@pytest.fixture
def config() -> StyleConfig:
    return StyleConfig(network="slim", device="cpu", steps=3, min_steps=3)
