from __future__ import annotations

import pytest

from ingest.reference.venues import Venues
from ingest.sources.yahoo_symbols import yahoo_symbol


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("NASDAQ:AAPL", "AAPL"),
        ("NYSE:BRK.B", "BRK-B"),
        ("LSE:VOD", "VOD.L"),
        ("HKEX:5", "0005.HK"),
        ("FX_IDC:EURUSD", "EURUSD=X"),
        ("CME:ES1!", "ES=F"),
        ("BINANCE:BTCUSDT", None),
        ("NOWHERE:X", None),
    ],
)
def test_symbols_are_translated(venues: Venues, symbol: str, expected: str | None) -> None:
    assert yahoo_symbol(symbol, venues) == expected
