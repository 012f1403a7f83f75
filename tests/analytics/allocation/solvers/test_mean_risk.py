"""Minimum variance and maximum ratio compared with portfolios known in closed form, and their penalties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import GroupCaps, RiskProblem, Turnover
from analytics.allocation.solvers.mean_risk import (
    excess_return,
    maximize_diversification,
    maximize_sharpe,
    minimize_variance,
    weighted_turnover,
)

VARIANCES, MEAN = np.array([0.01, 0.02, 0.04]), np.array([0.03, 0.08, 0.04])
PROBLEM = RiskProblem("min_variance", np.diag(VARIANCES), np.ones(3), mean=MEAN)


def test_minimum_variance_of_independent_assets_is_inverse_variance() -> None:
    optimum = minimize_variance(PROBLEM, 1.0)
    np.testing.assert_allclose(optimum.weights, 1 / VARIANCES / (1 / VARIANCES).sum(), atol=1e-12)
    assert optimum.objective == pytest.approx((optimum.weights**2 @ VARIANCES) / VARIANCES.mean())


def test_the_maximum_ratio_of_independent_assets_is_mean_over_variance() -> None:
    optimum = maximize_sharpe(PROBLEM, 1.0)
    assert optimum is not None
    np.testing.assert_allclose(optimum.weights, MEAN / VARIANCES / (MEAN / VARIANCES).sum(), atol=1e-12)
    assert optimum.objective == pytest.approx(np.sqrt((MEAN**2 / VARIANCES).sum()))


def test_without_a_positive_reward_there_is_no_maximum_ratio() -> None:
    assert maximize_sharpe(replace(PROBLEM, risk_free_rate=0.08), 1.0) is None
    groups = GroupCaps(np.array([[0.0, 1.0, 0.0]]), np.array([0.1]), ("second",))
    assert maximize_sharpe(replace(PROBLEM, risk_free_rate=0.05, groups=groups), 1.0) is None


def test_turnover_counts_by_the_weight_that_the_objective_gives_it() -> None:
    held = Turnover(0.05, np.array([0.2, 0.3, 0.5]), np.arange(3), np.ones(3), held_elsewhere=0.1)
    pieces = weighted_turnover(replace(PROBLEM, turnover=held), 0.02)
    assert pieces.value(np.array([0.4, 0.3, 0.3])) == pytest.approx(0.02 * (0.4 + 0.1))
    assert weighted_turnover(PROBLEM, 0.02).value(np.array([0.4, 0.3, 0.3])) == 0.0


def test_the_excess_return_is_net_of_the_risk_free_rate_and_of_trading_costs() -> None:
    held = Turnover(0.05, np.array([0.0, 0.0, 1.0]), np.arange(3), np.ones(3), annual_cost=0.007)
    problem = replace(PROBLEM, risk_free_rate=0.01, turnover=held)
    assert excess_return(problem, 1.0, np.array([0.0, 1.0, 0.0])) == pytest.approx(0.08 - 0.01 - 0.007 * 2.0)


def test_a_unit_traded_adds_at_most_the_share_lambda_of_the_least_variance() -> None:
    """One asset is calm, the held one 400 times as variable: the old unit, the mean variance, kept it all."""
    covariance = np.diag([0.0001, 0.04])
    held = Turnover(0.05, np.array([0.0, 1.0]), np.arange(2), np.ones(2))
    free = minimize_variance(RiskProblem("min_variance", covariance, np.ones(2)), 1.0).weights
    optimum = minimize_variance(RiskProblem("min_variance", covariance, np.ones(2), turnover=held), 1.0)
    least, variance = (float(weights @ covariance @ weights) for weights in (free, optimum.weights))
    saved = np.abs(free - held.held).sum() - np.abs(optimum.weights - held.held).sum()
    assert 0.0 < variance / least - 1.0 <= 0.05 * saved
    # Stationary between the knots: the last unit traded saves exactly lambda of the least variance.
    gain = 2.0 * (covariance @ optimum.weights) @ np.array([-1.0, 1.0]) / least
    assert gain == pytest.approx(2 * 0.05, rel=1e-8)


def test_the_diversification_ratio_gives_up_at_most_lambda_per_unit_traded() -> None:
    covariance = np.diag([0.0001, 0.01, 0.04])
    held = Turnover(0.05, np.array([0.0, 0.0, 1.0]), np.arange(3), np.ones(3))
    problem = RiskProblem("max_diversification", covariance, np.ones(3))
    ratio = lambda y: np.sqrt(np.diag(covariance)) @ y / np.sqrt(y @ covariance @ y)  # noqa: E731
    free = maximize_diversification(problem, 1.0).weights
    kept = maximize_diversification(replace(problem, turnover=held), 1.0).weights
    assert np.abs(kept - held.held).sum() < np.abs(free - held.held).sum() - 1e-3
    assert ratio(free) - 2 * 0.05 <= ratio(kept) <= ratio(free)
