"""Represent bounds and turnover as one separable convex piecewise-linear function of the weights.

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
    """Separable convex function phi(y) = offset + sum_k phi_k(y_k).

    Each phi_k is piecewise linear on [0, upper_k] and infinite outside.

    Attributes
    ----------
    knots : (N, M)
        Ascending in each row, from 0 to the upper bound; short rows repeat the bound.
    slopes : (N, M - 1)
        Slope between neighbouring knots, ascending in each row.
    offset : float
        phi(0).

    Examples
    --------
    >>> pieces = Pieces(np.array([[0.0, 0.2, 0.5]]), np.array([[-1.0, 1.0]]), offset=0.2)
    >>> round(pieces.value(np.array([0.2])), 4), round(pieces.value(np.array([0.5])), 4)
    (0.0, 0.3)
    """

    knots: FloatMatrix
    slopes: FloatMatrix
    offset: float = 0.0

    @property
    def upper(self) -> FloatVector:
        """Upper bounds (N,)."""
        return self.knots[:, -1]

    def value(self, weights: FloatVector) -> float:
        """Evaluate phi at weights (N,) inside the box."""
        if self.slopes.shape[1] == 1:
            return self.offset + float(self.slopes[:, 0] @ weights)
        lengths = np.clip(weights[:, None] - self.knots[:, :-1], 0.0, np.diff(self.knots, axis=1))
        return self.offset + float((self.slopes * lengths).sum())

    def parts(self) -> tuple[NDArray[np.intp], FloatVector, FloatVector]:
        """Return owner, length and slope of every piece with a positive length; a weight is the sum of its pieces' amounts."""
        lengths = np.diff(self.knots, axis=1)
        owner, column = np.nonzero(lengths > 0.0)
        return owner, lengths[owner, column], self.slopes[owner, column]

    def joined(self, owner: NDArray[np.intp], amounts: FloatVector) -> FloatVector:
        """Sum the amounts of the pieces of `parts` to weights (N,)."""
        held = np.bincount(owner, weights=amounts, minlength=self.knots.shape[0])
        return np.asarray(held, dtype=np.float64)

    def subgradient_ranges(self, weights: FloatVector, tolerance: float) -> tuple[FloatVector, FloatVector]:
        """Smallest and largest subgradient of each phi_k (N,); a weight within `tolerance` of a knot counts as on it."""
        bounded_slopes = np.empty((weights.size, self.slopes.shape[1] + 2))
        bounded_slopes[:, 0], bounded_slopes[:, 1:-1], bounded_slopes[:, -1] = -np.inf, self.slopes, np.inf
        rows = np.arange(weights.size)
        below = (self.knots < (weights - tolerance)[:, None]).sum(axis=1)
        reached = (self.knots <= (weights + tolerance)[:, None]).sum(axis=1)
        return bounded_slopes[rows, below], bounded_slopes[rows, reached]

    def snapped(self, weights: FloatVector, budget: float, distance: float) -> FloatVector:
        """Move weights (N,) within `distance` of a knot onto it; the weight farthest from its knots takes the remainder."""
        away = np.abs(self.knots - weights[:, None])
        nearest = np.argmin(away, axis=1)
        gaps = away[np.arange(weights.size), nearest]
        moved = np.where(gaps <= distance, self.knots[np.arange(weights.size), nearest], weights)
        freest = int(np.argmax(gaps if float(gaps.max()) > distance else weights))
        moved[freest] += budget - float(moved.sum())
        return np.clip(moved, 0.0, self.upper)

    def cheapest(self, gradient: FloatVector, budget: float) -> FloatVector:
        """Minimise gradient'y + phi(y) over weights (N,) in the box with the given sum.

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
    """Represent the box [0, upper] alone.

    Parameters
    ----------
    upper : (N,)

    Returns
    -------
    Pieces

    Examples
    --------
    >>> box_pieces(np.array([0.3, 0.5])).knots.tolist()
    [[0.0, 0.3], [0.0, 0.5]]
    """
    return Pieces(np.column_stack([np.zeros_like(upper), upper]), np.zeros((upper.size, 1)))


def turnover_pieces(upper: FloatVector, turnover: Turnover) -> Pieces:
    """Represent the box [0, upper] with the turnover ||B y - w_held||_1 at unit penalty.

    Each member i of asset k bends phi_k at y_k = held_i / share_i, where its slope turns from -share_i to +share_i.

    Parameters
    ----------
    upper : (N,)
    turnover : Turnover

    Returns
    -------
    Pieces

    Examples
    --------
    >>> from analytics.allocation.solvers.risk_problem import Turnover
    >>> held = Turnover(penalty=1.0, held=np.array([0.2]), owner=np.array([0]), share=np.array([1.0]))
    >>> pieces = turnover_pieces(np.array([0.5]), held)
    >>> pieces.knots.tolist(), pieces.slopes.tolist(), pieces.offset
    ([[0.0, 0.2, 0.5]], [[-1.0, 1.0]], 0.2)
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
    """Objective 1/2 y'Sy + tilt (cost'y + phi(y)) over sum y = budget, for any tilt.

    Attributes
    ----------
    covariance : (N, N)
        S; symmetric, C-contiguous.
    cost : (N,)
    pieces : Pieces
        phi and the box.
    budget : float
        Below the sum of the upper bounds.
    required : float
        Amount that the reward -(cost'y + phi(y)) has to exceed when it is put in ratio to risk.

    Examples
    --------
    >>> form = QuadraticForm(np.diag([0.04, 0.01]), np.array([-0.06, -0.02]), box_pieces(np.ones(2)), budget=1.0)
    >>> weights = np.array([0.5, 0.5])
    >>> round(form.reward(weights), 4), round(form.variance(weights), 4)
    (0.04, 0.0125)
    """

    covariance: FloatMatrix
    cost: FloatVector
    pieces: Pieces
    budget: float
    required: float = 0.0

    def reward(self, weights: FloatVector) -> float:
        """Compute -(cost'y + phi(y)) - required."""
        return -float(self.cost @ weights) - self.pieces.value(weights) - self.required

    def product(self, weights: FloatVector) -> FloatVector:
        """Compute S y (N,), from the rows of S with nonzero weight where they are few."""
        held = weights.nonzero()[0]
        if 2 * held.size > weights.size:
            return np.asarray(self.covariance @ weights)
        return np.asarray(weights[held] @ self.covariance[held])

    def variance(self, weights: FloatVector) -> float:
        """Compute y'Sy."""
        return float(weights @ self.product(weights))
