"""Independent reference solver: the convex problems of docs/method/08-allocation.md#8.2, stated directly in cvxpy.

It shares no code with the solvers of `analytics.allocation` except the definition of the tail mean and the least units
of risk, and it is too slow for production. The tests and `benchmarks.agreement` compare `solve` with it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import cvxpy
import numpy as np

from analytics._typing import FloatVector
from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.mean_risk import LEAST_VARIANCE
from analytics.allocation.solvers.risk_problem import RiskProblem
from analytics.allocation.solvers.tail_risk import CONFIDENCE, LEAST_TAIL, tail_mean

#: cvxpy's annotations do not export its atoms.
cp: Any = cvxpy


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """Weights (N,) and the value of the risk profile's objective as in `Solution.objective`."""

    weights: FloatVector
    objective: float


def solve_by_reference(problem: RiskProblem) -> ReferenceAnswer:
    """Solve a convex risk profile by cvxpy and Clarabel.

    Parameters
    ----------
    problem : RiskProblem
        With one of `CONVEX_PROFILES`.

    Returns
    -------
    ReferenceAnswer

    Raises
    ------
    SolverError
        When cvxpy does not report an optimum.
    """
    statements = {
        "min_variance": _min_variance,
        "risk_parity": _risk_parity,
        "max_sharpe": _max_sharpe,
        "max_diversification": _max_diversification,
        "min_cvar": _min_cvar,
    }
    return statements[problem.risk_profile](problem)


def _root(problem: RiskProblem) -> tuple[FloatVector, float]:
    """R with R'R = S / s2, and s2, the mean variance."""
    level = float(problem.covariance.diagonal().mean())
    values, vectors = np.linalg.eigh(problem.covariance / level)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T), level


def _traded(problem: RiskProblem, weights: Any, stretch: Any = 1.0) -> Any:
    """||B y - w_held||_1, or stretch * ||B x / stretch - w_held||_1 when weights are x = stretch * y."""
    turnover = problem.turnover
    if turnover is None:
        return 0.0
    blend = np.zeros((turnover.held.size, problem.upper.size))
    blend[np.arange(turnover.held.size), turnover.owner] = turnover.share
    return cp.norm1(blend @ weights - turnover.held * stretch) + turnover.held_elsewhere * stretch


def _penalty(problem: RiskProblem) -> float:
    """lambda, 0 without turnover."""
    return 0.0 if problem.turnover is None else problem.turnover.penalty


def _limits(problem: RiskProblem, weights: Any, stretch: Any = 1.0) -> list[Any]:
    limits = [cp.sum(weights) == problem.budget * stretch, weights >= 0.0, weights <= problem.upper * stretch]
    if problem.groups is not None:
        limits.append(problem.groups.matrix @ weights <= problem.groups.limits * stretch)
    return limits


def _run(objective: Any, limits: list[Any]) -> float:
    program = cp.Problem(objective, limits)
    with warnings.catch_warnings():
        # Clarabel calls a solution inaccurate that misses these tolerances; the comparison shows by how much.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
        try:
            value = program.solve(
                solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12, max_iter=500
            )
        except cp.error.SolverError as failure:
            message = f"cvxpy: {failure}"
            raise SolverError(message) from failure
    if program.status not in ("optimal", "optimal_inaccurate"):
        message = f"cvxpy reports {program.status}"
        raise SolverError(message)
    return float(value)


def _min_variance(problem: RiskProblem) -> ReferenceAnswer:
    """Minimise y'Sy / s2; then, with turnover, y'Sy / sigma*^2 + lambda * traded."""
    weights = cp.Variable(problem.upper.size)
    root, _ = _root(problem)
    variance, limits = cp.sum_squares(root @ weights), _limits(problem, weights)
    value = _run(cp.Minimize(variance), limits)
    if _penalty(problem):
        unit = max(value, LEAST_VARIANCE)
        value = _run(cp.Minimize(variance / unit + _penalty(problem) * _traded(problem, weights)), limits)
    return ReferenceAnswer(np.asarray(weights.value), value)


def _risk_parity(problem: RiskProblem) -> ReferenceAnswer:
    count = problem.upper.size
    weights = cp.Variable(count)
    root, _ = _root(problem)
    budgets = problem.risk_budgets if problem.risk_budgets is not None else np.full(count, 1.0 / count)
    caps = problem.upper / problem.budget
    value = _run(
        cp.Minimize(0.5 * cp.sum_squares(root @ weights) - budgets @ cp.log(weights)),
        [weights <= caps * cp.sum(weights)],
    )
    found = np.asarray(weights.value)
    return ReferenceAnswer(found * problem.budget / found.sum(), value)


def _best_ratio(problem: RiskProblem, appeal: FloatVector, required: float, trade_cost: float) -> ReferenceAnswer:
    """Maximise a ratio by the transformation of Charnes and Cooper (1962): x = t y, min x'Sx with the reward equal to 1."""
    scaled, stretch = cp.Variable(problem.upper.size), cp.Variable(nonneg=True)
    root, level = _root(problem)
    unit = float(np.sqrt(level))
    reward = (appeal / unit) @ scaled - required / unit * stretch
    if trade_cost:
        reward = reward - trade_cost / unit * _traded(problem, scaled, stretch)
    risk = _run(cp.Minimize(cp.sum_squares(root @ scaled)), [reward >= 1.0, *_limits(problem, scaled, stretch)])
    return ReferenceAnswer(np.asarray(scaled.value) / float(stretch.value), 1.0 / float(np.sqrt(risk)))


def _max_sharpe(problem: RiskProblem) -> ReferenceAnswer:
    mean = problem.mean if problem.mean is not None else np.zeros(problem.upper.size)
    trade_cost = 0.0 if problem.turnover is None else problem.turnover.annual_cost
    return _best_ratio(problem, mean, problem.risk_free_rate, trade_cost)


def _max_diversification(problem: RiskProblem) -> ReferenceAnswer:
    """Maximise v'y / sqrt(y'Sy), with turnover at the cost lambda sigma* per unit traded."""
    trade_cost = 0.0
    if _penalty(problem):
        calmest = _min_variance(replace(problem, turnover=None))
        trade_cost = _penalty(problem) * float(np.sqrt(max(calmest.objective, 0.0) * _root(problem)[1]))
    return _best_ratio(problem, np.sqrt(problem.covariance.diagonal()), 0.0, trade_cost)


def _min_cvar(problem: RiskProblem) -> ReferenceAnswer:
    """Minimise CVaR / mean CVaR; then, with turnover, CVaR / CVaR* + lambda * traded."""
    returns = problem.past_returns if problem.past_returns is not None else np.zeros((1, problem.upper.size))
    losses = -returns / float(tail_mean(-returns).mean())
    weights, threshold = cp.Variable(problem.upper.size), cp.Variable()
    excess = cp.pos(losses @ weights - threshold)
    tail, limits = threshold + cp.sum(excess) / ((1.0 - CONFIDENCE) * losses.shape[0]), _limits(problem, weights)
    value = _run(cp.Minimize(tail), limits)
    if _penalty(problem):
        unit = max(value, LEAST_TAIL)
        value = _run(cp.Minimize(tail / unit + _penalty(problem) * _traded(problem, weights)), limits)
    return ReferenceAnswer(np.asarray(weights.value), value)
