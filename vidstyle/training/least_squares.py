"""The best linear map, with a shift, from one set of features to another."""

from typing import Final

import torch
from torch import Tensor

RIDGE: Final = 1e-4
"""Of a head's least squares, relative to the mean square of its features."""


class LeastSquares:
    """Features and what they should become, taken in part by part."""

    def __init__(self) -> None:
        """Begin with no pixel seen."""
        self._inner: Tensor | None = None
        self._outer: Tensor | None = None

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Take in (N, C, h, w) features and (N, D, h, w) targets."""
        rows, wanted = _with_one(features), _rows(targets)
        inner, outer = rows.T @ rows, rows.T @ wanted  # (C + 1, C + 1), (C + 1, D)
        self._inner = inner if self._inner is None else self._inner + inner
        self._outer = outer if self._outer is None else self._outer + outer

    def solve(self) -> Tensor:
        """Return the map: (C + 1, D) float64, the shift in its last row.

        Raises:
            ValueError: If nothing was added.
        """
        if self._inner is None or self._outer is None:
            raise ValueError("no features were added")
        inner = self._inner
        ridge = RIDGE * inner.diagonal()[:-1].mean()
        eye = torch.eye(len(inner), dtype=inner.dtype, device=inner.device)
        solution: Tensor = torch.linalg.solve(inner + ridge * eye, self._outer)
        return solution


def squared_error(solution: Tensor, features: Tensor, targets: Tensor) -> float:
    """Sum the squared error of a map from ``LeastSquares``."""
    return float((_with_one(features) @ solution - _rows(targets)).square().sum())


def _rows(maps: Tensor) -> Tensor:
    return maps.movedim(1, -1).flatten(0, 2).double()  # (N*h*w, C)


def _with_one(maps: Tensor) -> Tensor:
    rows = _rows(maps)
    return torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
