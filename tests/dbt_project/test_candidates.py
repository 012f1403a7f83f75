"""Candidates merge venues, resolve conflicts of direction and have the documented score."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lakehouse.connection.catalog import Lake


@pytest.fixture(scope="module")
def candidates(lake: Lake) -> dict[str, dict[str, Any]]:
    return {row["identity"]: row for row in lake.query("select * from marts.candidates").to_dicts()}


def test_the_benchmark_is_no_candidate(candidates: dict[str, dict[str, Any]]) -> None:
    assert set(candidates) == {"CRYPTO:BTC", "US:AAA", "FX:EURUSD"}


def test_venues_of_one_coin_are_one_candidate_with_summed_value(candidates: dict[str, dict[str, Any]]) -> None:
    coin = candidates["CRYPTO:BTC"]
    assert coin["symbol"] == "BINANCE_USDM:BTCUSDT.P"
    assert (coin["value_traded_usd"], coin["value_traded_usd_rep"]) == (9e8, 7e8)
    assert (coin["volume"], coin["volume_rep"], coin["n_venues"]) == (20.0, 10.0, 2)
    assert [alternate["symbol"] for alternate in json.loads(coin["alternates"])] == ["BINANCE:BTCUSDT"]


def test_the_side_with_the_higher_score_is_kept_and_the_conflict_shown(candidates: dict[str, dict[str, Any]]) -> None:
    equity = candidates["US:AAA"]
    assert (equity["direction"], equity["is_conflict"], equity["scanners"]) == (1, True, "up")
    assert equity["n_venues"] == 1
    assert not candidates["CRYPTO:BTC"]["is_conflict"]


def test_the_discovery_score_is_the_formula(candidates: dict[str, dict[str, Any]]) -> None:
    """docs/method/05-discovery-selection.md#5.2 by hand."""
    coin = 0.3 * min(7e8 / 1e9, 1) + 0.3 * 25 / 50 + 0.1 * 4 / 10 + 0.3 * (10 + 20) / 2 / 50
    equity = 0.3 * 1e8 / 5e8 + 0.3 * 30 / 50 + 0.1 * 1 / 5 + 0.3 * 4 / 20
    pair = 0.3 * 2.5 / 5
    assert candidates["CRYPTO:BTC"]["discovery_score"] == pytest.approx(coin, abs=1e-15)
    assert candidates["US:AAA"]["discovery_score"] == pytest.approx(equity, abs=1e-15)
    assert candidates["FX:EURUSD"]["discovery_score"] == pytest.approx(pair, abs=1e-15)


def test_replayed_candidates_carry_the_health_of_their_session(lake: Lake) -> None:
    rows = dict(lake.rows("select symbol, health_status from marts.candidates_replayed"))
    assert rows == {"US:AAA": "OK", "BINANCE_USDM:BTCUSDT.P": "OK", "YAHOO_FX:EURUSD": "OK"}


def test_the_benchmark_is_found_by_identity_and_metadata_are_not_invented(lake: Lake) -> None:
    rows = {row["symbol"]: row for row in lake.query("select * from marts.instruments").to_dicts()}
    assert [symbol for symbol, row in rows.items() if row["is_benchmark"]] == ["US:SPY"]
    assert not rows["US:SPY"]["is_investable"]
    assert not rows["CBOE:^VIX"]["is_investable"]
    assert rows["US:AAA"]["lot_size"] is None
    assert rows["US:AAA"]["sector"] is None
    assert rows["YAHOO_FX:EURUSD"]["value_traded_usd"] is None
