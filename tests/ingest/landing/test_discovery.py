from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from ingest.errors import ScannerInputError
from ingest.landing.discovery import land_scans, scan_columns
from ingest.landing.reference import land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import Scanner
from lakehouse.connection.catalog import Lake

FRIDAY, SUNDAY = dt.date(2024, 3, 8), dt.date(2024, 3, 10)


def build_marts(lake: Lake) -> None:
    landing = LandingScope("run-1", "prep", SUNDAY, as_of_clock(SUNDAY))
    land_sessions(lake, ["XNYS", "24/7"], FRIDAY, SUNDAY, landing)
    lake.connection.execute(
        "create table lake.intermediate.int_instruments_described as select * from (values "
        "('NYSE:A', 'XNYS', 'equity', 'cash', 'NYSE'), ('NYSE:STALE', 'XNYS', 'equity', 'cash', 'NYSE'), "
        "('BINANCE:BTCUSDT', '24/7', 'crypto', 'spot', 'BINANCE')) as t(symbol, calendar, asset_class, product, venue)"
    )
    lake.connection.execute(
        "create table lake.marts.scanner_columns as select symbol, session_date::date as session_date, close from (values "
        "('NYSE:A', '2024-03-07', 1.0), ('NYSE:A', '2024-03-08', 2.0), ('NYSE:STALE', '2024-03-07', 3.0), "
        "('BINANCE:BTCUSDT', '2024-03-08', 4.0), ('BINANCE:BTCUSDT', '2024-03-10', 5.0)) as t(symbol, session_date, close)"
    )


def test_each_instrument_is_scanned_at_its_own_last_session(lake: Lake) -> None:
    build_marts(lake)
    (found,) = scan_columns(lake, [(SUNDAY, as_of_clock(SUNDAY))])
    assert found.select("symbol", "session_date", "close", "asset_class").rows() == [
        ("BINANCE:BTCUSDT", SUNDAY, 5.0, "crypto"),
        ("NYSE:A", FRIDAY, 2.0, "equity"),
    ]


def test_a_session_that_has_not_settled_is_not_scanned(lake: Lake) -> None:
    build_marts(lake)
    before_the_close = dt.datetime.combine(FRIDAY, dt.time(20, 0))
    (found,) = scan_columns(lake, [(FRIDAY, before_the_close)])
    assert found["symbol"].to_list() == ["NYSE:A", "NYSE:STALE"]
    assert set(found["session_date"]) == {dt.date(2024, 3, 7)}


def test_without_marts_the_error_says_how_to_build_them(lake: Lake) -> None:
    with pytest.raises(ScannerInputError, match="dbt build"):
        scan_columns(lake, [(FRIDAY, as_of_clock(FRIDAY))])


def test_metadata_of_instruments_are_columns_and_past_index_membership_is_unknown(lake: Lake) -> None:
    build_marts(lake)
    lake.connection.execute("alter table lake.intermediate.int_instruments_described add column sector varchar")
    lake.connection.execute("alter table lake.intermediate.int_instruments_described add column indexes varchar[]")
    lake.connection.execute("alter table lake.intermediate.int_instruments_described add column note varchar")
    lake.connection.execute("update lake.intermediate.int_instruments_described set sector = 'Energy', indexes = ['SP:SPX']")
    sessions = [(FRIDAY, as_of_clock(FRIDAY)), (SUNDAY, as_of_clock(SUNDAY))]
    past, newest = scan_columns(lake, sessions)
    assert newest.filter(pl.col("symbol") == "NYSE:A").select("sector", "indexes").rows() == [("Energy", ["SP:SPX"])]
    # Today's members are not those of a past session, and past members are not recorded.
    assert past["indexes"].null_count() == past.height == 2
    assert past.schema["indexes"] == newest.schema["indexes"]
    assert "note" not in newest.columns


def test_weekly_columns_stand_beside_the_daily_ones(lake: Lake) -> None:
    build_marts(lake)
    (found,) = scan_columns(lake, [(SUNDAY, as_of_clock(SUNDAY))])
    assert dict(found.select("symbol", "close|1W").iter_rows()) == {"BINANCE:BTCUSDT": 5.0, "NYSE:A": 2.0}
    assert found["rsi|1W"].null_count() == 2


def test_scans_of_a_run_replace_each_other(lake: Lake) -> None:
    columns = pl.DataFrame(
        {
            "symbol": ["NYSE:A", "NYSE:B"],
            "session_date": [FRIDAY] * 2,
            "asset_class": ["equity"] * 2,
            "product": ["cash"] * 2,
            "venue": ["NYSE"] * 2,
            **{name: [9.0, 9.0] for name in ("perf_w", "perf_1m", "perf_3m")},
        }
    )
    momentum = Scanner(
        name="momentum", title="M", direction="LONG", strategy="price_momentum", asset_classes=("equity",)
    )
    for n_rows in (2, 1):
        scans = scan_from_columns(
            momentum, columns.head(n_rows), source="s", run_id="run-1", scanned_at=as_of_clock(SUNDAY)
        )
        land_scans(lake, scans, run_id="run-1", step="discovery")
    assert lake.read("raw.scans")["symbol"].to_list() == ["NYSE:A"]
