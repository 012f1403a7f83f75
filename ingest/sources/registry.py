"""Making the source that a name stands for.

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
from ingest.sources.sample.sample import DEFAULT_SEED, SampleSource
from ingest.sources.tradingview.tradingview import TradingViewSource
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
    """Make a source; addresses and token of a live one come from the environment (endpoints.py).

    Parameters
    ----------
    path : Path, optional
        Of `files`.
    scanners : sequence of Scanner
        Of `tradingview`: they say which markets its universe is made of.
    symbols : sequence of str
        Of `binance` and `yahoo`: the universe, since these services do not list one.
    batch : int, optional
        Symbols asked for at once, to begin with; the pace adapts from there.
    """
    pace = None if batch is None else Pace(size=batch, largest=max(batch, 64))
    if name == "sample":
        return SampleSource(venues, seed)
    if name == "files":
        if path is None:
            raise NotATableError("source files needs a path: a Parquet or CSV file, or a folder of them")
        return FilesSource(path, venues)
    if name == "tradingview":
        return TradingViewSource(venues, scanners, pace=pace, report=report)
    if name == "binance":
        return BinanceSource(venues, symbols, pace=pace, report=report)
    if name == "yahoo":
        return YahooSource(venues, symbols, pace=pace, report=report)
    raise SourceError(f"source {name!r} does not exist: {nearest(name, SOURCES)}")
