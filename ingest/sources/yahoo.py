"""Fetch daily bars and adjusted closes of the Yahoo v8 chart as the source `yahoo`.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
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
    WrongSeriesError,
)
from ingest.reference.calendars import FIRST_KNOWN
from ingest.reference.venues import Venues
from ingest.sources.bar_parsing import BarRow, bars_of, midnight_s, number
from ingest.sources.instruments import instrument_row, with_pairs
from ingest.sources.pacing import GroupResult, Pace, Report, fetch_each
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarRequest
from ingest.sources.rest import KEPT, RestSource
from ingest.sources.yahoo_symbols import yahoo_symbol
from ingest.transport.bodies import quoted
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked
from ingest.transport.http import HttpClient, HttpLimits

# The service answers other agents with status 429 at once.
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
_PRICE_FIELDS = ("open", "high", "low", "close", "volume")


class YahooSource(RestSource):
    """Daily bars of Yahoo; open, high, low and close are adjusted for splits, `adj_close` for dividends as well.

    Parameters
    ----------
    symbols : sequence of str
        Symbols that `instruments()` without symbols returns.
    """

    name = "yahoo"
    example = "NASDAQ:AAPL"

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
        super().__init__(venues, symbols, pace or Pace(size=4, largest=16), report)
        self._limits = limits
        self._url = checked((endpoints or Endpoints.from_environment()).yahoo)
        self._breaker = breaker()
        self._described: dict[str, dict[str, Any]] = {}

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Describe instruments by the metadata of their charts; each symbol is requested once.

        Raises
        ------
        UnknownInstrumentError
            When no symbol is named and the source was made without symbols.
        RemoteError
            When the metadata of a symbol that may exist cannot be fetched.
        """
        requested = self._requested(symbols)
        unknown = [symbol for symbol in requested if symbol not in self._described]
        for start in range(0, len(unknown), self.pace.largest):
            result = asyncio.run(self._fetch_meta(unknown[start : start + self.pace.largest], as_of))
            for found in result.values():
                if isinstance(found, RemoteError) and not isinstance(found, SymbolUnknownError):
                    raise found
        rows = [self._described[symbol] for symbol in requested if symbol in self._described]
        return with_pairs(pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA), self.venues)

    def _client(self) -> HttpClient:
        return HttpClient(self.name, self._url, breaker=self._breaker, limits=self._limits, headers=_BROWSER)

    async def _fetch(self, symbols: Sequence[str], request: BarRequest) -> GroupResult:
        async with self._client() as http:

            async def bars(symbol: str) -> pl.DataFrame:
                origin = http.origin(symbol)
                chart = await self._chart(http, symbol, request.first or FIRST_KNOWN, request.last)
                self._remember(symbol, chart["meta"])
                rows = _rows(chart, origin)
                if not rows:
                    raise IncompleteError(
                        origin, "no bar in the requested span", "check the listing date of the symbol"
                    )
                calendar = self.venues.calendar_of(symbol)
                return bars_of(rows, symbol, calendar, request, origin)

            return await fetch_each(bars, symbols)

    async def _fetch_meta(self, symbols: Sequence[str], as_of: dt.date) -> GroupResult:
        async with self._client() as http:

            async def meta(symbol: str) -> pl.DataFrame:
                chart = await self._chart(http, symbol, as_of - dt.timedelta(days=7), as_of)
                self._remember(symbol, chart["meta"])
                return pl.DataFrame()

            return await fetch_each(meta, symbols)

    async def _chart(self, http: HttpClient, symbol: str, first: dt.date, last: dt.date) -> dict[str, Any]:
        """Fetch one chart and check that it is that of the symbol."""
        origin = http.origin(symbol)
        name = yahoo_symbol(symbol, self.venues)
        if name is None:
            raise SymbolUnknownError(origin, "yahoo does not have this venue", "use another source for the symbol")
        params: dict[str, str | int] = {
            # A session may open on the evening before its date.
            "period1": midnight_s(first - dt.timedelta(days=1)),
            "period2": midnight_s(last + dt.timedelta(days=1)),
            "interval": "1d",
            "events": "div,splits",
            "includeAdjustedClose": "true",
        }
        try:
            response = await http.get(f"/v8/finance/chart/{quote(name, safe='')}", symbol, params)
        except RequestRefusedError as error:
            raise _symbol_error(error, origin) from error
        chart = response.value.get("chart") if isinstance(response.value, dict) else None
        if not isinstance(chart, dict):
            raise IncompleteError(origin, f"no chart: {quoted(response.value)}", KEPT)
        if chart.get("error"):
            refused = RequestRefusedError(origin, quoted(chart["error"]), KEPT, payload=response.value)
            raise _symbol_error(refused, origin)
        result = chart.get("result")
        one = result[0] if isinstance(result, list) and result else None
        if not isinstance(one, dict) or not isinstance(one.get("meta"), dict):
            raise MalformedError(origin, "the chart has no result with meta", KEPT)
        returned = one["meta"].get("symbol")
        if not isinstance(returned, str) or returned.upper() != name.upper():
            raise WrongSeriesError(origin, f"the chart is that of {quoted(returned)}, {name} was requested", KEPT)
        return one

    def _remember(self, symbol: str, meta: dict[str, Any]) -> None:
        kind = _CLASSES.get(str(meta.get("instrumentType")))
        if kind is None:
            return
        name, currency, since = (
            meta.get("longName") or meta.get("shortName"),
            meta.get("currency"),
            meta.get("firstTradeDate"),
        )
        self._described[symbol] = instrument_row(
            symbol,
            *kind,
            name=name if isinstance(name, str) else None,
            currency=currency if isinstance(currency, str) else None,
            root=symbol.partition(":")[2].removesuffix("1!") if kind[0] == "future" else None,
            first_session=_day(since),
        )


