"""Many series on one connection of the loopback exchange; single faults are in tests/ingest/live."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl
import pytest

from ingest.errors import RemoteError
from ingest.reference.venues import Venues
from ingest.sources.tradingview.chart_series import ChartSeries
from ingest.sources.tradingview.history import HistoryClient, HistoryLimits
from ingest.sources.tradingview.source import TradingViewSource
from tests.ingest.live.loopback_market import (
    NOW,
    PATIENT_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    made_bars,
    request_of,
)
from tests.servers.exchange import Exchange
from tests.servers.settings import Settings

SYMBOLS = [f"BINANCE:C{number}USDT" for number in range(5)]
PATIENT = HistoryLimits(
    silence_s=10.0, attempts=2, wait_initial_s=0.01, wait_max_s=0.02, wait_jitter_s=0.0, retry_after_cap_s=0.2
)
N_BARS = 92


@pytest.fixture(scope="module")
def opened() -> Iterator[Exchange]:
    with exchange_of(SYMBOLS, settings=Settings(now=NOW, max_sessions=2)) as exchange:
        yield exchange


@pytest.fixture
def exchange(opened: Exchange) -> Iterator[Exchange]:
    opened.requests.clear()
    yield opened
    opened.faults.clear()


def client_of(exchange: Exchange, **changes: object) -> HistoryClient:
    limits = replace(PATIENT, **{"sessions_at_once": 2, **changes})  # type: ignore[arg-type]
    return HistoryClient("made", exchange.history_url, breaker=breaker_that_stays_closed(), limits=limits)


def fetched(client: HistoryClient, depths: Mapping[str, int | None]) -> dict[str, ChartSeries | RemoteError]:
    return asyncio.run(client.fetch(depths))


def n_bars(found: Mapping[str, ChartSeries | RemoteError]) -> dict[str, int]:
    return {symbol: len(one.bars) for symbol, one in found.items() if isinstance(one, ChartSeries)}


def test_more_series_than_sessions_wait_for_each_other(exchange: Exchange) -> None:
    """The exchange refuses a third session on one connection."""
    assert n_bars(fetched(client_of(exchange), dict.fromkeys(SYMBOLS))) == dict.fromkeys(SYMBOLS, N_BARS)
    refused = fetched(client_of(exchange, sessions_at_once=3, attempts=1), dict.fromkeys(SYMBOLS[:3]))
    assert len(n_bars(refused)) == 2


@pytest.mark.parametrize(
    ("depth", "per_page", "n_requests", "least"),
    [(10, 1000, 1, 10), (10, 4, 3, 10), (None, 1000, 1, N_BARS), (None, 50, 3, N_BARS), (500, 1000, 1, N_BARS)],
)
def test_pages_are_requested_until_the_depth_is_reached_or_one_brings_nothing_new(
    exchange: Exchange, depth: int | None, per_page: int, n_requests: int, least: int
) -> None:
    client = client_of(exchange, bars_per_page=per_page)
    assert n_bars(fetched(client, {SYMBOLS[0]: depth}))[SYMBOLS[0]] >= least
    assert client.n_requests == n_requests


def test_a_series_without_an_end_is_refused(exchange: Exchange) -> None:
    found = fetched(client_of(exchange, bars_per_page=10, max_pages=3), {SYMBOLS[0]: None})[SYMBOLS[0]]
    assert isinstance(found, RemoteError)
    assert "3 requests and more to come (30 bars)" in str(found)


def test_after_a_broken_connection_only_what_is_missing_is_fetched_again(exchange: Exchange) -> None:
    exchange.faults.set("history", "close_mid_series", match=SYMBOLS[1], times=1)
    client = client_of(exchange, sessions_at_once=1)
    assert n_bars(fetched(client, dict.fromkeys(SYMBOLS[:3]))) == dict.fromkeys(SYMBOLS[:3], N_BARS)
    # The first was complete; the second was requested twice, the third once.
    assert client.n_requests == 4


def test_a_silent_series_fails_alone(exchange: Exchange) -> None:
    exchange.faults.set("history", "heartbeat_only", match=SYMBOLS[1])
    found = fetched(client_of(exchange, silence_s=0.3, attempts=1), dict.fromkeys(SYMBOLS[:2]))
    assert n_bars(found) == {SYMBOLS[0]: N_BARS}
    assert "no data for 0.3 s" in str(found[SYMBOLS[1]])


def test_an_error_of_the_connection_is_that_of_each_symbol(exchange: Exchange) -> None:
    exchange.faults.set("history", "forbidden")
    found = fetched(client_of(exchange), dict.fromkeys(SYMBOLS[:2]))
    for symbol in SYMBOLS[:2]:
        assert str(found[symbol]).startswith(f"made ({client_of(exchange).host}), {symbol}: handshake status 403")


def test_fifty_symbols_at_once_with_interleaved_packets_get_no_wrong_row(venues: Venues) -> None:
    symbols = [f"BINANCE:C{index}USDT" for index in range(50)]
    truth = made_bars(symbols)
    with exchange_of(symbols, truth) as exchange:
        exchange.faults.set("history", "interleaved_series")
        source = TradingViewSource(
            venues,
            endpoints=endpoints_of(exchange),
            http_limits=PATIENT_LIMITS,
            history_limits=HistoryLimits(sessions_at_once=50, silence_s=10.0),
            breaker=breaker_that_stays_closed,
        )
        source.pace.size = source.pace.largest = 50
        batches = list(source.bars(request_of(tuple(symbols))))
    assert [batch.failures for batch in batches] == [{}]
    result = pl.concat(batch.bars for batch in batches).select("symbol", "session_date", "open", "high", "low", "close")
    assert result.sort("symbol", "session_date").equals(truth.select(result.columns).sort("symbol", "session_date"))
    assert source.history.n_refused >= 2 * len(symbols)
