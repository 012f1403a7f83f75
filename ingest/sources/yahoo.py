"""The source `yahoo`: daily bars of the v8 chart, adjusted closes included.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import polars as pl

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RemoteError,
    RequestRefusedError,
    SymbolUnknownError,
    UnknownInstrumentError,
    WrongSeriesError,
)
from ingest.reference.calendars import FIRST_KNOWN
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.bar_series import Row, bars_of, midnight_s, number
from ingest.sources.instruments import with_pairs
from ingest.sources.pacing import Answers, Lanes, Pace, Report, ask_each
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarBatch, BarRequest, no_scanner
from ingest.sources.yahoo_symbols import yahoo_symbol
from ingest.transport.bodies import shown
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked
from ingest.transport.http import Http, HttpLimits

_KEPT = "nothing of it was used, run again"
# Other agents are answered 429 at once.
_BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36"
}
_CLASSES = {
    "EQUITY": ("equity", "cash"),
    "ETF": ("etf", "cash"),
    "CRYPTOCURRENCY": ("crypto", "spot"),
    "CURRENCY": ("fx", "spot"),
    "FUTURE": ("future", "continuous"),
    "INDEX": ("index", "index"),
}
_NAMES = ("open", "high", "low", "close", "volume")


class YahooSource:
    """Daily bars of Yahoo; open, high, low and close are adjusted for splits, `adj_close` for dividends as well.

    Parameters
    ----------
    symbols : sequence of str
        What `instruments()` without symbols returns.
    """

    name = "yahoo"
    is_simulated = False
    scans_from_bars = True
    is_remote = True

    def __init__(
        self,
        venues: Venues,
        symbols: Sequence[str] = (),
        *,
        endpoints: Endpoints | None = None,
        limits: HttpLimits | None = None,
        pace: Pace | None = None,
        breaker: Callable[[], Breaker] = Breaker,
        report: Report | None = None,
    ) -> None:
        told = endpoints or Endpoints.from_environment()
        self.venues = venues
        self.symbols = tuple(symbols)
        self.report = report
        self.pace = pace or Pace(size=4, largest=16)
        self._limits = limits
        self._url = checked(told.yahoo)
        self._breaker = breaker()
        self._described: dict[str, dict[str, Any]] = {}

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return what the chart's metadata says of each symbol; asked for once.

        Raises
        ------
        UnknownInstrumentError
            When nothing is named and the source was made without symbols.
        RemoteError
            When a symbol's metadata cannot be had for another reason than that there is no such symbol.
        """
        asked = sorted(set(self.symbols if symbols is None else symbols))
        if not asked:
            raise UnknownInstrumentError("yahoo: name symbols, such as NASDAQ:AAPL")
        unknown = [symbol for symbol in asked if symbol not in self._described]
        for start in range(0, len(unknown), self.pace.largest):
            answers = asyncio.run(self._meta(unknown[start : start + self.pace.largest], as_of))
            for answer in answers.values():
                if isinstance(answer, RemoteError) and not isinstance(answer, SymbolUnknownError):
                    raise answer
        rows = [self._described[symbol] for symbol in asked if symbol in self._described]
        return with_pairs(pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA), self.venues)

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield batches of whole series; a symbol that was not answered in whole stands in `failures`."""
        with asyncio.Runner() as runner:
            lanes = Lanes(self.name, lambda group: self._group(group, request), self.pace, runner, self.report)
            yield from lanes.batches(request.symbols)

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Refuse: bars of Yahoo are scanned through `marts.scanner_columns`."""
        raise no_scanner(self.name, scanner, as_of_at or as_of)

    def _http(self) -> Http:
        return Http(self.name, self._url, breaker=self._breaker, limits=self._limits, headers=_BROWSER)

    async def _group(self, symbols: Sequence[str], request: BarRequest) -> Answers:
        async with self._http() as http:

            async def one(symbol: str) -> pl.DataFrame:
                origin = Origin(self.name, http.host, symbol)
                chart = await self._chart(http, symbol, request.first or FIRST_KNOWN, request.last)
                self._remember(symbol, chart["meta"])
                rows = _rows(chart, origin)
                if not rows:
                    raise IncompleteError(
                        origin, "no bar in the span asked for", "check the listing date of the symbol"
                    )
                calendar = self.venues.require(symbol.partition(":")[0]).calendar
                return bars_of(rows, symbol, calendar, request, origin)

            return await ask_each(one, symbols)

    async def _meta(self, symbols: Sequence[str], as_of: dt.date) -> Answers:
        async with self._http() as http:

            async def one(symbol: str) -> pl.DataFrame:
                chart = await self._chart(http, symbol, as_of - dt.timedelta(days=7), as_of)
                self._remember(symbol, chart["meta"])
                return pl.DataFrame()

            return await ask_each(one, symbols)

    async def _chart(self, http: Http, symbol: str, first: dt.date, last: dt.date) -> dict[str, Any]:
        """Ask for one chart and check that it is the one asked for."""
        origin = Origin(self.name, http.host, symbol)
        name = yahoo_symbol(symbol, self.venues)
        if name is None:
            raise SymbolUnknownError(origin, "yahoo has no such venue", "take another source for it")
        params: dict[str, str | int] = {
            # A session may open in the evening before its date.
            "period1": midnight_s(first - dt.timedelta(days=1)),
            "period2": midnight_s(last + dt.timedelta(days=1)),
            "interval": "1d",
            "events": "div,splits",
            "includeAdjustedClose": "true",
        }
        try:
            reply = await http.get(f"/v8/finance/chart/{quote(name, safe='')}", symbol, params)
        except RequestRefusedError as error:
            raise _refined(error, origin) from error
        chart = reply.value.get("chart") if isinstance(reply.value, dict) else None
        if not isinstance(chart, dict):
            raise IncompleteError(origin, f"no chart: {shown(reply.value)}", _KEPT)
        if chart.get("error"):
            refused = RequestRefusedError(origin, shown(chart["error"]), _KEPT, payload=reply.value)
            raise _refined(refused, origin)
        result = chart.get("result")
        one = result[0] if isinstance(result, list) and result else None
        if not isinstance(one, dict) or not isinstance(one.get("meta"), dict):
            raise MalformedError(origin, "the chart has no result with meta", _KEPT)
        told = one["meta"].get("symbol")
        if not isinstance(told, str) or told.upper() != name.upper():
            raise WrongSeriesError(origin, f"the chart is that of {shown(told)}, {name} was asked for", _KEPT)
        return one

    def _remember(self, symbol: str, meta: dict[str, Any]) -> None:
        venue, _, ticker = symbol.partition(":")
        kind = _CLASSES.get(str(meta.get("instrumentType")))
        if kind is None:
            return
        name, currency, since = (
            meta.get("longName") or meta.get("shortName"),
            meta.get("currency"),
            meta.get("firstTradeDate"),
        )
        self._described[symbol] = {
            **dict.fromkeys(INSTRUMENT_SCHEMA),
            "symbol": symbol,
            "venue": venue,
            "ticker": ticker,
            "asset_class": kind[0],
            "product": kind[1],
            "name": name if isinstance(name, str) else None,
            "currency": currency if isinstance(currency, str) else None,
            "root": ticker.removesuffix("1!") if kind[0] == "future" else None,
            "is_close_only": False,
            "first_session": _day(since),
        }


