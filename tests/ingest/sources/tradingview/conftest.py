from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.sources.tradingview.source import TradingViewSource
from tests.ingest.live.loopback_market import (
    PATIENT_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    made_bars,
    made_instruments,
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
    """An exchange of forty stocks."""
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
        http_limits=PATIENT_LIMITS,
        breaker=breaker_that_stays_closed,
    )
    exchange.faults.clear()
