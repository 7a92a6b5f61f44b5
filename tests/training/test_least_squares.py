import pytest
import torch

from vidstyle.training.least_squares import LeastSquares, squared_error


def test_least_squares_over_parts_is_that_over_all() -> None:
    generator = torch.Generator().manual_seed(3)
    features = torch.rand(4, 3, 6, 5, generator=generator)
    targets = torch.rand(4, 2, 6, 5, generator=generator)
    whole, parts = LeastSquares(), LeastSquares()
    whole.add(features, targets)
    for at in range(4):
        parts.add(features[at : at + 1], targets[at : at + 1])
    torch.testing.assert_close(whole.solve(), parts.solve())
    mean_only = (targets - targets.mean((0, 2, 3), keepdim=True)).square().sum()
    assert squared_error(whole.solve(), features, targets) < float(mean_only)


def test_least_squares_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no features"):
        LeastSquares().solve()
