"""Fetch daily klines of Binance spot pairs and USD-margined perpetuals as the source `binance`.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RequestRefusedError,
    SymbolUnknownError,
)
from ingest.reference.calendars import FIRST_KNOWN
from ingest.reference.venues import Venues
from ingest.sources.bar_parsing import BarRow, bars_of, midnight_s, number
from ingest.sources.instruments import instrument_row, with_pairs
from ingest.sources.pacing import GroupResult, Pace, Report, fetch_each
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarRequest
from ingest.sources.rest import KEPT, RestSource
from ingest.transport.bodies import quoted
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked
from ingest.transport.http import HttpClient, HttpLimits

_LOGGER = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_MAX_PAGES = 50
_INVALID_SYMBOL = (-1121, -1100)
_USED_WEIGHT = "x-mbx-used-weight-1m"
# Pairs that dbt splits into base and quote, since their ticker is ambiguous or they are quoted in a coin.
_SPLIT_BY_DBT = r"^.+(?:[BT]USD|BTC|ETH|BNB)(?:\.P)?$"
_PRICE_FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class _Market:
    """One of the two interfaces: its path, most rows of a page, and request weight allowed per minute."""

    path: str
    page: int
    weight_per_minute: int


_SPOT = _Market("/api/v3/klines", 1000, 6000)
_FUTURES = _Market("/fapi/v1/klines", 1500, 2400)


class BinanceSource(RestSource):
    """Klines of Binance; `BINANCE:BTCUSDT` is spot, `BINANCE:BTCUSDT.P` and `BINANCE_USDM:BTCUSDT` are perpetuals.

    Parameters
    ----------
    symbols : sequence of str
        Symbols that `instruments()` without symbols returns; the service's list is not requested.
    page : int, optional
        Rows of a page; by default the most that the interface serves.
    """

    name = "binance"
    example = "BINANCE:BTCUSDT"

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
        page: int | None = None,
    ) -> None:
        super().__init__(venues, symbols, pace or Pace(size=8, largest=32), report)
        addresses = endpoints or Endpoints.from_environment()
        self.page = page
        self._limits = limits or HttpLimits()
        self._urls = {_SPOT: checked(addresses.binance_spot), _FUTURES: checked(addresses.binance_futures)}
        self._breakers = {market: breaker() for market in self._urls}

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:  # noqa: ARG002
        """Describe instruments by their symbols; lot and tick sizes are unknown and stay NULL.

        Raises
        ------
        UnknownInstrumentError
            When no symbol is named and the source was made without symbols.
        """
        rows = []
        for symbol in self._requested(symbols):
            if symbol.partition(":")[0] in ("BINANCE", "BINANCE_USDM"):
                product = "spot" if _market_of(symbol) is _SPOT else "perp"
                rows.append(instrument_row(symbol, "crypto", product))
        paired = with_pairs(pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA), self.venues)
        return paired.filter(pl.col("base").is_not_null() | pl.col("ticker").str.contains(_SPLIT_BY_DBT))

    async def _fetch(self, symbols: Sequence[str], request: BarRequest) -> GroupResult:
        async with self._client(_SPOT) as spot, self._client(_FUTURES) as futures:
            clients = {_SPOT: spot, _FUTURES: futures}

            async def klines(symbol: str) -> pl.DataFrame:
                market = _market_of(symbol)
                return await self._klines(clients[market], market, symbol, request)

            return await fetch_each(klines, symbols)

    def _client(self, market: _Market) -> HttpClient:
        return HttpClient(self.name, self._urls[market], breaker=self._breakers[market], limits=self._limits)

    async def _klines(self, http: HttpClient, market: _Market, symbol: str, request: BarRequest) -> pl.DataFrame:
        """Fetch page after page until the requested span is complete."""
        origin = http.origin(symbol)
        start_ms = midnight_s(request.first or FIRST_KNOWN) * 1000
        end_ms = midnight_s(request.last) * 1000 + _DAY_MS - 1
        # The service charges less weight for fewer rows.
        page_size = min(self.page or market.page, (end_ms - start_ms) // _DAY_MS + 2)
        rows: list[BarRow] = []
        for _ in range(_MAX_PAGES):
            params: dict[str, str | int] = {
                "symbol": symbol.partition(":")[2].removesuffix(".P"),
                "interval": "1d",
                "startTime": start_ms,
                "endTime": end_ms,
                "limit": page_size,
            }
            try:
                response = await http.get(market.path, symbol, params)
            except RequestRefusedError as error:
                raise _symbol_error(error, origin) from error
            page = _rows(response.value, origin)
            rows += page
            await self._pause_near_limit(response.headers, market)
            if not page:
                break
            # A short page need not be the last, since a missing kline makes a page short as well. A time after the end
            # of the span does not count as progress; quarantine refuses that bar.
            newest_ms = max((int(row[0] * 1000) for row in page if row[0] * 1000 <= end_ms), default=end_ms)
            if newest_ms + _DAY_MS > end_ms:
                break
            if newest_ms < start_ms:
                raise IncompleteError(origin, "the service repeats the same page", KEPT)
            start_ms = newest_ms + 1
        else:
            raise IncompleteError(origin, f"{_MAX_PAGES} pages and more to come", "request a later start")
        if not rows:
            raise IncompleteError(origin, "no kline in the requested span", "check the listing date of the symbol")
        return bars_of(rows, symbol, self.venues.calendar_of(symbol), request, origin)

    async def _pause_near_limit(self, headers: Mapping[str, str], market: _Market) -> None:
        """Pause until the minute is over when 90 % of its weight is used; beyond the limit the service bans the client."""
        used = headers.get(_USED_WEIGHT, "")
        if not used.isdigit() or int(used) < 0.9 * market.weight_per_minute:
            return
        now = dt.datetime.now(dt.UTC)
        pause = min(60.0 - now.second, self._limits.retry_after_cap_s)
        self.pace.observe(0, 0.0, is_throttled=True, n_failed=0)
        _LOGGER.info("binance: request weight %s of %s used, pausing %.0f s", used, market.weight_per_minute, pause)
        await asyncio.sleep(pause)


def _market_of(symbol: str) -> _Market:
    venue, _, ticker = symbol.partition(":")
    return _FUTURES if venue == "BINANCE_USDM" or ticker.endswith(".P") else _SPOT


def _rows(value: Any, origin: Origin) -> list[BarRow]:
    """Parse klines: open time in ms, open, high, low, close, volume, close time in ms, ..."""
    if isinstance(value, dict) and "code" in value:
        raise _symbol_error(RequestRefusedError(origin, quoted(value), KEPT, payload=value), origin)
    if not isinstance(value, list):
        raise MalformedError(origin, f"not a list of klines: {quoted(value)}", KEPT)
    rows: list[BarRow] = []
    for item in value:
        if not isinstance(item, list) or len(item) < 7:
            raise MalformedError(origin, f"not a kline: {quoted(item)}", KEPT)
        opened_ms = number(item[0], origin, "open time")
        if opened_ms is None:
            raise MalformedError(origin, "a kline has no open time", KEPT)
        values = [number(cell, origin, name) for name, cell in zip(_PRICE_FIELDS, item[1:6], strict=True)]
        rows.append((opened_ms / 1000.0, values[0], values[1], values[2], values[3], values[4], None))
    return rows


def _symbol_error(error: RequestRefusedError, origin: Origin) -> RequestRefusedError:
    """Return `SymbolUnknownError` where the code of the refusal says so, else the error itself."""
    code = error.payload.get("code") if isinstance(error.payload, dict) else None
    if code in _INVALID_SYMBOL:
        reason = quoted(error.payload.get("msg")) if isinstance(error.payload, dict) else ""
        return SymbolUnknownError(
            origin,
            f"{reason} (code {code})",
            "check the symbol; a delisted pair is no longer served",
            payload=error.payload,
        )
    return error
