"""A small made-up market to start the exchange with: seeded prices, every scanner type, no real data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

FIRST = dt.date(2024, 1, 1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """Instruments of one type: how many, where listed, when their session opens, on how many days of the week."""

    type: str
    venue: str
    ticker: str
    currency: str
    count: int
    opens: dt.timedelta
    days: int
    has_volume: bool = True


KINDS = (
    Kind("stock", "NASDAQ", "MADE{}", "USD", 40, dt.timedelta(hours=14, minutes=30), 5),
    Kind("fund", "AMEX", "FUND{}", "USD", 10, dt.timedelta(hours=14, minutes=30), 5),
    Kind("spot", "BINANCE", "COIN{}USDT", "USDT", 8, dt.timedelta(0), 7),
    Kind("swap", "BINANCE", "COIN{}USDT.P", "USDT", 8, dt.timedelta(0), 7),
    Kind("forex", "FX_IDC", "FX{}USD", "USD", 4, dt.timedelta(hours=-2), 5, has_volume=False),
    Kind("futures", "CME", "FUT{}!", "USD", 4, dt.timedelta(hours=-1), 5),
    Kind("commodity", "TVC", "CFD{}", "USD", 2, dt.timedelta(hours=-2), 5, has_volume=False),
    Kind("bond", "NYSE", "BOND{}", "USD", 2, dt.timedelta(hours=14, minutes=30), 5),
)


@dataclass(frozen=True, slots=True)
class Market:
    """The three tables of an exchange."""

    bars: pl.DataFrame
    instruments: pl.DataFrame
    columns: pl.DataFrame


def made_market(sessions: int = 60, seed: int = 7) -> Market:
    """A market of made-up instruments: `sessions` daily bars each, from 2024-01-01."""
    rng = np.random.default_rng(seed)
    bars, instruments = [], []
    for kind in KINDS:
        for number in range(1, kind.count + 1):
            symbol = f"{kind.venue}:{kind.ticker.format(number)}"
            instruments.append(
                {
                    "symbol": symbol,
                    "type": kind.type,
                    "currency": kind.currency,
                    "description": f"Made up {kind.type} {number}",
                    "typespecs": {"stock": ["common"], "fund": ["etf"], "swap": ["perpetual"]}.get(kind.type, []),
                }
            )
            bars.append(_series(symbol, kind, sessions, rng))
    table = pl.concat(bars)
    return Market(table, pl.DataFrame(instruments), _columns(table))


def _series(symbol: str, kind: Kind, sessions: int, rng: np.random.Generator) -> pl.DataFrame:
    days = [FIRST + DAY * at for at in range(2 * sessions) if (FIRST + DAY * at).weekday() < kind.days][:sessions]
    close = np.round(rng.uniform(5, 500) * np.exp(np.cumsum(rng.normal(0, 0.02, sessions))), 4)
    open_ = np.round(close * np.exp(rng.normal(0, 0.005, sessions)), 4)
    spread = np.exp(np.abs(rng.normal(0, 0.01, sessions)))
    volume = np.round(rng.uniform(1e4, 1e6, sessions))
    return pl.DataFrame(
        {
            "symbol": [symbol] * sessions,
            "session_date": days,
            "opened_at": [dt.datetime.combine(day, dt.time()) + kind.opens for day in days],
            "open": open_,
            "high": np.round(np.maximum(open_, close) * spread, 4),
            "low": np.round(np.minimum(open_, close) / spread, 4),
            "close": close,
            "volume": pl.Series(volume if kind.has_volume else [None] * sessions, dtype=pl.Float64),
        }
    )


def _columns(bars: pl.DataFrame) -> pl.DataFrame:
    close = pl.col("close")
    return (
        bars.sort("symbol", "opened_at")
        .group_by("symbol", maintain_order=True)
        .agg(
            close.tail(5).mean().alias("EMA5"),
            close.tail(20).mean().alias("EMA20"),
            ((pl.col("high") + pl.col("low") + close) / 3).last().alias("VWAP"),
            close.min().alias("price_52_week_low"),
            close.max().alias("price_52_week_high"),
            (100 * close.diff().clip(0).sum() / close.diff().abs().sum()).alias("RSI"),
            (100 * close.tail(20).diff().clip(0).sum() / close.tail(20).diff().abs().sum()).alias("RSI|1W"),
            (close.last() / close.get(-22, null_on_oob=True) * 100 - 100).alias("Perf.1M"),
            pl.when(pl.len() > 0).then(close.last() * 1e6).alias("market_cap_basic"),
            pl.col("opened_at").last().dt.epoch("s").alias("last_bar_update_time"),
        )
        .with_columns(
            # Some do not pay: the scanner writes null there.
            pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.col("RSI") / 20).alias("dividends_yield_current"),
        )
    )
