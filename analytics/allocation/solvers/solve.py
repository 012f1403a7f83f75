"""Solve an allocation problem by the algorithm of its risk profile.

See docs/method/08-allocation.md#8.2, 8.3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from analytics._typing import FloatVector
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.solvers import hierarchy
from analytics.allocation.solvers.cap_feasibility import caps_fix_the_weights, impose_caps, investable_budget
from analytics.allocation.solvers.certificates import KNOT_TOLERANCE, primal_residual
from analytics.allocation.solvers.group_caps import read_groups
from analytics.allocation.solvers.linear_program import LinearProgram, solve_linear
from analytics.allocation.solvers.mean_risk import (
    excess_return,
    maximize_diversification,
    maximize_sharpe,
    minimize_variance,
)
from analytics.allocation.solvers.optimum import Optimum
from analytics.allocation.solvers.problem_checks import check_problem
from analytics.allocation.solvers.risk_parity import solve_risk_parity
from analytics.allocation.solvers.risk_problem import RECIPE_PROFILES, GroupCaps, RiskProblem, Solution, Status
from analytics.allocation.solvers.tail_risk import minimize_tail
from analytics.arrays import as_numbers
from analytics.errors import InfeasibleError


def solve(problem: RiskProblem) -> Solution:
    """Solve one long-only allocation problem and certify the solution.

    See docs/method/08-allocation.md#8.2, 8.3.

    Parameters
    ----------
    problem : RiskProblem

    Returns
    -------
    Solution

    Raises
    ------
    AllocationInputError
        When an input is invalid; the message names the asset.
    InfeasibleError
        When no portfolio satisfies the caps or group caps; the message gives their names, numbers and the remedies.
    SolverError
        When no certified optimum is found; no other solver is tried in its stead.

    Examples
    --------
    >>> covariance = np.array([[0.04, 0.01, 0.00], [0.01, 0.09, 0.02], [0.00, 0.02, 0.16]])
    >>> solution = solve(RiskProblem("min_variance", covariance, upper=np.full(3, 0.6), names=("A", "B", "C")))
    >>> solution.weights.round(4).tolist(), solution.status, solution.binding
    ([0.6, 0.2381, 0.1619], 'optimal', ('cap:A',))
    >>> solve(RiskProblem("risk_parity", covariance, upper=np.ones(3))).weights.round(4).tolist()
    [0.4732, 0.2903, 0.2366]
    >>> solve(RiskProblem("hrp", covariance, upper=np.ones(3))).weights.round(4).tolist()
    [0.5771, 0.2565, 0.1665]
    """
    problem = _as_floats(problem)
    check_problem(problem)
    budget = investable_budget(problem.upper, problem.budget, is_partial_allowed=problem.is_partial_allowed)
    if problem.groups is not None:
        _refuse_impossible_groups(problem, problem.groups, budget)
    if problem.risk_profile in RECIPE_PROFILES:
        return _apply_recipe(problem, budget)
    if caps_fix_the_weights(problem.upper, budget):
        return _solve_at_caps(problem, budget)
    return _optimize(problem, budget)


def _as_floats(problem: RiskProblem) -> RiskProblem:
    """Convert every array of the problem to double precision."""

    def double(values: ArrayLike, name: str) -> FloatVector:
        return as_numbers(values, name, AllocationInputError)

    def optional(values: FloatVector | None, name: str) -> FloatVector | None:
        return None if values is None else double(values, name)

    turnover, groups = problem.turnover, problem.groups
    if turnover is not None:
        held, share = double(turnover.held, "turnover: held"), double(turnover.share, "turnover: share")
        turnover = replace(turnover, held=held, owner=np.asarray(turnover.owner), share=share)
    if groups is not None:
        matrix, limits = double(groups.matrix, "group caps: matrix"), double(groups.limits, "group caps: limits")
        groups = replace(groups, matrix=matrix, limits=limits)
    return replace(
        problem,
        covariance=np.ascontiguousarray(double(problem.covariance, "the covariance")),
        upper=double(problem.upper, "the cap"),
        mean=optional(problem.mean, "the mean"),
        past_returns=optional(problem.past_returns, "past_returns"),
        risk_budgets=optional(problem.risk_budgets, "the risk budgets"),
        turnover=turnover,
        groups=groups,
    )


def _optimize(problem: RiskProblem, budget: float) -> Solution:
    status: Status = "optimal"
    message = ""
    optimum: Optimum | None
    if problem.risk_profile == "min_variance":
        optimum = minimize_variance(problem, budget)
    elif problem.risk_profile == "risk_parity":
        optimum = _equalize_risk(problem, budget)
    elif problem.risk_profile == "min_cvar":
        optimum = minimize_tail(problem, budget)
    elif problem.risk_profile == "max_diversification":
        optimum = maximize_diversification(problem, budget)
    else:
        mean = problem.mean if problem.mean is not None else np.zeros_like(problem.upper)
        optimum = maximize_sharpe(problem, budget)
        if optimum is None:
            status = "no_positive_excess_return"
            message = (
                f"no feasible portfolio has a positive excess return after trading costs (best mean {mean.max():.4g}, "
                f"risk-free rate {problem.risk_free_rate:.4g}); the weights are those of min_variance"
            )
            optimum = minimize_variance(problem, budget)
    return _as_solution(problem, optimum, status, message)


def _equalize_risk(problem: RiskProblem, budget: float) -> Optimum:
    hierarchy.refuse_constant(problem.covariance, problem.labels, problem.risk_profile)
    count = problem.upper.size
    budgets = problem.risk_budgets if problem.risk_budgets is not None else np.full(count, 1.0 / count)
    return solve_risk_parity(problem.covariance, budgets, problem.upper, budget)


def _apply_recipe(problem: RiskProblem, budget: float) -> Solution:
    covariance, count = problem.covariance, problem.upper.size
    if problem.risk_profile == "equal_weight":
        weights = np.full(count, 1.0 / count)
    else:
        hierarchy.refuse_constant(covariance, problem.labels, problem.risk_profile)
        if problem.risk_profile == "inverse_volatility":
            inverse = 1.0 / np.sqrt(covariance.diagonal())
            weights = inverse / inverse.sum()
        elif problem.risk_profile in ("hrp", "hrp_plain"):
            weights = hierarchy.hierarchical_risk_parity(covariance, is_plain=problem.risk_profile == "hrp_plain")
        elif problem.risk_profile == "herc":
            weights = hierarchy.hierarchical_equal_risk(covariance)
        else:
            weights = hierarchy.nested_clusters(covariance)
    weights, cut = impose_caps(budget * weights, problem.upper)
    binding = tuple(f"projected_cap:{problem.labels[column]}" for column in np.flatnonzero(cut))
    message = ""
    if binding:
        message = (
            f"{problem.risk_profile} knows no caps; {len(binding)} weights were cut to theirs and the excess went to the "
            "others in proportion"
        )
    return Solution(
        weights=weights,
        status="closed_form",
        solver=problem.risk_profile,
        iterations=0,
        primal_residual=primal_residual(weights, problem.upper, budget),
        dual_residual=0.0,
        gap=0.0,
        objective=float("nan"),
        binding=binding,
        message=message,
    )


def _solve_at_caps(problem: RiskProblem, budget: float) -> Solution:
    """Return every weight at its cap, because the caps sum to the budget."""
    weights = problem.upper * (budget / float(problem.upper.sum()))
    message = (
        f"{problem.upper.size} assets under caps that sum to {problem.upper.sum():.6g} leave no choice: every "
        "risk profile is this portfolio"
    )
    status: Status = "optimal"
    if problem.risk_profile == "max_sharpe" and excess_return(problem, budget, weights) <= 0.0:
        status = "no_positive_excess_return"
    return Solution(
        weights=weights,
        status=status,
        solver="only_feasible_point",
        iterations=0,
        primal_residual=primal_residual(weights, problem.upper, budget, problem.groups),
        dual_residual=0.0,
        gap=0.0,
        objective=float("nan"),
        binding=tuple(f"cap:{name}" for name in problem.labels),
        message=message,
    )


def _as_solution(problem: RiskProblem, optimum: Optimum, status: Status, message: str) -> Solution:
    certificate = optimum.certificate
    return Solution(
        weights=optimum.weights,
        status=status,
        solver=optimum.solver,
        iterations=optimum.iterations,
        primal_residual=certificate.primal_residual,
        dual_residual=certificate.dual_residual,
        gap=certificate.gap,
        objective=optimum.objective,
        binding=_binding(problem, optimum.weights),
        message=message,
    )


def _binding(problem: RiskProblem, weights: FloatVector) -> tuple[str, ...]:
    names = problem.labels
    caps = np.flatnonzero(weights >= problem.upper - KNOT_TOLERANCE)
    zeros = np.flatnonzero(weights <= KNOT_TOLERANCE)
    binding = [f"cap:{names[column]}" for column in caps] + [f"zero:{names[column]}" for column in zeros]
    groups = problem.groups
    if groups is not None:
        full = np.flatnonzero(groups.matrix @ weights >= groups.limits - KNOT_TOLERANCE)
        binding += [f"group:{groups.names[column]}" for column in full]
    return tuple(binding)


def _refuse_impossible_groups(problem: RiskProblem, groups: GroupCaps, budget: float) -> None:
    """Raise InfeasibleError where no portfolio satisfies the group caps, naming the violated ones and their excess."""
    count, size = problem.upper.size, groups.limits.size
    if read_groups(groups, count).capacity(problem.upper) >= budget:
        return
    program = LinearProgram(
        cost=np.concatenate([np.zeros(count), np.ones(size)]),
        rows=np.hstack([groups.matrix, -np.eye(size)]),
        limits=groups.limits,
        total=np.concatenate([np.ones(count), np.zeros(size)]),
        budget=budget,
        low=np.zeros(count + size),
        high=np.concatenate([problem.upper, np.full(size, np.inf)]),
    )
    relaxed = solve_linear(program, "feasibility of the group caps")
    if relaxed.value > KNOT_TOLERANCE:
        excess = relaxed.point[count:]
        violated = [
            f"{groups.names[column]} (limit {groups.limits[column]:g}, short by {excess[column]:.4g})"
            for column in np.flatnonzero(excess > 0.0)
        ]
        message = (
            f"no portfolio of sum {budget:g} satisfies the group caps: {'; '.join(violated)}. Ways out: raise these "
            "limits, add assets outside these groups, or raise the single caps of assets outside them"
        )
        raise InfeasibleError(message)
