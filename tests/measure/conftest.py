import numpy as np
import pytest

from vidstyle.video.folder import write_pictures


@pytest.fixture
def texture():
    """A smooth texture, uint8 (64, 160, 3) in [60, 190]: wide enough to pan over."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:64, :160]
    waves = np.zeros((64, 160, 3))
    for _ in range(40):
        across, down = rng.normal(0, 0.35, 2)
        for color in range(3):
            waves[..., color] += np.sin(across * x + down * y + rng.uniform(0, 6.3))
    return (125 + 65 * waves / np.abs(waves).max()).round().astype(np.uint8)


@pytest.fixture
def make_folder(tmp_path):
    """Write frames as a folder of numbered pictures."""

    def make(name, frames):
        write_pictures(frames, tmp_path / name)
        return tmp_path / name

    return make
