"""Optimality conditions recomputed here from the problem's statement, without the solvers' own code."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from analytics.allocation import GroupCaps, RiskProblem, Turnover, solve

TOLERANCE = 1e-8
ON_A_KNOT = 1e-9


def market(seed: int, count: int = 30, sessions: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(sessions, 1)) * 0.01 * rng.uniform(0.5, 1.5, (1, count))
    return common + rng.normal(size=(sessions, count)) * rng.uniform(0.004, 0.02, count) + 0.0006


def held_problem(risk_profile: str, seed: int, **changes: object) -> RiskProblem:
    returns = market(seed)
    rng = np.random.default_rng(seed + 1)
    count = returns.shape[1]
    problem = RiskProblem(
        risk_profile=risk_profile,
        covariance=np.cov(returns.T) * 252,
        upper=np.full(count, 0.12),
        mean=returns.mean(axis=0) * 252,
        past_returns=returns,
        risk_free_rate=0.01,
        turnover=Turnover(0.05, rng.dirichlet(np.ones(count)), np.arange(count), np.ones(count), annual_cost=0.02),
    )
    return replace(problem, **changes)


def subgradient_range(problem: RiskProblem, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest subgradient of ||B y - w_held||_1 plus the walls of the box, one asset at a time."""
    low, high = np.zeros(weights.size), np.zeros(weights.size)
    turnover = problem.turnover
    if turnover is not None:
        for held, owner, share in zip(turnover.held, turnover.owner, turnover.share, strict=True):
            distance = share * weights[owner] - held
            if abs(distance) <= ON_A_KNOT:
                low[owner] -= share
                high[owner] += share
            else:
                low[owner] += share * np.sign(distance)
                high[owner] += share * np.sign(distance)
    return np.where(weights <= ON_A_KNOT, -np.inf, low), np.where(weights >= problem.upper - ON_A_KNOT, np.inf, high)


