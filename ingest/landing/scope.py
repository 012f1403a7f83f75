"""Scope of a landing: run, sessions, symbols and clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.reference.calendars import now_utc
from ingest.sources.protocol import BarRequest
from lakehouse.paths import check_symbol


@dataclass(frozen=True, slots=True)
class LandingScope:
    """Run, sessions, symbols and clocks (naive UTC) of one landing.

    Attributes
    ----------
    first, last : date
        Sessions that are landed; without `first`, all since the first bar of each symbol.
    as_of_at : datetime
        Clock of the run: a session counts as completed when it had closed and settled by then.
    symbols : tuple of str, optional
        Symbols that are landed; without them, all that the source has.
    fetched_at : datetime
        Time of the fetch, by default now; sessions later than it are future ones.
    backfill, gap_fill : bool
        Whether a selective landing requests history before the first held bar, and sessions that are missing between
        held bars.
    """

    run_id: str
    step: str
    last: dt.date
    as_of_at: dt.datetime
    first: dt.date | None = None
    symbols: tuple[str, ...] | None = None
    settle_minutes: int = 10
    fetched_at: dt.datetime = field(default_factory=now_utc)
    backfill: bool = True
    gap_fill: bool = True

    def __post_init__(self) -> None:
        for symbol in self.symbols or ():
            check_symbol(symbol)

    def bar_request(self, symbols: Iterable[str], first: dt.date | None, last: dt.date | None = None) -> BarRequest:
        """Return the request for bars of the symbols from `first` to `last`, by default the last session in scope."""
        return BarRequest(tuple(sorted(symbols)), first, last or self.last, self.as_of_at, self.fetched_at)
