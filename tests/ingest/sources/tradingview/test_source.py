from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from pydantic import SecretStr

from ingest.errors import ScannerInputError, UnknownInstrumentError
from ingest.landing.reference import instruments_of, land_instruments
from ingest.reference.venues import Venues
from ingest.screening.predicates import scan_from_columns
from ingest.sources.tradingview.history import HistoryLimits
from ingest.sources.tradingview.source import TradingViewSource
from lakehouse.connection.catalog import Lake
from tests.ingest.live.loopback_market import (
    LAST,
    PATIENT_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    landing_of,
    made_bars,
    request_of,
    trend_scanner,
)
from tests.ingest.sources.tradingview.conftest import SYMBOLS, columns
from tests.servers.exchange import Exchange


@pytest.mark.parametrize("direction", ["LONG", "SHORT"])
@pytest.mark.parametrize("floor", [0.0, 5e8])
def test_both_paths_select_the_same_symbols(source: TradingViewSource, direction: str, floor: float) -> None:
    scanner = trend_scanner(direction=direction, value_traded_min_usd=floor, liquidity_required=True)
    last = made_bars(SYMBOLS).group_by("symbol").agg(pl.col("close").last(), pl.col("volume").last())
    table = (
        columns()
        .join(last, on="symbol")
        .with_columns(
            pl.lit("equity").alias("asset_class"),
            pl.lit("cash").alias("product"),
            pl.lit("NASDAQ").alias("venue"),
            pl.lit(LAST).alias("session_date"),
            (pl.col("close") * pl.col("volume")).alias("value_traded_usd"),
        )
    )
    at = dt.datetime.combine(LAST, dt.time())
    local = scan_from_columns(scanner, table, source="files", run_id="r", scanned_at=at)
    remote = source.scan(scanner, as_of=LAST)
    assert remote.select("symbol", "rank", "close", "value_traded_usd").equals(
        local.select("symbol", "rank", "close", "value_traded_usd")
    )
    assert (remote.height > 0) == (direction == "LONG")


def test_a_past_session_cannot_be_scanned(source: TradingViewSource) -> None:
    with pytest.raises(ScannerInputError, match="shows the present only"):
        source.scan(trend_scanner(), as_of=LAST - dt.timedelta(days=1))


def test_a_stale_row_is_not_found(source: TradingViewSource) -> None:
    assert source.scan(trend_scanner(), as_of=LAST + dt.timedelta(days=7)).is_empty()


def test_a_market_without_the_fields_of_the_rules_finds_nothing_and_gets_no_request(
    source: TradingViewSource, exchange: Exchange
) -> None:
    found = source.scan(trend_scanner(strategy="mean_reversion"), as_of=LAST)
    assert found.is_empty()
    assert not [one for one in exchange.requests if one.what.startswith("POST")]


def test_instruments_are_described_and_land_once(source: TradingViewSource, lake: Lake) -> None:
    requested = landing_of(symbols=tuple(SYMBOLS[:3]))
    assert land_instruments(lake, source, requested) is not None
    assert land_instruments(lake, source, requested) is None
    row = lake.read("raw.instruments").sort("symbol").row(0, named=True)
    result = {name: row[name] for name in ("symbol", "venue", "asset_class", "product", "currency", "country", "name")}
    assert result == {
        "symbol": SYMBOLS[0], "venue": "NASDAQ", "asset_class": "equity", "product": "cash",
        "currency": "USD", "country": "US", "name": f"Made up {SYMBOLS[0]}",
    }  # fmt: skip
    with pytest.raises(UnknownInstrumentError, match="NASDAQ:NONE"):
        instruments_of(source, landing_of(symbols=("NASDAQ:NONE",)))


def test_a_token_is_sent_and_never_logged(exchange: Exchange, venues: Venues) -> None:
    def made(token: str) -> TradingViewSource:
        return TradingViewSource(
            venues, endpoints=endpoints_of(exchange), token=SecretStr(token), http_limits=PATIENT_LIMITS,
            history_limits=HistoryLimits(attempts=1), breaker=breaker_that_stays_closed,
        )  # fmt: skip

    right = list(made("s3cret").bars(request_of((SYMBOLS[0],))))
    assert right[0].symbols == (SYMBOLS[0],)
    wrong = list(made("wr0ng").bars(request_of((SYMBOLS[0],))))
    assert "protocol_error" in wrong[0].failures[SYMBOLS[0]]
    assert "wr0ng" not in wrong[0].failures[SYMBOLS[0]]
