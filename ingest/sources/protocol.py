"""What a source answers: instruments, bars, and scans where it has a scanner of its own.

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

# A bar as a source hands it over. `session_date` is already the session's
# (docs/method/01-time-sessions-bars.md#1.1); a close-only bar has null
# open, high and low; `row_number` says where the row stood in the source, for the quarantine.
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
# A bar that the source itself could not read as one: the same columns and why.
REFUSED_SCHEMA = {**BAR_SCHEMA, "reason": pl.String(), "detail": pl.String()}

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
    """Which bars are asked for.

    Attributes
    ----------
    symbols : tuple of str
        `VENUE:TICKER`, already checked against the whitelist.
    first : date or None
        First session wanted; None asks for everything since genesis.
    last : date
        Last session wanted. A source also hands over rows dated after the day of `fetched_at`: such a row is wrong
        whatever was asked for, and goes to quarantine.
    as_of_at : datetime
        The run's clock, naive UTC: a bar is final when its session had closed and settled by then
        (docs/method/01-time-sessions-bars.md#1.3).
    fetched_at : datetime
        The clock of the fetch itself, naive UTC.
    """

    symbols: tuple[str, ...]
    first: dt.date | None
    last: dt.date
    as_of_at: dt.datetime
    fetched_at: dt.datetime
    interval: str = DAILY


@dataclass(frozen=True, slots=True)
class BarBatch:
    """What one answer held: bars in `BAR_SCHEMA`, rows refused in `REFUSED_SCHEMA`, and symbols that failed.

    `symbols` are those that were answered in whole; a symbol in `failures` (symbol to message) was not, and nothing of
    it is stored.
    """

    symbols: tuple[str, ...]
    bars: pl.DataFrame
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REFUSED_SCHEMA))
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@runtime_checkable
class Source(Protocol):
    """One honest origin of market data.

    Attributes
    ----------
    name : str
        Value of the column `source` in every raw table.
    is_simulated : bool
        Whether its numbers are to be labelled SIMULATED.
    scans_from_bars : bool
        Whether discovery runs on `marts.scanner_columns`, because the source has no scanner of its own.
    is_remote : bool
        Whether asking costs requests: then only stale, missing or incomplete symbols are asked for.
    """

    name: str
    is_simulated: bool
    scans_from_bars: bool
    is_remote: bool

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the instruments known at `as_of`, in `INSTRUMENT_SCHEMA`, sorted by symbol."""
        ...

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield complete answers; each is landed as it comes, so an interrupted fetch resumes behind the last."""
        ...

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Return what the source's own scanner found, in the columns of `raw.scans` that a source can know.

        `as_of_at` is the run's clock, naive UTC; by default the end of `as_of`.

        Raises
        ------
        ScanUnsupportedError
            When `scans_from_bars`.
        """
        ...


def no_scanner(source: str, scanner: Scanner, moment: dt.date) -> ScanUnsupportedError:
    """The refusal of a source that is scanned from its bars, asked to scan."""
    return ScanUnsupportedError(
        f"{source} has no scanner of its own ({scanner.name} at {moment}): use scan_from_columns"
    )
