from __future__ import annotations

import asyncio
import datetime as dt
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest.errors import Origin
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest
from ingest.sources.tradingview.newest_bars import AT_ONCE, newest_bars, only_missing_session
from ingest.sources.tradingview.scanner import ScannerClient

# Friday and Monday; New York closes at 20:00 UTC in summer.
FRIDAY, MONDAY = dt.date(2024, 5, 31), dt.date(2024, 6, 3)
OPENED = dt.datetime(2024, 6, 3, 13, 30, tzinfo=dt.UTC).timestamp()
KNOWN = frozenset({"open", "high", "low", "close", "volume", "time", "update_mode"})
EVENING = dt.datetime.fromisoformat("2024-06-03T21:00")


def request(now: dt.datetime = EVENING, first: dt.date | None = FRIDAY, last: dt.date = MONDAY) -> BarRequest:
    return BarRequest(("NYSE:A",), first, last, now, now)


def row(symbol: str = "NYSE:A", **changes: Any) -> dict[str, Any]:
    prices = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0}
    return {"symbol": symbol, **prices, "time": OPENED, "update_mode": "streaming", **changes}


class MadeClient:
    """A scanner that shows the rows."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = {one["symbol"]: one for one in rows}
        self.requested: list[int] = []
        self.http = SimpleNamespace(origin=lambda symbol: Origin("made", "host", symbol))

    async def tickers(self, market: str, symbols: list[str], columns: tuple[str, ...]) -> list[dict[str, Any]]:
        assert market == "global"
        assert set(columns) == KNOWN
        self.requested.append(len(symbols))
        return [self.rows[symbol] for symbol in symbols if symbol in self.rows]


def shown(venues: Venues, of: BarRequest, *rows: dict[str, Any], known: frozenset[str] = KNOWN) -> dict[str, Any]:
    client = cast("ScannerClient", MadeClient(*rows))
    found = asyncio.run(newest_bars(client, [one["symbol"] for one in rows], of, venues, known))
    return {symbol: bars.row(0, named=True) for symbol, bars in found.items()}


@pytest.mark.parametrize(
    ("now", "first", "last", "missing"),
    [
        ("2024-06-03T20:10", FRIDAY, MONDAY, MONDAY),
        ("2024-06-03T20:09", FRIDAY, MONDAY, None),
        ("2024-06-04T21:00", FRIDAY, MONDAY, MONDAY),
        ("2024-06-04T21:00", FRIDAY, dt.date(2024, 6, 4), None),
        ("2024-06-03T21:00", MONDAY, MONDAY, None),
        ("2024-06-03T21:00", None, MONDAY, None),
    ],
)
def test_exactly_one_session_must_have_settled_since_the_last_bar(
    now: str, first: dt.date | None, last: dt.date, missing: dt.date | None
) -> None:
    assert only_missing_session("XNYS", request(dt.datetime.fromisoformat(now), first, last)) == missing


def test_the_bar_of_the_missing_session_is_taken(venues: Venues) -> None:
    bar = shown(venues, request(), row())["NYSE:A"]
    assert (bar["session_date"], bar["open"], bar["close"], bar["volume"]) == (MONDAY, 10.0, 11.0, 5.0)
    assert "NYSE:A" in shown(venues, request(), row(volume=None))


@pytest.mark.parametrize(
    "changes",
    [
        {"time": OPENED - 3 * 86_400},
        {"time": None},
        {"close": None},
        {"close": "eleven"},
        {"time": 1000},
        # Shown 50 minutes late at 21:00: the close at 20:00 has not settled by 20:10.
        {"update_mode": "delayed_streaming_3001"},
    ],
    ids=str,
)
def test_what_is_not_surely_that_bar_is_left_to_the_history(venues: Venues, changes: dict[str, Any]) -> None:
    assert set(shown(venues, request(), row(**changes), row("NYSE:B"))) == {"NYSE:B"}


def test_a_delay_that_ends_after_the_session_had_settled_does_no_harm(venues: Venues) -> None:
    assert set(shown(venues, request(), row(update_mode="delayed_streaming_3000"))) == {"NYSE:A"}


def test_without_a_field_nothing_is_requested(venues: Venues) -> None:
    client = MadeClient(row())
    found = newest_bars(cast("ScannerClient", client), ["NYSE:A"], request(), venues, KNOWN - {"update_mode"})
    assert asyncio.run(found) == {}
    assert client.requested == []


def test_many_symbols_are_requested_in_parts_and_only_those_that_lack_one_session(venues: Venues) -> None:
    """On Monday evening a coin lacks Saturday and Sunday as well."""
    rows = [row(f"NYSE:S{number}") for number in range(AT_ONCE + 1)]
    client = MadeClient(*rows, row("BINANCE:BTCUSDT"))
    symbols = [*client.rows]
    found = asyncio.run(newest_bars(cast("ScannerClient", client), symbols, request(), venues, KNOWN))
    assert client.requested == [AT_ONCE, 1]
    assert set(found) == set(symbols) - {"BINANCE:BTCUSDT"}
