from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from ingest.errors import Origin, RequestRefusedError, ScanUnsupportedError, UnknownInstrumentError
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanner
from ingest.sources.pacing import GroupResult, Pace, Progress
from ingest.sources.protocol import BAR_SCHEMA, BarRequest
from ingest.sources.rest import RestSource

DAY = dt.date(2024, 3, 8)


class MadeSource(RestSource):
    """A source that has every symbol but `NYSE:NONE`."""

    name = "made"
    example = "NYSE:A"

    def __init__(self, venues: Venues, symbols: Sequence[str] = ()) -> None:
        self.reported: list[Progress] = []
        self.groups: list[list[str]] = []
        super().__init__(venues, symbols, Pace(size=2, largest=2), self.reported.append)

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        return pl.DataFrame({"symbol": self._requested(symbols), "as_of": as_of})

    async def _fetch(self, symbols: Sequence[str], request: BarRequest) -> GroupResult:
        self.groups.append(list(symbols))
        bars = {
            symbol: pl.DataFrame([{"symbol": symbol, "session_date": request.last}], schema=BAR_SCHEMA)
            for symbol in symbols
        }
        refused = RequestRefusedError(Origin(self.name, "host", "NYSE:NONE"), "status 404", "check the symbol")
        return {symbol: refused if symbol == "NYSE:NONE" else found for symbol, found in bars.items()}


def test_symbols_are_fetched_in_groups_and_a_refused_one_is_a_failure(venues: Venues) -> None:
    source, clock = MadeSource(venues), as_of_clock(DAY)
    batches = list(source.bars(BarRequest(("NYSE:A", "NYSE:B", "NYSE:NONE"), None, DAY, clock, clock)))
    assert source.groups == [["NYSE:A", "NYSE:B"], ["NYSE:NONE"]]
    assert [batch.symbols for batch in batches] == [("NYSE:A", "NYSE:B"), ()]
    assert batches[0].bars["symbol"].to_list() == ["NYSE:A", "NYSE:B"]
    assert batches[1].failures == {
        "NYSE:NONE": "RequestRefusedError: made (host), NYSE:NONE: status 404; check the symbol"
    }
    assert [(one.n_done, one.n_failed) for one in source.reported] == [(2, 0), (2, 1)]


def test_without_named_symbols_its_own_are_described_and_without_any_it_says_what_to_give(venues: Venues) -> None:
    own = MadeSource(venues, ("NYSE:B", "NYSE:A", "NYSE:B"))
    assert own.instruments(as_of=DAY)["symbol"].to_list() == ["NYSE:A", "NYSE:B"]
    assert own.instruments(["NYSE:C"], as_of=DAY)["symbol"].to_list() == ["NYSE:C"]
    with pytest.raises(UnknownInstrumentError, match="made: name symbols, such as NYSE:A"):
        own.instruments([], as_of=DAY)


def test_its_bars_are_scanned_from_the_lake(venues: Venues, configs: Path) -> None:
    with pytest.raises(ScanUnsupportedError, match="made has no scanner of its own"):
        MadeSource(venues).scan(load_scanner(configs, "equity_trend_long"), as_of=DAY)
