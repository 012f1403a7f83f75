"""Serve Binance klines, spot and USD-M, with request weights and numbered errors.

See docs/protocols.md#binance.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.servers.bad_rows import bars_with_faults
from tests.servers.fault_cases import BINANCE_FUTURES, BINANCE_SPOT
from tests.servers.faults import Faults
from tests.servers.market_data import Bar, MarketData, epoch
from tests.servers.periods import MONTH, WEEK, gathered
from tests.servers.raw_http import INFINITE, Reply, Request, encode

INTERVALS = frozenset(
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
)
GATHERED = {"1w": WEEK, "1M": MONTH}
LENGTH_MS = {"1d": 86_400_000, "1w": 7 * 86_400_000, "1M": 30 * 86_400_000}
LEGAL = re.compile(r"[A-Z0-9\-_.]{1,20}")
PERPETUAL = ".P"


class KlineError(Exception):
    """Error of the API: status, code, text and further headers."""

    def __init__(self, code: int, text: str, status: int = 400, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Meter:
    """Request weight of one client in the current minute."""

    limit: int
    window_seconds: float
    refusals_before_ban: int
    used: int = 0
    since: float = 0.0
    refusals: int = 0

    def charge(self, weight: int) -> None:
        """Count a request; beyond the limit it is refused, and banned when refusals are ignored."""
        now = time.monotonic()
        if now - self.since >= self.window_seconds:
            self.since, self.used, self.refusals = now, 0, 0
        self.used += weight
        if self.used <= self.limit:
            return
        self.refusals += 1
        wait = max(1, round(self.window_seconds - (now - self.since)))
        text = f"Too much request weight used; current limit is {self.limit} request weight per 1 MINUTE."
        status = 418 if self.refusals > self.refusals_before_ban else 429
        raise KlineError(-1003, text, status, (("Retry-After", str(wait)),))


class BinanceService:
    """Klines of the crypto instruments of the data; `service` says whether spot or perpetual."""

    def __init__(self, service: str, data: MarketData, faults: Faults, meter: Meter) -> None:
        self._service = service
        self._data = data
        self._faults = faults
        self._meter = meter
        self._is_spot = service == BINANCE_SPOT
        self._prefix = "/api/v3/" if self._is_spot else "/fapi/v1/"
        self._most = 1000 if self._is_spot else 1500

    def answer(self, request: Request) -> Reply:
        """Return the reply to klines, exchangeInfo, time or ping."""
        if request.method != "GET" or not request.path.startswith(self._prefix):
            return Reply(404, b"Not Found", content_type="text/plain")
        try:
            document = self._document(request.path.removeprefix(self._prefix), request.query)
            status = 200
            headers: tuple[tuple[str, str], ...] = ()
        except KlineError as error:
            document, status, headers = {"code": error.code, "msg": error.text}, error.status, error.headers
        weight = (("X-MBX-USED-WEIGHT-1M", str(self._meter.used)), ("X-MBX-USED-WEIGHT", str(self._meter.used)))
        return Reply(status, encode(document), (*headers, *weight))

    def names(self, request: Request) -> str:
        """Return the symbol of the requested ticker."""
        return self._listed().get(request.query.get("symbol", ""), "")

    def refusal(self, case: str) -> Reply:
        """A refused parameter with 400, or an error object with 200."""
        if case == "unknown_field":
            return Reply(400, encode({"code": -1104, "msg": "Not all sent parameters were read."}))
        return Reply(200, encode({"code": -1000, "msg": "An unknown error occurred while processing the request."}))

    def _document(self, path: str, query: dict[str, str]) -> Any:
        if path == "klines":
            limit = self._limit(query)
            self._meter.charge(self._weight(limit))
            return self._klines(query, limit)
        self._meter.charge(1)
        if path == "ping":
            return {}
        if path == "time":
            return {"serverTime": int(epoch(self._data.now) * 1000)}
        if path == "exchangeInfo":
            return {"timezone": "UTC", "symbols": [self._info(ticker, one) for ticker, one in self._listed().items()]}
        raise KlineError(-1000, f"no path {path}", 404)

    def _listed(self) -> dict[str, str]:
        listed = {}
        for symbol in self._data.symbols:
            venue, _, ticker = symbol.partition(":")
            perpetual = ticker.endswith(PERPETUAL) or venue == "BINANCE_USDM"
            if venue.startswith("BINANCE") and perpetual != self._is_spot:
                listed[ticker.removesuffix(PERPETUAL)] = symbol
        return listed

    def _info(self, ticker: str, symbol: str) -> dict[str, Any]:
        quote = self._data.text(symbol, "currency")
        base = ticker.removesuffix(quote) if quote else ticker
        info: dict[str, Any] = {"symbol": ticker, "status": "TRADING", "baseAsset": base, "quoteAsset": quote}
        return info if self._is_spot else info | {"pair": ticker, "contractType": "PERPETUAL"}

    def _limit(self, query: dict[str, str]) -> int:
        limit = _whole(query, "limit")
        if limit is None:
            return 500
        if limit < 1 or (limit > self._most and not self._is_spot):
            raise KlineError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, self._most)

    def _weight(self, limit: int) -> int:
        if self._is_spot:
            return 2
        return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10

    def _klines(self, query: dict[str, str], limit: int) -> list[list[Any]]:
        for name in ("symbol", "interval"):
            if not query.get(name):
                text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
                raise KlineError(-1102, text)
        if not LEGAL.fullmatch(query["symbol"]):
            text = "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
            raise KlineError(-1100, text)
        symbol, interval = self._listed().get(query["symbol"]), query["interval"]
        if interval not in INTERVALS:
            raise KlineError(-1120, "Invalid interval.")
        if symbol is None:
            raise KlineError(-1121, "Invalid symbol.")
        first, last = _whole(query, "startTime"), _whole(query, "endTime")
        held = self._data.bars(symbol) if interval in LENGTH_MS else []
        held = gathered(held, GATHERED[interval]) if interval in GATHERED else held
        rows = bars_with_faults(
            self._faults, self._service, symbol, _window(held, first, last, limit), epoch(self._data.now)
        )
        if rows.is_endless:
            # The same full page for every requested start.
            rows = type(rows)(held[:limit])
        return [_row(bar, LENGTH_MS[interval]) for bar in rows.bars]


def service_meter(
    service: str, spot_limit: int, futures_limit: int, window_seconds: float, refusals_before_ban: int
) -> Meter:
    """Return the meter of one of the two hosts."""
    return Meter(futures_limit if service == BINANCE_FUTURES else spot_limit, window_seconds, refusals_before_ban)


def _window(bars: Sequence[Bar], first: int | None, last: int | None, limit: int) -> list[Bar]:
    kept = [bar for bar in bars if last is None or bar.opened * 1000 <= last]
    if first is None:
        return kept[-limit:]
    return [bar for bar in kept if bar.opened * 1000 >= first][:limit]


def _whole(query: dict[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,20}", value):
        raise KlineError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(value)


def _row(bar: Bar, length_ms: int) -> list[Any]:
    opened = int(bar.opened * 1000)
    numbers = all(isinstance(value, int | float) for value in (bar.close, bar.volume))
    traded = bar.close * bar.volume if numbers else 0.0
    prices = [_text(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    trades = int(bar.volume) % 10_000 if numbers and bar.volume == bar.volume else 0
    return [opened, *prices, opened + length_ms - 1, _text(traded), trades, "0", "0", "0"]


def _text(value: Any) -> Any:
    # Prices are texts here, so a number out of range is one too; what is no number at all goes out as it is.
    if value == INFINITE:
        return "1e400"
    if not isinstance(value, int | float):
        return value
    return str(value) if value != value else format(Decimal(repr(value)), "f")  # noqa: PLR0124 NaN
