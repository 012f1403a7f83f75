"""The active set on its own: the multiplier of a vertex, and the way out of a cycle of patterns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import GroupCaps, RiskProblem, Turnover, solve
from analytics.allocation.solvers import active_set, interior_point
from analytics.allocation.solvers.active_set import _multiplier_of_vertex, _thresholds
from analytics.allocation.solvers.group_caps import Groups
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm
from benchmarks.cvxpy_reference import solve_by_reference


def bent_problem(risk_profile: str, seed: int, common: float) -> RiskProblem:
    """Ten clusters of ten members each under caps: turnover bends phi ten times for every cluster."""
    rng = np.random.default_rng(seed)
    count, members = 10, 10
    own = rng.normal(size=(300, count)) * rng.uniform(0.003, 0.01, count)
    returns = own + rng.normal(size=(300, 1)) * common * rng.uniform(0.8, 1.2, count)
    held = rng.dirichlet(np.full(count * members, 0.3))
    return RiskProblem(
        risk_profile=risk_profile,
        covariance=np.cov(returns.T) * 252,
        upper=np.full(count, 0.2),
        turnover=Turnover(0.05, held, np.repeat(np.arange(count), members), np.full(count * members, 1.0 / members)),
    )


def prox_sum(
    multiplier: float, weights: np.ndarray, gradient: np.ndarray, thresholds: np.ndarray, step: np.ndarray
) -> float:
    position = weights + step * (multiplier - gradient)
    lengths = thresholds[1::2] - thresholds[0::2]
    return float(np.clip(position - thresholds[0::2], 0.0, lengths).sum())


def bisected(target: float, ends: tuple[float, float], *terms: np.ndarray) -> float:
    low, high = ends
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if prox_sum(middle, *terms) < target else (low, middle)
    return 0.5 * (low + high)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("is_vertex", [True, False])
def test_the_multiplier_of_a_vertex_is_that_of_a_bisection(seed: int, is_vertex: bool) -> None:
    rng = np.random.default_rng(seed)
    inner = np.sort(rng.uniform(0.0, 0.3, (12, 3)), axis=1)
    inner[::3, 2] = 0.3
    pieces = Pieces(np.column_stack([np.zeros(12), inner, np.full(12, 0.3)]), np.sort(rng.normal(size=(12, 4)), axis=1))
    step = rng.uniform(0.5, 20.0, 12)
    gradient = rng.normal(size=12)
    weights = pieces.knots[np.arange(12), rng.integers(0, 5, 12)]
    thresholds = _thresholds(pieces, step, 0.7)
    budget = 1.0
    if is_vertex:
        # Every weight on a knot at one multiplier, so that the sums are level around it.
        drawn = rng.integers(0, 4, 12)
        low, high = rng.uniform(0.2, 0.5, (2, 12))
        gradient = -0.7 * pieces.slopes[np.arange(12), drawn] + np.where(rng.random(12) < 0.5, low, -high)
        weights = pieces.knots[np.arange(12), drawn]
        budget = prox_sum(0.0, weights, gradient, thresholds, step)
    terms = (weights, gradient, thresholds, step)
    reach = (thresholds - weights) / step + gradient
    ends = (float(reach.min()), float(reach.max()))
    expected = 0.5 * sum(bisected(budget * (1.0 + side * 1e-12), ends, *terms) for side in (-1, 1))
    found = _multiplier_of_vertex(weights, gradient, thresholds, step, budget)
    assert found == pytest.approx(expected, abs=1e-9)
    assert prox_sum(found, *terms) == pytest.approx(budget, rel=1e-11)


CYCLING = [("max_diversification", seed) for seed in (0, 3, 4, 5, 6, 7)] + [
    ("min_variance", seed) for seed in (1, 6, 7, 14, 16, 25)
]


@pytest.mark.parametrize(("risk_profile", "seed"), CYCLING)
def test_a_cycle_of_whole_jumps_is_left_by_single_ones(
    risk_profile: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = bent_problem(risk_profile, seed, common=0.01)
    with monkeypatch.context() as alone:
        alone.setattr(interior_point, "minimize", absent)
        alone.setattr(interior_point, "maximize_ratio", absent)
        solution = solve(problem)
    monkeypatch.setattr(active_set, "minimize", unsettled)
    independent = solve(problem)
    np.testing.assert_allclose(solution.weights, independent.weights, atol=1e-7)


def unsettled(form: QuadraticForm, groups: Groups, **_: object) -> active_set.ActiveSetResult:
    equal = np.full(form.cost.size, form.budget / form.cost.size)
    return active_set.ActiveSetResult(equal, np.zeros_like(groups.limits), 0, is_settled=False)


def absent(*_: object) -> interior_point.InteriorResult:
    raise AssertionError("the interior point was asked")


def test_a_cycle_of_single_jumps_is_left_to_the_interior_point() -> None:
    problem = bent_problem("min_variance", 6, common=0.02)
    solution = solve(problem)
    assert max(solution.primal_residual, solution.dual_residual, solution.gap) <= 1e-8
    assert solution.objective == pytest.approx(solve_by_reference(problem).objective, abs=1e-9)


PROFILES = ("min_variance", "max_sharpe", "max_diversification")


def plain_problem(risk_profile: str, seed: int) -> RiskProblem:
    """Independent assets, a third of them ten times calmer, under a cap that some of them reach."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 30))
    returns = rng.normal(size=(400, count)) * np.where(np.arange(count) < count // 3, 0.001, 0.01) + 0.0004
    upper = np.full(count, max(0.05, 1.2 / count))
    return RiskProblem(risk_profile, np.cov(returns.T) * 252, upper, mean=returns.mean(axis=0) * 252)


def blocks_at(weights: np.ndarray, seed: int) -> GroupCaps:
    """Limits on two random groups that equal what the weights put there."""
    matrix = (np.random.default_rng(seed).integers(0, 3, weights.size) == np.arange(2)[:, None]).astype(float)
    return GroupCaps(matrix, matrix @ weights, ("first", "second"))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("risk_profile", PROFILES)
def test_constraints_that_the_optimum_just_touches_leave_it_where_it_is(risk_profile: str, seed: int) -> None:
    """Caps, group caps and held weights that meet the optimum exactly, where rounding alone tells free from pinned."""
    free = plain_problem(risk_profile, seed)
    weights = solve(free).weights
    every_other = np.arange(weights.size) % 2 == 0
    touched = {
        "caps": replace(free, upper=np.where(every_other, np.maximum(weights, 1e-3), free.upper)),
        "groups": replace(free, groups=blocks_at(weights, seed)),
        "held": replace(free, turnover=Turnover(0.05, weights, np.arange(weights.size), np.ones(weights.size))),
    }
    for name, problem in touched.items():
        solution = solve(problem)
        assert max(solution.primal_residual, solution.dual_residual, solution.gap) <= 1e-10, name
        np.testing.assert_allclose(solution.weights, weights, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("count", range(3, 30))
@pytest.mark.parametrize("risk_profile", PROFILES)
def test_equal_assets_get_equal_weights_where_half_of_the_caps_just_allow_them(risk_profile: str, count: int) -> None:
    upper = np.where(np.arange(count) < count // 2, 1.0, 1.0 / count)
    solution = solve(RiskProblem(risk_profile, 0.04 * np.eye(count), upper, mean=np.full(count, 0.1)))
    np.testing.assert_allclose(solution.weights, 1.0 / count, atol=1e-12)
