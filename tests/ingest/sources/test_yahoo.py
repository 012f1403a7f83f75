"""The source against the loopback exchange; its faults are in tests/ingest/live."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl
import pytest

from ingest.errors import RemoteError
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarBatch
from ingest.sources.yahoo import YahooSource
from tests.ingest.live.loopback_market import (
    LAST,
    PATIENT_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    made_bars,
    request_of,
)
from tests.servers.exchange import Exchange
from tests.servers.yahoo import YahooService

STOCK, PAIR = "NASDAQ:AAA", "FX_IDC:EURUSD"


@pytest.fixture(scope="module")
def opened() -> Iterator[Exchange]:
    with exchange_of([STOCK, PAIR]) as exchange:
        yield exchange


@pytest.fixture
def exchange(opened: Exchange) -> Iterator[Exchange]:
    opened.requests.clear()
    yield opened
    opened.faults.clear()


def source_of(exchange: Exchange, venues: Venues, symbols: Sequence[str] = ()) -> YahooSource:
    return YahooSource(
        venues, symbols, endpoints=endpoints_of(exchange), limits=PATIENT_LIMITS, breaker=breaker_that_stays_closed
    )


def fetched(exchange: Exchange, venues: Venues, symbol: str, **span: dt.date) -> BarBatch:
    (batch,) = source_of(exchange, venues).bars(request_of((symbol,), **span))
    return batch


def test_bars_are_dated_by_their_session_and_have_adjusted_closes(exchange: Exchange, venues: Venues) -> None:
    for symbol in (STOCK, PAIR):
        bars = fetched(exchange, venues, symbol).bars
        truth = made_bars([STOCK, PAIR]).filter(pl.col("symbol") == symbol)
        names = ["session_date", "open", "high", "low", "close", "volume"]
        assert bars.select(names).equals(truth.select(names)), symbol
        assert bars["adj_close"].equals(bars["close"])


def test_only_the_requested_span_is_returned(exchange: Exchange, venues: Venues) -> None:
    first, last = dt.date(2024, 5, 6), dt.date(2024, 5, 10)
    days = fetched(exchange, venues, STOCK, first=first, last=last).bars["session_date"]
    assert (days.min(), days.max(), days.len()) == (first, last, 5)


def test_a_row_without_a_price_is_no_bar_and_one_without_volume_is_one(exchange: Exchange, venues: Venues) -> None:
    exchange.faults.set("yahoo", "null_values", match=STOCK, times=1, at=3)
    n_sessions = made_bars([STOCK]).height
    assert fetched(exchange, venues, STOCK).bars.height == n_sessions - 1
    assert fetched(exchange, venues, PAIR).bars["volume"].null_count() == made_bars([PAIR]).height


@pytest.mark.parametrize(
    ("symbol", "error", "problem"),
    [
        ("NASDAQ:NONE", "SymbolUnknownError", "check the symbol; a delisted one is no longer served"),
        ("BINANCE:ONEUSDT.P", "SymbolUnknownError", "yahoo does not have this venue"),
    ],
)
def test_a_symbol_that_the_service_does_not_have_is_named(
    exchange: Exchange, venues: Venues, symbol: str, error: str, problem: str
) -> None:
    failure = fetched(exchange, venues, symbol).failures[symbol]
    assert failure.startswith(f"{error}: yahoo (127.0.0.1:")
    assert problem in failure


def test_a_span_without_bars_is_an_error(exchange: Exchange, venues: Venues) -> None:
    early = fetched(exchange, venues, STOCK, first=dt.date(2020, 1, 6), last=dt.date(2020, 1, 10))
    assert "no bar in the requested span" in early.failures[STOCK]


def test_a_chart_of_another_symbol_is_refused(
    exchange: Exchange, venues: Venues, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = YahooService._meta
    monkeypatch.setattr(YahooService, "_meta", lambda *given: plain(*given) | {"symbol": "BBB"})
    failure = fetched(exchange, venues, STOCK).failures[STOCK]
    assert failure.startswith("WrongSeriesError: yahoo (127.0.0.1:")
    assert "the chart is that of BBB, AAA was requested" in failure


def test_instruments_are_described_by_their_charts_and_requested_once(exchange: Exchange, venues: Venues) -> None:
    source = source_of(exchange, venues, (STOCK, PAIR))
    rows = source.instruments(as_of=LAST)
    columns = ("symbol", "asset_class", "product", "base", "quote", "currency", "name", "first_session")
    assert rows.select(columns).rows() == [
        (PAIR, "fx", "spot", "EUR", "USD", "USD", f"Made up {PAIR}", dt.date(2024, 2, 29)),
        (STOCK, "equity", "cash", None, None, "USD", f"Made up {STOCK}", dt.date(2024, 3, 1)),
    ]
    assert len(exchange.requests) == 2
    source.instruments([STOCK], as_of=LAST)
    assert len(exchange.requests) == 2


def test_a_symbol_that_is_unknown_is_left_out_and_another_failure_is_raised(exchange: Exchange, venues: Venues) -> None:
    source = source_of(exchange, venues)
    assert source.instruments([STOCK, "NASDAQ:NONE"], as_of=LAST)["symbol"].to_list() == [STOCK]
    exchange.faults.set("yahoo", "forbidden")
    with pytest.raises(RemoteError, match="status 403"):
        source.instruments([PAIR], as_of=LAST)
