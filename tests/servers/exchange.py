"""Loopback exchange: TradingView's scanner and history, Binance and Yahoo, served from a table of bars."""

from __future__ import annotations

import asyncio
import atexit
import datetime as dt
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import polars as pl

from tests.servers.binance import BinanceService, service_meter
from tests.servers.fault_cases import BINANCE_FUTURES, BINANCE_SPOT, HISTORY, SCANNER, YAHOO
from tests.servers.faults import Faults
from tests.servers.history import PATH, HistoryListener
from tests.servers.listener import HttpListener
from tests.servers.market_data import MarketData
from tests.servers.raw_http import Reply, Request, Service
from tests.servers.scanner import ScannerService
from tests.servers.settings import Settings
from tests.servers.traffic import TrafficLog
from tests.servers.yahoo import YahooService

START_SECONDS = 20.0
ELSEWHERE = "elsewhere"


class Exchange:
    """Exchange that starts every service on free ports of 127.0.0.1, in a background thread, until the block ends.

    Parameters
    ----------
    bars, instruments, columns : frame
        What it serves; see `data.MarketData`. `columns` may have no more than `symbol`: name, close, open, high, low, volume,
        change and Value.Traded are then read from the bars.
    faults : Faults, optional
        Faults that are on from the start; `faults` switches them later.
    settings : Settings, optional
        Clock, heartbeat and limits.
    catalogue : frame, optional
        market, field, type: the fields the scanner knows beside those of `columns`.
    """

    def __init__(
        self,
        bars: pl.DataFrame,
        instruments: pl.DataFrame,
        columns: pl.DataFrame,
        *,
        faults: Faults | None = None,
        settings: Settings | None = None,
        catalogue: pl.DataFrame | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.requests = TrafficLog()
        self.settings = settings or Settings()
        self._data = MarketData(bars, instruments, columns, self.settings, catalogue)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="loopback-exchange", daemon=True)
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._listeners: dict[str, HttpListener | HistoryListener] = {}

    @property
    def scanner_url(self) -> str:
        """Base of POST /{market}/scan."""
        return self._url(SCANNER)

    @property
    def history_url(self) -> str:
        """The chart websocket."""
        return f"ws://{self._listeners[HISTORY].port.authority}{PATH}"

    @property
    def binance_spot_url(self) -> str:
        """Base of GET /api/v3/klines."""
        return self._url(BINANCE_SPOT)

    @property
    def binance_futures_url(self) -> str:
        """Base of GET /fapi/v1/klines."""
        return self._url(BINANCE_FUTURES)

    @property
    def yahoo_url(self) -> str:
        """Base of GET /v8/finance/chart/{symbol}."""
        return self._url(YAHOO)

    @property
    def elsewhere_url(self) -> str:
        """Address to which redirects point; `requests` shows any client that followed one."""
        return self._url(ELSEWHERE)

    @property
    def now(self) -> dt.datetime:
        """The exchange's clock, naive UTC."""
        return self._data.now

    @now.setter
    def now(self, moment: dt.datetime) -> None:
        self._call(self._advance(moment))

    def start(self) -> Self:
        """Open all ports."""
        self._thread.start()
        atexit.register(self.stop)
        if not self._started.wait(START_SECONDS) or self._stop is None:
            raise RuntimeError("the loopback exchange did not start")
        self.faults.on_change(self._switch)
        return self

    def stop(self) -> None:
        """Close all ports and connections; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _url(self, name: str) -> str:
        return f"http://{self._listeners[name].port.authority}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        stop = asyncio.Event()
        self._listeners = self._made()
        elsewhere = self._url(ELSEWHERE)
        for listener in self._listeners.values():
            listener.elsewhere = lambda: elsewhere
        await self._apply()
        self._stop = stop
        self._started.set()
        try:
            # Whoever forgets the exchange does not keep it for ever.
            await asyncio.wait_for(stop.wait(), self.settings.lifetime_seconds)
        except TimeoutError:
            pass
        finally:
            await asyncio.gather(*(listener.close() for listener in self._listeners.values()))
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    def _made(self) -> dict[str, HttpListener | HistoryListener]:
        settings, data, faults = self.settings, self._data, self.faults
        services: dict[str, Service] = {SCANNER: ScannerService(data, faults), YAHOO: YahooService(data, faults)}
        for name in (BINANCE_SPOT, BINANCE_FUTURES):
            limits = (settings.spot_weight_limit, settings.futures_weight_limit)
            meter = service_meter(name, *limits, settings.weight_window_seconds, settings.refusals_before_ban)
            services[name] = BinanceService(name, data, faults, meter)
        services[ELSEWHERE] = RedirectTarget()
        made: dict[str, HttpListener | HistoryListener] = {
            name: HttpListener(name, service, faults, self.requests, settings.latency_seconds)
            for name, service in services.items()
        }
        return made | {HISTORY: HistoryListener(data, faults, self.requests, settings)}

    async def _apply(self) -> None:
        for name, listener in self._listeners.items():
            await (listener.refuse() if self.faults.is_on(name, "refuse") else listener.open())

    async def _advance(self, moment: dt.datetime) -> None:
        self._data.advance(moment)

    def _switch(self) -> None:
        self._call(self._apply())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        if not self._thread.is_alive():
            work.close()
            return
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)


class RedirectTarget:
    """Service to which redirects point."""

    def answer(self, request: Request) -> Reply:
        """Return a reply that looks like data, which no client should read."""
        return Reply(200, b'{"totalCount":0,"data":[],"moved":true}', (("X-Moved-From", request.path),))

    def names(self, request: Request) -> str:
        """Nothing to match."""
        del request
        return ""

    def refusal(self, case: str) -> Reply:
        """It refuses nothing."""
        return Reply(200, case.encode())
