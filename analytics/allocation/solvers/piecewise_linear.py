"""Boxes and turnover as one separable convex piecewise-linear function of the weights.

See docs/method/08-allocation.md#8.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.solvers.risk_problem import Turnover


@dataclass(frozen=True, slots=True)
class Pieces:
    """phi(y) = offset + sum_k phi_k(y_k), phi_k convex, piecewise linear on [0, upper_k], infinite outside.

    Parameters
    ----------
    knots : (N, M)
        Ascending in each row, from 0 to the upper bound; short rows repeat the bound.
    slopes : (N, M - 1)
        Slope between neighbouring knots, ascending in each row.
    offset : phi(0).
    """

    knots: FloatMatrix
    slopes: FloatMatrix
    offset: float = 0.0

    @property
    def upper(self) -> FloatVector:
        """(N,) upper bounds."""
        return self.knots[:, -1]

    def value(self, weights: FloatVector) -> float:
        """phi at weights (N,) inside the box."""
        if self.slopes.shape[1] == 1:
            return self.offset + float(self.slopes[:, 0] @ weights)
        lengths = np.clip(weights[:, None] - self.knots[:, :-1], 0.0, np.diff(self.knots, axis=1))
        return self.offset + float((self.slopes * lengths).sum())

    def parts(self) -> tuple[NDArray[np.intp], FloatVector, FloatVector]:
        """Owner, length and slope of every piece that has a length; a weight is the sum of what its pieces hold."""
        lengths = np.diff(self.knots, axis=1)
        owner, column = np.nonzero(lengths > 0.0)
        return owner, lengths[owner, column], self.slopes[owner, column]

    def joined(self, owner: NDArray[np.intp], amounts: FloatVector) -> FloatVector:
        """Weights (N,) from what the pieces of `parts` hold."""
        held = np.bincount(owner, weights=amounts, minlength=self.knots.shape[0])
        return np.asarray(held, dtype=np.float64)

    def subgradient_ranges(self, weights: FloatVector, tolerance: float) -> tuple[FloatVector, FloatVector]:
        """Smallest and largest subgradient of each phi_k (N,), a weight within `tolerance` of a knot being on it."""
        walled = np.empty((weights.size, self.slopes.shape[1] + 2))
        walled[:, 0], walled[:, 1:-1], walled[:, -1] = -np.inf, self.slopes, np.inf
        rows = np.arange(weights.size)
        below = (self.knots < (weights - tolerance)[:, None]).sum(axis=1)
        reached = (self.knots <= (weights + tolerance)[:, None]).sum(axis=1)
        return walled[rows, below], walled[rows, reached]

    def snapped(self, weights: FloatVector, budget: float, distance: float) -> FloatVector:
        """Weights (N,) with those within `distance` of a knot put on it, the freest one taking the rest."""
        away = np.abs(self.knots - weights[:, None])
        nearest = np.argmin(away, axis=1)
        gaps = away[np.arange(weights.size), nearest]
        moved = np.where(gaps <= distance, self.knots[np.arange(weights.size), nearest], weights)
        freest = int(np.argmax(gaps if float(gaps.max()) > distance else weights))
        moved[freest] += budget - float(moved.sum())
        return np.clip(moved, 0.0, self.upper)

    def cheapest(self, gradient: FloatVector, budget: float) -> FloatVector:
        """Weights (N,) in the box with the given sum that minimise gradient'y + phi(y).

        The pieces are filled in the order of their slopes, which is exact because each phi_k is convex.
        """
        lengths = np.diff(self.knots, axis=1)
        costs = (gradient[:, None] + self.slopes).ravel()
        order = np.argsort(costs, kind="stable")
        filled = np.cumsum(lengths.ravel()[order])
        taken = np.clip(budget - (filled - lengths.ravel()[order]), 0.0, lengths.ravel()[order])
        amounts = np.empty_like(costs)
        amounts[order] = taken
        return np.asarray(amounts.reshape(lengths.shape).sum(axis=1))


def box_pieces(upper: FloatVector) -> Pieces:
    """The box [0, upper] alone."""
    return Pieces(np.column_stack([np.zeros_like(upper), upper]), np.zeros((upper.size, 1)))


def turnover_pieces(upper: FloatVector, turnover: Turnover) -> Pieces:
    """The box [0, upper] with ||B y - w_held||_1 over it; unit penalty.

    Each member i of asset k bends phi_k at y_k = held_i / share_i, where its slope turns from -share_i to +share_i.
    """
    count = upper.size
    owner: IntVector = np.asarray(turnover.owner, dtype=np.int64)
    held_value = float(np.abs(turnover.held).sum()) + turnover.held_elsewhere
    active = turnover.share > 0.0
    owner, share, held = owner[active], turnover.share[active], turnover.held[active]
    bends = np.clip(held / share, 0.0, upper[owner])
    start = np.bincount(owner, weights=np.where(held > 0.0, -share, share), minlength=count)
    inside = held > 0.0
    owner, share, bends = owner[inside], share[inside], bends[inside]
    order = np.lexsort((bends, owner))
    owner, share, bends = owner[order], share[order], bends[order]
    per_asset = np.bincount(owner, minlength=count)
    width = int(per_asset.max(initial=0))
    column = np.arange(owner.size) - np.repeat(np.cumsum(per_asset) - per_asset, per_asset)
    knots: FloatMatrix = np.repeat(np.asarray(upper, dtype=np.float64)[:, None], width + 2, axis=1)
    knots[:, 0] = 0.0
    knots[owner, column + 1] = bends
    jumps = np.zeros((count, width))
    jumps[owner, column] = 2.0 * share
    slopes: FloatMatrix = np.asarray(start, dtype=np.float64)[:, None] + np.column_stack(
        [np.zeros(count), np.cumsum(jumps, axis=1)]
    )
    return Pieces(knots, slopes, held_value)


@dataclass(frozen=True, slots=True)
class QuadraticForm:
    """1/2 y'Sy + tilt (cost'y + phi(y)) over sum y = budget, for whatever tilt.

    Parameters
    ----------
    covariance : (N, N)
        S; symmetric, C-contiguous.
    cost : (N,)
    pieces : phi and the box.
    budget : below the sum of the upper bounds.
    required : what the reward -(cost'y + phi(y)) has to exceed when it is put in ratio to risk.
    """

    covariance: FloatMatrix
    cost: FloatVector
    pieces: Pieces
    budget: float
    required: float = 0.0

    def reward(self, weights: FloatVector) -> float:
        """-(cost'y + phi(y)) - required."""
        return -float(self.cost @ weights) - self.pieces.value(weights) - self.required

    def product(self, weights: FloatVector) -> FloatVector:
        """S y (N,), from the rows of S that count where they are few."""
        held = weights.nonzero()[0]
        if 2 * held.size > weights.size:
            return np.asarray(self.covariance @ weights)
        return np.asarray(weights[held] @ self.covariance[held])

    def variance(self, weights: FloatVector) -> float:
        """y'Sy."""
        return float(weights @ self.product(weights))
