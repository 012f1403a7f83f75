from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl
import pytest
from pydantic import SecretStr

from ingest.errors import EndpointRefusedError, IncompleteError, ScannerInputError, UnknownInstrumentError
from ingest.landing.reference import instruments_of, land_instruments
from ingest.reference.venues import Venues
from ingest.screening.predicates import scan_from_columns
from ingest.screening.service_fields import FIELDS
from ingest.screening.service_query import build_query
from ingest.sources.tradingview.history import HistoryLimits
from ingest.sources.tradingview.source import TradingViewSource
from ingest.transport.endpoints import Endpoints, checked
from lakehouse.connection.catalog import Lake
from tests.ingest.live.loopback_market import (
    HTTP_LIMITS,
    LAST,
    breaker_that_stays_closed,
    endpoints_of,
    landing_of,
    made_bars,
    made_instruments,
    request_of,
    trend_scanner,
)
from tests.servers.exchange import Exchange
from tests.servers.settings import Settings

SYMBOLS = [f"NASDAQ:S{index:03d}" for index in range(40)]
LOCAL = {"adx": "ADX", "recommend_all": "Recommend.All", "perf_w": "Perf.W", "perf_1m": "Perf.1M", "perf_3m": "Perf.3M"}


def columns() -> pl.DataFrame:
    """Columns on both sides of every threshold, some on it, some missing."""
    rows = []
    for index, symbol in enumerate(SYMBOLS):
        row: dict[str, object] = {
            "symbol": symbol,
            "adx": 15.0,
            "recommend_all": 0.1,
            "perf_w": 0.4,
            "perf_1m": 0.6,
            "perf_3m": 1.5,
        }
        name = list(LOCAL)[index % 5]
        sign = (-1.0, 0.0, 1.0, None)[index // 5 % 4]
        if sign is None:
            row[name] = None
        elif sign < 0:
            row[name] = -3.0
        elif sign == 0:
            row[name] = {"adx": 15.0, "recommend_all": 0.1, "perf_w": 0.0, "perf_1m": 0.5, "perf_3m": 1.0}[name]
        rows.append(row)
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    bars = made_bars(SYMBOLS)
    result = columns().rename(LOCAL)
    times = bars.group_by("symbol").agg(pl.col("opened_at").max().dt.epoch("s").alias("time"))
    with Exchange(
        bars,
        made_instruments(SYMBOLS),
        result.join(times, on="symbol"),
        settings=Settings(tokens=frozenset({"s3cret"})),
    ) as opened:
        yield opened


@pytest.fixture
def source(exchange: Exchange, venues: Venues) -> Iterator[TradingViewSource]:
    exchange.requests.clear()
    yield TradingViewSource(
        venues,
        (trend_scanner(),),
        endpoints=endpoints_of(exchange),
        http_limits=HTTP_LIMITS,
        breaker=breaker_that_stays_closed,
    )
    exchange.faults.clear()


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


def test_pages_are_counted_against_the_total(exchange: Exchange, venues: Venues) -> None:
    exchange.requests.clear()
    source = TradingViewSource(
        venues, (trend_scanner(),), endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, page=7
    )
    assert source.instruments(as_of=LAST)["symbol"].to_list() == SYMBOLS
    assert len([one for one in exchange.requests if one.what.startswith("POST")]) == 6


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


def test_unknown_fields_name_the_nearest(source: TradingViewSource, exchange: Exchange) -> None:
    exchange.faults.set("scanner", "unknown_field", match="/scan")
    with pytest.raises(ScannerInputError, match="Unknown field"):
        source.scan(trend_scanner(), as_of=LAST)


def test_a_missing_row_is_an_error_of_the_whole_scan(source: TradingViewSource, exchange: Exchange) -> None:
    exchange.faults.set("scanner", "total_without_rows")
    with pytest.raises(IncompleteError, match="totalCount is"):
        source.scan(trend_scanner(), as_of=LAST)


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


def test_a_short_requests_the_mirror_image(venues: Venues) -> None:
    known = frozenset([*FIELDS.values(), "type", "exchange", "typespecs"])
    query = build_query(
        trend_scanner(direction="SHORT", value_traded_min_usd=5e6), "america", "equity", ["NYSE"], known
    )
    requested = {(one.left, one.operation, str(one.right)) for one in query.filters}
    assert requested == {
        ("type", "in_range", "['stock', 'dr']"),
        ("exchange", "in_range", "['NYSE']"),
        ("ADX", "egreater", "15.0"),
        ("Recommend.All", "eless", "-0.1"),
        ("Perf.W", "less", "-0.0"),
        ("Perf.1M", "less", "-0.5"),
        ("Perf.3M", "less", "-1.0"),
    }
    body = query.body(10, 20)
    assert body["range"] == [10, 20]
    assert {"expression": {"left": "Value.Traded", "operation": "empty", "right": None}} in (
        body["filter2"]["operands"][0]["operation"]["operands"]  # type: ignore[index]
    )


def test_a_token_is_sent_and_never_logged(exchange: Exchange, venues: Venues) -> None:
    def made(token: str) -> TradingViewSource:
        return TradingViewSource(
            venues, endpoints=endpoints_of(exchange), token=SecretStr(token), http_limits=HTTP_LIMITS,
            history_limits=HistoryLimits(attempts=1), breaker=breaker_that_stays_closed,
        )  # fmt: skip

    right = list(made("s3cret").bars(request_of((SYMBOLS[0],))))
    assert right[0].symbols == (SYMBOLS[0],)
    wrong = list(made("wr0ng").bars(request_of((SYMBOLS[0],))))
    assert "protocol_error" in wrong[0].failures[SYMBOLS[0]]
    assert "wr0ng" not in wrong[0].failures[SYMBOLS[0]]


def test_an_address_in_the_clear_is_refused_unless_it_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    assert checked("ws://localhost:1/x") == "ws://localhost:1/x"
    for url in ("http://example.org", "ftp://example.org", "https://user:word@example.org", "example.org"):
        with pytest.raises(EndpointRefusedError):
            checked(url)
    monkeypatch.setenv("LAKEFOLIO_YAHOO_URL", "http://192.0.2.1")
    with pytest.raises(EndpointRefusedError, match="LAKEFOLIO_YAHOO_URL"):
        Endpoints.from_environment()
