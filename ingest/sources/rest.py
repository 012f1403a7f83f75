"""Common part of the sources that fetch each series by HTTP requests of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import polars as pl

from ingest.errors import UnknownInstrumentError
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.pacing import GroupResult, Pace, PacedFetch, Report
from ingest.sources.protocol import BarBatch, BarRequest, no_scanner

KEPT = "nothing of the response was used, run again"
"""End of an error message about a response that is refused as a whole."""


class RestSource(ABC):
    """Source without a scanner and without a list of its instruments.

    Parameters
    ----------
    symbols : sequence of str
        Symbols that `instruments()` without symbols returns, since the service does not list any.
    pace : Pace
        Number of symbols that are fetched at once.
    report : callable, optional
        Called with the progress of a fetch after every group of symbols.
    """

    name: str
    example: str
    is_simulated = False
    scans_from_bars = True
    is_remote = True

    def __init__(self, venues: Venues, symbols: Sequence[str], pace: Pace, report: Report | None) -> None:
        self.venues = venues
        self.symbols = tuple(symbols)
        self.pace = pace
        self.report = report

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield batches of complete series; a symbol whose series is not complete is in `failures`."""
        with asyncio.Runner() as runner:
            fetch = PacedFetch(self.name, lambda group: self._fetch(group, request), self.pace, runner, self.report)
            yield from fetch.batches(request.symbols)

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Refuse the scan, since the bars of this source are scanned in the lake.

        Raises
        ------
        ScanUnsupportedError
            Always.
        """
        raise no_scanner(self.name, scanner, as_of_at or as_of)

    @abstractmethod
    async def _fetch(self, symbols: Sequence[str], request: BarRequest) -> GroupResult:
        """Fetch the series of a group of symbols."""

    def _requested(self, symbols: Sequence[str] | None) -> list[str]:
        """Return the named symbols, or those of this source, sorted.

        Raises
        ------
        UnknownInstrumentError
            When there are none.
        """
        requested = sorted(set(self.symbols if symbols is None else symbols))
        if not requested:
            raise UnknownInstrumentError(f"{self.name}: name symbols, such as {self.example}")
        return requested
