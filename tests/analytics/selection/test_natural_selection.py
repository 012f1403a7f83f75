"""Selection of two planted groups: reasons, limits, quotas and the score.

See docs/method/05-discovery-selection.md#5.5 to 5.9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.clustering.clusters import Clustering, cluster_instruments
from analytics.errors import InputError
from analytics.estimation.instrument_risk import convexity, percentile_rank
from analytics.selection.candidate_pool import identity_ranks
from analytics.selection.execution_score import SCORE_WEIGHTS, combine_ranks
from analytics.selection.natural_selection import SelectionReason, cluster_limits, select_instruments
from analytics.settings import DataSettings, DecisionSettings, Flags, QuotaSettings, SelectionSettings

COLUMNS = [
    "symbol", "identity", "cluster_id", "direction", "asset_class", "sector", "momentum", "volatility_annual",
    "convexity", "liquidity", "momentum_rank", "stability_rank", "convexity_rank", "liquidity_rank", "score",
    "identity_rank", "passed_gate", "is_recent_listing", "is_selected", "reason",
]  # fmt: skip
N = 12


def past(seed: int = 0, n_sessions: int = 130, drift: float = 0.001) -> np.ndarray:
    """Two groups of six that share a factor each."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.normal(size=(n_sessions, 2)), 6, axis=1)
    return drift + 0.01 * (factors + 0.4 * rng.normal(size=(n_sessions, N)))


def pool(**changes: Any) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    columns: dict[str, Any] = {
        "symbol": [f"X:S{i:02d}" for i in range(N)],
        "identity": [f"id{i:02d}" for i in range(N)],
        "asset_class": ["equity"] * 6 + ["crypto"] * 6,
        "sector": ["Technology"] * 6 + [None] * 6,
        "direction": [1] * N,
        "value_traded_usd": (10.0 ** rng.uniform(5, 9, N)).tolist(),
        "close": [100.0] * N,
        "atr": rng.uniform(1.0, 4.0, N).tolist(),
        "discovery_score": rng.uniform(0.2, 0.9, N).tolist(),
        "health_status": ["OK"] * N,
    }
    for name, by_row in changes.items():
        for row, value in by_row.items():
            columns[name][row] = value
    return pl.DataFrame(columns, schema_overrides={"sector": pl.String, "value_traded_usd": pl.Float64})


def clustered(returns: np.ndarray, candidates: pl.DataFrame, threshold: float = 0.7) -> Clustering:
    return cluster_instruments(
        returns, candidates["symbol"].to_list(), candidates["direction"], threshold=threshold, unusable="exclude"
    )


def settings_of(**changes: Any) -> DecisionSettings:
    """Settings with changes by name, whatever section holds the name."""
    sections = {"selection": SelectionSettings, "data": DataSettings, "discovery": QuotaSettings, "flags": Flags}
    made = {
        section: model(**{name: value for name, value in changes.items() if name in model.model_fields})
        for section, model in sections.items()
    }
    assert set(changes) <= {name for model in sections.values() for name in model.model_fields}
    return DecisionSettings(**made)


def select(returns: np.ndarray, candidates: pl.DataFrame, **changes: Any) -> pl.DataFrame:
    settings = settings_of(**{"min_momentum": -10.0, **changes})
    return select_instruments(returns, candidates, clustered(returns, candidates), settings, periods_per_year=252)


def reason_of(table: pl.DataFrame, row: int) -> str:
    return str(table["reason"][row])


def test_columns_are_those_of_the_results_table_and_rows_keep_their_order() -> None:
    table = select(past(), pool())
    assert table.columns == COLUMNS
    assert table["symbol"].to_list() == pool()["symbol"].to_list()
    assert (table["is_selected"] == (table["reason"] == "selected")).all()


def test_figures_ranks_and_score_recomputed() -> None:
    returns, candidates = past(), pool(direction={1: -1, 8: -1})
    table = select(returns, candidates)
    signs = candidates["direction"].to_numpy()
    held = returns * signs
    momentum = held.mean(axis=0) * 252
    volatility = returns.std(axis=0, ddof=1) * np.sqrt(252)
    liquidity = 0.7 * np.log(1 + candidates["value_traded_usd"].to_numpy()) + 0.3 * np.log(
        100.0 / candidates["atr"].to_numpy()
    )
    parts = {
        "momentum": momentum, "stability": 1 / volatility, "convexity": convexity(held), "liquidity": liquidity,
    }  # fmt: skip
    for name, values in parts.items():
        np.testing.assert_allclose(table[f"{name}_rank"], percentile_rank(values), rtol=1e-12)
    np.testing.assert_allclose(table["momentum"], momentum, rtol=1e-12)
    np.testing.assert_allclose(table["volatility_annual"], volatility, rtol=1e-12)
    np.testing.assert_allclose(table["liquidity"], liquidity, rtol=1e-12)
    weights = {"momentum": 0.3, "stability": 0.2, "convexity": 0.2, "liquidity": 0.3}
    assert weights == SCORE_WEIGHTS
    expected = sum(weights[name] * percentile_rank(values) for name, values in parts.items())
    np.testing.assert_allclose(table["score"], expected, rtol=1e-12)


