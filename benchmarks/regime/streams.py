"""Load the market streams of a folder with `long_history.parquet` and `market.parquet`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatVector
from analytics.regime.components import market_stream

LONG_HISTORY, MARKET = "long_history.parquet", "market.parquet"
LAST_CALIBRATION_DATE = date(2015, 12, 31)
MIN_POOL_SESSIONS = 1500


@dataclass(frozen=True, slots=True, eq=False)
class MarketSeries:
    """Simple returns of a market (T,) as fractions, with their dates.

    Attributes
    ----------
    kind : str
        Asset class that names the prior of its volatility, or `pool`.
    """

    name: str
    kind: str
    dates: tuple[date, ...]
    returns: FloatVector

    def between(self, first: date, last: date) -> BoolVector:
        """Mask (T,) of the sessions from `first` to `last`, both included."""
        days = np.array(self.dates, dtype="datetime64[D]")
        return np.asarray((days >= np.datetime64(first)) & (days <= np.datetime64(last)), dtype=np.bool_)

    def until(self, last: date) -> MarketSeries:
        """Sessions up to `last`."""
        n_sessions = int(self.between(date.min, last).sum())
        return MarketSeries(self.name, self.kind, self.dates[:n_sessions], self.returns[:n_sessions])


def load_spy(folder: Path) -> MarketSeries:
    """Load SPY's returns from 2006: of unadjusted closes to 2017 and of adjusted ones from 2018."""
    early = _returns(_closes(folder / LONG_HISTORY, "SPY", "US", "close"))
    late = _returns(_closes(folder / MARKET, "SPY", "US", "adj_close"))
    early = early.filter(pl.col("date") < late["date"][0])
    return _series("SPY", "etf", pl.concat([early, late]))


def load_index(folder: Path) -> MarketSeries:
    """Load the returns of the S&P 500 index, 2010 to 2022."""
    closes = _closes(folder / LONG_HISTORY, "SP500", "US_SKFOLIO", "close")
    return _series("S&P 500 index", "index", _returns(closes))


def load_bitcoin(folder: Path) -> MarketSeries:
    """Load the returns of BTCUSDT at Binance, every day from 2018."""
    return _series("BTCUSDT", "crypto", _returns(_closes(folder / MARKET, "BTCUSDT", "BINANCE", "close")))


def load_pool(folder: Path) -> MarketSeries:
    """Load the mean return of the US equities with a long history, weighted by their median value traded.

    The equities are members of the index today, so that the stream has survivorship bias.
    """
    bars = (
        pl.scan_parquet(folder / MARKET)
        .filter(pl.col("asset_class") == "equity", pl.col("adj_close").is_not_null())
        .select(pl.col("date").cast(pl.Date), "symbol", "adj_close", traded=pl.col("close") * pl.col("volume"))
        .filter(pl.len().over("symbol") >= MIN_POOL_SESSIONS)
        .collect()
    )
    prices = bars.pivot(on="symbol", index="date", values="adj_close").sort("date")
    traded = bars.group_by("symbol").agg(pl.col("traded").median())
    value_of = dict(zip(traded["symbol"], traded["traded"], strict=True))
    closes = prices.drop("date")
    liquidity = np.array([value_of[symbol] for symbol in closes.columns], dtype=np.float64)
    matrix = closes.to_numpy()
    returns = market_stream(matrix[1:] / matrix[:-1] - 1.0, liquidity)
    frame = pl.DataFrame({"date": prices["date"][1:], "return": returns}).filter(pl.col("return").is_not_nan())
    return _series("pool of US equities", "pool", frame)


def _closes(path: Path, symbol: str, venue: str, column: str) -> pl.DataFrame:
    rows = pl.scan_parquet(path).filter(pl.col("symbol") == symbol, pl.col("venue") == venue)
    return rows.select(pl.col("date").cast(pl.Date), price=pl.col(column)).drop_nulls().sort("date").collect()


def _returns(closes: pl.DataFrame) -> pl.DataFrame:
    change = pl.col("price") / pl.col("price").shift() - 1.0
    return closes.select("date", change.alias("return")).slice(1)


def _series(name: str, kind: str, returns: pl.DataFrame) -> MarketSeries:
    return MarketSeries(name, kind, tuple(returns["date"]), returns["return"].to_numpy())
