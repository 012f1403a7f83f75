"""Selective requests against the loopback exchange: a second day requests few bars, and none of a running session."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ingest.landing.bars import land_bars
from ingest.reference.venues import Venues
from ingest.sources.tradingview.source import TradingViewSource
from lakehouse.connection.catalog import Lake
from tests.ingest.live.loopback_market import (
    HISTORY_LIMITS,
    HTTP_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    landing_of,
    made_bars,
)
from tests.servers.settings import Settings


def count_requests(exchange: object) -> int:
    """Requests over HTTP, websocket connections, and requests for bars."""
    kinds = ("POST", "GET", "CONNECT", "create_series", "request_more_data")
    return sum(entry.what.startswith(kinds) for entry in exchange.requests)  # type: ignore[attr-defined]


def test_the_second_day_needs_at_least_sixty_percent_fewer_requests(venues: Venues, lake: Lake) -> None:
    symbols = tuple(f"NASDAQ:D{index:02d}" for index in range(40))
    days = [dt.date(2024, 5, 30), dt.date(2024, 5, 31)]
    counts = []
    for day in days:
        now = dt.datetime.combine(day, dt.time(22, 0))
        table = made_bars(list(symbols)).filter(pl.col("session_date") <= day)
        with exchange_of(list(symbols), table, Settings(now=now, max_sessions=64)) as exchange:
            source = TradingViewSource(
                venues,
                endpoints=endpoints_of(exchange),
                http_limits=HTTP_LIMITS,
                history_limits=HISTORY_LIMITS,
                breaker=breaker_that_stays_closed,
            )
            report = land_bars(lake, source, venues, landing_of(day, symbols=symbols, now=now))
            assert (report.n_requested, report.failures) == (40, {})
            counts.append(count_requests(exchange))
            exchange.requests.clear()
            assert land_bars(lake, source, venues, landing_of(day, symbols=symbols, now=now)).n_requested == 0
            assert count_requests(exchange) == 0
    assert counts[1] <= 0.4 * counts[0]
    stored = lake.read("raw.bars").select("symbol", "session_date", "open", "high", "low", "close", "volume")
    truth = made_bars(list(symbols)).select(stored.columns)
    assert stored.sort("symbol", "session_date").equals(truth.sort("symbol", "session_date"))


def test_a_bar_of_a_running_session_is_never_stored(venues: Venues, lake: Lake) -> None:
    symbol, day = "BINANCE:RUNUSDT", dt.date(2024, 5, 31)
    now = dt.datetime.combine(day, dt.time(13, 0))
    with exchange_of([symbol], settings=Settings(now=now)) as exchange:
        source = TradingViewSource(
            venues, endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, history_limits=HISTORY_LIMITS
        )
        # The clock of the run is ahead of the fetch, as with `--as-of` today.
        ahead = landing_of(day, symbols=(symbol,), now=dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0, 10)))
        land_bars(lake, source, venues, type(ahead)(**{**_fields(ahead), "fetched_at": now}))
    assert lake.read("raw.bars")["session_date"].max() == day - dt.timedelta(days=1)
    assert lake.read("raw.quarantine").is_empty()


def _fields(landing: object) -> dict[str, object]:
    return {name: getattr(landing, name) for name in landing.__dataclass_fields__}  # type: ignore[attr-defined]
