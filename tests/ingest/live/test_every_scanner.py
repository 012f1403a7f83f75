"""Every scanner selects the same symbols at the service and on columns computed from the same bars."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.screening.predicates import evaluate, scan_from_columns
from ingest.screening.scanners import Scanner, load_scanner, load_scanners, scanner_names
from ingest.screening.service_fields import field_of, markets_of, venues_of
from ingest.screening.service_query import build_query
from ingest.screening.sql import NUMBERS, TEXTS, compiled
from ingest.screening.strategies import STRATEGIES, mirrored
from ingest.sources.tradingview.scanner import ScannerClient
from ingest.sources.tradingview.source import TradingViewSource
from ingest.transport.breaker import Breaker
from ingest.transport.http import HttpClient
from tests.ingest.live.every_market import (
    LAST,
    Listing,
    bars_of,
    columns_of,
    instruments_of,
    listings,
    service_rows,
)
from tests.ingest.live.loopback_market import HTTP_LIMITS, breaker_that_stays_closed, endpoints_of, trend_scanner
from tests.servers.exchange import Exchange

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
AT = dt.datetime.combine(LAST, dt.time())
ENRICHED = ("indexes", "market_cap_usd", "fund_class", "fund_category", "fund_focus")


@pytest.fixture(scope="module")
def bars(venues: Venues) -> pl.DataFrame:
    return bars_of(listings(), venues)


@pytest.fixture(scope="module")
def columns(bars: pl.DataFrame, venues: Venues) -> pl.DataFrame:
    return columns_of(listings(), bars, venues)


@pytest.fixture(scope="module")
def exchange(bars: pl.DataFrame, columns: pl.DataFrame) -> Iterator[Exchange]:
    recent = bars.filter(pl.col("session_date") >= LAST - dt.timedelta(days=10))
    with Exchange(recent, instruments_of(listings()), service_rows(columns, bars)) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(exchange: Exchange, venues: Venues) -> TradingViewSource:
    return TradingViewSource(
        venues, endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, breaker=breaker_that_stays_closed, page=23
    )


def on_bars(scanner: Scanner, columns: pl.DataFrame) -> pl.DataFrame:
    return scan_from_columns(scanner, columns, source="files", run_id="r", scanned_at=AT)


def matched(scanner: Scanner, exchange: Exchange, venues: Venues) -> set[str]:
    """Symbols that the service returns, before the rules are evaluated on its rows."""

    async def ask() -> set[str]:
        found: set[str] = set()
        async with HttpClient("tradingview", exchange.scanner_url, breaker=Breaker(), limits=HTTP_LIMITS) as http:
            client = ScannerClient(http)
            for asset_class in scanner.asset_classes:
                names = venues_of(scanner, asset_class, venues)
                for market in markets_of(asset_class, names, venues, ("US",)):
                    known = await client.fields(market)
                    query = build_query(scanner, market, asset_class, names, known)
                    assert not query.missing
                    found |= {row["symbol"] for row in await client.rows(query)}
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("name", scanner_names(CONFIGS))
def test_both_paths_select_the_same_symbols_in_the_same_order(
    name: str, source: TradingViewSource, exchange: Exchange, columns: pl.DataFrame, venues: Venues
) -> None:
    scanner = load_scanner(CONFIGS, name)
    numbers, texts = NUMBERS | {"market_cap_usd"}, TEXTS.union(ENRICHED) - {"market_cap_usd"}
    assert compiled(scanner, numbers & set(columns.columns), texts & set(columns.columns)).missing_columns is None
    local, remote = on_bars(scanner, columns), source.scan(scanner, as_of=LAST)
    shared = ["symbol", "rank", "close", "value_traded_usd", "perf_w", "direction"]
    assert remote.select(shared).equals(local.select(shared))
    # Ranks mean something where more than one is found, and some of every market is left out.
    checked = evaluate(scanner, columns)
    assert 1 < local.height < checked.height
    passed = set(checked.filter("passed")["symbol"])
    if scanner.is_relative:
        assert passed < matched(scanner, exchange, venues)
    else:
        assert passed == matched(scanner, exchange, venues)


GOOD = {
    "trend_momentum": {"adx": 15.0, "recommend_all": 0.1, "perf_w": 0.5, "perf_1m": 0.6, "perf_3m": 1.5},
    "mean_reversion": {"rsi": 39.0, "stoch_k": 29.0, "perf_w": -6.0, "perf_3m": 0.5},
    "price_momentum": {"perf_w": 0.5, "perf_1m": 0.6, "perf_3m": 1.5},
    "multi_timeframe": {"rsi|1W": 50.0, "momentum10|1W": 0.1, "adx": 15.0, "recommend_all": 0.1, "perf_w": 0.5},
}


def near_misses() -> pl.DataFrame:
    """For every strategy and direction one row that passes, and for each rule rows beyond its edge, on it and unknown."""
    rows: list[dict[str, float | None]] = []
    for strategy, direction in itertools.product(STRATEGIES, ("LONG", "SHORT")):
        good: dict[str, float | None] = {}
        for rule in STRATEGIES[strategy]:
            is_turned = direction == "SHORT" and rule.mirror != "same"
            value = GOOD[strategy][rule.column]
            turned = 100.0 - value if rule.mirror == "complement" else -value
            good[rule.column] = turned if is_turned else value
        rows.append(good)
        for rule in STRATEGIES[strategy]:
            edge = mirrored(rule, rule.default, direction)[1]
            rows += [{**good, rule.column: value} for value in (edge, edge + 0.01, edge - 0.01, None)]
    names = sorted({name for row in rows for name in row})
    return pl.DataFrame(
        [{"symbol": f"NASDAQ:N{position:03d}", **row} for position, row in enumerate(rows)],
        schema={"symbol": pl.String(), **dict.fromkeys(names, pl.Float64())},
    )


@pytest.fixture(scope="module")
def edges(venues: Venues) -> Iterator[tuple[Exchange, pl.DataFrame]]:
    table = near_misses()
    every = tuple(
        Listing(symbol, "stock", ("common",), "equity", "cash", "up", sessions=8) for symbol in table["symbol"]
    )
    result = table.rename({name: field_of(name, "test") for name in table.columns if name != "symbol"})
    described = table.with_columns(
        pl.lit("equity").alias("asset_class"),
        pl.lit("cash").alias("product"),
        pl.lit("NASDAQ").alias("venue"),
        pl.lit(LAST).alias("session_date"),
    )
    with Exchange(bars_of(every, venues), instruments_of(every), result) as opened:
        yield opened, described


@pytest.mark.parametrize("direction", ["LONG", "SHORT"])
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_every_rule_decides_alone_on_both_paths(
    strategy: str, direction: str, edges: tuple[Exchange, pl.DataFrame], venues: Venues
) -> None:
    exchange, table = edges
    scanner = trend_scanner(strategy=strategy, direction=direction)
    passed = set(evaluate(scanner, table).filter("passed")["symbol"])
    assert passed == matched(scanner, exchange, venues)
    # The rows made for this scanner: the good one, and of each rule one side of its edge, or the edge too.
    own = _own(table, strategy, direction)
    rules = STRATEGIES[strategy]
    assert len(passed & own) == 1 + len(rules) + sum(rule.comparison == ">=" for rule in rules)


def _own(table: pl.DataFrame, strategy: str, direction: str) -> set[str]:
    first = 0
    for one in itertools.product(STRATEGIES, ("LONG", "SHORT")):
        made = 4 * len(STRATEGIES[one[0]]) + 1
        if one == (strategy, direction):
            return set(table["symbol"].to_list()[first : first + made])
        first += made
    raise LookupError(strategy)


def test_a_smaller_universe_is_the_same_on_both_paths(source: TradingViewSource, columns: pl.DataFrame) -> None:
    complete_series = load_scanner(CONFIGS, "crypto_spot_largest_trend_long")
    few = complete_series.model_copy(update={"market_cap_rank_max": 3})
    reasons = dict(evaluate(few, columns).select("symbol", "reason").iter_rows())
    assert reasons["OKX:C0USDT"] == "venue OKX gives way to BINANCE"
    assert "is below the floor" in reasons["BINANCE:C4USDT"]
    # The coin below the liquidity floor at Binance is listed at OKX too, and is the fifth by size.
    assert reasons["OKX:C4USDT"] == "market_cap_usd is number 5, 3 are kept"
    assert on_bars(few, columns)["symbol"].to_list() == ["BINANCE:C0USDT"]
    assert set(on_bars(complete_series, columns)["symbol"]) == {"BINANCE:C0USDT", "OKX:C4USDT", "BINANCE:C6USDT"}
    for scanner in (few, complete_series):
        assert source.scan(scanner, as_of=LAST)["symbol"].equals(on_bars(scanner, columns)["symbol"])


def test_bars_alone_find_no_members_and_say_so(columns: pl.DataFrame) -> None:
    plain = columns.drop(ENRICHED)
    result = {scanner.name: compiled(scanner).missing_columns for scanner in load_scanners(CONFIGS)}
    blind = {name for name, absent in result.items() if absent}
    assert {name.split("_")[0] for name in blind} == {"equity", "etf", "crypto"}
    assert len(blind) == 24
    for scanner in load_scanners(CONFIGS, tuple(blind)):
        evaluation = evaluate(scanner, plain)
        assert not evaluation["passed"].any()
        universe = evaluation.filter(~pl.col("reason").str.contains(f"missing {result[scanner.name]}"))
        # Only instruments that an earlier condition excludes do not report the missing column.
        assert universe["reason"].str.contains("below the floor|gives way").all()


def test_instruments_of_an_index_are_its_members(exchange: Exchange, venues: Venues, columns: pl.DataFrame) -> None:
    scanner = load_scanner(CONFIGS, "equity_dow_trend_long")
    exchange.requests.clear()
    source = TradingViewSource(
        venues, (scanner,), endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, breaker=breaker_that_stays_closed
    )
    members = columns.filter(
        pl.col("indexes").list.contains("DJ:DJI") & (pl.col("value_traded_usd") >= scanner.value_traded_min_usd)
    )
    assert source.instruments(as_of=LAST)["symbol"].to_list() == sorted(members["symbol"])
    assert [one.what for one in exchange.requests if one.what.startswith("POST")] == ["POST /global/scan"]
