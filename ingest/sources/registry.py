"""Make a source by its name.

See docs/architecture.md#sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.errors import NotATableError, SourceError, nearest
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.binance import BinanceSource
from ingest.sources.files import FilesSource
from ingest.sources.pacing import Pace, Report
from ingest.sources.protocol import Source
from ingest.sources.sample.source import DEFAULT_SEED, SampleSource
from ingest.sources.tradingview.source import TradingViewSource
from ingest.sources.yahoo import YahooSource

SOURCES = ("sample", "files", "tradingview", "binance", "yahoo")
LIVE = ("tradingview", "binance", "yahoo")


def make_source(
    name: str,
    venues: Venues,
    *,
    path: Path | None = None,
    seed: int = DEFAULT_SEED,
    scanners: Sequence[Scanner] = (),
    symbols: Sequence[str] = (),
    batch: int | None = None,
    report: Report | None = None,
) -> Source:
    """Make a source by its name; services take their addresses and token from the environment (endpoints.py).

    Parameters
    ----------
    path : Path, optional
        File or folder of the source `files`.
    seed : int
        Seed of the source `sample`.
    scanners : sequence of Scanner
        Scanners that define the universe of the source `tradingview`.
    symbols : sequence of str
        Universe of the sources `binance` and `yahoo`, whose services do not list one.
    batch : int, optional
        Symbols fetched at once at the start; the pace adapts from there.
    report : callable, optional
        Called with the progress of a fetch.

    Raises
    ------
    SourceError
        When no source has this name.
    NotATableError
        When the source is `files` and no path is given.
    """
    pace = None if batch is None else Pace(size=batch, largest=max(batch, 64))
    if name == "sample":
        return SampleSource(venues, seed)
    if name == "files":
        if path is None:
            raise NotATableError("source files needs a path to a Parquet or CSV file, or to a folder of them")
        return FilesSource(path, venues)
    if name == "tradingview":
        return TradingViewSource(venues, scanners, pace=pace, report=report)
    if name == "binance":
        return BinanceSource(venues, symbols, pace=pace, report=report)
    if name == "yahoo":
        return YahooSource(venues, symbols, pace=pace, report=report)
    raise SourceError(f"source {name!r} does not exist: {nearest(name, SOURCES)}")
