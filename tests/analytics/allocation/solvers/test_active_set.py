"""The active set on its own: the multiplier of a vertex, and the way out of a cycle of patterns."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import RiskProblem, Turnover, solve
from analytics.allocation.solvers import active_set
from analytics.allocation.solvers.active_set import _multiplier_of_vertex, _thresholds
from analytics.allocation.solvers.group_caps import Groups
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm


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
    solution = solve(problem)
    assert solution.solver == "active_set"
    monkeypatch.setattr(active_set, "minimize", unsettled)
    independent = solve(problem)
    assert independent.solver == "piqp"
    np.testing.assert_allclose(solution.weights, independent.weights, atol=1e-7)


def unsettled(form: QuadraticForm, groups: Groups, **_: object) -> active_set.ActiveSetResult:
    equal = np.full(form.cost.size, form.budget / form.cost.size)
    return active_set.ActiveSetResult(equal, np.zeros_like(groups.limits), 0, is_settled=False)


def test_a_cycle_of_single_jumps_is_left_to_the_interior_point() -> None:
    solution = solve(bent_problem("min_variance", 6, common=0.02))
    assert solution.solver == "piqp"
    assert max(solution.primal_residual, solution.dual_residual, solution.gap) <= 1e-8
