"""The client of the scanner: pages, completeness and the errors of a response that is not complete."""

from __future__ import annotations

import pytest

from ingest.errors import IncompleteError, ScannerInputError
from ingest.reference.venues import Venues
from ingest.sources.tradingview.source import TradingViewSource
from tests.ingest.live.loopback_market import LAST, PATIENT_LIMITS, endpoints_of, trend_scanner
from tests.ingest.sources.tradingview.conftest import SYMBOLS
from tests.servers.exchange import Exchange


def test_pages_are_counted_against_the_total(exchange: Exchange, venues: Venues) -> None:
    exchange.requests.clear()
    source = TradingViewSource(
        venues, (trend_scanner(),), endpoints=endpoints_of(exchange), http_limits=PATIENT_LIMITS, page=7
    )
    assert source.instruments(as_of=LAST)["symbol"].to_list() == SYMBOLS
    assert len([one for one in exchange.requests if one.what.startswith("POST")]) == 6


def test_unknown_fields_name_the_nearest(source: TradingViewSource, exchange: Exchange) -> None:
    exchange.faults.set("scanner", "unknown_field", match="/scan")
    with pytest.raises(ScannerInputError, match="Unknown field"):
        source.scan(trend_scanner(), as_of=LAST)


def test_a_missing_row_is_an_error_of_the_whole_scan(source: TradingViewSource, exchange: Exchange) -> None:
    exchange.faults.set("scanner", "total_without_rows")
    with pytest.raises(IncompleteError, match="totalCount is"):
        source.scan(trend_scanner(), as_of=LAST)
