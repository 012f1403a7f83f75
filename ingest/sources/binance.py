"""The source `binance`: daily klines of spot pairs and of USD-margined perpetuals over REST.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RequestRefusedError,
    SymbolUnknownError,
    UnknownInstrumentError,
)
from ingest.reference.calendars import FIRST_KNOWN
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.bar_series import Row, bars_of, midnight_s, number
from ingest.sources.instruments import with_pairs
from ingest.sources.pacing import Answers, Lanes, Pace, Report, ask_each
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarBatch, BarRequest, no_scanner
from ingest.transport.bodies import shown
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked
from ingest.transport.http import Http, HttpLimits

_LOGGER = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_MAX_PAGES = 50
_INVALID_SYMBOL = (-1121, -1100)
_USED_WEIGHT = "x-mbx-used-weight-1m"
# Pairs that are cut downstream, since their ticker reads in two ways or they are quoted in a coin.
_OTHER_PAIR = r"^.+(?:[BT]USD|BTC|ETH|BNB)(?:\.P)?$"
_KEPT = "nothing of it was used, run again"


@dataclass(frozen=True, slots=True)
class _Market:
    """One of the two interfaces: its path, rows in a page, and weight that it bears in a minute."""

    path: str
    page: int
    weight_per_minute: int


_SPOT = _Market("/api/v3/klines", 1000, 6000)
_FUTURES = _Market("/fapi/v1/klines", 1500, 2400)


class BinanceSource:
    """Klines of Binance; `BINANCE:BTCUSDT` is spot, `BINANCE:BTCUSDT.P` and `BINANCE_USDM:BTCUSDT` are perpetuals.

    Parameters
    ----------
    symbols : sequence of str
        What `instruments()` without symbols returns: the interface itself is not asked for its list.
    page : int, optional
        Rows in a page; default what the interface bears.
    """

    name = "binance"
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
        page: int | None = None,
    ) -> None:
        told = endpoints or Endpoints.from_environment()
        self.venues = venues
        self.symbols = tuple(symbols)
        self.report = report
        self.pace = pace or Pace(size=8, largest=32)
        self.page = page
        self._limits = limits or HttpLimits()
        self._urls = {_SPOT: checked(told.binance_spot), _FUTURES: checked(told.binance_futures)}
        self._breakers = {market: breaker() for market in self._urls}

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:  # noqa: ARG002
        """Return what the symbols themselves say; sizes of lots and ticks are unknown and stay NULL.

        Raises
        ------
        UnknownInstrumentError
            When nothing is named and the source was made without symbols.
        """
        asked = self.symbols if symbols is None else symbols
        if not asked:
            raise UnknownInstrumentError("binance: name symbols, such as BINANCE:BTCUSDT")
        rows = []
        for symbol in sorted(set(asked)):
            venue, _, ticker = symbol.partition(":")
            if venue not in ("BINANCE", "BINANCE_USDM"):
                continue
            product = "spot" if _market_of(symbol) is _SPOT else "perp"
            rows.append(
                {
                    **dict.fromkeys(INSTRUMENT_SCHEMA),
                    "symbol": symbol,
                    "venue": venue,
                    "ticker": ticker,
                    "asset_class": "crypto",
                    "product": product,
                    "is_close_only": False,
                }
            )
        paired = with_pairs(pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA), self.venues)
        return paired.filter(pl.col("base").is_not_null() | pl.col("ticker").str.contains(_OTHER_PAIR))

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield batches of whole series; a symbol that was not answered in whole stands in `failures`."""
        with asyncio.Runner() as runner:
            lanes = Lanes(self.name, lambda group: self._group(group, request), self.pace, runner, self.report)
            yield from lanes.batches(request.symbols)

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Refuse: klines are scanned through `marts.scanner_columns`."""
        raise no_scanner(self.name, scanner, as_of_at or as_of)

    async def _group(self, symbols: Sequence[str], request: BarRequest) -> Answers:
        async with self._http(_SPOT) as spot, self._http(_FUTURES) as futures:
            https = {_SPOT: spot, _FUTURES: futures}

            async def one(symbol: str) -> pl.DataFrame:
                market = _market_of(symbol)
                return await self._klines(https[market], market, symbol, request)

            return await ask_each(one, symbols)

    def _http(self, market: _Market) -> Http:
        return Http(self.name, self._urls[market], breaker=self._breakers[market], limits=self._limits)

    async def _klines(self, http: Http, market: _Market, symbol: str, request: BarRequest) -> pl.DataFrame:
        """Ask page by page until a page is not full."""
        origin = Origin(self.name, http.host, symbol)
        start_ms = midnight_s(request.first or FIRST_KNOWN) * 1000
        end_ms = midnight_s(request.last) * 1000 + _DAY_MS - 1
        # A request for few rows weighs less.
        page_size = min(self.page or market.page, (end_ms - start_ms) // _DAY_MS + 2)
        rows: list[Row] = []
        for _ in range(_MAX_PAGES):
            params: dict[str, str | int] = {
                "symbol": symbol.partition(":")[2].removesuffix(".P"),
                "interval": "1d",
                "startTime": start_ms,
                "endTime": end_ms,
                "limit": page_size,
            }
            try:
                reply = await http.get(market.path, symbol, params)
            except RequestRefusedError as error:
                raise _refined(error, origin) from error
            page = _rows(reply.value, origin)
            rows += page
            await self._rest(reply.headers, market)
            if not page:
                break
            # A page is not the last because it is short: a missing kline makes a page short as well.
            # A stamp behind the end is no place to go on from; it is judged with the bars.
            newest_ms = max((int(row[0] * 1000) for row in page if row[0] * 1000 <= end_ms), default=end_ms)
            if newest_ms + _DAY_MS > end_ms:
                break
            if newest_ms < start_ms:
                raise IncompleteError(origin, "the same page comes again", _KEPT)
            start_ms = newest_ms + 1
        else:
            raise IncompleteError(origin, f"{_MAX_PAGES} pages and no end", "ask for a later start")
        if not rows:
            raise IncompleteError(origin, "no kline in the span asked for", "check the listing date of the symbol")
        return bars_of(rows, symbol, self.venues.require(symbol.partition(":")[0]).calendar, request, origin)

    async def _rest(self, headers: Mapping[str, str], market: _Market) -> None:
        """Rest until the minute is over when most of its weight is used: past it the address is banned."""
        used = headers.get(_USED_WEIGHT, "")
        if not used.isdigit() or int(used) < 0.9 * market.weight_per_minute:
            return
        now = dt.datetime.now(dt.UTC)
        pause = min(60.0 - now.second, self._limits.retry_after_cap_s)
        self.pace.observe(0, 0.0, is_throttled=True, n_failed=0)
        _LOGGER.info("binance: weight %s of %s used, resting %.0f s", used, market.weight_per_minute, pause)
        await asyncio.sleep(pause)


def _market_of(symbol: str) -> _Market:
    venue, _, ticker = symbol.partition(":")
    return _FUTURES if venue == "BINANCE_USDM" or ticker.endswith(".P") else _SPOT


def _rows(told: Any, origin: Origin) -> list[Row]:
    """Read klines: open time in ms, open, high, low, close, volume, close time in ms, ..."""
    if isinstance(told, dict) and "code" in told:
        raise _refined(RequestRefusedError(origin, shown(told), _KEPT, payload=told), origin)
    if not isinstance(told, list):
        raise MalformedError(origin, f"no list of klines: {shown(told)}", _KEPT)
    rows: list[Row] = []
    for item in told:
        if not isinstance(item, list) or len(item) < 7:
            raise MalformedError(origin, f"no kline: {shown(item)}", _KEPT)
        opened_ms = number(item[0], origin, "open time")
        if opened_ms is None:
            raise MalformedError(origin, "a kline has no open time", _KEPT)
        values = [number(value, origin, name) for name, value in zip(_NAMES, item[1:6], strict=True)]
        rows.append((opened_ms / 1000.0, values[0], values[1], values[2], values[3], values[4], None))
    return rows


_NAMES = ("open", "high", "low", "close", "volume")


def _refined(error: RequestRefusedError, origin: Origin) -> RequestRefusedError:
    """Tell an unknown symbol from another refusal by the code of the error."""
    code = error.payload.get("code") if isinstance(error.payload, dict) else None
    if code in _INVALID_SYMBOL:
        said = shown(error.payload.get("msg")) if isinstance(error.payload, dict) else ""
        return SymbolUnknownError(
            origin,
            f"{said} (code {code})",
            "check the symbol; a delisted pair is no longer served",
            payload=error.payload,
        )
    return error
