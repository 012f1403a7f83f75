"""Minimise variance, maximise the Sharpe ratio and maximise diversification.

See docs/method/08-allocation.md#8.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError

from analytics._typing import FloatVector
from analytics.allocation.errors import UnboundedError
from analytics.allocation.solvers import active_set
from analytics.allocation.solvers import interior_point as interior
from analytics.allocation.solvers.certificates import certify_quadratic
from analytics.allocation.solvers.group_caps import read_groups
from analytics.allocation.solvers.linear_program import LinearProgram, solve_linear
from analytics.allocation.solvers.optimum import Optimum, accepted
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm, box_pieces, turnover_pieces
from analytics.allocation.solvers.risk_problem import GroupCaps, RiskProblem

#: Variance, relative to the mean variance of the assets, below which a portfolio counts as riskless.
RISKLESS = 1e-12
#: Distances from a knot within which an interior point is moved onto it; tried in turn.
SNAP_DISTANCES = (1e-8, 1e-7, 1e-6)


def penalty_terms(problem: RiskProblem) -> tuple[FloatVector, Pieces]:
    """Compute the dimensionless penalties P(y) of a problem.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    problem : RiskProblem

    Returns
    -------
    linear : (N,)
        gamma f, the fragility penalty of each asset.
    pieces : Pieces
        lambda ||B y - w_held||_1, the turnover penalty, over the box [0, upper].

    Examples
    --------
    >>> problem = RiskProblem(
    ...     "min_variance", np.eye(2), np.ones(2), fragility=np.array([0.5, 1.5]), fragility_penalty=0.2
    ... )
    >>> penalty_terms(problem)[0].round(4).tolist()
    [0.1, 0.3]
    """
    linear = np.zeros(problem.upper.size)
    if problem.fragility_penalty > 0.0 and problem.fragility is not None:
        linear = problem.fragility_penalty * problem.fragility
    turnover = problem.turnover
    if turnover is None or turnover.penalty == 0.0:
        return linear, box_pieces(problem.upper)
    unit = turnover_pieces(problem.upper, turnover)
    return linear, Pieces(unit.knots, turnover.penalty * unit.slopes, turnover.penalty * unit.offset)


@dataclass(frozen=True, slots=True)
class _Search:
    """Search for the optimum of one form at a given tilt or, with `tilt` None, at the tilt of the best ratio."""

    form: QuadraticForm
    groups: GroupCaps | None
    tilt: float | None

    def certified(
        self, weights: FloatVector, solver: str, iterations: int, multipliers: FloatVector | None = None
    ) -> Optimum:
        """Certify weights (N,) by themselves; multipliers (J,) belong to the group caps."""
        form = self.form
        variance, mean_variance = form.variance(weights), float(form.covariance.diagonal().mean())
        if self.tilt is None:
            gain = form.reward(weights)
            if gain <= 0.0 or variance <= RISKLESS * mean_variance:
                message = (
                    f"the ratio has no maximum: a feasible portfolio has excess return {gain:.3g} at variance "
                    f"{variance:.3g}. Estimate the covariance from more sessions, or shrink it"
                )
                raise UnboundedError(message)
            tilt, objective = variance / gain, gain / float(np.sqrt(variance))
            # A large ratio has large gradients, so its residuals are measured relative to it.
            scale = objective / variance / max(objective, 1.0)
        else:
            tilt, scale = self.tilt, 1.0 / self.tilt
            objective = variance / mean_variance - form.reward(weights)
        certificate = certify_quadratic(
            form,
            weights,
            tilt=tilt,
            scale=scale,
            groups=self.groups,
            group_multipliers=np.zeros(0) if multipliers is None else multipliers,
        )
        return Optimum(weights, solver, iterations, certificate, objective)

    def by_active_set(self, start: FloatVector | None = None) -> Optimum | None:
        """Solve by the active set; None where its pattern cycles, its system is singular, or its certificate is not accepted."""
        groups = read_groups(self.groups, self.form.cost.size)
        try:
            result = active_set.minimize(self.form, groups, tilt=self.tilt, start=start)
            multipliers = result.group_multipliers / groups.heights
            optimum = self.certified(result.weights, "active_set", result.iterations, multipliers)
        except (LinAlgError, UnboundedError):
            return None
        return optimum if result.is_settled and optimum.certificate.is_accepted else None

    def by_interior_point(self, inner: interior.InteriorResult) -> Optimum:
        """Certify an interior point as it is, then moved to the knots that it nearly reaches, then with the pattern it shows."""
        weights = np.clip(inner.weights, 0.0, self.form.pieces.upper)
        optimum = self.certified(weights, "piqp", inner.iterations, inner.group_multipliers)
        for distance in SNAP_DISTANCES:
            if optimum.certificate.is_accepted:
                return optimum
            snapped = self.form.pieces.snapped(weights, self.form.budget, distance)
            optimum = self.certified(snapped, "piqp", inner.iterations, inner.group_multipliers)
            exact = self.by_active_set(snapped)
            if exact is not None:
                return replace(exact, solver="piqp+active_set", iterations=inner.iterations + exact.iterations)
        return accepted(optimum)


def minimize_variance(problem: RiskProblem, budget: float) -> Optimum:
    """Minimise y'Sy / s2 + gamma f'y + lambda ||B y - w_held||_1, with s2 the mean variance of the assets.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    problem : RiskProblem
    budget : float
        Sum of the weights; below the sum of the caps.

    Returns
    -------
    Optimum

    Raises
    ------
    SolverError
        When no certified optimum is found.

    Examples
    --------
    >>> problem = RiskProblem("min_variance", np.diag([0.01, 0.04]), np.ones(2))
    >>> minimize_variance(problem, 1.0).weights.round(4).tolist()
    [0.8, 0.2]
    """
    cost, pieces = penalty_terms(problem)
    form = QuadraticForm(problem.covariance, cost, pieces, budget)
    tilt = 0.5 * float(problem.covariance.diagonal().mean())
    search = _Search(form, problem.groups, tilt)
    direct = search.by_active_set()
    return direct if direct is not None else search.by_interior_point(interior.minimize(form, tilt, problem.groups))


def maximize_ratio(problem: RiskProblem, budget: float, appeal: FloatVector, required: float) -> Optimum | None:
    """Maximise reward(y) / sqrt(y'Sy), the Sharpe ratio or the diversification ratio after penalties.

    See docs/method/08-allocation.md#8.2.

    reward(y) = (appeal - gamma s f)'y - required - lambda s ||B y - w_held||_1, with s the root of the assets' mean
    variance.

    Parameters
    ----------
    problem : RiskProblem
    budget : float
        Sum of the weights; below the sum of the caps.
    appeal : (N,)
        Annualised mean for the Sharpe ratio, annualised volatility for the diversification ratio.
    required : float
        Amount that the reward must exceed (the annual risk-free rate).

    Returns
    -------
    Optimum or None
        None when no feasible point has a positive reward.

    Raises
    ------
    SolverError
        When no certified optimum is found.

    Examples
    --------
    >>> problem = RiskProblem("max_sharpe", np.diag([0.04, 0.04]), np.ones(2))
    >>> maximize_ratio(problem, 1.0, np.array([0.06, 0.02]), 0.0).weights.round(4).tolist()
    [0.75, 0.25]
    """
    form = _ratio_form(problem, budget, appeal, required)
    negligible = 1e-12 * float(np.abs(form.cost).max() + abs(required))
    best_reward = form.reward(form.pieces.cheapest(form.cost, budget))
    if best_reward <= negligible:
        return None
    search = _Search(form, problem.groups, None)
    direct = search.by_active_set()
    if direct is not None:
        return direct
    if problem.groups is not None:
        best_reward = form.reward(_most_rewarding(form, problem.groups))
        if best_reward <= negligible:
            return None
    return search.by_interior_point(interior.maximize_ratio(form, best_reward, problem.groups))


def excess_return(problem: RiskProblem, budget: float, weights: FloatVector) -> float:
    """Compute the numerator of the Sharpe ratio of weights, after penalties.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    problem : RiskProblem
    budget : float
    weights : (N,)

    Returns
    -------
    float
        Annual, a fraction.

    Examples
    --------
    >>> problem = RiskProblem("max_sharpe", np.eye(2), np.ones(2), mean=np.array([0.06, 0.02]), risk_free_rate=0.01)
    >>> round(excess_return(problem, 1.0, np.array([0.5, 0.5])), 4)
    0.03
    """
    mean = problem.mean if problem.mean is not None else np.zeros_like(weights)
    return _ratio_form(problem, budget, mean, problem.risk_free_rate).reward(weights)


def _ratio_form(problem: RiskProblem, budget: float, appeal: FloatVector, required: float) -> QuadraticForm:
    linear, unit = penalty_terms(problem)
    scale = float(np.sqrt(problem.covariance.diagonal().mean()))
    pieces = Pieces(unit.knots, scale * unit.slopes, scale * unit.offset)
    return QuadraticForm(problem.covariance, scale * linear - appeal, pieces, budget, required)


def _most_rewarding(form: QuadraticForm, groups: GroupCaps) -> FloatVector:
    """Weights (N,) of the largest reward under the group caps."""
    owner, lengths, slopes = form.pieces.parts()
    program = LinearProgram(
        cost=form.cost[owner] + slopes,
        rows=groups.matrix[:, owner],
        limits=groups.limits,
        total=np.ones(owner.size),
        budget=form.budget,
        low=np.zeros(owner.size),
        high=lengths,
    )
    answer = solve_linear(program, "largest reward under the group caps")
    return form.pieces.joined(owner, answer.point)
