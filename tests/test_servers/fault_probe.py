"""Request bars of each service for the fault tests, and parse the responses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.servers.exchange import Exchange
from tests.servers.fault_cases import CASES, HTTP
from tests.test_servers.chart_client import ChartClient, bars_of, talk
from tests.test_servers.http_client import client

BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Encoding": "gzip"}
SYMBOLS = {"scanner": "NASDAQ:MADE2", "yahoo": "NASDAQ:MADE2", "history": "NASDAQ:MADE2"}
SYMBOLS |= {"binance_spot": "BINANCE:COIN2USDT", "binance_futures": "BINANCE:COIN2USDT.P"}


def ask(exchange: Exchange, service: str, *, timeout: float = 5.0) -> httpx.Response:
    with client(headers=BROWSER, timeout=timeout) as line:
        if service == "scanner":
            names = ["name", "close", "high", "low", "volume"]
            return line.post(f"{exchange.scanner_url}/america/scan", json={"columns": names, "range": [0, 10]})
        if service == "yahoo":
            return line.get(f"{exchange.yahoo_url}/v8/finance/chart/MADE2", params={"range": "max"})
        base = f"{exchange.binance_spot_url}/api/v3" if service == "binance_spot" else exchange.binance_futures_url
        path = "/klines" if service == "binance_spot" else "/fapi/v1/klines"
        return line.get(f"{base}{path}", params={"symbol": "COIN2USDT", "interval": "1d"})


def pairs(stage: str, services: frozenset[str] = HTTP) -> list[Any]:
    return [
        pytest.param(service, name, id=f"{name}-{service}")
        for name, case in CASES.items()
        if case.stage == stage
        for service in sorted(case.services & services)
    ]


STATUS = {
    "too_many_seconds": 429,
    "too_many_date": 429,
    "too_many_absurd": 429,
    "banned": 418,
    "server_error_500": 500,
    "server_error_502": 502,
    "server_error_503": 503,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "unknown_field": 400,
    "redirect": 302,
}


def rows_of(exchange: Exchange, service: str) -> list[list[Any]]:
    """Rows of [time, high, low, close, volume] as the service sends them, time in seconds."""
    if service == "history":

        async def script(client: ChartClient) -> list[dict[str, Any]]:
            await client.open_series(SYMBOLS[service], 60)
            return await client.until("series_completed")

        return [[row[0], row[2], row[3], row[4], row[5]] for row in bars_of(talk(exchange.history_url, script))]
    document = json.loads(ask(exchange, service).content)
    if service == "scanner":
        return [[row["s"], *row["d"][2:4], row["d"][1], row["d"][4]] for row in document["data"]]
    if service == "yahoo":
        result = document["chart"]["result"][0]
        quote = result["indicators"]["quote"][0]
        lists = (quote.get(name, []) for name in ("high", "low", "close", "volume"))
        return [list(row) for row in zip(result.get("timestamp", []), *lists, strict=True)]
    return [[row[0] / 1000, *(_number(row[at]) for at in (2, 3, 4, 5))] for row in document]


def _number(cell: Any) -> Any:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell
