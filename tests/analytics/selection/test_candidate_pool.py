"""Contract of the candidates, identity ranks and class quotas."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.errors import InputError
from analytics.selection.candidate_pool import CANDIDATE_SCHEMA, check_candidates, class_quotas, identity_ranks


def three_candidates(**changes: Any) -> pl.DataFrame:
    """Candidates X:S00 to X:S02 with single values changed: column -> {row: value}."""
    columns: dict[str, list[Any]] = {
        "symbol": ["X:S00", "X:S01", "X:S02"],
        "identity": ["id00", "id01", "id02"],
        "asset_class": ["equity", "equity", "crypto"],
        "sector": ["Technology", "Energy", None],
        "direction": [1, 1, -1],
        "value_traded_usd": [1e6, 5e8, 1e7],
        "close": [100.0, 20.0, 3.0],
        "atr": [2.0, 0.5, 0.1],
        "discovery_score": [0.9, 0.5, 0.7],
        "health_status": ["OK", "SHORT", "OK"],
    }
    for name, by_row in changes.items():
        for row, value in by_row.items():
            columns[name][row] = value
    return pl.DataFrame(columns, strict=False)


def test_class_quotas_follow_alpha_density() -> None:
    table = pl.DataFrame(
        {
            "asset_class": ["equity"] * 6 + ["crypto"] * 3 + ["fx"],
            "discovery_score": [0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.95, 0.2, 0.2, 0.05],
        }
    )
    # Above the 60th percentile (0.4): three equities and one crypto.
    assert class_quotas(table, 8, 1, 5) == {"crypto": 2, "equity": 5, "fx": 1}
    assert class_quotas(table, 8, 0, 100) == {"crypto": 2, "equity": 6, "fx": 0}
    # A score that equals the percentile (0.3 of six) is not above it.
    six = pl.DataFrame({"asset_class": list("abcccc"), "discovery_score": [0.3, 0.5, 0.4, 0.2, 0.1, 0.0]})
    assert class_quotas(six, 4, 0, 9) == {"a": 0, "b": 2, "c": 2}
    flat = table.with_columns(discovery_score=0.5)
    assert class_quotas(flat, 10, 0, 100) == {"crypto": 3, "equity": 6, "fx": 1}
    with pytest.raises(InputError):
        class_quotas(table, 8, 5, 1)
    with pytest.raises(InputError):
        class_quotas(table.clear(), 8, 1, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbol": {1: "X:S00"}}, "X:S00 appears twice"),
        ({"direction": {2: 0}}, "X:S02 has a direction"),
        ({"health_status": {2: "FINE"}}, "X:S02 has a health status"),
        ({"discovery_score": {2: None}}, "X:S02 lacks"),
        ({"close": {2: 0.0}}, "X:S02 has a close"),
        ({"atr": {2: -1.0}}, "X:S02 has a negative ATR"),
        ({"value_traded_usd": {2: -5.0}}, "X:S02 has a negative value traded"),
        ({"value_traded_usd": {2: np.inf}}, "X:S02 has an infinite figure"),
    ],
)
def test_candidates_that_cannot_be_right_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_candidates(three_candidates(**changes))


def test_checked_candidates_have_the_columns_of_the_schema_and_null_for_nan() -> None:
    candidates = three_candidates(close={1: np.nan}).select(*reversed(CANDIDATE_SCHEMA)).with_columns(note=pl.lit("x"))
    checked = check_candidates(candidates)
    assert dict(checked.schema) == {name: kind() for name, kind in CANDIDATE_SCHEMA.items()}
    assert checked["close"].to_list() == [100.0, None, 3.0]
    with pytest.raises(InputError, match="no column atr, health_status"):
        check_candidates(candidates.drop("atr", "health_status"))


def test_identities_rank_by_value_traded_then_score_then_name() -> None:
    pool = three_candidates(identity={1: "id00", 2: "id00"})
    assert identity_ranks(pool) == [3, 1, 2]
    assert identity_ranks(pool.with_columns(value_traded_usd=pl.lit(None, pl.Float64))) == [1, 3, 2]
    assert identity_ranks(pool.with_columns(value_traded_usd=1.0, discovery_score=0.5)) == [1, 2, 3]
    assert identity_ranks(three_candidates()) == [1, 1, 1]
