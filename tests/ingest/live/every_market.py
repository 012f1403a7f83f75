"""Simulated market of every class at the venues of the scanners: bars and metadata, no real data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from analytics.indicators.columns import scanner_columns
from ingest.reference.calendars import all_sessions
from ingest.reference.venues import Venues
from ingest.screening.service_fields import CODES, FIELDS, field_of
from ingest.screening.sql import NUMBERS, sql_name

ROOT = Path(__file__).resolve().parents[3]
FIRST, LAST = dt.date(2023, 6, 1), dt.date(2024, 5, 31)
# Daily drift, and what every session of the last week adds: trends, their pullbacks, and nothing at all.
PATTERNS = {"up": (0.004, 0.004), "down": (-0.004, -0.004), "dip": (0.005, -0.026), "spike": (-0.005, 0.026)}
SPREADS = {"up": 0.002, "down": 0.002, "dip": 0.0015, "spike": 0.0015, "flat": 0.01}
FUNDS = (
    ("equity", "size_and_style", "large_cap"),
    ("equity", "sector", None),
    ("fixed_income", None, None),
    ("commodities", None, None),
    ("equity", None, "theme"),
)
MAJORS = {"up": ("AUDUSD", "EURUSD", "GBPUSD", "USDJPY"), "down": ("NZDUSD", "USDCAD", "USDCHF")}


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument: symbol, class of the service, price process and metadata."""

    symbol: str
    kind: str
    specs: tuple[str, ...]
    asset_class: str
    product: str
    pattern: str
    currency: str = "USD"
    volume: float | None = 2e7
    sector: str | None = None
    fund: tuple[str | None, str | None, str | None] = (None, None, None)
    indexes: tuple[str, ...] | None = None
    market_cap_usd: float | None = None
    sessions: int = 400

    @property
    def venue(self) -> str:
        """The part before the colon."""
        return self.symbol.partition(":")[0]


def listings() -> tuple[Listing, ...]:
    """Return the whole market: every pattern on every venue, some thin, some young, some unknown."""
    return (*_shares(), *_funds(), *_coins(), *_pairs(), *_futures(), *_others())


def _shares() -> list[Listing]:
    members = (("SP:SPX",), ("SP:SPX", "NASDAQ:NDX"), ("SP:SPX", "DJ:DJI"), ("NASDAQ:NDX", "DJ:DJI"), (), None)
    found = []
    for venue in ("NASDAQ", "NYSE"):
        for pattern in (*PATTERNS, "flat"):
            for position, indexes in enumerate(members):
                thin = position == 0 and venue == "NYSE"
                found.append(
                    Listing(
                        f"{venue}:{pattern.upper()}{position}",
                        *("stock", ("common",), "equity", "cash", pattern),
                        volume=100.0 if thin else 2e7,
                        indexes=indexes,
                        market_cap_usd=None if position == 4 else 1e9 * (1 + position),
                        sessions=40 if position == 1 and venue == "NYSE" else 400,
                    )
                )
    return found


def _funds() -> list[Listing]:
    return [
        Listing(f"AMEX:F{pattern.upper()}{position}", "fund", ("etf",), "etf", "cash", pattern, fund=fund)
        for pattern in PATTERNS
        for position, fund in enumerate((*FUNDS, *FUNDS))
    ]


def _coins() -> list[Listing]:
    found = []
    for venue, share in (("BINANCE", 1.0), ("OKX", 0.5), ("BYBIT", 0.3), ("BITGET", 0.2)):
        for position, pattern in enumerate((*PATTERNS, "up", "down", *PATTERNS)):
            # The sixth coin is below the floor everywhere, the fifth at Binance only, so that another venue keeps it.
            thin = position == 5 or (position == 4 and venue == "BINANCE")
            for suffix, kind, product in (("", "spot", "spot"), (".P", "swap", "perp")):
                found.append(
                    Listing(
                        f"{venue}:C{position}USDT{suffix}",
                        *(kind, ("crypto",), "crypto", product, pattern, "USDT"),
                        volume=10.0 if thin else 5e7 * share,
                        market_cap_usd=1e9 * (10 - position),
                    )
                )
    return found


def _pairs() -> list[Listing]:
    majors = [(ticker, pattern) for pattern, tickers in MAJORS.items() for ticker in tickers]
    others = [("EURPLN", "up"), ("EURGBP", "down"), ("USDSEK", "dip"), ("USDMXN", "spike")]
    return [
        Listing(f"{venue}:{ticker}", "forex", (), "fx", "spot", pattern, ticker[3:], volume=None)
        for venue in ("FX_IDC", "OANDA")
        for ticker, pattern in (*majors, *others)
    ]


def _futures() -> list[Listing]:
    found = []
    for venue, root, sector in (("COMEX", "M", "Metals"), ("CME", "I", "Indexes"), ("NYMEX", "E", "Energy")):
        for position, pattern in enumerate((*PATTERNS, *PATTERNS)):
            specs = ("continuous",)
            found.append(
                Listing(f"{venue}:{root}{position}1!", "futures", specs, "future", "continuous", pattern, sector=sector)
            )
    return found


