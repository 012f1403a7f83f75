"""Policy from candidates to weights, for a recent listing.

See docs/method/02-returns.md#2.4.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import polars as pl
import pytest

from analytics.allocation.solvers.risk_problem import RiskProfile
from analytics.policy import HeldWeights, SelectedInstruments, decide_clusters, decide_selection, decide_weights
from analytics.settings import (
    AllocationSettings,
    DataSettings,
    DecisionSettings,
    DependenceSettings,
    Flags,
    SelectionSettings,
)

N, T = 15, 500
RECENT = "X:S07"
SETTINGS = DecisionSettings(
    selection=SelectionSettings(top_n=3, min_momentum=-10.0),
    dependence=DependenceSettings(threshold=0.5),
    flags=Flags(feat_adaptive_threshold=False),
)


def past(listed_sessions: int) -> np.ndarray:
    """Five groups of three that share a factor each; the eighth instrument is only `listed_sessions` old."""
    rng = np.random.default_rng(3)
    factors = np.repeat(rng.normal(size=(T, 5)), 3, axis=1)
    returns = 0.0006 + 0.01 * (factors + 0.4 * rng.normal(size=(T, N)))
    returns[: T - listed_sessions, 7] = np.nan
    return returns


def candidates() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [f"X:S{number:02d}" for number in range(N)],
            "identity": [f"id{number:02d}" for number in range(N)],
            "asset_class": ["equity"] * N,
            "sector": ["Technology"] * N,
            "direction": [1] * N,
            "value_traded_usd": [1e8] * N,
            "close": [100.0] * N,
            "atr": [2.0] * N,
            "discovery_score": [0.5] * N,
            "health_status": ["OK"] * N,
        }
    )


def test_an_instrument_of_70_sessions_is_selected_and_marked_as_recent() -> None:
    _, selection = decide_selection(past(70), candidates(), "NORMAL", SETTINGS, periods_per_year=252)
    row = selection.filter(symbol=RECENT).row(0, named=True)
    assert (row["is_selected"], row["reason"]) == (True, "selected")
    assert selection.filter("is_recent_listing")["symbol"].to_list() == [RECENT]


@pytest.mark.parametrize(("listed_sessions", "is_recent"), [(500, False), (496, False), (480, True), (60, True)])
def test_the_full_lookback_shows_a_recent_listing_and_a_holiday_does_not(listed_sessions: int, is_recent: bool) -> None:
    _, selection = decide_selection(past(listed_sessions), candidates(), "NORMAL", SETTINGS, periods_per_year=252)
    row = selection.filter(symbol=RECENT).row(0, named=True)
    assert (row["is_recent_listing"], row["is_selected"]) == (is_recent, True)


@pytest.mark.parametrize("risk_profile", [*get_args(RiskProfile), "barbell"])
def test_an_instrument_of_70_sessions_is_allocated(risk_profile: str) -> None:
    returns = past(70)
    _, selection = decide_selection(returns, candidates(), "NORMAL", SETTINGS, periods_per_year=252)
    chosen = SelectedInstruments.of(selection)
    window = returns[:, [int(symbol[-2:]) for symbol in chosen.symbols]]
    clustering = decide_clusters(window, chosen, "NORMAL", SETTINGS)
    assert clustering.excluded == ()
    allocation = decide_weights(
        window, chosen, clustering.cluster_ids, risk_profile, "NORMAL", SETTINGS, HeldWeights(), periods_per_year=252
    )
    weights = dict(zip(allocation.symbols, allocation.weights, strict=True))
    assert np.isfinite(allocation.weights).all()
    assert sum(weights.values()) + allocation.cash == pytest.approx(1.0, abs=1e-9)
    assert weights[RECENT] > 0.01
    siblings = [weights["X:S06"], weights["X:S08"]]
    assert min(siblings) / 5 < weights[RECENT] < 5 * max(siblings)


@pytest.mark.parametrize("light_sessions", [60, 120])
def test_an_instrument_of_50_sessions_is_not_selected(light_sessions: int) -> None:
    settings = SETTINGS.model_copy(update={"data": DataSettings(light_sessions=light_sessions)})
    _, selection = decide_selection(past(50), candidates(), "NORMAL", settings, periods_per_year=252)
    row = selection.filter(symbol=RECENT).row(0, named=True)
    assert (row["is_selected"], row["reason"], row["is_recent_listing"]) == (False, "short_history", False)


@pytest.mark.parametrize("risk_profile", [*get_args(RiskProfile), "barbell"])
def test_no_instrument_takes_more_than_its_cap_or_twice_the_equal_weight(risk_profile: str) -> None:
    """One instrument is so calm that the minimisers of risk would put their whole cluster cap into it."""
    returns = past(T)
    returns[:, 4] *= 0.02
    chosen = SelectedInstruments(
        tuple(candidates()["symbol"]), tuple(candidates()["identity"]), ("equity",) * N, np.ones(N, dtype=np.int64)
    )
    clustering = decide_clusters(returns, chosen, "NORMAL", SETTINGS)
    largest = {}
    for cap in (0.10, None):
        limits = AllocationSettings(risk_profiles=("min_variance",), instrument_cap=cap)
        settings = SETTINGS.model_copy(update={"allocation": limits})
        allocation = decide_weights(
            returns,
            chosen,
            clustering.cluster_ids,
            risk_profile,
            "NORMAL",
            settings,
            HeldWeights(),
            periods_per_year=252,
        )
        largest[cap] = allocation.weights.max()
    assert largest[0.10] <= 2.0 / N + 1e-9
    assert largest[None] >= largest[0.10] - 1e-9
    if risk_profile == "min_variance":
        assert largest[None] > 2.0 / N + 0.02
