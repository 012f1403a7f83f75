from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ingest.errors import NotATableError, SourceError, UnknownInstrumentError
from ingest.reference.venues import Venues
from ingest.sources.protocol import Source
from ingest.sources.registry import LIVE, SOURCES, make_source


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_implements_the_protocol(name: str, venues: Venues, tmp_path: Path) -> None:
    source = make_source(name, venues, path=tmp_path if name == "files" else None, batch=3)
    assert isinstance(source, Source)
    assert source.name == name
    assert source.is_remote == (name in LIVE)
    assert source.is_simulated == (name == "sample")


def test_an_unknown_name_and_files_without_a_path_are_refused(venues: Venues) -> None:
    with pytest.raises(SourceError, match="'yahooo' does not exist: did you mean 'yahoo'"):
        make_source("yahooo", venues)
    with pytest.raises(NotATableError, match="needs a path"):
        make_source("files", venues)


@pytest.mark.parametrize(("name", "example"), [("binance", "BINANCE:BTCUSDT"), ("yahoo", "NASDAQ:AAPL")])
def test_a_source_without_a_list_of_instruments_needs_symbols(venues: Venues, name: str, example: str) -> None:
    with pytest.raises(UnknownInstrumentError, match=f"{name}: name symbols, such as {example}"):
        make_source(name, venues).instruments(as_of=date(2024, 3, 1))