def _rows(chart: dict[str, Any], origin: Origin) -> list[BarRow]:
    """Parse the columns of a chart; a row without any price is no bar."""
    stamps = chart.get("timestamp") or []
    indicators = chart.get("indicators")
    quotes = indicators.get("quote") if isinstance(indicators, dict) else None
    if not isinstance(stamps, list) or not isinstance(indicators, dict) or not isinstance(quotes, list):
        raise MalformedError(origin, "the chart has no timestamps or no quotes", KEPT)
    if not stamps:
        return []
    first = quotes[0] if quotes and isinstance(quotes[0], dict) else {}
    adjusted = indicators.get("adjclose")
    adjclose = (
        adjusted[0].get("adjclose")
        if isinstance(adjusted, list) and adjusted and isinstance(adjusted[0], dict)
        else None
    )
    columns = [first.get(name) for name in _PRICE_FIELDS] + [adjclose if adjclose is not None else [None] * len(stamps)]
    rows: list[BarRow] = []
    for column, name in zip(columns, (*_PRICE_FIELDS, "adjclose"), strict=True):
        if not isinstance(column, list) or len(column) != len(stamps):
            raise MalformedError(origin, f"{name} does not have one value for each of {len(stamps)} timestamps", KEPT)
    for index, stamp in enumerate(stamps):
        second = number(stamp, origin, "timestamp")
        values = [
            number(column[index], origin, name)
            for column, name in zip(columns, (*_PRICE_FIELDS, "adjclose"), strict=True)
            if isinstance(column, list)
        ]
        if second is None:
            raise MalformedError(origin, "a bar has no timestamp", KEPT)
        if any(value is not None for value in values[:4]):
            rows.append((second, values[0], values[1], values[2], values[3], values[4], values[5]))
    return rows


def _symbol_error(error: RequestRefusedError, origin: Origin) -> RequestRefusedError:
    """Return `SymbolUnknownError` where the refusal says so, else the error itself."""
    chart = error.payload.get("chart") if isinstance(error.payload, dict) else None
    reason = chart.get("error") if isinstance(chart, dict) else None
    if isinstance(reason, dict) and reason.get("code") == "Not Found":
        return SymbolUnknownError(
            origin, quoted(reason.get("description")), "check the symbol; a delisted one is no longer served"
        )
    return error


def _day(stamp: object) -> dt.date | None:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not -2e9 < stamp < 4e9:
        return None
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=stamp)).date()
