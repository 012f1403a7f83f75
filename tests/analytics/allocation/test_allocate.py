"""The two-layer allocation, checked from its published weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import (
    PROFILES,
    AllocationInputError,
    CapInfeasibleError,
    allocate,
)
from analytics.errors import ShortHistoryError
from tests.analytics.allocation.problems import selection

EVERY_PROFILE = (*PROFILES, "barbell")


@pytest.mark.parametrize("risk_profile", EVERY_PROFILE)
def test_weights_sum_to_one_with_cash_and_respect_the_cap(risk_profile: str) -> None:
    problem = replace(selection(), risk_profile=risk_profile, cash_weight=0.05)
    allocation = allocate(problem)
    assert allocation.weights.sum() + allocation.cash == pytest.approx(1.0, abs=1e-9)
    assert allocation.cash == pytest.approx(0.05, abs=1e-9)
    assert allocation.weights.min() >= 0.0
    for position, cluster in enumerate(allocation.cluster_ids):
        held = allocation.weights[problem.cluster_ids == cluster].sum()
        assert held == pytest.approx(allocation.cluster_weights[position], abs=1e-12)
        assert held <= 0.25 + 1e-9
    np.testing.assert_array_equal(allocation.net_weights, allocation.weights * problem.directions)
    assert allocation.risk_contributions.sum() == pytest.approx(1.0)
    assert allocation.engine == "lakefolio"


@pytest.mark.parametrize("risk_profile", EVERY_PROFILE)
def test_no_instrument_exceeds_its_cap(risk_profile: str) -> None:
    allocation = allocate(replace(selection(), risk_profile=risk_profile, instrument_cap=0.07))
    assert allocation.weights.max() <= 0.07 + 1e-9
    assert np.any(allocation.caps < 0.25)


@pytest.mark.parametrize(
    "risk_profile", [risk_profile for risk_profile in EVERY_PROFILE if not risk_profile.startswith("hrp")]
)
def test_permuting_the_instruments_permutes_the_weights(risk_profile: str) -> None:
    problem = replace(selection(3), risk_profile=risk_profile, held_weights=np.linspace(-0.05, 0.08, 27))
    order = np.random.default_rng(5).permutation(27)
    moved = replace(
        problem,
        symbols=tuple(problem.symbols[position] for position in order),
        identities=tuple(problem.identities[position] for position in order),
        directions=problem.directions[order],
        cluster_ids=problem.cluster_ids[order],
        past_returns=problem.past_returns[:, order],
        held_weights=problem.held_weights[order],
    )
    np.testing.assert_allclose(allocate(moved).weights, allocate(problem).weights[order], atol=1e-7)


def test_hrp_does_not_depend_on_the_order_of_the_instruments_either() -> None:
    problem = replace(selection(3), risk_profile="hrp")
    order = np.random.default_rng(5).permutation(27)
    moved = replace(
        problem,
        symbols=tuple(problem.symbols[position] for position in order),
        identities=tuple(problem.identities[position] for position in order),
        directions=problem.directions[order],
        cluster_ids=problem.cluster_ids[order],
        past_returns=problem.past_returns[:, order],
    )
    np.testing.assert_allclose(allocate(moved).weights, allocate(problem).weights[order], atol=1e-9)


@pytest.mark.parametrize("risk_profile", ["min_variance", "risk_parity", "hrp", "inverse_volatility", "barbell"])
def test_scaling_the_returns_leaves_the_weights(risk_profile: str) -> None:
    problem = replace(selection(), risk_profile=risk_profile)
    scaled = replace(problem, past_returns=problem.past_returns * 3.0)
    np.testing.assert_allclose(allocate(scaled).weights, allocate(problem).weights, atol=1e-8)


def test_risk_contributions_of_clusters_equal_their_budgets() -> None:
    allocation = allocate(replace(selection(), risk_profile="risk_parity", fragility_penalty=0.0))
    np.testing.assert_allclose(allocation.risk_contributions, 1 / 9, atol=1e-6)


def test_weights_move_to_the_held_portfolio_but_not_to_a_held_short_of_a_target_long() -> None:
    base = replace(selection(), turnover_penalty=0.5)
    free = allocate(replace(base, turnover_penalty=0.0))
    target = np.where(np.arange(27) == int(free.weights.argmin()), 0.1, 0.0) * base.directions
    kept = allocate(replace(base, held_weights=target))
    opposite = allocate(replace(base, held_weights=-target))
    lightest = int(free.weights.argmin())
    assert kept.weights[lightest] > opposite.weights[lightest] + 0.002
    assert np.abs(kept.net_weights - target).sum() < np.abs(free.net_weights - target).sum()


def test_each_setting_changes_the_weights() -> None:
    base = allocate(selection()).weights
    held = np.full(27, 1 / 27) * selection().directions
    changes = (
        {"fragility_penalty": 0.0},
        {"alpha_weighting": False},
        {"cap": 0.2},
        {"instrument_cap": 0.05},
        {"cash_weight": 0.1},
        {"covariance_method": "sample"},
        {"risk_profile": "risk_parity"},
        {"held_weights": held},
    )
    for change in changes:
        assert np.abs(allocate(replace(selection(), **change)).weights - base).max() > 1e-5, change
    sharpe = replace(selection(), risk_profile="max_sharpe")
    assert np.abs(allocate(replace(sharpe, risk_free_rate=0.1)).weights - allocate(sharpe).weights).max() > 1e-5


def test_too_few_clusters_for_the_cap_are_refused_with_both_remedies() -> None:
    with pytest.raises(
        CapInfeasibleError, match=r"cap 0.25 on K = 3 clusters.*at least 4 clusters.*cash_allowed: true"
    ):
        allocate(selection(clusters=3))


@pytest.mark.parametrize("risk_profile", [risk_profile for risk_profile in EVERY_PROFILE if risk_profile != "barbell"])
def test_where_cash_is_allowed_the_rest_is_cash_and_the_message_says_so(risk_profile: str) -> None:
    allocation = allocate(replace(selection(clusters=3), risk_profile=risk_profile, cash_allowed=True))
    np.testing.assert_allclose(allocation.cluster_weights, 0.25)
    assert allocation.cash == pytest.approx(0.25)
    assert "the rest is cash" in allocation.solution.message


@pytest.mark.parametrize("risk_profile", [risk_profile for risk_profile in EVERY_PROFILE if risk_profile != "barbell"])
def test_one_cluster_is_an_allocation_when_its_cap_is_one(risk_profile: str) -> None:
    allocation = allocate(replace(selection(clusters=1, members=5), risk_profile=risk_profile, cap=1.0))
    np.testing.assert_allclose(allocation.cluster_weights, [1.0])
    assert allocation.weights.sum() == pytest.approx(1.0)


def test_a_listing_of_seventy_sessions_is_allocated() -> None:
    problem = selection()
    problem.past_returns[:190, 4] = np.nan
    for risk_profile in EVERY_PROFILE:
        allocation = allocate(replace(problem, risk_profile=risk_profile))
        assert np.all(np.isfinite(allocation.weights))
        assert allocation.weights[4] > 0.0 or risk_profile in (
            "min_variance",
            "max_sharpe",
            "min_cvar",
            "nco",
            "max_diversification",
        )


def test_min_cvar_names_the_cluster_with_the_shortest_history() -> None:
    problem = replace(selection(), risk_profile="min_cvar")
    problem.past_returns[:220, problem.cluster_ids == 6] = np.nan
    with pytest.raises(ShortHistoryError, match=r"there are 40; the shortest is cluster 6"):
        allocate(problem)


def test_cash_weight_and_risk_free_rate_have_the_effect_that_they_name() -> None:
    sharpe = replace(selection(), risk_profile="max_sharpe", fragility_penalty=0.0, turnover_penalty=0.0)
    invested = [1.0 - allocate(replace(sharpe, cash_weight=cash)).cash for cash in (0.0, 0.1, 0.3)]
    np.testing.assert_allclose(invested, [1.0, 0.9, 0.7], atol=1e-9)
    # A higher risk-free rate moves the tangency portfolio up the frontier.
    means = []
    for rate in (0.0, 0.02, 0.04):
        allocation = allocate(replace(sharpe, risk_free_rate=rate, cap=1.0))
        held = np.nansum(sharpe.past_returns * allocation.net_weights, axis=1)
        means.append(held.mean() * 252)
    assert means[0] < means[1] < means[2]


def test_a_series_that_is_constant_up_to_rounding_is_refused_by_name() -> None:
    problem = selection()
    prices = 100.0 * 1.001 ** np.arange(261)
    problem.past_returns[:, 7] = prices[1:] / prices[:-1] - 1.0
    assert np.ptp(problem.past_returns[:, 7]) > 0.0
    with pytest.raises(AllocationInputError, match="SIMX:S07 never change"):
        allocate(problem)


def test_an_instrument_cap_that_leaves_weight_over_is_named_instead_of_the_cluster_cap() -> None:
    with pytest.raises(
        CapInfeasibleError, match=r"^instrument_cap 0.03 with cap 0.25 on K = 9 .*a higher instrument_cap"
    ):
        allocate(replace(selection(), instrument_cap=0.03))


def test_a_cluster_that_is_too_short_is_named_by_its_members() -> None:
    problem = selection()
    young = np.flatnonzero(problem.cluster_ids == problem.cluster_ids[0])
    problem.past_returns[:250, young] = np.nan
    named = ", ".join(problem.symbols[position] for position in young)
    with pytest.raises(ShortHistoryError, match=f"cluster {problem.cluster_ids[0]} \\({named}\\) \\(10\\)"):
        allocate(problem)


@pytest.mark.parametrize(
    ("method", "estimator"),
    [
        ("ledoit_wolf", "ledoit_wolf, constant_correlation"),
        ("ewma", "ewma"),
        ("sample", "sample"),
        ("denoised", "denoised"),
    ],
)
def test_the_estimator_and_its_target_are_named(method: str, estimator: str) -> None:
    problem = replace(selection(), covariance_method=method, covariance_halflife_sessions=60.0)
    assert allocate(problem).estimator == estimator
