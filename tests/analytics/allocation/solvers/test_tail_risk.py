"""Minimum CVaR compared with random portfolios, and the tail mean with its definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from analytics.allocation import AllocationInputError, GroupCaps, RiskProblem, Turnover, solve
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


@pytest.mark.parametrize(
    ("sessions", "count"), [(2, 3), (19, 8), (20, 8), (999, 12), (1000, 12), (1001, 12), (1200, 40), (5000, 20)]
)
def test_any_number_of_sessions_has_the_optimum_of_the_whole_linear_program(sessions: int, count: int) -> None:
    returns = market(sessions, count, seed=sessions)
    solution = solve(RiskProblem("min_cvar", np.eye(count), np.full(count, 0.4), past_returns=returns))
    unit = tail_mean(-returns).mean()
    cost = np.concatenate([np.zeros(count), [1.0], np.full(sessions, 1.0 / (0.05 * sessions))])
    losses = sparse.csr_matrix(-returns / unit)
    rows = sparse.hstack([losses, -np.ones((sessions, 1)), -sparse.eye(sessions)])
    total = np.concatenate([np.ones(count), np.zeros(sessions + 1)])[None, :]
    bounds = [(0.0, 0.4)] * count + [(None, None)] + [(0.0, None)] * sessions
    whole = linprog(cost, A_ub=rows, b_ub=np.zeros(sessions), A_eq=total, b_eq=[1.0], bounds=bounds, method="highs")
    assert solution.objective == pytest.approx(whole.fun, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("sessions", "count"), [(5000, 200), (250, 1000), (5000, 1000)])
def test_large_problems_carry_a_certificate(sessions: int, count: int) -> None:
    returns = market(sessions, count, seed=3)
    rng = np.random.default_rng(4)
    blocks = (rng.integers(0, 10, count) == np.arange(10)[:, None]).astype(float)
    held = rng.dirichlet(np.full(count, 0.3))
    problem = RiskProblem(
        "min_cvar",
        np.eye(count),
        np.full(count, 0.02),
        past_returns=returns,
        turnover=Turnover(0.05, held, np.arange(count), np.ones(count)),
        groups=GroupCaps(blocks, np.full(10, 0.15), tuple("abcdefghij")),
    )
    solution = solve(problem)
    assert max(solution.primal_residual, solution.dual_residual, solution.gap) <= 1e-8
    # The lower bound of duality, recomputed: no portfolio of equal parts comes below the objective less the gap.
    free = solve(replace(problem, turnover=None))
    least = tail_mean(-(returns @ free.weights)[:, None])[0]
    for size in (50, 100, 200):
        rival = np.zeros(count)
        rival[np.argsort(returns.std(axis=0))[:size]] = 1.0 / size
        if (blocks @ rival).max() <= 0.15:
            value = tail_mean(-(returns @ rival)[:, None])[0] / least + 0.05 * np.abs(rival - held).sum()
            assert value >= solution.objective - solution.gap


def test_turnover_costs_minimum_cvar_at_most_the_share_lambda_per_unit_traded() -> None:
    returns = market(1500, 12, seed=6) * np.geomspace(0.8, 1.3, 12)
    held = Turnover(0.05, np.full(12, 1 / 12), np.arange(12), np.ones(12))
    problem = RiskProblem("min_cvar", np.eye(12), np.full(12, 0.3), past_returns=returns)
    free, kept = solve(problem).weights, solve(replace(problem, turnover=held)).weights
    least, paid = (tail_mean(-(returns @ weights)[:, None])[0] for weights in (free, kept))
    saved = np.abs(free - held.held).sum() - np.abs(kept - held.held).sum()
    assert saved > 1e-3
    assert least < paid <= least * (1.0 + 0.05 * saved) * (1.0 + 1e-9)
