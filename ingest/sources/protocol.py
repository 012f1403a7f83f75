"""Interface of a source of market data: instruments, bars, and scans where it has a scanner of its own.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import polars as pl

from ingest.errors import ScanUnsupportedError
from ingest.screening.scanners import Scanner

DAILY = "1d"

BAR_SCHEMA = {
    "symbol": pl.String(),
    "session_date": pl.Date(),
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Float64(),
    "adj_close": pl.Float64(),
    "row_number": pl.Int64(),
}
"""Columns of the bars of a source.

`session_date` is the session of the bar, not the date of its timestamp (docs/method/01-time-sessions-bars.md#1.1). A
close-only bar has NULL open, high and low. `row_number` is the position of the row in the source, for quarantine.
"""
REFUSED_SCHEMA = {**BAR_SCHEMA, "reason": pl.String(), "detail": pl.String()}
"""Columns of the rows that are no usable bars, with the reason."""

INSTRUMENT_SCHEMA = {
    "symbol": pl.String(),
    "venue": pl.String(),
    "ticker": pl.String(),
    "asset_class": pl.String(),
    "product": pl.String(),
    "name": pl.String(),
    "base": pl.String(),
    "quote": pl.String(),
    "root": pl.String(),
    "isin": pl.String(),
    "country": pl.String(),
    "currency": pl.String(),
    "sector": pl.String(),
    "industry": pl.String(),
    "lot_size": pl.Float64(),
    "tick_size": pl.Float64(),
    "is_close_only": pl.Boolean(),
    "first_session": pl.Date(),
}

ASSET_CLASSES = ("equity", "etf", "bond", "crypto", "fx", "future", "cfd", "index")
PRODUCTS = ("spot", "perp", "cash", "dated", "continuous", "cfd", "index")


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Request for the bars of several symbols in one span of sessions.

    Attributes
    ----------
    symbols : tuple of str
        `VENUE:TICKER`, already checked against the whitelist.
    first : date or None
        First session; None requests everything since the first bar of each symbol.
    last : date
        Last session. A source also returns rows dated after the day of `fetched_at`: such a row is wrong whatever was
        requested, and goes to quarantine.
    as_of_at : datetime
        Clock of the run, naive UTC: a bar is final when its session had closed and settled by then
        (docs/method/01-time-sessions-bars.md#1.3).
    fetched_at : datetime
        Clock of the fetch, naive UTC.
    """

    symbols: tuple[str, ...]
    first: dt.date | None
    last: dt.date
    as_of_at: dt.datetime
    fetched_at: dt.datetime
    interval: str = DAILY


@dataclass(frozen=True, slots=True)
class BarBatch:
    """Bars of several symbols that were fetched together.

    Attributes
    ----------
    symbols : tuple of str
        Symbols with a complete series.
    bars : pl.DataFrame
        `BAR_SCHEMA`.
    refused : pl.DataFrame
        `REFUSED_SCHEMA`: rows that the source could not read as bars.
    failures : dict of str to str
        Error message of each symbol without a complete series; nothing of it is stored.
    seconds : float
        Duration of the fetch.
    """

    symbols: tuple[str, ...]
    bars: pl.DataFrame
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REFUSED_SCHEMA))
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@runtime_checkable
class Source(Protocol):
    """Source of market data.

    Attributes
    ----------
    name : str
        Value of the column `source` in every raw table.
    is_simulated : bool
        Whether its numbers are labelled SIMULATED.
    scans_from_bars : bool
        Whether discovery runs on the bars in the lake, because the source has no scanner of its own.
    is_remote : bool
        Whether bars are fetched over a network; then only stale, missing or incomplete symbols are requested.
    """

    name: str
    is_simulated: bool
    scans_from_bars: bool
    is_remote: bool

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the instruments known at `as_of`, in `INSTRUMENT_SCHEMA`, sorted by symbol."""
        ...

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield the requested bars in batches; each is landed at once, so an interrupted fetch resumes after the last."""
        ...

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Run a scanner at the source and return the columns of `raw.scans` that a source can know.

        Parameters
        ----------
        as_of_at : datetime, optional
            Clock of the run, naive UTC; by default the end of `as_of`.

        Raises
        ------
        ScanUnsupportedError
            When `scans_from_bars`.
        """
        ...


def no_scanner(source: str, scanner: Scanner, moment: dt.date) -> ScanUnsupportedError:
    """Return the error of a source that is scanned from its bars and was requested to scan."""
    return ScanUnsupportedError(
        f"{source} has no scanner of its own ({scanner.name} at {moment}): it is scanned from its bars"
    )
