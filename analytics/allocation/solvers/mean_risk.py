"""Minimise variance, maximise the Sharpe ratio and maximise diversification.

See docs/method/08-allocation.md#8.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError

from analytics._typing import FloatVector
from analytics.allocation.errors import AllocationInputError, UnboundedError
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
#: Least variance, as a share of the mean variance of the assets, that turnover is measured against.
LEAST_VARIANCE = 1e-6
#: Distances from a knot within which an interior point is moved onto it; tried in turn.
SNAP_DISTANCES = (1e-8, 1e-7, 1e-6)


def weighted_turnover(problem: RiskProblem, weight: float) -> Pieces:
    """Represent the box [0, upper] with weight * ||B y - w_held||_1, the turnover term of an objective.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    problem : RiskProblem
    weight : float
        Amount of the objective that one unit traded costs.

    Returns
    -------
    Pieces
        The box alone where the problem has no turnover or the weight is 0.

    Examples
    --------
    >>> from analytics.allocation.solvers.risk_problem import Turnover
    >>> held = Turnover(0.05, held=np.array([0.2, 0.8]), owner=np.arange(2), share=np.ones(2))
    >>> problem = RiskProblem("min_variance", np.eye(2), np.ones(2), turnover=held)
    >>> round(weighted_turnover(problem, 0.05).value(np.array([0.5, 0.5])), 4)
    0.03
    """
    if problem.turnover is None or weight == 0.0:
        return box_pieces(problem.upper)
    unit = turnover_pieces(problem.upper, problem.turnover)
    return Pieces(unit.knots, weight * unit.slopes, weight * unit.offset)


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
            objective = 0.5 * variance / tilt - form.reward(weights)
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
    """Minimise the variance, with the turnover measured against the least variance that is possible.

    See docs/method/08-allocation.md#8.2.

    The objective is y'Sy / sigma*^2 + lambda ||B y - w_held||_1 with sigma*^2 the least variance without the turnover
    term, so lambda is the share of extra variance accepted per unit traded. Without turnover it is y'Sy in units of the
    assets' mean variance.

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
    level = float(problem.covariance.diagonal().mean())
    calmest = _least_variance(problem, budget, box_pieces(problem.upper), level)
    if problem.turnover is None or problem.turnover.penalty == 0.0:
        return calmest
    unit = max(calmest.objective, LEAST_VARIANCE) * level
    pieces = weighted_turnover(problem, problem.turnover.penalty)
    optimum = _least_variance(problem, budget, pieces, unit, start=calmest.weights)
    return replace(optimum, iterations=calmest.iterations + optimum.iterations)


def _least_variance(
    problem: RiskProblem, budget: float, pieces: Pieces, unit: float, start: FloatVector | None = None
) -> Optimum:
    """Minimise y'Sy / unit + phi(y)."""
    form = QuadraticForm(problem.covariance, np.zeros_like(problem.upper), pieces, budget)
    tilt = 0.5 * unit
    search = _Search(form, problem.groups, tilt)
    direct = search.by_active_set(start)
    return direct if direct is not None else search.by_interior_point(interior.minimize(form, tilt, problem.groups))


def maximize_sharpe(problem: RiskProblem, budget: float) -> Optimum | None:
    """Maximise (m'y - rf - annual cost of trading ||B y - w_held||_1) / sqrt(y'Sy).

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    problem : RiskProblem
        With `mean`.
    budget : float
        Sum of the weights; below the sum of the caps.

    Returns
    -------
    Optimum or None
        None when no feasible point has a positive excess return after trading costs.

    Raises
    ------
    SolverError
        When no certified optimum is found.

    Examples
    --------
    >>> problem = RiskProblem("max_sharpe", np.diag([0.04, 0.04]), np.ones(2), mean=np.array([0.06, 0.02]))
    >>> maximize_sharpe(problem, 1.0).weights.round(4).tolist()
    [0.75, 0.25]
    """
    return maximize_ratio(_sharpe_form(problem, budget), problem.groups)


def maximize_diversification(problem: RiskProblem, budget: float) -> Optimum:
    """Maximise the diversification ratio v'y / sqrt(y'Sy) with v the volatilities (Choueifaty, Coignard 2008).

    See docs/method/08-allocation.md#8.2.

    One unit traded costs lambda times the least volatility that is possible, and so at most lambda of the ratio.

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
    AllocationInputError
        When the turnover penalty exceeds every volatility.
    SolverError
        When no certified optimum is found.

    Examples
    --------
    >>> problem = RiskProblem("max_diversification", np.diag([0.01, 0.04]), np.ones(2))
    >>> maximize_diversification(problem, 1.0).weights.round(4).tolist()
    [0.6667, 0.3333]
    """
    pieces, level = box_pieces(problem.upper), float(problem.covariance.diagonal().mean())
    if problem.turnover is not None and problem.turnover.penalty > 0.0:
        calmest = _least_variance(problem, budget, pieces, level)
        pieces = weighted_turnover(problem, problem.turnover.penalty * float(np.sqrt(calmest.objective * level)))
    form = QuadraticForm(problem.covariance, -np.sqrt(problem.covariance.diagonal()), pieces, budget)
    optimum = maximize_ratio(form, problem.groups)
    if optimum is None:
        message = "max_diversification: the turnover penalty exceeds every volatility; lower turnover_penalty"
        raise AllocationInputError(message)
    return optimum


def maximize_ratio(form: QuadraticForm, groups: GroupCaps | None) -> Optimum | None:
    """Maximise reward(y) / sqrt(y'Sy) exactly, as one quadratic program (Charnes, Cooper 1962).

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    form : QuadraticForm
        Its reward is the numerator.
    groups : GroupCaps or None

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
    >>> form = QuadraticForm(np.diag([0.04, 0.04]), np.array([-0.06, -0.02]), box_pieces(np.ones(2)), budget=1.0)
    >>> maximize_ratio(form, None).weights.round(4).tolist()
    [0.75, 0.25]
    """
    negligible = 1e-12 * float(np.abs(form.cost).max() + abs(form.required))
    best_reward = form.reward(form.pieces.cheapest(form.cost, form.budget))
    if best_reward <= negligible:
        return None
    search = _Search(form, groups, None)
    direct = search.by_active_set()
    if direct is not None:
        return direct
    if groups is not None:
        best_reward = form.reward(_most_rewarding(form, groups))
        if best_reward <= negligible:
            return None
    return search.by_interior_point(interior.maximize_ratio(form, best_reward, groups))


def excess_return(problem: RiskProblem, budget: float, weights: FloatVector) -> float:
    """Compute the numerator of the Sharpe ratio of weights, after trading costs.

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
    return _sharpe_form(problem, budget).reward(weights)


def _sharpe_form(problem: RiskProblem, budget: float) -> QuadraticForm:
    mean = problem.mean if problem.mean is not None else np.zeros_like(problem.upper)
    pieces = weighted_turnover(problem, 0.0 if problem.turnover is None else problem.turnover.annual_cost)
    return QuadraticForm(problem.covariance, -mean, pieces, budget, problem.risk_free_rate)


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
