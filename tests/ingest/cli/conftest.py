from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ingest.live.loopback_market import exchange_of
from tests.servers.exchange import Exchange

LIVE_SYMBOLS = ["BINANCE:ONEUSDT", "BINANCE:TWOUSDT", "NASDAQ:AAA", "NASDAQ:BBB"]


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """The loopback exchange, to which the environment directs every live source."""
    with exchange_of(LIVE_SYMBOLS) as opened:
        for name, url in {
            "TRADINGVIEW_SCANNER": opened.scanner_url,
            "TRADINGVIEW_HISTORY": opened.history_url,
            "BINANCE_SPOT": opened.binance_spot_url,
            "BINANCE_FUTURES": opened.binance_futures_url,
            "YAHOO": opened.yahoo_url,
        }.items():
            monkeypatch.setenv(f"LAKEFOLIO_{name}_URL", url)
        yield opened
