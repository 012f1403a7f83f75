"""Risk contributions recomputed from the weights, and capped optima compared with SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from analytics.allocation import RiskProblem, UnboundedError, solve


def covariance_of(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(count, 3))
    return factors @ factors.T * 0.01 + np.diag(rng.uniform(0.01, 0.2, count))


def shares(weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    return weights * (covariance @ weights) / (weights @ covariance @ weights)


@pytest.mark.parametrize("count", [1, 2, 5, 40, 300])
def test_contributions_are_equal_where_no_cap_binds(count: int) -> None:
    covariance = covariance_of(count, count)
    weights = solve(RiskProblem("risk_parity", covariance, np.ones(count))).weights
    np.testing.assert_allclose(shares(weights, covariance), 1.0 / count, atol=1e-9)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_contributions_are_in_proportion_to_given_budgets() -> None:
    covariance = covariance_of(2, 20)
    budgets = np.random.default_rng(3).dirichlet(np.ones(20))
    weights = solve(RiskProblem("risk_parity", covariance, np.ones(20), risk_budgets=budgets)).weights
    np.testing.assert_allclose(shares(weights, covariance), budgets, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_with_caps_the_answer_is_the_minimum_scipy_finds(seed: int) -> None:
    count = 6
    covariance = covariance_of(seed, count)
    uncapped = solve(RiskProblem("risk_parity", covariance, np.ones(count))).weights
    cap = 0.9 * uncapped.max() if 0.9 * uncapped.max() * count > 1.02 else 1.05 / count
    solution = solve(RiskProblem("risk_parity", covariance, np.full(count, cap)))
    assert solution.weights.max() <= cap + 1e-12
    assert any(name.startswith("cap:") for name in solution.binding)
    unit = covariance / covariance.diagonal().mean()
    found = minimize(
        lambda y: 0.5 * y @ unit @ y - np.log(y).sum() / count,
        uncapped,
        jac=lambda y: unit @ y - 1.0 / (count * y),
        method="SLSQP",
        bounds=[(1e-6, None)] * count,
        constraints={"type": "ineq", "fun": lambda y: cap * y.sum() - y, "jac": lambda _: cap - np.eye(count)},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert solution.objective <= found.fun + 1e-10
    np.testing.assert_allclose(solution.weights, found.x / found.x.sum(), atol=1e-4)


def test_a_perfect_hedge_is_refused_and_explained() -> None:
    covariance = np.array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(UnboundedError, match="no variance") as refusal:
        solve(RiskProblem("risk_parity", covariance, np.ones(2)))
    assert refusal.value.status == "failed"


def test_a_cap_that_excludes_the_hedge_makes_the_problem_solvable() -> None:
    covariance = np.array([[1.0, -2.0, 0.0], [-2.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    solution = solve(RiskProblem("risk_parity", covariance, np.array([0.3, 0.8, 0.8])))
    assert solution.status == "optimal"
    assert solution.weights[0] <= 0.3


def test_perfect_correlation_gives_inverse_volatility() -> None:
    volatility = np.array([0.1, 0.2, 0.4])
    weights = solve(RiskProblem("risk_parity", np.outer(volatility, volatility), np.ones(3))).weights
    np.testing.assert_allclose(weights, (1 / volatility) / (1 / volatility).sum(), atol=1e-9)
