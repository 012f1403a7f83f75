"""How good an answer is, recomputed from its weights alone.

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
    """Largest violation of the constraints and of stationarity, and a proven bound on suboptimality."""

    primal_residual: float
    dual_residual: float
    gap: float

    @property
    def is_accepted(self) -> bool:
        """Whether all three are within `RESIDUAL_TOLERANCE`; what is not a number is not."""
        return all(value <= RESIDUAL_TOLERANCE for value in (self.primal_residual, self.dual_residual, self.gap))


def primal_residual(weights: FloatVector, upper: FloatVector, budget: float, groups: GroupCaps | None = None) -> float:
    """Largest violation of budget, bounds and group caps by weights (N,)."""
    worst = max(abs(float(weights.sum()) - budget), float((-weights).max()), float((weights - upper).max()), 0.0)
    if groups is not None and groups.limits.size:
        worst = max(worst, float((groups.matrix @ weights - groups.limits).max()))
    return worst


def stationarity(
    weights: FloatVector, gradient: FloatVector, pieces: Pieces, tilt: float, budget: float
) -> tuple[float, float]:
    """Dual residual and gap of weights for a convex f(y) + tilt phi(y) over sum y = budget.

    Stationarity asks for one multiplier nu with nu - gradient_k in the subdifferential of every tilt phi_k; the
    residual is the smallest possible largest distance from it. The gap is that of Frank and Wolfe (1956): what the best
    feasible point could gain on the linearised f, which bounds the suboptimality from above.

    Parameters
    ----------
    weights : (N,)
    gradient : (N,)
        Gradient of the smooth part f, with the group multipliers' pull.
    """
    low, high = pieces.subgradient_ranges(weights, KNOT_TOLERANCE)
    floor = float((gradient + tilt * low).max())
    ceiling = float((gradient + tilt * high).min())
    residual = max(0.0, 0.5 * (floor - ceiling))
    rival = pieces.cheapest(gradient / tilt if tilt > 0.0 else gradient, budget)
    gap = float(gradient @ (weights - rival))
    if tilt > 0.0:
        gap += tilt * (pieces.value(weights) - pieces.value(rival))
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
    """Certificate of weights (N,) for scale * (1/2 y'Sy + tilt (cost'y + phi(y))) and the group caps."""
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
    """The gradient of the Lagrangian, and what the multipliers' slack adds to the gap."""
    positive = np.maximum(multipliers, 0.0)
    slack = np.maximum(groups.limits - groups.matrix @ weights, 0.0)
    return gradient + groups.matrix.T @ positive, float(positive @ slack)
