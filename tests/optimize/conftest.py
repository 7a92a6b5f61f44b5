import pytest
import torch

from vidstyle.networks import slim


@pytest.fixture(scope="session")
def network():
    return slim()


@pytest.fixture(scope="session")
def pictures():
    """Four smooth, colorful, different pictures (4, 3, 32, 48) in [0, 1]."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(4, 3, 6, 9, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (32, 48), mode="bicubic")
    grain = 0.1 * torch.rand(4, 3, 32, 48, generator=generator)
    return (smooth + grain).clamp(0, 1)
