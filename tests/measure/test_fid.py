"""Distances of normal distributions that can be worked out by hand, and another's."""

import pytest
import torch

from vidstyle.measure.fid import Gaussian, fit_gaussian, frechet_distance


def gaussian(mean, covariance):
    factor = torch.linalg.cholesky(torch.tensor(covariance).double()).T
    return Gaussian(torch.tensor(mean).double(), factor)


def covariance_of(gaussian):
    return gaussian.factor.T @ gaussian.factor


def rows(count, dimensions, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimensions, dimensions, generator=generator)
    return torch.randn(count, dimensions, generator=generator) @ mixing


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        # On a line: (m - m')^2 + (s - s')^2.
        (([0.0], [[1.0]]), ([3.0], [[4.0]]), 9 + 1),
        # Covariances with the same axes: the same, axis by axis.
        (
            ([0.0, 1.0], [[4.0, 0.0], [0.0, 1.0]]),
            ([1.0, 1.0], [[9.0, 0.0], [0.0, 0.25]]),
            1 + 1 + 0.25,
        ),
        # With other axes; scipy 1.17: trace(S + S' - 2 sqrtm(S @ S')) + 5.
        (
            ([1.0, -2.0], [[4.0, 1.0], [1.0, 3.0]]),
            ([0.0, 0.0], [[2.0, -1.0], [-1.0, 5.0]]),
            6.2094177236323755,
        ),
    ],
)
def test_known_distances(one, other, distance):
    one, other = gaussian(*one), gaussian(*other)

    assert frechet_distance(one, other) == pytest.approx(distance, abs=1e-12)
    assert frechet_distance(other, one) == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize("count", [200, 20, 2])
def test_a_set_has_no_distance_to_itself(count):
    # Of 64 dimensions: the covariances of the smaller sets have no inverse.
    features = rows(count, 64)
    one, other = fit_gaussian(features), fit_gaussian(features.flip(0))

    spread = one.factor.square().sum().item()
    assert frechet_distance(one, one) < 1e-9 * spread
    assert frechet_distance(one, other) < 1e-9 * spread


def test_a_shift_alone_counts_with_its_square():
    features = rows(30, 64)

    shifted = frechet_distance(fit_gaussian(features), fit_gaussian(features + 3))

    assert shifted == pytest.approx(64 * 9, rel=1e-6)


def test_a_stretch_alone_counts_with_the_spread():
    features = rows(30, 64) - rows(30, 64).mean(0)
    one = fit_gaussian(features)

    stretched = frechet_distance(one, fit_gaussian(3 * features))

    assert stretched == pytest.approx(4 * one.factor.square().sum().item(), rel=1e-5)


@pytest.mark.parametrize("count", [50, 8, 3])
def test_a_gaussian_is_mean_and_covariance(count):
    features = rows(count, 8)
    measured = fit_gaussian(features)

    assert measured.mean.tolist() == pytest.approx(features.mean(0).tolist(), abs=1e-6)
    expected = torch.cov(features.T.double())
    torch.testing.assert_close(covariance_of(measured), expected)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="at least two"):
        fit_gaussian(rows(1, 4))