def test_top_longs_and_shorts_of_every_cluster() -> None:
    candidates = pool(direction=dict.fromkeys(range(0, N, 2), -1))
    returns = past() * candidates["direction"].to_numpy()
    table = select(returns, candidates, top_n=2)
    assert table["cluster_id"].n_unique() == 2
    for _, group in table.group_by("cluster_id", "direction"):
        best = group.sort("score", descending=True)
        assert best["reason"].to_list() == ["selected", "selected", "below_top_n"]


def test_equal_scores_are_decided_by_name() -> None:
    returns = past()
    returns[:, 1] = returns[:, 0]
    returns[:, :2] += 0.01
    same = {"value_traded_usd": {0: 1e12, 1: 1e12}, "atr": {0: 0.1, 1: 0.1}, "discovery_score": {0: 0.9, 1: 0.9}}
    table = select(returns, pool(**same), top_n=1)
    forward = table["score"].to_list()
    assert forward[0] == forward[1] == max(forward)
    assert table["reason"].to_list()[:2] == ["selected", "below_top_n"]
    reversed_table = select(returns[:, ::-1], pool(**same).reverse(), top_n=1)
    assert set(table.filter("is_selected")["symbol"]) == set(reversed_table.filter("is_selected")["symbol"])


@pytest.mark.parametrize(
    ("status", "reason"),
    [("MISSING", "health_missing"), ("INVALID", "health_invalid"), ("STALE", "health_stale"), ("GAPS", "health_gaps")],
)
def test_broken_health_cannot_be_selected_and_stays_in_the_audit(status: str, reason: str) -> None:
    table = select(past(), pool(health_status={3: status}), top_n=N)
    assert reason_of(table, 3) == reason
    assert table["is_selected"].sum() == N - 1
    assert table["score"][3] is not None


def test_a_missing_instrument_without_any_return_is_named_by_its_health() -> None:
    returns = past()
    returns[:, 3] = np.nan
    table = select(returns, pool(health_status={3: "MISSING"}), top_n=N)
    assert reason_of(table, 3) == "health_missing"
    assert table["momentum"][3] is None
    assert table["cluster_id"][3] == 0


def test_a_seventy_session_listing_is_selected_and_marked() -> None:
    returns = past()
    returns[:-70, 4] = np.nan
    table = select(returns, pool(health_status={4: "SHORT"}), top_n=N)
    assert reason_of(table, 4) == "selected"
    assert table["is_recent_listing"].to_list() == [row == 4 for row in range(N)]
    assert table["volatility_annual"][4] == pytest.approx(returns[-70:, 4].std(ddof=1) * np.sqrt(252))


def test_fewer_than_sixty_sessions_are_too_short() -> None:
    returns = past()
    returns[:-59, 4] = np.nan
    returns[:-60, 5] = np.nan
    table = select(returns, pool(), top_n=N)
    assert reason_of(table, 4) == "short_history"
    assert reason_of(table, 5) == "selected"
    assert table["passed_gate"][4] is False


def test_a_holiday_at_the_window_start_is_no_late_listing() -> None:
    returns = past(n_sessions=60)
    returns[:3, 4] = np.nan
    table = select(returns, pool(), top_n=N)
    assert reason_of(table, 4) == "selected"
    assert table["is_recent_listing"][4] is False


def test_an_instrument_that_never_moves_is_named() -> None:
    returns = past()
    returns[:, 2] = 0.0
    table = select(returns, pool(), top_n=N)
    assert reason_of(table, 2) == "no_variation"
    assert table["score"][2] is None


def test_a_sparse_instrument_is_named() -> None:
    returns = past(n_sessions=200)
    # It trades on every third session of its own, so that few sessions are common with the others.
    returns[:, 2] = np.nan
    returns[::3, 2] = past(5, 67)[:, 0]
    returns[::3, [i for i in range(N) if i != 2]] = np.nan
    table = select(returns, pool(), top_n=N)
    assert reason_of(table, 2) == "sparse_overlap"


def test_a_second_venue_of_one_identity_is_a_duplicate() -> None:
    candidates = pool(identity={1: "id00", 2: "id00"}, value_traded_usd={0: 1e6, 1: 5e8, 2: None})
    table = select(past(), candidates, top_n=N)
    assert table["identity_rank"].to_list()[:3] == [2, 1, 3]
    assert [reason_of(table, row) for row in range(3)] == ["identity_duplicate", "selected", "identity_duplicate"]
    assert identity_ranks(candidates)[3:] == [1] * (N - 3)


def test_the_momentum_gate_reads_the_last_sixty_directional_sessions() -> None:
    returns = past()
    returns[-60:, 0] -= 0.02
    returns[-60:, 7] += 0.02
    candidates = pool(direction={7: -1})
    returns[:, 7] = -np.abs(returns[:, 7]) - 0.001
    table = select(returns, candidates, top_n=N, min_momentum=-0.05)
    assert reason_of(table, 0) == "momentum_gate"
    assert table["passed_gate"][7] is True
    flipped = select(returns, pool(), top_n=N, min_momentum=-0.05)
    assert reason_of(flipped, 7) == "momentum_gate"
    assert select(returns, candidates, top_n=N)["reason"][0] == "selected"


