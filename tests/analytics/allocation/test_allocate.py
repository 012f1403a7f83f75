"""The two-layer allocation, checked from what it publishes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import (
    AGGRESSOR_SHARE,
    PROFILES,
    AllocationInputError,
    AllocationProblem,
    CapInfeasibleError,
    allocate,
)
from analytics.errors import InfeasibleError, ShortHistoryError
from analytics.estimation.instrument_risk import convexity

EVERY_PROFILE = (*PROFILES, "barbell")


def selection(seed: int = 0, clusters: int = 9, members: int = 3, sessions: int = 260) -> AllocationProblem:
    rng = np.random.default_rng(seed)
    count = clusters * members
    cluster_ids = np.repeat(np.arange(1, clusters + 1), members)
    drivers = rng.standard_t(5, size=(sessions, clusters)) * rng.uniform(0.004, 0.015, clusters)
    market = rng.normal(size=(sessions, 1)) * 0.005
    returns = drivers[:, cluster_ids - 1] + market + rng.normal(size=(sessions, count)) * 0.006 + 0.0004
    directions = rng.choice([1, 1, -1], count)
    order = rng.permutation(count)
    return AllocationProblem(
        risk_profile="min_variance",
        symbols=tuple(f"SIMX:S{place:02d}" for place in range(count)),
        identities=tuple(f"I{place:02d}" for place in range(count)),
        directions=directions[order],
        cluster_ids=cluster_ids[order],
        past_returns=(returns * directions)[:, order],
        periods_per_year=252,
    )


@pytest.mark.parametrize("risk_profile", EVERY_PROFILE)
def test_weights_sum_to_one_with_cash_and_respect_the_cap(risk_profile: str) -> None:
    problem = replace(selection(), risk_profile=risk_profile, cash_weight=0.05)
    allocation = allocate(problem)
    assert allocation.weights.sum() + allocation.cash == pytest.approx(1.0, abs=1e-9)
    assert allocation.cash == pytest.approx(0.05, abs=1e-9)
    assert allocation.weights.min() >= 0.0
    for place, cluster in enumerate(allocation.cluster_ids):
        held = allocation.weights[problem.cluster_ids == cluster].sum()
        assert held == pytest.approx(allocation.cluster_weights[place], abs=1e-12)
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
        symbols=tuple(problem.symbols[place] for place in order),
        identities=tuple(problem.identities[place] for place in order),
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
        symbols=tuple(problem.symbols[place] for place in order),
        identities=tuple(problem.identities[place] for place in order),
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


def test_the_held_portfolio_pulls_and_a_held_short_of_a_wanted_long_does_not() -> None:
    base = replace(selection(), turnover_penalty=0.5)
    free = allocate(replace(base, turnover_penalty=0.0))
    target = np.where(np.arange(27) == int(free.weights.argmin()), 0.1, 0.0) * base.directions
    kept = allocate(replace(base, held_weights=target))
    opposite = allocate(replace(base, held_weights=-target))
    wanted = int(free.weights.argmin())
    assert kept.weights[wanted] > opposite.weights[wanted] + 0.01
    assert np.abs(kept.net_weights - target).sum() < np.abs(free.net_weights - target).sum()


def test_each_switch_changes_the_answer() -> None:
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


def test_too_few_clusters_for_the_cap_are_refused_with_both_ways_out() -> None:
    with pytest.raises(
        CapInfeasibleError, match=r"cap 0.25 on K = 3 clusters.*at least 4 clusters.*cash_allowed: true"
    ):
        allocate(selection(clusters=3))


@pytest.mark.parametrize("risk_profile", [risk_profile for risk_profile in EVERY_PROFILE if risk_profile != "barbell"])
def test_where_cash_is_allowed_the_rest_is_cash_and_said(risk_profile: str) -> None:
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


def test_min_cvar_names_the_cluster_that_is_too_young() -> None:
    problem = replace(selection(), risk_profile="min_cvar")
    problem.past_returns[:220, problem.cluster_ids == 6] = np.nan
    with pytest.raises(ShortHistoryError, match=r"there are 40; the shortest is cluster 6"):
        allocate(problem)


@pytest.mark.parametrize(("regime", "percent"), [("QUIET", 15), ("NORMAL", 10), ("TURBULENT", 8), ("CRISIS", 5)])
def test_the_aggressor_sleeve_takes_its_share_in_equal_parts(regime: str, percent: int) -> None:
    problem = replace(selection(), risk_profile="barbell", regime=regime)
    allocation = allocate(problem)
    aggressor = np.array(allocation.sleeves) == "aggressor"
    assert AGGRESSOR_SHARE[regime] == pytest.approx(percent / 100)
    assert allocation.weights[aggressor].sum() == pytest.approx(percent / 100, abs=1e-12)
    chosen = set(problem.cluster_ids[aggressor].tolist())
    assert len(chosen) == 3
    per_cluster = allocation.cluster_weights[[cluster - 1 for cluster in chosen]]
    np.testing.assert_allclose(per_cluster, percent / 300)
    # The most convex streams, recomputed.
    streams = (problem.past_returns * problem.directions) @ allocation.blend
    assert chosen == set((np.argsort(-convexity(streams), kind="stable")[:3] + 1).tolist())


def test_the_core_of_the_barbell_is_risk_parity() -> None:
    allocation = allocate(replace(selection(), risk_profile="barbell", fragility_penalty=0.0, cap=0.5))
    aggressor = set(np.array(selection().cluster_ids)[np.array(allocation.sleeves) == "aggressor"].tolist())
    core = [place for place, cluster in enumerate(allocation.cluster_ids) if cluster not in aggressor]
    problem = selection()
    keep = ~np.isin(problem.cluster_ids, list(aggressor))
    alone = allocate(
        replace(
            problem,
            risk_profile="risk_parity",
            fragility_penalty=0.0,
            cap=0.5,
            covariance_method="sample",
            symbols=tuple(np.array(problem.symbols)[keep]),
            identities=tuple(np.array(problem.identities)[keep]),
            directions=problem.directions[keep],
            cluster_ids=problem.cluster_ids[keep],
            past_returns=problem.past_returns[:, keep],
        )
    )
    whole = allocate(
        replace(selection(), risk_profile="barbell", fragility_penalty=0.0, cap=0.5, covariance_method="sample")
    )
    np.testing.assert_allclose(whole.cluster_weights[core], 0.9 * alone.cluster_weights, atol=1e-9)


@pytest.mark.parametrize(("clusters", "most"), [(5, 1), (9, 3), (14, 4), (24, 5)])
def test_the_sleeves_are_insulated_and_small(clusters: int, most: int) -> None:
    problem = replace(selection(1, clusters=clusters), risk_profile="barbell")
    # Identities that stand in two clusters each.
    shared = tuple(f"I{(place + 1) // 2:02d}" if place < 4 else f"I{place:02d}" for place in range(clusters * 3))
    allocation = allocate(replace(problem, identities=shared, cap=0.4))
    aggressor = np.array(allocation.sleeves) == "aggressor"
    for names in (problem.symbols, shared, tuple(problem.cluster_ids.tolist())):
        inside = {name for name, is_inside in zip(names, aggressor, strict=True) if is_inside}
        outside = {name for name, is_inside in zip(names, aggressor, strict=True) if not is_inside}
        assert inside
        assert not inside & outside
    assert len(set(problem.cluster_ids[aggressor].tolist())) <= min(most, 5)


def test_a_barbell_of_two_clusters_is_refused() -> None:
    with pytest.raises(InfeasibleError, match="K = 2"):
        allocate(replace(selection(clusters=2), risk_profile="barbell", cap=0.6))


def test_one_identity_in_every_cluster_leaves_no_sleeve_to_insulate() -> None:
    problem = selection(members=1)
    with pytest.raises(InfeasibleError, match="shared identities"):
        allocate(replace(problem, risk_profile="barbell", identities=("ONE",) * 9))


BAD = {
    "unknown risk profile": ({"risk_profile": "luck"}, "luck"),
    "unknown regime": ({"regime": "CALM"}, "CALM"),
    "duplicate symbol": ({"symbols": ("SIMX:S00",) * 27}, "SIMX:S00 twice"),
    "missing identities": ({"identities": ("I",)}, "1 identities"),
    "zero cap": ({"cap": 0.0}, "cap is 0"),
    "cap above one": ({"cap": 1.1}, "cap is 1.1"),
    "bad instrument cap": ({"instrument_cap": 2.0}, "instrument_cap"),
    "all cash": ({"cash_weight": 1.0}, "cash_weight"),
    "negative gamma": ({"fragility_penalty": -1.0}, "fragility_penalty"),
    "nan lambda": ({"turnover_penalty": float("nan")}, "turnover_penalty"),
    "no year": ({"periods_per_year": 0}, "periods_per_year"),
    "direction zero": ({"directions": np.zeros(27, dtype=np.int64)}, "SIMX:S00 is 0"),
    "excluded cluster": ({"cluster_ids": np.zeros(27, dtype=np.int64)}, "left out of the clustering"),
    "one row": ({"past_returns": np.ones((1, 27))}, "T >= 2"),
    "infinite return": ({"past_returns": np.full((50, 27), np.inf)}, "SIMX:S00 hold an infinite"),
    "foreign held": ({"held_weights": np.zeros(28)}, "held weight"),
    "nan held": ({"held_weights": np.full(27, np.nan)}, "SIMX:S00"),
    "nothing selected": ({"symbols": (), "identities": ()}, "selection is empty"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_wrong_input_is_refused_by_name(case: str) -> None:
    changes, words = BAD[case]
    with pytest.raises(AllocationInputError, match=words):
        allocate(replace(selection(), **changes))


def test_each_setting_moves_the_answer_where_it_says() -> None:
    sharpe = replace(selection(), risk_profile="max_sharpe", fragility_penalty=0.0, turnover_penalty=0.0)
    invested = [1.0 - allocate(replace(sharpe, cash_weight=cash)).cash for cash in (0.0, 0.1, 0.3)]
    np.testing.assert_allclose(invested, [1.0, 0.9, 0.7], atol=1e-9)
    # A dearer riskless asset asks for more return: the tangency climbs along the frontier.
    means = []
    for rate in (0.0, 0.02, 0.04):
        allocation = allocate(replace(sharpe, risk_free_rate=rate, cap=1.0))
        held = np.nansum(sharpe.past_returns * allocation.net_weights, axis=1)
        means.append(held.mean() * 252)
    assert means[0] < means[1] < means[2]


def test_what_is_constant_up_to_rounding_is_refused_by_name() -> None:
    problem = selection()
    prices = 100.0 * 1.001 ** np.arange(261)
    problem.past_returns[:, 7] = prices[1:] / prices[:-1] - 1.0
    assert np.ptp(problem.past_returns[:, 7]) > 0.0
    with pytest.raises(AllocationInputError, match="SIMX:S07 never change"):
        allocate(problem)


def test_lists_are_taken_for_arrays_and_the_answer_is_the_same() -> None:
    problem = selection()
    as_lists = replace(
        problem,
        symbols=list(problem.symbols),
        directions=problem.directions.tolist(),
        cluster_ids=problem.cluster_ids.astype(float).tolist(),
        past_returns=problem.past_returns.tolist(),
        held_weights=[0.0] * 27,
    )
    np.testing.assert_array_equal(allocate(as_lists).weights, allocate(problem).weights)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster_ids": np.where(np.arange(27) == 4, np.nan, 1.0)}, "cluster_ids of SIMX:S04 is nan"),
        ({"past_returns": np.full((260, 27), "a")}, "past_returns must be an array of real numbers"),
        ({"held_weights": {"SIMX:S00": 0.1}}, "held_weights must be an array of numbers"),
        ({"cap": "0.25"}, "cap is '0.25', not a number"),
        ({"risk_free_rate": None}, "risk_free_rate is None"),
        ({"fragility_penalty": float("nan")}, "fragility_penalty is nan"),
    ],
)
def test_what_is_no_number_is_refused_by_name(changes: dict[str, object], words: str) -> None:
    with pytest.raises(AllocationInputError, match=words):
        allocate(replace(selection(), **changes))


def test_an_instrument_cap_that_leaves_weight_over_is_named_and_not_the_cap_it_makes() -> None:
    with pytest.raises(
        CapInfeasibleError, match=r"^instrument_cap 0.03 with cap 0.25 on K = 9 .*a higher instrument_cap"
    ):
        allocate(replace(selection(), instrument_cap=0.03))


def test_a_cluster_that_is_too_short_is_named_by_its_members() -> None:
    problem = selection()
    young = np.flatnonzero(problem.cluster_ids == problem.cluster_ids[0])
    problem.past_returns[:250, young] = np.nan
    named = ", ".join(problem.symbols[place] for place in young)
    with pytest.raises(ShortHistoryError, match=f"cluster {problem.cluster_ids[0]} \\({named}\\) \\(10\\)"):
        allocate(problem)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("ledoit_wolf", "ledoit_wolf, constant_correlation"),
        ("ewma", "ewma"),
        ("sample", "sample"),
        ("denoised", "denoised"),
    ],
)
def test_the_estimator_and_its_target_are_named(method: str, said: str) -> None:
    problem = replace(selection(), covariance_method=method, covariance_halflife_sessions=60.0)
    assert allocate(problem).estimator == said
