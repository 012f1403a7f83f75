"""Facts grow by what is new or restated, and equal a build of everything at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash

Kit = dict[str, Any]
FACTS = ("marts.bars_daily", "marts.returns_daily")
DAYS = [dt.date(2026, 1, day) for day in range(6, 16)]
BUILT = ("int_run", "int_listings", "int_usd_rates", "bars_daily", "returns_daily")


def bars_until(kit: Kit, last: dt.date, *, first: dt.date = dt.date.min) -> pl.DataFrame:
    """Bars of the small market between two sessions, each of which arrived on the evening of its session."""
    bars: pl.DataFrame = kit["market"](noise_after=dt.date.max)["raw.bars"]
    arrived = pl.col("session_date").cast(pl.Datetime("us")) + pl.duration(hours=22)
    return bars.filter(pl.col("session_date").is_between(first, last)).with_columns(
        arrived.alias("fetched_at"), arrived.alias("first_seen_at")
    )


def facts_of(paths: Paths, kit: Kit) -> dict[str, str]:
    """Content hash of each table of facts."""
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        return {table: content_hash(lake.query(f"select * from {table}")) for table in FACTS}  # noqa: S608


def changed_rows(paths: Paths, kit: Kit, since: int) -> pl.DataFrame:
    """Rows of bars_daily that were inserted or deleted after a snapshot."""
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        return lake.query(
            "select change_type, symbol, session_date from ducklake_table_changes('lake', 'marts', 'bars_daily', ?, ?)",
            [since + 1, lake.snapshot_id()],
        )


@pytest.fixture(scope="module")
def grown(empty: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit) -> Paths:
    """A lake whose bars arrived and were built day by day."""
    paths = copy_of(empty, "grown")
    market = kit["market"](noise_after=dt.date.max)
    kit["land"](paths, {name: frame for name, frame in market.items() if name not in ("raw.bars", "raw.scans")})
    previous = dt.date.min
    for day in DAYS:
        kit["land"](paths, {"raw.bars": bars_until(kit, day, first=previous)}, "upsert")
        dbt(paths, "run", "--select", *BUILT).require()
        previous = day + dt.timedelta(days=1)
    return paths


def test_ten_days_one_by_one_equal_ten_days_at_once(
    grown: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    by_day = facts_of(grown, kit)
    whole = copy_of(grown, "whole")
    dbt(whole, "run", "--full-refresh", "--select", *BUILT).require()
    assert facts_of(whole, kit) == by_day
    with Lake.open(whole, settings=kit["SETTINGS"], read_only=True) as lake:
        assert lake.rows("select max(session_date), count(*) > 1000 from marts.bars_daily") == [(DAYS[-1], True)]


def test_a_day_writes_the_rows_of_the_day(
    grown: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    paths = copy_of(grown, "next_day")
    day = DAYS[-1] + dt.timedelta(days=1)
    bars = bars_until(kit, day, first=day)
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        before = lake.snapshot_id()
    kit["land"](paths, {"raw.bars": bars}, "upsert")
    dbt(paths, "run", "--select", *BUILT).require()
    changed = changed_rows(paths, kit, before)
    assert set(changed["change_type"]) == {"insert"}
    assert sorted(changed["symbol"]) == sorted(bars["symbol"])
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        before = lake.snapshot_id()
    dbt(paths, "run", "--select", *BUILT).require()
    assert changed_rows(paths, kit, before).is_empty()


def test_only_a_restated_symbol_is_rebuilt(
    grown: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    paths = copy_of(grown, "restated")
    restated = bars_until(kit, DAYS[-1]).filter(pl.col("symbol") == "US:AAA")
    halved = [(pl.col(name) / 2).alias(name) for name in ("open", "high", "low", "close", "adj_close")]
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        before = lake.snapshot_id()
    kit["land"](paths, {"raw.bars": restated.with_columns(*halved)}, "upsert")
    dbt(paths, "run", "--select", *BUILT).require()
    changed = changed_rows(paths, kit, before)
    assert set(changed["symbol"]) == {"US:AAA"}
    assert changed.height == 2 * restated.height
    by_change = facts_of(paths, kit)
    dbt(paths, "run", "--full-refresh", "--select", *BUILT).require()
    assert facts_of(paths, kit) == by_change


def test_a_withdrawn_bar_leaves_the_facts_and_a_changed_rate_reaches_them(
    grown: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    paths = copy_of(grown, "withdrawn")
    key = (
        bars_until(kit, DAYS[-1])
        .filter((pl.col("symbol") == "US:AAA") & (pl.col("session_date") == DAYS[3]))
        .select("symbol", "interval", "session_date", "source")
    )
    euro = bars_until(kit, DAYS[-1]).filter(
        (pl.col("symbol") == "YAHOO_FX:EURUSD") & (pl.col("session_date") == dt.date(2025, 12, 30))
    )
    kit["land"](paths, {"raw.bars": key}, "delete")
    kit["land"](paths, {"raw.bars": euro.with_columns(pl.col("close") * 1.1)}, "upsert")
    dbt(paths, "run", "--select", *BUILT).require()
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        assert lake.rows(
            "select count(*) from marts.bars_daily where symbol = 'US:AAA' and session_date = ?", [DAYS[3]]
        ) == [(0,)]
    by_change = facts_of(paths, kit)
    dbt(paths, "run", "--full-refresh", "--select", *BUILT).require()
    assert facts_of(paths, kit) == by_change
