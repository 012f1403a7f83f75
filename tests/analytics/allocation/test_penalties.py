"""Each flag of the allocation moves the weights in its direction, and by a bounded amount."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from analytics.allocation import PROFILES, AllocationProblem, allocate
from analytics.estimation.covariance import estimate_covariance
from analytics.estimation.tail_adjustment import adjust_for_tails
from tests.analytics.allocation.problems import selection

OTHERS = tuple(name for name in (*PROFILES, "barbell") if name != "min_variance")
SEEDS = range(6)
#: 8.2: one-way turnover is at most 1, traded both ways 2, so variance grows by at most 2 lambda = 10 %.
MOST_EXTRA_VOLATILITY = 0.05


def mixed(seed: int) -> AllocationProblem:
    """Clusters whose volatilities differ by forty times, half of them with crashes, as where currencies meet crypto."""
    problem = selection(seed, clusters=12, sessions=400)
    rng = np.random.default_rng(seed + 100)
    scale = np.geomspace(0.1, 4.0, 12)[problem.cluster_ids - 1]
    returns = problem.past_returns * scale
    crashes = rng.permutation(400)[:12]
    falling = problem.cluster_ids % 2 == 0
    fall = (0.05 * scale * problem.directions)[falling]
    returns[np.ix_(crashes, np.flatnonzero(falling))] -= fall
    returns[:, falling] += fall * crashes.size / 400
    return replace(problem, past_returns=returns, trade_cost_annual=0.00756)


def with_held(problem: AllocationProblem, first: int = 1) -> AllocationProblem:
    """The same problem with a book of equal weights in the clusters from `first` on; the last ones are the wildest."""
    weights = np.where(problem.cluster_ids >= first, 1.0, 0.0)
    return replace(problem, held_weights=weights / weights.sum() * problem.directions)


def volatility(problem: AllocationProblem, weights: np.ndarray, gamma: float) -> float:
    """Ex-ante volatility of cluster weights (K,), as the allocation sees it or, with gamma 0, without the adjustment."""
    streams = (problem.past_returns * problem.directions) @ allocate(problem).blend
    covariance = estimate_covariance(streams, periods_per_year=252, method=problem.covariance_method).matrix
    return sqrt(weights @ adjust_for_tails(covariance, streams, gamma) @ weights)


def test_turnover_costs_minimum_variance_at_most_five_percent_of_volatility() -> None:
    saved = []
    for seed in SEEDS:
        problem = with_held(mixed(seed))
        free = allocate(replace(problem, turnover_penalty=0.0, trade_cost_annual=0.0))
        kept = allocate(problem)
        least, paid = (volatility(problem, answer.cluster_weights, 0.5) for answer in (free, kept))
        assert least * (1.0 - 1e-9) <= paid <= (1.0 + MOST_EXTRA_VOLATILITY) * least
        traded = [np.abs(answer.net_weights - problem.held_weights).sum() for answer in (free, kept)]
        saved.append(traded[0] - traded[1])
    # Where the optimum is a corner of the caps, no small change of the objective moves it.
    assert min(saved) >= -1e-9
    assert sum(amount > 1e-3 for amount in saved) >= 4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("first", [1, 8])
def test_with_both_penalties_minimum_variance_is_near_the_least_volatility(seed: int, first: int) -> None:
    """Without the tail adjustment in the yardstick there is no such bound; these pools stay within it all the same."""
    problem = with_held(mixed(seed), first)
    plain = allocate(replace(problem, fragility_penalty=0.0, turnover_penalty=0.0, trade_cost_annual=0.0))
    both = allocate(problem)
    least, paid = (volatility(problem, answer.cluster_weights, 0.0) for answer in (plain, both))
    assert least <= paid <= (1.0 + MOST_EXTRA_VOLATILITY) * least


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_risk_profile_is_calmer_than_minimum_variance(seed: int) -> None:
    for problem in (mixed(seed), with_held(mixed(seed)), with_held(mixed(seed), first=8)):
        calmest = volatility(problem, allocate(problem).cluster_weights, 0.5)
        for risk_profile in OTHERS:
            other = allocate(replace(problem, risk_profile=risk_profile))
            assert volatility(problem, other.cluster_weights, 0.5) >= calmest * (1.0 - 1e-9), risk_profile


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "risk_profile",
    ["min_variance", "risk_parity", "max_sharpe", "max_diversification", "hrp_plain", "inverse_volatility"],
)
def test_the_tail_adjustment_moves_weight_out_of_the_falling_clusters(risk_profile: str, seed: int) -> None:
    problem = replace(mixed(seed), risk_profile=risk_profile, cap=1.0)
    falling = allocate(problem).cluster_ids % 2 == 0
    held = [
        allocate(replace(problem, fragility_penalty=gamma)).cluster_weights[falling].sum() for gamma in (0.0, 0.5, 1.0)
    ]
    assert held[0] > held[1] > held[2] or max(held) == 0.0


def test_the_tail_adjustment_leaves_profiles_that_know_no_volatility() -> None:
    for risk_profile in ("min_cvar", "equal_weight"):
        problem = replace(mixed(0), risk_profile=risk_profile)
        with_tails, without = (allocate(replace(problem, fragility_penalty=gamma)) for gamma in (1.0, 0.0))
        np.testing.assert_array_equal(with_tails.weights, without.weights)


@pytest.mark.parametrize("seed", SEEDS)
def test_trading_costs_lower_the_turnover_per_risk_of_the_maximum_sharpe_ratio(seed: int) -> None:
    """The costs stand in the numerator of a ratio, so what must fall is turnover over volatility."""
    problem = replace(with_held(mixed(seed)), risk_profile="max_sharpe")
    traded = []
    for cost in (0.0, 0.00756, 0.03):
        allocation = allocate(replace(problem, trade_cost_annual=cost))
        assert allocation.solution.status == "optimal"
        turnover = np.abs(allocation.net_weights - problem.held_weights).sum()
        traded.append(turnover / volatility(problem, allocation.cluster_weights, 0.5))
    assert traded[0] >= traded[1] >= traded[2]
    assert traded[0] > traded[2] + 1e-3


def test_minimum_variance_does_not_follow_the_scale_of_a_stream_that_it_does_not_hold() -> None:
    """The turnover term once counted in units of the mean variance, which one volatile stream could set."""
    problem = replace(with_held(mixed(1)), fragility_penalty=0.0)
    wilder = problem.past_returns.copy()
    wilder[:, problem.cluster_ids == 12] *= 3.0
    first, second = (allocate(replace(problem, past_returns=returns)) for returns in (problem.past_returns, wilder))
    np.testing.assert_allclose(second.cluster_weights[:8], first.cluster_weights[:8], atol=0.02)