def worst_violation(gradient: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Distance from one multiplier that suits every asset: gradient_k + [low_k, high_k] must contain it."""
    return max(0.0, float((gradient + low).max() - (gradient + high).min()))


@pytest.mark.parametrize("seed", range(8))
def test_min_variance_is_stationary(seed: int) -> None:
    problem = held_problem("min_variance", seed)
    weights = solve(problem).weights
    least = least_variance(problem)
    low, high = subgradient_range(problem, weights)
    gradient = 2 * problem.covariance @ weights / least
    assert worst_violation(gradient, 0.05 * low, 0.05 * high) <= TOLERANCE
    assert weights.sum() == pytest.approx(1.0, abs=1e-10)
    assert weights.min() >= 0.0
    assert weights.max() <= 0.12 + 1e-12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("risk_profile", ["min_variance", "max_sharpe", "max_diversification"])
def test_group_caps_leave_multipliers_that_explain_every_weight(risk_profile: str, seed: int) -> None:
    """A linear program looks for nu and for mu >= 0 on the full groups that make every weight stationary."""
    matrix = (np.random.default_rng(seed).integers(0, 4, 30) == np.arange(3)[:, None]).astype(float)
    groups = GroupCaps(matrix, np.array([0.2, 0.2, 0.25]), ("a", "b", "c"))
    problem = held_problem(risk_profile, seed, groups=groups)
    weights = solve(problem).weights
    full = matrix[matrix @ weights >= groups.limits - ON_A_KNOT]
    assert full.size
    gradient, pull = smooth_gradient(problem, weights)
    low, high = subgradient_range(problem, weights)
    low, high = gradient + pull * low, gradient + pull * high
    slack = np.ones((30, 1))
    rows = np.vstack([np.hstack([-slack, full.T, -slack]), np.hstack([slack, -full.T, -slack])])
    limits = np.concatenate([-low, high])
    # Columns: nu, mu, the largest violation. Rows: low_k + (G'mu)_k - nu <= t and nu - (G'mu)_k - high_k <= t.
    is_wall = np.isfinite(limits)
    cost = np.concatenate([[0.0], np.zeros(full.shape[0]), [1.0]])
    bounds = [(None, None), *[(0.0, None)] * full.shape[0], (0.0, None)]
    answer = linprog(cost, A_ub=rows[is_wall], b_ub=limits[is_wall], bounds=bounds, method="highs")
    assert answer.status == 0
    assert answer.fun <= TOLERANCE


def smooth_gradient(problem: RiskProblem, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Gradient of what is minimised, without the turnover term, and the factor before that term.

    See docs/method/08-allocation.md#8.2.
    """
    if problem.risk_profile == "min_variance":
        return 2 * problem.covariance @ weights / least_variance(problem), 0.05
    appeal, required, price = problem.mean, 0.01, 0.02
    if problem.risk_profile == "max_diversification":
        appeal, required = np.sqrt(problem.covariance.diagonal()), 0.0
        price = 0.05 * np.sqrt(least_variance(replace(problem, risk_profile="min_variance")))
    risk = np.sqrt(weights @ problem.covariance @ weights)
    reward = appeal @ weights - required - price * np.abs(weights - problem.turnover.held).sum()
    return -appeal / risk + reward * (problem.covariance @ weights) / risk**3, price / risk


def least_variance(problem: RiskProblem) -> float:
    """Variance of the optimum without turnover, which turnover is measured against."""
    free = solve(replace(problem, turnover=None)).weights
    return float(free @ problem.covariance @ free)


@pytest.mark.parametrize("seed", range(8))
def test_max_diversification_is_stationary(seed: int) -> None:
    problem = held_problem("max_diversification", seed)
    weights = solve(problem).weights
    gradient, pull = smooth_gradient(problem, weights)
    low, high = subgradient_range(problem, weights)
    assert worst_violation(gradient, pull * low, pull * high) <= TOLERANCE


@pytest.mark.parametrize("seed", range(8))
def test_max_sharpe_is_stationary(seed: int) -> None:
    problem = held_problem("max_sharpe", seed)
    solution = solve(problem)
    weights = solution.weights
    traded = np.abs(weights - problem.turnover.held).sum()
    reward = problem.mean @ weights - 0.01 - 0.02 * traded
    risk = np.sqrt(weights @ problem.covariance @ weights)
    assert solution.objective == pytest.approx(reward / risk, rel=1e-12)
    low, high = subgradient_range(problem, weights)
    gradient = -problem.mean / risk + reward * (problem.covariance @ weights) / risk**3
    pull = 0.02 / risk
    assert worst_violation(gradient, pull * low, pull * high) <= TOLERANCE


def test_max_sharpe_is_the_best_of_a_grid() -> None:
    returns = market(3, count=3)
    problem = RiskProblem("max_sharpe", np.cov(returns.T) * 252, np.full(3, 0.6), mean=np.array([0.08, 0.12, 0.10]))
    best = max(
        (
            np.array([a, b, 1 - a - b])
            for a, b in itertools.product(np.linspace(0, 0.6, 121), repeat=2)
            if 0.4 <= a + b <= 1
        ),
        key=lambda y: problem.mean @ y / np.sqrt(y @ problem.covariance @ y),
    )
    solution = solve(problem)
    # The corner of the caps is on the grid: there the two differ by rounding alone.
    assert solution.objective >= problem.mean @ best / np.sqrt(best @ problem.covariance @ best) * (1.0 - 1e-12)
    np.testing.assert_allclose(solution.weights, best, atol=0.01)


def test_the_stated_evidence_is_within_tolerance_for_every_risk_profile() -> None:
    for risk_profile in ("min_variance", "max_sharpe", "risk_parity", "min_cvar", "max_diversification"):
        solution = solve(held_problem(risk_profile, 5))
        assert solution.status == "optimal"
        assert max(solution.primal_residual, solution.dual_residual, solution.gap) <= TOLERANCE, risk_profile


def test_the_gap_bounds_what_a_random_portfolio_could_gain() -> None:
    problem = held_problem("min_variance", 9)
    solution = solve(problem)
    rng = np.random.default_rng(0)
    least = least_variance(problem)
    for _ in range(300):
        rival = np.minimum(rng.dirichlet(np.full(30, 0.5)), 0.12)
        rival /= rival.sum()
        if rival.max() > 0.12:
            continue
        value = rival @ problem.covariance @ rival / least
        value += 0.05 * np.abs(rival - problem.turnover.held).sum()
        assert value >= solution.objective - solution.gap - 1e-15


def test_group_caps_hold_and_are_named_where_they_bind() -> None:
    matrix = np.zeros((1, 30))
    matrix[0, np.argsort(-solve(held_problem("min_variance", 2)).weights)[:5]] = 1.0
    groups = GroupCaps(matrix, np.array([0.2]), ("calm ones",))
    for risk_profile in ("min_variance", "max_sharpe", "min_cvar", "max_diversification"):
        solution = solve(held_problem(risk_profile, 2, groups=groups))
        assert (matrix @ solution.weights)[0] <= 0.2 + 1e-9
    assert "group:calm ones" in solve(held_problem("min_variance", 2, groups=groups)).binding


def test_binding_names_exactly_the_weights_at_their_bounds() -> None:
    problem = held_problem("min_variance", 4, names=tuple(f"A{place}" for place in range(30)))
    solution = solve(problem)
    expected = {f"cap:A{k}" for k in np.flatnonzero(solution.weights > 0.12 - 1e-9)}
    expected |= {f"zero:A{k}" for k in np.flatnonzero(solution.weights < 1e-9)}
    assert set(solution.binding) == expected
    assert expected


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000), risk_profile=st.sampled_from(["min_variance", "max_sharpe", "risk_parity", "min_cvar"])
)
def test_permuting_the_assets_permutes_the_weights(seed: int, risk_profile: str) -> None:
    returns = market(seed, count=8, sessions=150)
    order = np.random.default_rng(seed).permutation(8)
    base = RiskProblem(
        risk_profile, np.cov(returns.T), np.full(8, 0.3), mean=returns.mean(axis=0), past_returns=returns
    )
    moved = replace(
        base,
        covariance=np.ascontiguousarray(base.covariance[np.ix_(order, order)]),
        mean=base.mean[order],
        past_returns=np.ascontiguousarray(returns[:, order]),
    )
    first, second = solve(base), solve(moved)
    assert first.status == second.status
    np.testing.assert_allclose(second.weights, first.weights[order], atol=1e-7)


