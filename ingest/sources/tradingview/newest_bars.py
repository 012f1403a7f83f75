"""Fetch the newest bar of many symbols with one scanner request, for series that lack only that bar."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ingest.errors import MalformedError, Origin
from ingest.reference.calendars import all_sessions
from ingest.reference.venues import Venues
from ingest.sources.bar_parsing import SETTLE_MINUTES, bars_of, number
from ingest.sources.protocol import BarRequest
from ingest.sources.tradingview.scanner import ScannerClient

_LOGGER = logging.getLogger(__name__)
_PRICES = ("open", "high", "low", "close")
_FIELDS = (*_PRICES, "volume", "time", "update_mode")
_DELAYED = re.compile(r"^delayed_streaming_(\d{1,6})$")
AT_ONCE = 250


def only_missing_session(calendar: str, request: BarRequest) -> dt.date | None:
    """Return the only session after `request.first` that was complete at the fetch; None unless there is exactly one."""
    if request.first is None:
        return None
    settled = min(request.fetched_at, request.as_of_at) - dt.timedelta(minutes=SETTLE_MINUTES)
    days = all_sessions(calendar).filter(
        (pl.col("session_date") > request.first)
        & (pl.col("session_date") <= request.last)
        & (pl.col("closes_at") <= settled)
    )["session_date"]
    return days[0] if days.len() == 1 else None


async def newest_bars(
    client: ScannerClient, symbols: Sequence[str], request: BarRequest, venues: Venues, known: frozenset[str]
) -> dict[str, pl.DataFrame]:
    """Return the newest bar of each symbol for which the scanner shows exactly the missing session.

    A symbol is not in the result, and its history must be fetched, when its newest bar is of another session, not
    closed yet, delayed beyond the time of the fetch, or incomplete.

    Parameters
    ----------
    known : frozenset of str
        Fields that the scanner has.

    Raises
    ------
    RemoteError
        When the scanner does not answer completely.
    """
    if not set(_FIELDS) <= known:
        return {}
    missing = {
        symbol: day
        for symbol in symbols
        if (day := only_missing_session(venues.calendar_of(symbol), request)) is not None
    }
    requested, found = sorted(missing), dict[str, pl.DataFrame]()
    for start in range(0, len(requested), AT_ONCE):
        for row in await client.tickers("global", requested[start : start + AT_ONCE], _FIELDS):
            symbol = row["symbol"]
            calendar = venues.calendar_of(symbol)
            bars = _bar(row, calendar, request, client.http.origin(symbol))
            if bars is not None and bars["session_date"].to_list() == [missing[symbol]]:
                found[symbol] = bars
    return found


def _bar(row: Mapping[str, Any], calendar: str, request: BarRequest, origin: Origin) -> pl.DataFrame | None:
    delay = _DELAYED.match(str(row["update_mode"]))
    moment = request.fetched_at - dt.timedelta(seconds=int(delay.group(1)) if delay else 0)
    try:
        stamp = number(row["time"], origin, "time")
        opened, high, low, close = (number(row[name], origin, name) for name in _PRICES)
        volume = number(row["volume"], origin, "volume")
        if stamp is None or close is None:
            return None
        delayed = BarRequest(request.symbols, request.first, request.last, request.as_of_at, moment)
        return bars_of([(stamp, opened, high, low, close, volume, None)], origin.subject, calendar, delayed, origin)
    except MalformedError as error:
        _LOGGER.warning("%s", error)
        return None