def test_dynamic_n_follows_the_mean_correlation() -> None:
    returns, candidates = past(), pool()
    clustering = clustered(returns, candidates)
    limits = cluster_limits(clustering, settings_of(top_n=5, feat_dynamic_selection=True))
    assert limits.tolist() == [max(1, round(5 * (1 - rho) + 0.5)) for rho in clustering.mean_correlation]
    assert (limits < 5).all()
    assert cluster_limits(clustering, settings_of(top_n=5)).tolist() == [5, 5]
    some, every = (select(returns, candidates, top_n=5, feat_dynamic_selection=flag) for flag in (True, False))
    assert some["is_selected"].sum() == limits.sum()
    assert every["is_selected"].sum() == 10
    singles = clustered(returns, candidates, threshold=1e-3)
    assert cluster_limits(singles, settings_of(top_n=9, feat_dynamic_selection=True)).tolist() == [1] * N


def test_without_pool_ranks_figures_are_scaled_inside_the_cluster() -> None:
    returns, candidates = past(), pool()
    table = select(returns, candidates, feat_xs_momentum=False)
    for _, group in table.group_by("cluster_id"):
        values = group["momentum"].to_numpy()
        np.testing.assert_allclose(group["momentum_rank"], (values - values.min()) / np.ptp(values), rtol=1e-12)
    pooled = select(returns, candidates)
    assert table["score"].to_list() != pooled["score"].to_list()
    alike = pool(value_traded_usd=dict.fromkeys(range(N), 1e6), atr=dict.fromkeys(range(N), 2.0))
    flat = select(returns, alike, feat_xs_momentum=False)
    assert flat["liquidity_rank"].to_list() == [0.5] * N


def test_unknown_liquidity_gives_its_weight_to_the_other_terms() -> None:
    returns = past()
    table = select(returns, pool(value_traded_usd={0: None}, atr={1: 0.0, 2: None}), top_n=N)
    assert table["liquidity_rank"].null_count() == 3
    for row in range(3):
        ranks = [table[f"{name}_rank"][row] for name in ("momentum", "stability", "convexity")]
        assert table["score"][row] == pytest.approx((0.3 * ranks[0] + 0.2 * ranks[1] + 0.2 * ranks[2]) / 0.7)
    unknown = {name: np.array([np.nan]) for name in SCORE_WEIGHTS}
    assert np.isnan(combine_ranks(unknown)).all()


def test_quotas_keep_the_best_discovered_of_the_remaining() -> None:
    candidates = pool(health_status={0: "STALE"}, discovery_score={0: 0.99, 1: 0.98, 2: 0.97, 6: 0.96})
    table = select(past(), candidates, top_n=N, max_candidates=4, quota_min=1, quota_max=2)
    assert table.filter("is_selected")["asset_class"].value_counts().sort("asset_class")["count"].to_list() == [2, 2]
    assert [reason_of(table, row) for row in range(3)] == ["health_stale", "selected", "selected"]
    assert (table["reason"] == "class_quota").sum() == 7


def test_permuting_candidates_permutes_the_answer() -> None:
    returns, candidates = past(), pool(direction={2: -1, 9: -1}, health_status={5: "GAPS"})
    order = np.random.default_rng(6).permutation(N)
    base = select(returns, candidates, top_n=2)
    moved = select(returns[:, order], candidates[order.tolist()], top_n=2)
    for name in ("symbol", "cluster_id", "is_selected", "reason"):
        assert moved[name].to_list() == [base[name][int(row)] for row in order]


def test_reasons_are_a_closed_enumeration() -> None:
    assert {reason.value for reason in SelectionReason} >= set(select(past(), pool())["reason"])
    assert len(SelectionReason) == 12


def test_a_pool_that_does_not_fit_its_inputs_is_refused() -> None:
    returns, candidates = past(), pool()
    clustering = clustered(returns, candidates)
    with pytest.raises(InputError, match="no column atr"):
        select_instruments(returns, candidates.drop("atr"), clustering, DecisionSettings(), periods_per_year=252)
    with pytest.raises(InputError, match="12 symbols given for 11 columns"):
        select_instruments(returns[:, 1:], candidates, clustering, DecisionSettings(), periods_per_year=252)
    foreign = pool(symbol={4: "X:OTHER"})
    with pytest.raises(InputError, match="X:OTHER was not clustered"):
        select_instruments(returns, foreign, clustering, DecisionSettings(), periods_per_year=252)
    with pytest.raises(ValueError, match="top_n"):
        SelectionSettings(top_n=0)


def test_convexity_moves_the_selection() -> None:
    returns = past(drift=0.0)
    skewed = returns.copy()
    skewed[::20, 0] += 0.08
    base, moved = select(returns, pool()), select(skewed, pool())
    assert moved["convexity"][0] > base["convexity"][0]
    assert moved["convexity"].n_unique() > 3