def _rows(chart: dict[str, Any], origin: Origin) -> list[Row]:
    """Read the columns of a chart; a row without any price is a pause, and not a bar."""
    stamps = chart.get("timestamp") or []
    indicators = chart.get("indicators")
    quotes = indicators.get("quote") if isinstance(indicators, dict) else None
    if not isinstance(stamps, list) or not isinstance(indicators, dict) or not isinstance(quotes, list):
        raise MalformedError(origin, "the chart has no timestamps or no quotes", _KEPT)
    if not stamps:
        return []
    first = quotes[0] if quotes and isinstance(quotes[0], dict) else {}
    adjusted = indicators.get("adjclose")
    adjclose = (
        adjusted[0].get("adjclose")
        if isinstance(adjusted, list) and adjusted and isinstance(adjusted[0], dict)
        else None
    )
    columns = [first.get(name) for name in _NAMES] + [adjclose if adjclose is not None else [None] * len(stamps)]
    rows: list[Row] = []
    for column, name in zip(columns, (*_NAMES, "adjclose"), strict=True):
        if not isinstance(column, list) or len(column) != len(stamps):
            raise MalformedError(origin, f"{name} does not have one value for each of {len(stamps)} timestamps", _KEPT)
    for place, stamp in enumerate(stamps):
        second = number(stamp, origin, "timestamp")
        values = [
            number(column[place], origin, name)
            for column, name in zip(columns, (*_NAMES, "adjclose"), strict=True)
            if isinstance(column, list)
        ]
        if second is None:
            raise MalformedError(origin, "a bar has no timestamp", _KEPT)
        if any(value is not None for value in values[:4]):
            rows.append((second, values[0], values[1], values[2], values[3], values[4], values[5]))
    return rows


def _refined(error: RequestRefusedError, origin: Origin) -> RequestRefusedError:
    """Tell an unknown symbol from another refusal."""
    chart = error.payload.get("chart") if isinstance(error.payload, dict) else None
    told = chart.get("error") if isinstance(chart, dict) else None
    if isinstance(told, dict) and told.get("code") == "Not Found":
        return SymbolUnknownError(
            origin, shown(told.get("description")), "check the symbol; a delisted one is no longer served"
        )
    return error


def _day(stamp: object) -> dt.date | None:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not -2e9 < stamp < 4e9:
        return None
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=stamp)).date()
