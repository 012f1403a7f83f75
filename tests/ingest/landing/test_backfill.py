"""Backfill against the loopback exchange: gaps, stale and missing series, and failed symbols."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cli import main
from ingest.landing import backfill as healing
from ingest.landing.backfill import calendars_of, failed_requests, gap_requests, known_symbols, unhealthy_symbols
from ingest.landing.bars import land_bars, land_requests
from ingest.landing.reference import land_instruments
from ingest.reference.calendars import sessions
from ingest.reference.venues import Venues
from ingest.sources.tradingview.source import TradingViewSource
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths
from tests.ingest.live.loopback_market import (
    FIRST,
    HISTORY_LIMITS,
    HTTP_LIMITS,
    LAST,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    landing_of,
)
from tests.servers.exchange import Exchange

SYMBOLS = ("BINANCE:ONEUSDT", "NASDAQ:AAA", "NASDAQ:BBB", "NASDAQ:CCC")
HOLE = (dt.date(2024, 4, 10), dt.date(2024, 4, 12))
DAY = dt.date(2024, 5, 20)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with exchange_of(list(SYMBOLS)) as opened:
        yield opened


@pytest.fixture
def source(exchange: Exchange, venues: Venues) -> TradingViewSource:
    return TradingViewSource(
        venues,
        endpoints=endpoints_of(exchange),
        http_limits=HTTP_LIMITS,
        history_limits=HISTORY_LIMITS,
        breaker=breaker_that_stays_closed,
    )


@pytest.fixture
def landed(lake: Lake, source: TradingViewSource, venues: Venues) -> Lake:
    landing = landing_of(symbols=SYMBOLS)
    land_instruments(lake, source, landing)
    assert land_bars(lake, source, venues, landing).failures == {}
    return lake


def bars_of(lake: Lake) -> pl.DataFrame:
    return lake.read(
        "raw.bars", columns=["symbol", "session_date", "open", "high", "low", "close", "volume"],
        order_by=["symbol", "session_date"],
    )  # fmt: skip


def test_a_gap_a_stale_and_a_missing_series_are_repaired_and_nothing_else_is_requested(
    landed: Lake, source: TradingViewSource, venues: Venues
) -> None:
    complete_series = bars_of(landed)
    landed.connection.execute(
        "delete from lake.raw.bars where (symbol = 'NASDAQ:AAA' and (session_date between ? and ? or session_date = ?)) "
        "or (symbol = 'NASDAQ:BBB' and session_date > ?) or symbol = 'BINANCE:ONEUSDT'",
        [*HOLE, DAY, DAY],
    )
    landing = landing_of(symbols=SYMBOLS)
    requests = gap_requests(landed, source.name, calendars_of(SYMBOLS, venues), landing)
    # Each span is widened by the session beside it; the 27th of May 2024 was no session.
    assert [(request.symbols, request.first, request.last) for request in requests] == [
        (("NASDAQ:BBB",), DAY, LAST),
        (("BINANCE:ONEUSDT",), FIRST, LAST),
        (("NASDAQ:AAA",), dt.date(2024, 5, 17), dt.date(2024, 5, 21)),
        (("NASDAQ:AAA",), dt.date(2024, 4, 9), dt.date(2024, 4, 15)),
    ]
    report = land_requests(landed, source, calendars_of(SYMBOLS, venues), landing, requests)
    assert (report.failures, report.n_requested, report.n_fresh) == ({}, 3, 1)
    assert bars_of(landed).equals(complete_series)
    assert gap_requests(landed, source.name, calendars_of(SYMBOLS, venues), landing) == []


def test_nothing_before_the_first_bar_of_a_series_is_a_gap(
    landed: Lake, source: TradingViewSource, venues: Venues
) -> None:
    landed.connection.execute("delete from lake.raw.bars where symbol = 'NASDAQ:CCC' and session_date < ?", [DAY])
    assert gap_requests(landed, source.name, calendars_of(SYMBOLS, venues), landing_of(symbols=SYMBOLS)) == []


def test_a_symbol_that_the_lake_does_not_know_has_no_calendar_only_where_its_venue_has_none(venues: Venues) -> None:
    assert calendars_of(["NASDAQ:ZZZ", "BINANCE:ZZZUSDT"], venues)["calendar"].to_list() == ["24/7", "XNYS"]


@given(st.sets(st.integers(0, 60)), st.integers(0, 60))
def test_spans_cover_every_missing_session_and_begin_and_end_beside_one(missing: set[int], begin: int) -> None:
    days = sessions("XNYS", dt.date(2024, 1, 1), dt.date(2024, 3, 31))["session_date"]
    kept = [day for index, day in enumerate(days) if index not in missing]
    if not kept:
        return
    first = days[min(begin, days.len() - 1)]
    spans = healing._missing_spans(days, pl.Series(kept), first)
    due = [day for day in days if day >= max(first, min(kept)) and day not in kept]
    covered = {day for day in days for start, end in spans if start <= day <= end}
    assert set(due) <= covered
    assert len(covered) <= 3 * len(due)
    assert all(any(start <= day <= end for day in due) for start, end in spans)


def test_only_failed_symbols_are_requested_again(
    lake: Lake, exchange: Exchange, source: TradingViewSource, venues: Venues
) -> None:
    landing = landing_of(symbols=SYMBOLS)
    land_instruments(lake, source, landing)
    exchange.faults.set("history", "refuse")
    report = land_bars(lake, source, venues, landing)
    assert set(report.failures) == set(SYMBOLS)
    exchange.faults.clear()
    requests = failed_requests(lake, source.name, landing, days=2)
    assert sorted(symbol for request in requests for symbol in request.symbols) == sorted(SYMBOLS)
    assert failed_requests(lake, source.name, landing, days=2, symbols=["NASDAQ:AAA"])[0].symbols == ("NASDAQ:AAA",)
    assert land_requests(lake, source, calendars_of(SYMBOLS, venues), landing, requests).failures == {}
    assert failed_requests(lake, source.name, landing, days=2) == []


def test_the_unhealthy_are_those_of_the_newest_run_of_the_source(lake: Lake) -> None:
    runs = {"old": ("bars", 1), "new": ("bars", 2), "other": ("files", 3)}
    health = [
        ("old", "A", "GAPS"),
        ("new", "A", "OK"),
        ("new", "B", "STALE"),
        ("new", "C", "SHORT"),
        ("other", "D", "GAPS"),
    ]
    lake.connection.executemany(
        "insert into lake.scope.runs (run_id, source, profile, as_of, as_of_at, started_at) "
        "values (?, ?, 'p', date '2024-03-08', timestamp '2024-03-09', timestamp '2024-03-09' + to_days(?))",
        [[run, source, day] for run, (source, day) in runs.items()],
    )
    lake.connection.executemany(
        "insert into lake.results.health (run_id, stage, symbol, status) values (?, 'light', ?, ?)",
        [[*row] for row in health],
    )
    assert unhealthy_symbols(lake, "bars") == ["B"]
    assert unhealthy_symbols(lake, "sample") == []


def test_the_commands_repair_refresh_and_recover(
    exchange: Exchange, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEFOLIO_TRADINGVIEW_SCANNER_URL", exchange.scanner_url)
    monkeypatch.setenv("LAKEFOLIO_TRADINGVIEW_HISTORY_URL", exchange.history_url)
    common = ["--source", "tradingview", "--home", str(tmp_path), "--as-of", LAST.isoformat(), "--json"]

    def landing(command: str, *words: str) -> dict[str, object]:
        assert main([command, *common, *words]) == 0
        result: dict[str, object] = json.loads(capsys.readouterr().out)["landing"]
        return result

    since = ["--since", FIRST.isoformat()]
    assert landing("bars", *since, "--symbols", ",".join(SYMBOLS))["n_requested"] == 4
    with Lake.open(Paths.at(tmp_path)) as lake:
        assert known_symbols(lake, "tradingview") == sorted(SYMBOLS)
        lake.connection.execute("delete from lake.raw.bars where symbol = 'NASDAQ:AAA' and session_date = ?", [DAY])
    healed = landing("repair", *since)
    assert (healed["n_requested"], healed["n_inserted"]) == (1, 1)
    assert landing("repair", *since)["n_requested"] == 0
    assert landing("refresh", *since, "--symbols", "NASDAQ:BBB")["n_requested"] == 1
    assert landing("recover")["n_requested"] == 0
    assert main(["instruments", *common]) == 0
    assert json.loads(capsys.readouterr().out)["n_instruments"] == 4
