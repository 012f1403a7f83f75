"""A small market with real venues, for the loopback exchange: prices by factors, columns by this house's own models."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from ingest.screening.service_fields import FIELDS, TEXT_FIELDS
from lakehouse.connection.catalog import Lake, LakeSettings
from tests.ingest.live.loopback_market import sessions_of
from tests.story.home import Home

FIRST, LAST = dt.date(2023, 3, 1), dt.date(2024, 5, 31)
SECTORS = ("Technology", "Finance", "Energy", "Health")
STOCKS = [f"NASDAQ:{sector[:3].upper()}{letter}" for sector in SECTORS for letter in "ABCDEF"]
FUNDS = ["AMEX:SPY", "AMEX:XTEC", "AMEX:XFIN", "AMEX:XENE"]
COINS = [f"BINANCE:{name}USDT" for name in ("BTC", "ETH", "SOL", "ADA", "DOT", "XRP", "LTC", "UNI")]
PAIRS = [f"FX_IDC:{name}USD" for name in ("EUR", "GBP", "AUD", "NZD")]
SYMBOLS = sorted(STOCKS + FUNDS + COINS + PAIRS)

_KINDS = {
    "NASDAQ": ("stock", ["common"], "equity", "cash"),
    "AMEX": ("fund", ["etf"], "etf", "cash"),
    "BINANCE": ("spot", [], "crypto", "spot"),
    "FX_IDC": ("forex", [], "fx", "spot"),
}
_VOLATILITY = {"NASDAQ": 0.010, "AMEX": 0.006, "BINANCE": 0.020, "FX_IDC": 0.004}


def sector_of(symbol: str) -> str | None:
    """The sector of a stock."""
    ticker = symbol.partition(":")[2]
    return next((sector for sector in SECTORS if symbol in STOCKS and ticker.startswith(sector[:3].upper())), None)


def bars() -> pl.DataFrame:
    """Daily bars of every symbol; those of a sector, or of a venue, move together, half of them upwards."""
    days = pl.date_range(FIRST, LAST, eager=True)
    rng = np.random.default_rng(20240531)
    group_moves = {name: rng.normal(0, 1, days.len()) for name in (*SECTORS, *_KINDS)}
    frames = []
    for place, symbol in enumerate(SYMBOLS):
        venue = symbol.partition(":")[0]
        own = np.random.default_rng(place)
        group = group_moves[sector_of(symbol) or venue]
        moves = _VOLATILITY[venue] * (0.8 * group + 0.6 * own.normal(0, 1, days.len()) + (0.12 if place % 2 else -0.08))
        sessions = sessions_of(symbol, FIRST, LAST)
        held = pl.DataFrame({"session_date": days, "close": 50.0 * (1 + place % 7) * np.exp(np.cumsum(moves))})
        close = sessions.join(held, on="session_date", how="inner").sort("session_date")
        price = close["close"].to_numpy()
        opened = price * np.exp(own.normal(0, 0.002, price.size))
        frames.append(
            close.with_columns(
                pl.lit(symbol).alias("symbol"),
                pl.Series("open", opened),
                pl.Series("high", np.maximum(opened, price) * (1 + own.uniform(0, 0.004, price.size))),
                pl.Series("low", np.minimum(opened, price) * (1 - own.uniform(0, 0.004, price.size))),
                pl.Series("volume", own.uniform(5e5, 5e6, price.size))
                if venue != "FX_IDC"
                else pl.lit(None, pl.Float64).alias("volume"),
            )
        )
    return pl.concat(frames).select("symbol", "session_date", "opened_at", "open", "high", "low", "close", "volume")


def instruments() -> pl.DataFrame:
    """What the exchange says of each symbol."""
    rows = [
        {
            "symbol": symbol,
            "type": _KINDS[symbol.partition(":")[0]][0],
            "typespecs": _KINDS[symbol.partition(":")[0]][1],
            "currency": "USDT" if symbol in COINS else "USD",
            "description": f"Simulated {symbol}",
            "timezone": "Etc/UTC",
            "sector": sector_of(symbol),
        }
        for symbol in SYMBOLS
    ]
    return pl.DataFrame(rows, schema_overrides={"typespecs": pl.List(pl.String), "sector": pl.String})


def scanned_from_bars(home: Home, of: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scan the bars as source `files`: the scanner columns of the last sessions, and what the scanners found."""
    kinds = pl.DataFrame(
        [
            (symbol, *_KINDS[symbol.partition(":")[0]][2:], "USDT" if symbol in COINS else "USD", sector_of(symbol))
            for symbol in SYMBOLS
        ],
        schema=dict.fromkeys(("symbol", "asset_class", "product", "currency", "sector"), pl.String),
        orient="row",
    )
    file = home.work / "market.parquet"
    of.drop("opened_at").rename({"session_date": "date"}).join(kinds, on="symbol").write_parquet(file)
    words = ("--source", "files", "--path", str(file), "--as-of", LAST.isoformat(), "--run-id", "bars-scan")
    home.run("scan", *words, module="ingest").ended(0)
    with Lake.open(home.paths, settings=LakeSettings(memory_limit="1GiB", threads=1), read_only=True) as lake:
        columns = lake.query(
            "select * from marts.scanner_columns qualify session_date = max(session_date) over (partition by symbol)"
        )
        found = lake.query(
            "select scanner, symbol, rank, value_traded_usd from intermediate.int_scans_screened order by all"
        )
    return columns, found


def exchange_columns(columns: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """Scanner columns of this house under the names of the service."""
    names = {ours: theirs for ours, theirs in FIELDS.items() if ours in columns.columns and ours not in TEXT_FIELDS}
    names.pop("stoch_rsi", None)
    times = of.group_by("symbol").agg(pl.col("opened_at").max().dt.epoch("s").alias("time"))
    return columns.select("symbol", *(pl.col(ours).alias(theirs) for ours, theirs in names.items())).join(
        times, on="symbol"
    )
