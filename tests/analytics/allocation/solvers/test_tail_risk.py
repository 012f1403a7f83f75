"""Minimum CVaR compared with random portfolios, and the tail mean with its definition."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import AllocationInputError, RiskProblem, solve
from analytics.allocation.solvers.tail_risk import tail_mean


def market(sessions: int, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, size=(sessions, count)) * 0.01 + rng.standard_t(4, size=(sessions, 1)) * 0.008


def test_the_tail_mean_is_the_mean_of_the_worst_twentieth() -> None:
    losses = -market(500, 3)
    expected = np.sort(losses, axis=0)[-25:].mean(axis=0)
    np.testing.assert_allclose(tail_mean(losses), expected, rtol=1e-13)


def test_the_tail_mean_counts_part_of_a_session_in_part() -> None:
    losses = np.arange(1.0, 51.0)[:, None]
    assert tail_mean(losses)[0] == pytest.approx((50 + 49 + 0.5 * 48) / 2.5)


def test_no_random_portfolio_has_a_smaller_tail() -> None:
    returns = market(400, 10)
    solution = solve(RiskProblem("min_cvar", np.cov(returns.T), np.full(10, 0.3), past_returns=returns))
    unit = tail_mean(-returns).mean()
    best = tail_mean(-(returns @ solution.weights)[:, None])[0] / unit
    assert solution.objective == pytest.approx(best, rel=1e-12)
    rng = np.random.default_rng(1)
    for _ in range(500):
        portfolio = rng.dirichlet(np.ones(10))
        if portfolio.max() <= 0.3:
            assert tail_mean(-(returns @ portfolio)[:, None])[0] / unit >= best - 1e-12


def test_sessions_outside_the_first_tail_are_added() -> None:
    # One asset is calm but for a crash that no other portfolio shows: the first tail does not hold that session.
    returns = market(300, 4, seed=2)
    returns[:, 0] *= 0.01
    returns[17, 0] = -0.5
    returns[17, 1:] = 0.02
    solution = solve(RiskProblem("min_cvar", np.cov(returns.T), np.ones(4), past_returns=returns))
    assert solution.weights[0] < 0.9
    assert solution.gap <= 1e-9


def test_assets_that_never_lose_are_refused() -> None:
    returns = np.abs(market(100, 3)) + 0.001
    with pytest.raises(AllocationInputError, match="do not lose in their tails"):
        solve(RiskProblem("min_cvar", np.cov(returns.T), np.ones(3), past_returns=returns))


def test_the_returns_are_needed() -> None:
    with pytest.raises(AllocationInputError, match="past_returns"):
        solve(RiskProblem("min_cvar", np.eye(3), np.ones(3)))
