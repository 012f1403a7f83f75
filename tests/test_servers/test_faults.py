"""Broken responses and bodies, as clients see them."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.servers.exchange import Exchange
from tests.servers.fault_cases import ANSWER, BODY, CASES, HISTORY, HTTP, PACKETS, PAGES, ROWS
from tests.test_servers.fault_probe import BROWSER, STATUS, SYMBOLS, ask, pairs, rows_of
from tests.test_servers.http_client import client, post


def test_every_case_is_shown_in_this_file() -> None:
    shown = STATUS.keys() | {"accept_then_silent", "reset_before_headers", "reset_after_headers", "refuse"}
    stages = {case.stage for name, case in CASES.items() if name not in shown}
    assert stages == {BODY, ROWS, PAGES, PACKETS}, "bodies, rows, pages and packets are all parametrised below"
    assert {name for name, case in CASES.items() if case.stage == ANSWER} <= shown


@pytest.mark.parametrize(("service", "case"), pairs(ANSWER))
def test_an_answer(exchange: Exchange, service: str, case: str) -> None:
    exchange.faults.set(service, case, times=1, match=SYMBOLS[service] if service != "scanner" else None)
    if case == "accept_then_silent":
        with pytest.raises(httpx.ReadTimeout):
            ask(exchange, service, timeout=0.2)
    elif case.startswith("reset"):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            ask(exchange, service)
    else:
        answer = ask(exchange, service)
        assert answer.status_code == STATUS[case]
        if case == "redirect":
            assert answer.headers["Location"].startswith(exchange.elsewhere_url)
    assert [entry.fault for entry in exchange.requests.of(service)] == [case]
    assert ask(exchange, service).status_code == 200, "the fault was on for one request"


@pytest.mark.parametrize("service", sorted(HTTP | {HISTORY}))
def test_refuse(exchange: Exchange, service: str) -> None:
    urls = {"scanner": exchange.scanner_url, "yahoo": exchange.yahoo_url, "history": exchange.history_url}
    urls |= {"binance_spot": exchange.binance_spot_url, "binance_futures": exchange.binance_futures_url}
    port = int(httpx.URL(urls[service]).port or 0)
    exchange.faults.set(service, "refuse")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    exchange.faults.clear(service)
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_the_forms_of_retry_after(exchange: Exchange) -> None:
    exchange.faults.set("yahoo", "too_many_seconds", times=1, seconds=7)
    assert ask(exchange, "yahoo").headers["Retry-After"] == "7"
    exchange.faults.set("yahoo", "too_many_date", times=1, seconds=60)
    date = parsedate_to_datetime(ask(exchange, "yahoo").headers["Retry-After"])
    assert 55 <= date.timestamp() - time.time() <= 61
    exchange.faults.set("yahoo", "too_many_absurd", times=1)
    assert int(ask(exchange, "yahoo").headers["Retry-After"]) > 10**9


def test_nobody_is_elsewhere_unless_a_client_follows(exchange: Exchange) -> None:
    exchange.faults.set("scanner", "redirect", times=2)
    ask(exchange, "scanner")
    assert not exchange.requests.of("elsewhere")
    post(f"{exchange.scanner_url}/america/scan", content=b"{}", follow_redirects=True)
    assert len(exchange.requests.of("elsewhere")) == 1


@pytest.mark.parametrize(("service", "case"), pairs(BODY))
def test_a_body(exchange: Exchange, service: str, case: str) -> None:
    good = ask(exchange, service)
    exchange.faults.set(service, case, times=1, size=3_000_000, seconds=0.1)
    if case in {"stall_mid_body", "drip"}:
        before = time.monotonic()
        with pytest.raises((httpx.ReadTimeout, TimeoutError)):
            _read_for(exchange, service, 0.3)
        assert time.monotonic() - before < 2
    elif case == "early_close":
        with pytest.raises(httpx.RemoteProtocolError):
            ask(exchange, service)
    else:
        _check_body(ask(exchange, service), case, good)
    assert [entry.fault for entry in exchange.requests.of(service)] == ["", case]
    assert ask(exchange, service).content == good.content, "the fault was on for one request"


def _check_body(answer: httpx.Response, case: str, good: httpx.Response) -> None:
    assert answer.status_code == 200
    if case in {"truncated_json", "short_content_length", "html", "empty_body"}:
        with pytest.raises(ValueError, match=r"(?i)expecting|unterminated"):
            answer.json()
    if case in {"truncated_json", "short_content_length"}:
        assert good.content.startswith(answer.content)
        assert 0 < len(answer.content) < len(good.content)
    elif case == "html":
        assert answer.headers["Content-Type"].startswith("text/html")
    elif case == "empty_body":
        assert answer.content == b""
    elif case == "error_object":
        assert {"error", "msg", "chart"} & answer.json().keys()
    elif case == "null_chart":
        assert answer.json() == {"chart": None}
    elif case == "deep_json":
        with pytest.raises(RecursionError):
            answer.json()
    else:
        assert len(answer.content) > 2_000_000
        assert answer.json() == good.json(), "who reads on without a cap finds something that looks right"


def _read_for(exchange: Exchange, service: str, seconds: float) -> None:
    # A drip never times out by the byte: the whole has a deadline.
    ends = time.monotonic() + seconds
    url, content = f"{exchange.yahoo_url}/v8/finance/chart/MADE2", None
    if service == "scanner":
        url, content = f"{exchange.scanner_url}/america/scan", b"{}"
    elif service == "binance_spot":
        url = f"{exchange.binance_spot_url}/api/v3/klines?symbol=COIN2USDT&interval=1d"
    elif service == "binance_futures":
        url = f"{exchange.binance_futures_url}/fapi/v1/klines?symbol=COIN2USDT&interval=1d"
    method = "POST" if content is not None else "GET"
    with client() as line, line.stream(method, url, content=content, headers=BROWSER, timeout=seconds) as answer:
        for _ in answer.iter_raw(1):
            if time.monotonic() > ends:
                raise TimeoutError


def test_the_bomb_is_small_on_the_wire_and_valid(exchange: Exchange) -> None:
    exchange.faults.set("scanner", "compression_bomb", times=1)
    with (
        client() as line,
        line.stream("POST", f"{exchange.scanner_url}/america/scan", content=b'{"range":[0,1]}') as answer,
    ):
        packed = b"".join(answer.iter_raw())
    assert len(packed) < 1_000_000
    size = struct.unpack("<I", packed[-4:])[0]
    assert size > 500_000_000
    exchange.faults.set("scanner", "compression_bomb", times=1, size=4_000_000)
    with (
        client() as line,
        line.stream("POST", f"{exchange.scanner_url}/america/scan", content=b'{"range":[0,1]}') as answer,
    ):
        packed = b"".join(answer.iter_raw())
    assert json.loads(gzip.decompress(packed))["totalCount"] == 50


def test_a_huge_body_is_generated_as_it_is_read(exchange: Exchange) -> None:
    exchange.faults.set("scanner", "huge_body", times=1)
    exchange.faults.set("yahoo", "huge_body", times=1, declared=True)
    read = 0
    with client() as line, line.stream("POST", f"{exchange.scanner_url}/america/scan", content=b"{}") as answer:
        assert "Content-Length" not in answer.headers
        for part in answer.iter_raw():
            read += len(part)
            if read > 5_000_000:
                break
    with (
        client() as line,
        line.stream("GET", f"{exchange.yahoo_url}/v8/finance/chart/MADE2", headers=BROWSER) as answer,
    ):
        assert int(answer.headers["Content-Length"]) > 200_000_000
    assert ask(exchange, "scanner").status_code == 200
    assert exchange.requests.of("scanner")[0].bytes_out < 50_000_000


class TestSwitchboard:
    @pytest.mark.parametrize(
        ("service", "case", "options"),
        [
            ("nobody", "html", {}),
            ("scanner", "nonsense", {}),
            ("scanner", "split_frames", {}),
            ("yahoo", "endless_page", {}),
            ("scanner", "refuse", {"times": 1}),
            ("history", "server_error_500", {"match": "NASDAQ:MADE1"}),
        ],
    )
    def test_a_switch_that_could_never_fire_is_refused(
        self, exchange: Exchange, service: str, case: str, options: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match=r"choose from|on until cleared|leave match out"):
            exchange.faults.set(service, case, **options)

    def test_match_strikes_only_its_symbol(self, exchange: Exchange) -> None:
        exchange.faults.set("yahoo", "not_found", match="NASDAQ:MADE1")
        assert ask(exchange, "yahoo").status_code == 200
        exchange.faults.set("scanner", "html", match="NASDAQ:MADE1")
        for ticker, fails in (("NASDAQ:MADE10", False), ("NASDAQ:MADE1", True)):
            answer = post(f"{exchange.scanner_url}/america/scan", json={"symbols": {"tickers": [ticker]}})
            assert answer.headers["Content-Type"].startswith("text/html") is fails
        exchange.faults.clear("scanner")
        exchange.faults.set("scanner", "negative", match="NASDAQ:MADE2")
        closes = {row[0]: row[3] for row in rows_of(exchange, "scanner")}
        assert [symbol for symbol, close in closes.items() if close < 0] == ["NASDAQ:MADE2"]

    def test_a_fault_with_times_then_all_is_well(self, exchange: Exchange) -> None:
        exchange.faults.set("scanner", "server_error_503", times=2)
        assert [ask(exchange, "scanner").status_code for _ in range(3)] == [503, 503, 200]

    def test_without_match_every_row_is_struck(self, exchange: Exchange) -> None:
        exchange.faults.set("scanner", "zero")
        assert {row[3] for row in rows_of(exchange, "scanner")} == {0}
