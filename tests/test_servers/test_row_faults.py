"""Rows and pages that are wrong, from every service that can send them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.servers.exchange import Exchange
from tests.servers.fault_cases import HISTORY, HTTP, PAGES, ROWS
from tests.test_servers.chart_client import ChartClient, bars_of, talk
from tests.test_servers.fault_probe import SYMBOLS, ask, pairs, rows_of
from tests.test_servers.http_client import get, post

MIDDLE = 30  # of sixty bars


@pytest.mark.parametrize(("service", "case"), pairs(ROWS, HTTP | {HISTORY}))
def test_a_row(exchange: Exchange, service: str, case: str) -> None:
    good = rows_of(exchange, service)
    exchange.faults.set(service, case, times=1, match=SYMBOLS[service])
    bad = rows_of(exchange, service)
    at = 1 if service == "scanner" else MIDDLE
    _check_row(good, bad, at, case)
    assert [(one.case, one.text) for one in exchange.faults.fired[-1:]] == [(case, SYMBOLS[service])]
    assert rows_of(exchange, service) == good, "the fault was on for one answer"


def _check_row(good: list[list[Any]], bad: list[list[Any]], at: int, case: str) -> None:  # noqa: PLR0912 one per case
    before, after = good[at], bad[at]
    if case == "duplicate_equal":
        assert bad == [*good[: at + 1], before, *good[at + 1 :]]
        return
    if case == "duplicate_different":
        assert bad[at + 1][0] == before[0]
        assert bad[at + 1][3] == pytest.approx(before[3] * 1.01)
        assert bad[: at + 1] + bad[at + 2 :] == good
        return
    if case == "gap":
        assert bad == good[:at] + good[at + 1 :]
        return
    if case == "future":
        assert bad[:-1] == good
        assert bad[-1][0] > good[-1][0] + 29 * 86_400
        return
    assert bad[:at] + bad[at + 1 :] == good[:at] + good[at + 1 :], "one row is wrong, the others are as they were"
    if case == "wrong_types":
        assert not isinstance(after[3], float)
    elif case == "nan":
        assert math.isnan(after[3])
    elif case == "infinite":
        assert math.isinf(after[3]), "1e400 overflows in whoever parses it as a double"
    elif case == "null_values":
        assert after[3] is None
    elif case == "epoch_zero":
        assert after[0] == 0
    elif case == "milliseconds":
        assert after[0] == before[0] * 1000
    elif case == "negative":
        assert after[3] == -before[3]
    elif case == "zero":
        assert after[3] == 0
    elif case == "high_below_low":
        assert after[1:3] == [before[2], before[1]]
    else:
        assert case == "tenfold_jump"
        assert after[3] == pytest.approx(before[3] * 10)


@pytest.mark.parametrize(("service", "case"), pairs(PAGES, HTTP | {HISTORY}))
def test_a_page(exchange: Exchange, service: str, case: str) -> None:
    good = rows_of(exchange, service)
    exchange.faults.set(service, case, times=1, match=SYMBOLS[service])
    if case == "endless_page":
        exchange.faults.clear(service)
        exchange.faults.set(service, case)
        _check_endless(exchange, service)
        return
    assert rows_of(exchange, service) == (good[::-1] if case == "unsorted" else [])
    assert rows_of(exchange, service) == good


def test_a_total_without_rows_keeps_the_total(exchange: Exchange) -> None:
    exchange.faults.set("scanner", "total_without_rows")
    assert ask(exchange, "scanner").json() == {"totalCount": 50, "data": []}


def _check_endless(exchange: Exchange, service: str) -> None:
    if service == "scanner":
        for first in (0, 50, 100_000):
            body = {"range": [first, first + 50]}
            answer = post(f"{exchange.scanner_url}/america/scan", json=body).json()
            assert len(answer["data"]) == 50
            assert answer["totalCount"] > first + 50
    elif service == "history":

        async def script(client: ChartClient) -> list[int]:
            await client.open_series(SYMBOLS[service], 60)
            await client.until("series_completed")
            sizes = []
            for _ in range(4):
                await client.say("request_more_data", "cs_a", "sds_1", 50)
                sizes.append(len(bars_of(await client.until("series_completed"))))
            return sizes

        assert min(talk(exchange.history_url, script)) >= 50
    else:
        base = exchange.binance_spot_url + "/api/v3" if service == "binance_spot" else exchange.binance_futures_url
        path = "/klines" if service == "binance_spot" else "/fapi/v1/klines"
        params = {"symbol": "COIN2USDT", "interval": "1d", "limit": 10}
        pages = [get(base + path, params=params | {"startTime": at}).json() for at in (0, 2 * 10**12)]
        assert pages[0] == pages[1]
        assert len(pages[0]) == 10