def _others() -> list[Listing]:
    found = []
    for position, pattern in enumerate((*PATTERNS, *PATTERNS)):
        found.append(Listing(f"TVC:D{position}", "commodity", ("cfd",), "cfd", "cfd", pattern, volume=None))
        # The bars of a bond stand on the calendar of its exchange.
        found.append(Listing(f"NYSE:B{position}", "bond", (), "bond", "cash", pattern))
    return found


def bars_of(every: tuple[Listing, ...], venues: Venues) -> pl.DataFrame:
    """Make seeded daily bars on the calendar of each venue, up to LAST."""
    frames = []
    for position, one in enumerate(every):
        calendar = venues.require(one.venue).calendar
        days = all_sessions(calendar).filter(pl.col("session_date").is_between(FIRST, LAST)).tail(one.sessions)
        opened = pl.col("opens_at")
        if calendar == "24/5":
            days = days.filter(pl.col("session_date").dt.weekday() < 6)
            opened = pl.col("session_date").cast(pl.Datetime("us")).dt.offset_by("-3h")
        rng = np.random.default_rng(position)
        n = days.height
        drift, last = PATTERNS.get(one.pattern, (0.0, 0.0))
        moves = np.concatenate([np.full(n - 6, drift), np.full(6, last)]) + rng.normal(0, SPREADS[one.pattern], n)
        close = np.round((20.0 + 3.0 * (position % 17)) * np.exp(np.cumsum(moves)), 5)
        opening = np.concatenate([close[:1], close[:-1]])
        volume = None if one.volume is None else np.round(one.volume * rng.uniform(0.8, 1.2, n))
        frames.append(
            days.select(
                pl.lit(one.symbol).alias("symbol"),
                "session_date",
                opened.alias("opened_at"),
                pl.Series("open", opening),
                pl.Series("high", np.maximum(opening, close) * 1.001),
                pl.Series("low", np.minimum(opening, close) * 0.999),
                pl.Series("close", close),
                pl.lit(None, pl.Float64).alias("volume") if volume is None else pl.Series("volume", volume),
            )
        )
    return pl.concat(frames)


def columns_of(every: tuple[Listing, ...], bars: pl.DataFrame, venues: Venues) -> pl.DataFrame:
    """Compute the scanner columns of the bars at LAST, under the names that scanners use."""
    clocks = {one.symbol: venues.require(one.venue).calendar == "24/7" for one in every}
    newest = scanner_columns(
        bars.with_columns(
            (pl.col("close") * pl.col("volume")).alias("value_traded_usd"),
            pl.lit(value=False).alias("is_close_only"),
            pl.col("symbol").replace_strict(clocks, return_dtype=pl.Boolean).alias("is_round_the_clock"),
            (pl.col("session_date") == LAST).alias("is_requested"),
        )
    )
    weekly = {sql_name(name): name for name in NUMBERS if "|" in name}
    return newest.rename(weekly).join(_described(every), on="symbol")


def _described(every: tuple[Listing, ...]) -> pl.DataFrame:
    rows = [
        {
            "symbol": one.symbol,
            "asset_class": one.asset_class,
            "product": one.product,
            "venue": one.venue,
            "ticker": one.symbol.partition(":")[2],
            "sector": one.sector,
            "fund_class": one.fund[0],
            "fund_category": one.fund[1],
            "fund_focus": one.fund[2],
            "indexes": None if one.indexes is None else list(one.indexes),
            "market_cap_usd": one.market_cap_usd,
        }
        for one in every
    ]
    return pl.DataFrame(
        rows,
        schema_overrides={"indexes": pl.List(pl.String), **dict.fromkeys(("sector", *CODES), pl.String())},
        infer_schema_length=None,
    )


def service_rows(columns: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Rename the columns to the fields of the service; it derives close, volume and value traded from the bars."""
    own = ("close", "volume", "value_traded_usd", "ticker", "currency")
    named = {
        name: field_of(name, "test") for name in columns.columns if name.partition("|")[0] in FIELDS and name not in own
    }
    coded = [pl.col(name).replace_strict(codes, default=None) for name, codes in CODES.items()]
    caps = pl.col("market_cap_usd").alias("market_cap_calc")
    times = bars.group_by("symbol").agg(pl.col("opened_at").max().dt.epoch("s").alias("time"))
    return columns.with_columns(coded).select("symbol", caps, *named).rename(named).join(times, on="symbol")


def instruments_of(every: tuple[Listing, ...]) -> pl.DataFrame:
    """Describe each instrument as the exchange does."""
    rows = [
        {
            "symbol": one.symbol,
            "type": one.kind,
            "currency": one.currency,
            "description": f"Made up {one.symbol}",
            "typespecs": list(one.specs),
            "indexes": list(one.indexes or ()),
        }
        for one in every
    ]
    lists = {"typespecs": pl.List(pl.String), "indexes": pl.List(pl.String)}
    return pl.DataFrame(rows, schema_overrides=lists, infer_schema_length=None)
