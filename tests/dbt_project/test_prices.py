"""Bars, gaps, health and returns of the small lake equal those computed from the raw rows by loops."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash

Kit = dict[str, Any]


def test_the_planted_gaps_are_found_one_for_one_and_nothing_else(lake: Lake, kit: Kit) -> None:
    found = set(
        lake.rows("select symbol, session_date from marts.gap_audit where symbol not in ('US:DEAD', 'US:GONE')")
    )
    assert found == kit["GAPS"]


def test_a_delisted_instrument_has_every_later_session_as_a_gap(lake: Lake, kit: Kit) -> None:
    later = {
        row["session_date"]
        for row in kit["sessions_of"]("XNYS")
        if dt.date(2025, 12, 15) < row["session_date"] <= kit["AS_OF"]
    }
    found = {day for (day,) in lake.rows("select session_date from marts.gap_audit where symbol = 'US:DEAD'")}
    assert found == later


def test_each_fault_gets_its_name(lake: Lake, kit: Kit) -> None:
    found = dict(lake.rows("select symbol, status from marts.data_health"))
    assert found == {
        "US:AAA": "OK",
        "US:GAPPY": "GAPS",
        "US:LATE": "SHORT",
        "US:DEAD": "STALE",
        "US:BAD": "INVALID",
        "US:GONE": "MISSING",
        "US:SPY": "OK",
        "CBOE:^VIX": "OK",
        "BINANCE:BTCUSDT": "GAPS",
        "BINANCE_USDM:BTCUSDT.P": "OK",
        "YAHOO_FX:EURUSD": "OK",
    }


def test_no_bar_after_the_time_of_the_run_is_among_its_bars(lake: Lake, kit: Kit) -> None:
    assert lake.rows("select max(session_date) from intermediate.int_bars_of_run") == [(kit["AS_OF"],)]
    assert lake.rows("select max(session_date) from raw.bars")[0][0] > kit["AS_OF"]


def test_returns_are_ratios_of_grid_prices_by_the_definition(lake: Lake, kit: Kit) -> None:
    """docs/method/02-returns.md#2.2 by loops: candidates are BTC, AAA and EURUSD, so the grid is XNYS and 24/5 together."""
    days = {
        calendar: [r["session_date"] for r in kit["sessions_of"](calendar) if r["session_date"] <= kit["AS_OF"]]
        for calendar in ("XNYS", "24/7", "24/5")
    }
    grid = sorted(set(days["XNYS"]) | set(days["24/5"]))
    prices = {
        (s, d): p for s, d, p in lake.rows("select symbol, session_date, coalesce(adj_close, close) from raw.bars")
    }
    expected: dict[tuple[str, dt.date], float | None] = {}
    for symbol, (_, _, calendar) in kit["LISTINGS"].items():
        own = sorted(d for s, d in prices if s == symbol)
        before: float | None = None
        for previous, date in zip([dt.date.min, *grid], grid, strict=False):
            slot = [d for d in days[calendar] if previous < d <= date]
            if not own or date < own[0] or (slot and slot[-1] < own[0]):
                continue
            if not slot:
                expected[symbol, date] = None
                continue
            price = prices.get((symbol, slot[-1]))
            expected[symbol, date] = price / before - 1 if price is not None and before is not None else None
            before = price
    found = {
        (s, d): r
        for s, d, r in lake.rows('select symbol, session_date, "return" from intermediate.int_returns_on_grid')
    }
    assert found.keys() == expected.keys()
    assert sum(value is not None for value in expected.values()) > 800
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-12) if value is not None else found[key] is None, key


def test_the_matrix_holds_the_window_of_the_candidates(lake: Lake, kit: Kit) -> None:
    matrix = lake.query("select * from marts.returns_matrix order by session_date")
    long = lake.rows(
        "select session_date, \"return\" from intermediate.int_returns_on_grid where symbol = 'US:AAA' "
        "order by session_date desc limit 60"
    )
    assert set(matrix.columns) == {"run_id", "session_date", "US:AAA", "BINANCE_USDM:BTCUSDT.P", "YAHOO_FX:EURUSD"}
    assert matrix.height == 60
    assert matrix.select("session_date", "US:AAA").rows() == sorted(long)


def test_noise_after_the_time_of_the_run_changes_no_mart(
    lake: Lake, built: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    noisy = copy_of(built, "noisy")
    kit["land"](noisy, {"raw.bars": kit["market"](noise_after=kit["AS_OF"])["raw.bars"]}, "upsert")
    chosen = ("config.materialized:table_in_place", "config.materialized:incremental")
    result = dbt(noisy, "run", "--select", *chosen, "--exclude", "returns_matrix").require()
    rebuilt = {node.name for node in result.nodes if node.status == "success"}
    marts = {"scanner_columns", "candidates", "gap_audit", "data_health", "instruments"}
    assert marts < rebuilt
    with Lake.open(noisy, settings=kit["SETTINGS"], read_only=True) as other:
        tables = [*(f"marts.{mart}" for mart in sorted(marts)), "intermediate.int_returns_on_grid"]
        for table in tables:
            query = f"select * from {table}"  # noqa: S608 - names above
            assert content_hash(lake.query(query)) == content_hash(other.query(query)), table
        facts = "select sum(close) from marts.bars_daily"
        assert lake.rows(facts) != other.rows(facts)
        closes = "select sum(close) from raw.bars"
        assert lake.rows(closes) != other.rows(closes)


def test_a_selection_narrows_the_matrix_and_its_health_gate_fails_when_strict(
    lake: Lake, built: Paths, dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    winners = [{"run_id": "run-a", "symbol": symbol} for symbol in ("US:GAPPY", "US:AAA")]
    kit["land"](built, {"scope.winners": kit["frame_of"]("scope.winners", winners)})
    lenient = dbt(built, "build", "--select", "returns_matrix", "tag:gate").require()
    assert {node.status for node in lenient.nodes if node.kind == "test"} == {"warn", "pass"}
    columns = lake.query("select * from marts.returns_matrix limit 1").columns
    assert set(columns) == {"run_id", "session_date", "US:GAPPY", "US:AAA"}
    strict = dbt(built, "test", "--select", "tag:gate", strict_health=True)
    assert not strict.success
    assert [(node.name, node.failures) for node in strict.failed] == [("selected_instruments_are_healthy", 1)]
    (failed,) = strict.failed
    assert "symbol US:GAPPY, status GAPS, n_gaps 1" in failed.message
    assert "gap_sessions 2026-01-07" in failed.message
    assert lake.rows("select symbol from failures.selected_instruments_are_healthy") == [("US:GAPPY",)]


def test_a_build_works_on_a_lake_without_a_single_row(empty: Paths, kit: Kit) -> None:
    with Lake.open(empty, settings=kit["SETTINGS"], read_only=True) as lake:
        assert lake.rows("select count(*) from marts.data_health") == [(0,)]