@pytest.mark.parametrize("risk_profile", ["hrp_plain", "herc", "nco", "inverse_volatility", "max_diversification"])
def test_permuting_the_assets_permutes_the_recipes(risk_profile: str) -> None:
    returns = market(1, count=9)
    order = np.array([4, 0, 8, 2, 6, 1, 7, 3, 5])
    covariance = np.cov(returns.T)
    first = solve(RiskProblem(risk_profile, covariance, np.ones(9))).weights
    second = solve(
        RiskProblem(risk_profile, np.ascontiguousarray(covariance[np.ix_(order, order)]), np.ones(9))
    ).weights
    np.testing.assert_allclose(second, first[order], atol=1e-9)


@pytest.mark.parametrize(
    "risk_profile", ["min_variance", "risk_parity", "max_diversification", "min_cvar", "hrp", "herc", "nco"]
)
@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_scaling_the_returns_leaves_the_weights(risk_profile: str, factor: float) -> None:
    problem = held_problem(risk_profile, 6)
    scaled = replace(problem, covariance=problem.covariance * factor**2, past_returns=problem.past_returns * factor)
    np.testing.assert_allclose(solve(scaled).weights, solve(problem).weights, atol=1e-8)


def test_the_turnover_penalty_moves_the_answer_to_what_is_held() -> None:
    for risk_profile in ("min_variance", "max_sharpe", "min_cvar", "max_diversification"):
        traded = []
        for penalty in (0.0, 0.05, 0.5):
            base = held_problem(risk_profile, 8)
            held = np.minimum(base.turnover.held, 0.1)
            turnover = replace(base.turnover, penalty=penalty, held=held, annual_cost=penalty)
            problem = replace(base, turnover=turnover)
            traded.append(float(np.abs(solve(problem).weights - problem.turnover.held).sum()))
        assert traded[0] > traded[1] > traded[2], risk_profile


def test_what_is_held_elsewhere_lowers_the_sharpe_objective_but_not_the_weights_of_min_variance() -> None:
    base = held_problem("min_variance", 8)
    more = replace(base, turnover=replace(base.turnover, held_elsewhere=0.4))
    np.testing.assert_allclose(solve(more).weights, solve(base).weights, atol=1e-9)
    assert solve(more).objective == pytest.approx(solve(base).objective + 0.05 * 0.4)
    sharpe = replace(base, risk_profile="max_sharpe")
    assert solve(replace(more, risk_profile="max_sharpe")).objective < solve(sharpe).objective


def test_permuting_the_assets_permutes_published_hrp_as_far_as_its_tree_is_drawn_alike() -> None:
    """The paper's recipe halves the drawn order of the leaves, and a tree may be drawn mirrored: then weights differ.

    In three of four random orders of nine assets nothing is mirrored across a half; `hrp_plain` has no such freedom.
    """
    returns = market(1, count=9)
    covariance = np.cov(returns.T)
    first = solve(RiskProblem("hrp", covariance, np.ones(9))).weights
    agreeing = 0
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(9)
        moved = np.ascontiguousarray(covariance[np.ix_(order, order)])
        agreeing += np.allclose(solve(RiskProblem("hrp", moved, np.ones(9))).weights, first[order], atol=1e-9)
    assert agreeing >= 20


@pytest.mark.parametrize("risk_profile", ["hrp", "hrp_plain", "herc", "nco"])
@pytest.mark.parametrize("factor", [1e-6, 3.7, 1234.5])
def test_equally_distant_assets_keep_their_tree_in_every_unit(risk_profile: str, factor: float) -> None:
    rng = np.random.default_rng(4)
    volatility = rng.uniform(0.005, 0.03, 20)
    for correlation in (np.ones((20, 20)), np.full((20, 20), 0.3) + 0.7 * np.eye(20)):
        covariance = correlation * np.outer(volatility, volatility)
        first = solve(RiskProblem(risk_profile, covariance, np.ones(20))).weights
        scaled = solve(RiskProblem(risk_profile, covariance * factor, np.ones(20))).weights
        np.testing.assert_allclose(scaled, first, atol=1e-6)
