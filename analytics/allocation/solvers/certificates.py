"""Certify solutions: recompute residuals and optimality gap from the weights alone.

See docs/method/08-allocation.md#8.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics._typing import FloatVector
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm
from analytics.allocation.solvers.risk_problem import GroupCaps

#: Two numbers this near, relative to the scale of the problem, count as equal: rounding tells them apart at will.
TIE_TOLERANCE = 1e-12
#: A weight this near to a knot counts as on it.
KNOT_TOLERANCE = 1e-9
#: Residuals and relative gap above this are a failure, not an answer.
RESIDUAL_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence for the optimality of weights.

    Attributes
    ----------
    primal_residual : float
        Largest violation of budget, bounds and group caps, as a weight.
    dual_residual : float
        Largest violation of stationarity, in units of the objective's gradient.
    gap : float
        Proven upper bound on the suboptimality of the objective.

    Examples
    --------
    >>> Certificate(primal_residual=1e-12, dual_residual=3e-10, gap=0.0).is_accepted
    True
    >>> Certificate(primal_residual=1e-12, dual_residual=float("nan"), gap=0.0).is_accepted
    False
    """

    primal_residual: float
    dual_residual: float
    gap: float

    @property
    def is_accepted(self) -> bool:
        """True where all three are within `RESIDUAL_TOLERANCE`; False for NaN."""
        return all(value <= RESIDUAL_TOLERANCE for value in (self.primal_residual, self.dual_residual, self.gap))


def primal_residual(weights: FloatVector, upper: FloatVector, budget: float, groups: GroupCaps | None = None) -> float:
    """Compute the largest violation of budget, bounds and group caps by weights.

    Parameters
    ----------
    weights : (N,)
    upper : (N,)
        Caps.
    budget : float
    groups : GroupCaps, optional

    Returns
    -------
    float
        0 for feasible weights.

    Examples
    --------
    >>> round(primal_residual(np.array([0.7, 0.3]), np.full(2, 0.6), 1.0), 6)
    0.1
    """
    worst = max(abs(float(weights.sum()) - budget), float((-weights).max()), float((weights - upper).max()), 0.0)
    if groups is not None and groups.limits.size:
        worst = max(worst, float((groups.matrix @ weights - groups.limits).max()))
    return worst


def stationarity(
    weights: FloatVector, gradient: FloatVector, pieces: Pieces, tilt: float, budget: float
) -> tuple[float, float]:
    """Compute the dual residual and the gap of weights for a convex f(y) + tilt phi(y) over sum y = budget.

    Stationarity asks for one multiplier nu with nu - gradient_k in the subdifferential of every tilt phi_k; the
    residual is the smallest possible largest distance from it. The gap is that of Frank and Wolfe (1956): the
    improvement of the best feasible point on the linearised f, which bounds the suboptimality from above.

    Parameters
    ----------
    weights : (N,)
    gradient : (N,)
        Gradient of the smooth part f, including the multipliers of the groups.
    pieces : Pieces
        phi and the box.
    tilt : float
        Factor of phi.
    budget : float

    Returns
    -------
    residual, gap : float

    Examples
    --------
    >>> from analytics.allocation.solvers.piecewise_linear import box_pieces
    >>> covariance, weights = np.diag([0.01, 0.04]), np.array([0.8, 0.2])
    >>> residual, gap = stationarity(weights, covariance @ weights, box_pieces(np.ones(2)), 0.0, 1.0)
    >>> round(residual, 12) == 0.0, round(gap, 12) == 0.0
    (True, True)
    """
    low, high = pieces.subgradient_ranges(weights, KNOT_TOLERANCE)
    floor = float((gradient + tilt * low).max())
    ceiling = float((gradient + tilt * high).min())
    residual = max(0.0, 0.5 * (floor - ceiling))
    best_response = pieces.cheapest(gradient / tilt if tilt > 0.0 else gradient, budget)
    gap = float(gradient @ (weights - best_response))
    if tilt > 0.0:
        gap += tilt * (pieces.value(weights) - pieces.value(best_response))
    return residual, max(gap, 0.0)


def certify_quadratic(
    form: QuadraticForm,
    weights: FloatVector,
    *,
    tilt: float,
    scale: float,
    groups: GroupCaps | None,
    group_multipliers: FloatVector,
) -> Certificate:
    """Certify weights (N,) for scale * (1/2 y'Sy + tilt (cost'y + phi(y))) under group caps.

    Parameters
    ----------
    form : QuadraticForm
    weights : (N,)
    tilt, scale : float
        Factors of the objective.
    groups : GroupCaps or None
    group_multipliers : (J,)

    Returns
    -------
    Certificate
    """
    gradient = form.product(weights) + tilt * form.cost
    slackness = 0.0
    if groups is not None:
        gradient, slackness = with_groups(gradient, weights, groups, group_multipliers)
    residual, gap = stationarity(weights, gradient, form.pieces, tilt, form.budget)
    feasibility = primal_residual(weights, form.pieces.upper, form.budget, groups)
    return Certificate(feasibility, scale * residual, scale * (gap + slackness))


def with_groups(
    gradient: FloatVector, weights: FloatVector, groups: GroupCaps, multipliers: FloatVector
) -> tuple[FloatVector, float]:
    """Add the group caps to a gradient.

    Parameters
    ----------
    gradient, weights : (N,)
    groups : GroupCaps
    multipliers : (J,)
        Of the group caps; negative ones count as 0.

    Returns
    -------
    gradient : (N,)
        Of the Lagrangian.
    slackness : float
        Amount that loose groups with a positive multiplier add to the gap.
    """
    positive = np.maximum(multipliers, 0.0)
    slack = np.maximum(groups.limits - groups.matrix @ weights, 0.0)
    return gradient + groups.matrix.T @ positive, float(positive @ slack)
