"""Small market on the loopback exchange, and sources with short timeouts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl

from ingest.landing.scope import LandingScope
from ingest.reference.calendars import all_sessions
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.binance import BinanceSource
from ingest.sources.pacing import Pace
from ingest.sources.protocol import BarRequest, Source
from ingest.sources.tradingview.history import HistoryLimits
from ingest.sources.tradingview.source import TradingViewSource
from ingest.sources.yahoo import YahooSource
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints
from ingest.transport.http import HttpLimits
from tests.servers.exchange import Exchange
from tests.servers.settings import Settings

FIRST, LAST = dt.date(2024, 3, 1), dt.date(2024, 5, 31)
NOW = dt.datetime.fromisoformat("2024-06-01T14:45:00")
CALENDARS = {"NASDAQ": "XNYS", "AMEX": "XNYS", "BINANCE": "24/7", "FX_IDC": "24/5"}
TYPES = {"NASDAQ": ("stock", "USD", ["common"]), "BINANCE": ("spot", "USDT", []), "FX_IDC": ("forex", "USD", [])}

HTTP_LIMITS = HttpLimits(
    connect_s=0.5,
    silence_s=0.2,
    total_s=0.4,
    max_bytes=1_000_000,
    attempts=2,
    wait_initial_s=0.01,
    wait_max_s=0.02,
    wait_jitter_s=0.01,
    retry_after_cap_s=0.2,
)
PATIENT_LIMITS = HttpLimits(wait_initial_s=0.01, wait_max_s=0.02, wait_jitter_s=0.0, retry_after_cap_s=0.2)
"""For tests in which no deadline should pass, however busy the machine is."""
HISTORY_LIMITS = HistoryLimits(
    handshake_s=0.3,
    silence_s=0.25,
    total_s=2.0,
    attempts=2,
    wait_initial_s=0.01,
    wait_max_s=0.02,
    wait_jitter_s=0.01,
    retry_after_cap_s=0.2,
    max_bytes=1_000_000,
)


def sessions_of(symbol: str, first: dt.date = FIRST, last: dt.date = LAST) -> pl.DataFrame:
    """Sessions of a symbol's calendar, and when its bars open in UTC."""
    venue = symbol.partition(":")[0]
    days = all_sessions(CALENDARS[venue]).filter(pl.col("session_date").is_between(first, last))
    opened = pl.col("opens_at")
    if venue == "FX_IDC":
        opened = pl.col("session_date").cast(pl.Datetime("us")).dt.offset_by("-3h")
        days = days.filter(pl.col("session_date").dt.weekday() < 6)
    return days.select("session_date", opened.alias("opened_at"))


def made_bars(symbols: list[str], first: dt.date = FIRST, last: dt.date = LAST) -> pl.DataFrame:
    """Seeded bars; the prices of no two symbols are near each other."""
    frames = []
    for index, symbol in enumerate(sorted(symbols), 1):
        rng = np.random.default_rng(index)
        days = sessions_of(symbol, first, last)
        close = np.round(index * 1000.0 * np.exp(np.cumsum(rng.normal(0, 0.01, days.height))), 2)
        opened = np.round(close * np.exp(rng.normal(0, 0.002, days.height)), 2)
        volume = None if symbol.startswith("FX_IDC") else np.round(rng.uniform(1e4, 1e6, days.height))
        frames.append(
            days.select(
                pl.lit(symbol).alias("symbol"),
                "session_date",
                "opened_at",
                pl.Series("open", opened),
                pl.Series("high", np.round(np.maximum(opened, close) * 1.01, 2)),
                pl.Series("low", np.round(np.minimum(opened, close) * 0.99, 2)),
                pl.Series("close", close),
                pl.Series("volume", volume, dtype=pl.Float64)
                if volume is not None
                else pl.lit(None, pl.Float64).alias("volume"),
            )
        )
    return pl.concat(frames)


def made_instruments(symbols: list[str]) -> pl.DataFrame:
    """Descriptions of the symbols at the exchange."""
    rows = []
    for symbol in sorted(symbols):
        kind, currency, specs = TYPES[symbol.partition(":")[0]]
        rows.append(
            {
                "symbol": symbol,
                "type": kind,
                "currency": currency,
                "description": f"Made up {symbol}",
                "typespecs": specs,
                "timezone": "Etc/UTC",
            }
        )
    return pl.DataFrame(rows, schema_overrides={"typespecs": pl.List(pl.String)})


def made_columns(bars: pl.DataFrame) -> pl.DataFrame:
    """Scanner columns with which every symbol passes a trend scanner; they are no indicators of anything."""
    names = {"ADX": 30.0, "Recommend.All": 0.5, "Perf.W": 1.0, "Perf.1M": 2.0, "Perf.3M": 3.0, "RSI": 55.0}
    return (
        bars.group_by("symbol", maintain_order=True)
        .agg(pl.col("opened_at").last().dt.epoch("s").alias("time"))
        .with_columns(pl.lit(value).alias(name) for name, value in names.items())
    )


def exchange_of(symbols: list[str], bars: pl.DataFrame | None = None, settings: Settings | None = None) -> Exchange:
    """Exchange with the symbols."""
    table = made_bars(symbols) if bars is None else bars
    return Exchange(
        table, made_instruments(symbols), made_columns(table), settings=settings or Settings(now=NOW, max_sessions=64)
    )


def endpoints_of(exchange: Exchange) -> Endpoints:
    """Addresses of the exchange."""
    return Endpoints(
        scanner=exchange.scanner_url,
        history=exchange.history_url,
        binance_spot=exchange.binance_spot_url,
        binance_futures=exchange.binance_futures_url,
        yahoo=exchange.yahoo_url,
    )


def breaker_that_stays_closed() -> Breaker:
    """Breaker that does not open within a test."""
    return Breaker(failures_to_open=1000)


def sources_of(exchange: Exchange, venues: Venues) -> dict[str, Callable[[], Source]]:
    """Sources with short timeouts, by the service that they fetch bars from."""
    addresses = endpoints_of(exchange)
    return {
        "history": lambda: TradingViewSource(
            venues,
            endpoints=addresses,
            http_limits=HTTP_LIMITS,
            history_limits=HISTORY_LIMITS,
            breaker=breaker_that_stays_closed,
            clock=lambda: NOW,
        ),
        "binance_spot": lambda: BinanceSource(
            venues, endpoints=addresses, limits=HTTP_LIMITS, breaker=breaker_that_stays_closed, page=40
        ),
        "yahoo": lambda: YahooSource(
            venues, endpoints=addresses, limits=HTTP_LIMITS, breaker=breaker_that_stays_closed, pace=Pace(size=4)
        ),
    }


def request_of(
    symbols: tuple[str, ...], first: dt.date | None = FIRST, last: dt.date = LAST, now: dt.datetime = NOW
) -> BarRequest:
    """Request for a span as of `NOW`."""
    return BarRequest(symbols, first, last, now, now)


def landing_of(last: dt.date = LAST, *, symbols: tuple[str, ...] | None = None, now: dt.datetime = NOW) -> LandingScope:
    """Scope of a span as of `NOW`."""
    return LandingScope("run-1", "prep", last, now, first=FIRST, symbols=symbols, fetched_at=now)


def trend_scanner(**changes: object) -> Scanner:
    """A scanner of crypto and equities by trend."""
    settings: dict[str, object] = {
        "name": "trend",
        "title": "Trend",
        "direction": "LONG",
        "strategy": "trend_momentum",
        "asset_classes": ("equity",),
    }
    return Scanner.model_validate({**settings, **changes})
