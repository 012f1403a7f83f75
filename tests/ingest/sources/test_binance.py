"""The source against the loopback exchange; its faults are in tests/ingest/live."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence

import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.sources.binance import BinanceSource
from ingest.sources.protocol import BarBatch
from tests.ingest.live.loopback_market import (
    FIRST,
    LAST,
    PATIENT_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    made_bars,
    request_of,
)
from tests.servers.binance import Meter
from tests.servers.exchange import Exchange

SPOT, PERPETUAL = "BINANCE:ONEUSDT", "BINANCE:ONEUSDT.P"


@pytest.fixture(scope="module")
def opened() -> Iterator[Exchange]:
    with exchange_of([SPOT, PERPETUAL]) as exchange:
        yield exchange


@pytest.fixture
def exchange(opened: Exchange) -> Iterator[Exchange]:
    opened.requests.clear()
    yield opened
    opened.faults.clear()


def fetched(
    exchange: Exchange, venues: Venues, symbols: Sequence[str], *, page: int | None = None, **span: dt.date
) -> BarBatch:
    source = BinanceSource(
        venues, endpoints=endpoints_of(exchange), limits=PATIENT_LIMITS, breaker=breaker_that_stays_closed, page=page
    )
    (batch,) = source.bars(request_of(tuple(symbols), **span))
    return batch


def test_spot_and_perpetual_are_fetched_from_their_own_hosts(exchange: Exchange, venues: Venues) -> None:
    batch = fetched(exchange, venues, (SPOT, PERPETUAL))
    assert batch.failures == {}
    truth = made_bars([SPOT, PERPETUAL])
    names = ["symbol", "session_date", "open", "high", "low", "close", "volume"]
    order = ["symbol", "session_date"]
    assert batch.bars.select(names).sort(order).equals(truth.select(names).sort(order))
    assert batch.bars["adj_close"].null_count() == batch.bars.height
    assert sorted((one.service, one.what.split("?")[0]) for one in exchange.requests) == [
        ("binance_futures", "GET /fapi/v1/klines"),
        ("binance_spot", "GET /api/v3/klines"),
    ]


@pytest.mark.parametrize(("page", "n_requests"), [(None, 1), (200, 1), (92, 1), (91, 2), (46, 2), (31, 3), (30, 4)])
def test_pages_follow_each_other_until_the_span_is_complete(
    exchange: Exchange, venues: Venues, page: int | None, n_requests: int
) -> None:
    """The span has 92 days."""
    assert (LAST - FIRST).days + 1 == 92
    days = fetched(exchange, venues, (SPOT,), page=page).bars["session_date"]
    assert days.to_list() == pl.date_range(FIRST, LAST, eager=True).to_list()
    assert len(exchange.requests) == n_requests


def test_only_as_many_rows_are_requested_as_the_span_has(exchange: Exchange, venues: Venues) -> None:
    fetched(exchange, venues, (SPOT,), first=LAST, last=LAST)
    (request,) = exchange.requests
    assert "limit=2" in request.what


def test_a_page_that_is_short_because_a_kline_is_missing_is_not_the_last(exchange: Exchange, venues: Venues) -> None:
    exchange.faults.set("binance_spot", "gap", match=SPOT, times=1, at=3)
    assert fetched(exchange, venues, (SPOT,), page=40).bars.height == 91


def test_an_unknown_symbol_and_a_span_before_the_listing_are_errors_of_the_symbol(
    exchange: Exchange, venues: Venues
) -> None:
    batch = fetched(exchange, venues, (SPOT, "BINANCE:NONEUSDT"))
    assert batch.symbols == (SPOT,)
    assert batch.failures["BINANCE:NONEUSDT"].startswith("SymbolUnknownError: binance (127.0.0.1:")
    assert "Invalid symbol. (code -1121)" in batch.failures["BINANCE:NONEUSDT"]
    early = fetched(exchange, venues, (SPOT,), first=dt.date(2020, 1, 1), last=dt.date(2020, 1, 31))
    assert "no kline in the requested span" in early.failures[SPOT]


def test_a_page_that_repeats_is_refused(exchange: Exchange, venues: Venues) -> None:
    exchange.faults.set("binance_spot", "endless_page")
    assert "the service repeats the same page" in fetched(exchange, venues, (SPOT,), page=40).failures[SPOT]


def test_instruments_are_described_by_their_symbols(venues: Venues) -> None:
    symbols = ["BINANCE:ETHUSDT", "BINANCE:ETHUSDT.P", "BINANCE_USDM:ETHUSDT", "BINANCE:ETHBTC", "NYSE:A"]
    rows = BinanceSource(venues, symbols).instruments(as_of=LAST)
    assert rows.select("symbol", "product", "base", "quote").rows() == [
        ("BINANCE:ETHBTC", "spot", None, None),
        ("BINANCE:ETHUSDT", "spot", "ETH", "USDT"),
        ("BINANCE:ETHUSDT.P", "perp", "ETH", "USDT"),
        ("BINANCE_USDM:ETHUSDT", "perp", "ETH", "USDT"),
    ]
    assert set(rows["asset_class"]) == {"crypto"}


@pytest.mark.parametrize(("used", "pauses"), [(5_397, False), (5_398, True)])
def test_at_nine_tenths_of_the_weight_of_a_minute_the_source_pauses_and_slows_down(
    venues: Venues, monkeypatch: pytest.MonkeyPatch, used: int, pauses: bool
) -> None:
    """The limit is 6,000 a minute, a request weighs 2; the pause is at most the cap of 0.2 s."""
    meter = Meter(100_000, 60.0, 3, used=used, since=time.monotonic())
    monkeypatch.setattr("tests.servers.exchange.service_meter", lambda *_: meter)
    with exchange_of([SPOT]) as exchange:
        source = BinanceSource(venues, endpoints=endpoints_of(exchange), limits=PATIENT_LIMITS)
        size, started = source.pace.size, time.monotonic()
        (batch,) = source.bars(request_of((SPOT,)))
        assert batch.failures == {}
        assert time.monotonic() - started >= (0.2 if pauses else 0.0)
        assert (source.pace.size < size) is pauses
