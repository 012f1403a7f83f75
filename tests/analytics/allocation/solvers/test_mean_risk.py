"""Minimum variance and maximum ratio compared with portfolios known in closed form, and their penalties."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import GroupCaps, RiskProblem, Turnover
from analytics.allocation.solvers.mean_risk import excess_return, maximize_ratio, minimize_variance, penalty_terms

VARIANCES, MEAN = np.array([0.01, 0.02, 0.04]), np.array([0.03, 0.08, 0.04])
PROBLEM = RiskProblem("min_variance", np.diag(VARIANCES), np.ones(3), mean=MEAN)


def test_minimum_variance_of_independent_assets_is_inverse_variance() -> None:
    optimum = minimize_variance(PROBLEM, 1.0)
    np.testing.assert_allclose(optimum.weights, 1 / VARIANCES / (1 / VARIANCES).sum(), atol=1e-12)
    assert optimum.objective == pytest.approx((optimum.weights**2 @ VARIANCES) / VARIANCES.mean())


def test_the_maximum_ratio_of_independent_assets_is_mean_over_variance() -> None:
    optimum = maximize_ratio(PROBLEM, 1.0, MEAN, 0.0)
    assert optimum is not None
    np.testing.assert_allclose(optimum.weights, MEAN / VARIANCES / (MEAN / VARIANCES).sum(), atol=1e-12)
    assert optimum.objective == pytest.approx(np.sqrt((MEAN**2 / VARIANCES).sum()))


def test_without_a_positive_reward_there_is_no_maximum_ratio() -> None:
    assert maximize_ratio(PROBLEM, 1.0, MEAN, 0.08) is None
    groups = GroupCaps(np.array([[0.0, 1.0, 0.0]]), np.array([0.1]), ("second",))
    capped = RiskProblem("max_sharpe", np.diag(VARIANCES), np.ones(3), mean=MEAN, groups=groups)
    assert maximize_ratio(capped, 1.0, MEAN, 0.05) is None


def test_penalties_are_scaled_by_gamma_and_lambda() -> None:
    held = Turnover(0.05, np.array([0.2, 0.3, 0.5]), np.arange(3), np.ones(3), held_elsewhere=0.1)
    fragility = np.array([0.5, 1.0, 1.5])
    problem = RiskProblem(
        "min_variance", np.diag(VARIANCES), np.ones(3), fragility=fragility, fragility_penalty=0.2, turnover=held
    )
    linear, pieces = penalty_terms(problem)
    np.testing.assert_allclose(linear, 0.2 * fragility)
    assert pieces.value(np.array([0.4, 0.3, 0.3])) == pytest.approx(0.05 * (0.4 + 0.1))


def test_the_excess_return_is_net_of_the_risk_free_rate_and_of_penalties_in_volatility_units() -> None:
    held = Turnover(0.05, np.array([0.0, 0.0, 1.0]), np.arange(3), np.ones(3))
    problem = RiskProblem("max_sharpe", np.diag(VARIANCES), np.ones(3), mean=MEAN, risk_free_rate=0.01, turnover=held)
    expected = 0.08 - 0.01 - 0.05 * np.sqrt(VARIANCES.mean()) * 2.0
    assert excess_return(problem, 1.0, np.array([0.0, 1.0, 0.0])) == pytest.approx(expected)
