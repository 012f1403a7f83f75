"""Serve Yahoo's v8 chart: arrays with nulls, adjusted closes, events, and an unfinished last bar.

See docs/protocols.md#yahoo.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.servers.bad_rows import bars_with_faults
from tests.servers.fault_cases import YAHOO
from tests.servers.faults import Faults
from tests.servers.market_data import Bar, MarketData, epoch
from tests.servers.periods import MONTH, WEEK, gathered
from tests.servers.raw_http import Reply, Request, encode

PATH = "/v8/finance/chart/"
GATHERED = {"1wk": WEEK, "1mo": MONTH}
INTRADAY = frozenset(["1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h"])
RANGE_DAYS = {"1d": 1, "5d": 5, "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
KINDS = {"stock": "EQUITY", "fund": "ETF", "spot": "CRYPTOCURRENCY", "forex": "CURRENCY", "futures": "FUTURE",
         "index": "INDEX"}  # fmt: skip
NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


class YahooService:
    """Charts of every instrument of the data, under Yahoo's names."""

    def __init__(self, data: MarketData, faults: Faults) -> None:
        self._data = data
        self._faults = faults
        self._symbols = _aliases(data)

    def answer(self, request: Request) -> Reply:
        """The reply to a chart."""
        # Without the agent of a browser the real service answers every request with 429.
        if not request.headers.get("user-agent", "").startswith("Mozilla/"):
            return Reply(429, b"Too Many Requests\r\n", content_type="text/plain")
        if request.method != "GET" or not request.path.startswith(PATH):
            return Reply(404, b"Not Found", content_type="text/plain")
        return self._chart(request.path.removeprefix(PATH), request.query)

    def _chart(self, requested: str, query: dict[str, str]) -> Reply:
        symbol = self._symbols.get(requested)
        if symbol is None:
            return _error(404, NOT_FOUND)
        interval = query.get("interval", "1d")
        if interval in INTRADAY:
            return _error(422, _out_of_reach(interval, query))
        if interval not in {"1d", *GATHERED}:
            return _error(422, {"code": "Unprocessable Entity", "description": f"Invalid input - interval={interval}"})
        bars = self._window(symbol, query)
        if bars is None:
            return _error(400, {"code": "Bad Request", "description": "Invalid input - period1, period2 or range"})
        bars = gathered(bars, GATHERED[interval]) if interval in GATHERED else bars
        bars = bars_with_faults(self._faults, YAHOO, symbol, bars, epoch(self._data.now)).bars
        result = self._result(requested, symbol, bars, query)
        return Reply(200, encode({"chart": {"result": [result], "error": None}}))

    def names(self, request: Request) -> str:
        """The instrument behind Yahoo's name."""
        return self._symbols.get(request.path.removeprefix(PATH), "")

    def refusal(self, case: str) -> Reply:
        """A bad request with 400, `{"chart":null}`, or an error object with 200."""
        if case == "null_chart":
            return Reply(200, encode({"chart": None}))
        return _error(400 if case == "unknown_field" else 200, {"code": "internal-error", "description": "Oops"})

    def _window(self, symbol: str, query: dict[str, str]) -> list[Bar] | None:
        now, reach = epoch(self._data.now), query.get("range")
        first, last = 0.0, math.inf
        try:
            if "period1" in query or "period2" in query:
                first, last = float(query.get("period1", 0)), float(query.get("period2", math.inf))
            elif reach == "ytd":
                first = epoch(dt.datetime(self._data.now.year, 1, 1))  # noqa: DTZ001 naive UTC
            elif reach != "max":
                first = now - RANGE_DAYS[reach or "1mo"] * 86_400
        except (KeyError, ValueError):
            return None
        return [bar for bar in self._data.bars(symbol) if first <= bar.opened < last]

    def _result(self, requested: str, symbol: str, bars: Sequence[Bar], query: dict[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = {"meta": self._meta(requested, symbol, bars, query)}
        if bars:
            result["timestamp"] = [self._stamp(bar, is_last=bar is bars[-1]) for bar in bars]
        events = _events(bars) if query.get("events") else {}
        if events:
            result["events"] = events
        names = ("open", "high", "low", "close", "volume")
        quote = {name: [getattr(bar, name) for bar in bars] for name in names} if bars else {}
        result["indicators"] = {"quote": [quote]}
        if query.get("includeAdjustedClose", "true") == "true":
            adjusted = [bar.close if bar.adj_close is None else bar.adj_close for bar in bars]
            result["indicators"]["adjclose"] = [{"adjclose": adjusted} if bars else {}]
        return result

    def _stamp(self, bar: Bar, *, is_last: bool) -> int:
        # While a session runs, its element carries the time of the last trade instead of the opening.
        live = is_last and self._data.is_open(bar) and bar.opened <= epoch(self._data.now)
        return int(epoch(self._data.now) if live else bar.opened)

    def _meta(self, requested: str, symbol: str, bars: Sequence[Bar], query: dict[str, str]) -> dict[str, Any]:
        data = self._data
        held = data.bars(symbol)
        zone = data.text(symbol, "timezone", "Etc/UTC")
        return {
            "currency": data.text(symbol, "currency", "USD"),
            "symbol": requested,
            "exchangeName": data.text(symbol, "exchange", symbol.partition(":")[0]),
            "instrumentType": KINDS.get(data.text(symbol, "type"), "EQUITY"),
            "firstTradeDate": int(held[0].opened) if held else None,
            "regularMarketTime": int(epoch(data.now)),
            "gmtoffset": 0,
            "timezone": "UTC",
            "exchangeTimezoneName": zone,
            "regularMarketPrice": held[-1].close if held else None,
            "chartPreviousClose": bars[0].close if bars else None,
            "priceHint": 2,
            "dataGranularity": query.get("interval", "1d"),
            "range": query.get("range", ""),
            "longName": data.text(symbol, "description"),
            "validRanges": [*RANGE_DAYS, "ytd", "max"],
        }


def _aliases(data: MarketData) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for symbol in data.symbols:
        ticker = symbol.partition(":")[2]
        kind, currency = data.text(symbol, "type"), data.text(symbol, "currency")
        names = [data.text(symbol, "yahoo"), ticker, ticker.replace(".", "-")]
        if kind == "forex":
            names.append(f"{ticker}=X")
        if kind == "spot" and currency and ticker.endswith(currency):
            names.append(f"{ticker.removesuffix(currency)}-{currency}")
        for name in filter(None, names):
            aliases.setdefault(name, symbol)
    return aliases


def _events(bars: Sequence[Bar]) -> dict[str, Any]:
    dividends = {
        str(int(bar.opened)): {"amount": bar.dividend, "date": int(bar.opened)} for bar in bars if bar.dividend
    }
    splits = {}
    for bar in bars:
        if bar.split:
            up, down = Fraction(bar.split).limit_denominator(1000).as_integer_ratio()
            ratio = f"{up}:{down}"
            at = int(bar.opened)
            splits[str(at)] = {"date": at, "numerator": float(up), "denominator": float(down), "splitRatio": ratio}
    return {name: held for name, held in (("dividends", dividends), ("splits", splits)) if held}


def _out_of_reach(interval: str, query: dict[str, str]) -> dict[str, str]:
    span = f"startTime={query.get('period1', '0')} and endTime={query.get('period2', '0')}"
    reason = "The requested range must be within the last 60 days."
    return {"code": "Unprocessable Entity", "description": f"{interval} data not available for {span}. {reason}"}


def _error(status: int, error: dict[str, str]) -> Reply:
    return Reply(status, encode({"chart": {"result": None, "error": error}}))
