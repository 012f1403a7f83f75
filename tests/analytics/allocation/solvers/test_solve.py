"""Status and weights of `solve` in degenerate markets, and of integer input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import RiskProblem, Turnover, UnboundedError, solve

PROBLEM = RiskProblem(
    risk_profile="max_sharpe",
    covariance=np.diag([0.04, 0.09, 0.16]) + 0.01,
    upper=np.full(3, 0.6),
    mean=np.array([0.05, 0.1, 0.02]),
)


def test_without_a_positive_excess_return_the_weights_are_those_of_min_variance() -> None:
    falling = replace(PROBLEM, mean=np.array([-0.1, -0.2, -0.05]))
    solution = solve(falling)
    assert solution.status == "no_positive_excess_return"
    assert "risk-free rate" in solution.message
    np.testing.assert_allclose(solution.weights, solve(replace(falling, risk_profile="min_variance")).weights)


def test_a_riskless_excess_return_is_refused() -> None:
    riskless = np.array([[0.04, -0.04], [-0.04, 0.04]])
    with pytest.raises(UnboundedError, match="ratio has no maximum"):
        solve(RiskProblem("max_sharpe", riskless, np.ones(2), mean=np.array([0.1, 0.1])))


def test_integer_caps_give_the_weights_of_float_caps() -> None:
    problem = replace(
        PROBLEM,
        risk_profile="min_variance",
        turnover=Turnover(0.05, np.array([0.3, 0.3, 0.4]), np.arange(3), np.ones(3)),
    )
    as_integers = replace(problem, upper=np.ones(3, dtype=np.int64))
    as_floats = replace(problem, upper=np.ones(3))
    np.testing.assert_array_equal(solve(as_integers).weights, solve(as_floats).weights)


@pytest.mark.parametrize(
    "risk_profile", ["min_variance", "max_sharpe", "min_cvar", "max_diversification", "equal_weight"]
)
def test_a_constant_asset_is_allowed_where_no_volatility_is_inverted(risk_profile: str) -> None:
    rng = np.random.default_rng(0)
    returns = rng.normal(size=(200, 3)) * 0.01 + 0.001
    returns[:, 1] = 0.0
    problem = RiskProblem(
        risk_profile, np.cov(returns.T) * 252, np.full(3, 0.5), mean=returns.mean(axis=0) * 252, past_returns=returns
    )
    weights = solve(problem).weights
    assert np.all(np.isfinite(weights))
    assert weights.sum() == pytest.approx(1.0)
    if risk_profile == "min_variance":
        assert weights[1] == pytest.approx(0.5)
