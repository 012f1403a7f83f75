"""The client against the loopback exchange: what it sends, what it accepts, and the error of each failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ingest.errors import BreakerOpenError, RedirectRefusedError, RemoteError, RequestRefusedError, TooLargeError
from ingest.transport.breaker import Breaker
from ingest.transport.http import HttpClient, HttpLimits, Response
from tests.ingest.live.loopback_market import PATIENT_LIMITS, breaker_that_stays_closed, exchange_of
from tests.servers.exchange import Exchange

CHART = "/v8/finance/chart/AAA"
ONCE = replace(PATIENT_LIMITS, attempts=1, max_bytes=1_000_000)
IMPATIENT = replace(ONCE, silence_s=0.2)
BROWSER = {"user-agent": "Mozilla/5.0"}


@pytest.fixture(scope="module")
def opened() -> Iterator[Exchange]:
    with exchange_of(["NASDAQ:AAA"]) as exchange:
        yield exchange


@pytest.fixture
def exchange(opened: Exchange) -> Iterator[Exchange]:
    opened.requests.clear()
    yield opened
    opened.faults.clear()


def get(
    exchange: Exchange, limits: HttpLimits = ONCE, *, path: str = CHART, breaker: Breaker | None = None
) -> Response:
    async def fetch() -> Response:
        stays_closed = breaker or breaker_that_stays_closed()
        async with HttpClient("made", exchange.yahoo_url, breaker=stays_closed, limits=limits, headers=BROWSER) as http:
            return await http.get(path, "NASDAQ:AAA", {"range": "5d", "interval": "1d"})

    return asyncio.run(fetch())


def test_a_response_is_parsed_and_has_headers_in_lower_case(exchange: Exchange) -> None:
    response = get(exchange)
    assert response.value["chart"]["result"][0]["meta"]["symbol"] == "AAA"
    assert response.headers["content-type"].startswith("application/json")
    assert 0.0 < response.seconds < ONCE.total_s
    (request,) = exchange.requests
    assert "range=5d" in request.what


def test_a_body_is_sent_as_json(exchange: Exchange) -> None:
    async def scan() -> Response:
        url, breaker = exchange.scanner_url, breaker_that_stays_closed()
        async with HttpClient("made", url, breaker=breaker, limits=ONCE) as http:
            return await http.post("/america/scan", "fields", {"columns": ["name"], "range": [0, 1]})

    assert asyncio.run(scan()).value["totalCount"] == 1


def test_a_refusal_quotes_the_reason_of_the_service_and_keeps_its_body(exchange: Exchange) -> None:
    with pytest.raises(RequestRefusedError, match=r"status 404, .*No data found") as caught:
        get(exchange, path="/v8/finance/chart/NONE")
    assert str(caught.value).startswith("made (127.0.0.1:")
    assert isinstance(caught.value.payload, dict)
    assert caught.value.payload["chart"]["error"]["code"] == "Not Found"


@pytest.mark.parametrize(
    ("case", "error", "problem"),
    [
        ("refuse", "UnreachableError", "not reached (ConnectError)"),
        ("reset_before_headers", "UnreachableError", "not reached (ReadError)"),
        ("accept_then_silent", "TimedOutError", "no data in time (ReadTimeout)"),
        ("early_close", "UnreadableError", "ended within the response"),
        ("server_error_503", "ServerFaultError", "status 503"),
        ("unauthorized", "AccessDeniedError", "status 401"),
        ("html", "UnreadableError", "an HTML page"),
    ],
)
def test_each_failure_has_its_error(exchange: Exchange, case: str, error: str, problem: str) -> None:
    exchange.faults.set("yahoo", case)
    with pytest.raises(RemoteError) as caught:
        get(exchange, IMPATIENT if case == "accept_then_silent" else ONCE)
    assert type(caught.value).__name__ == error
    assert problem in caught.value.problem


def test_a_transient_failure_is_tried_again_and_the_breaker_counts_each(exchange: Exchange) -> None:
    breaker = Breaker(failures_to_open=3)
    exchange.faults.set("yahoo", "server_error_500", times=1)
    assert get(exchange, PATIENT_LIMITS, breaker=breaker).value["chart"]["error"] is None
    assert breaker.n_failures == 0
    exchange.faults.set("yahoo", "server_error_500")
    for _ in range(3):
        with pytest.raises(RemoteError):
            get(exchange, breaker=breaker)
    n_requests = len(exchange.requests)
    with pytest.raises(BreakerOpenError, match="failed 3 times in a row"):
        get(exchange, breaker=breaker)
    assert len(exchange.requests) == n_requests


def test_a_redirect_is_not_followed(exchange: Exchange) -> None:
    exchange.faults.set("yahoo", "redirect")
    with pytest.raises(RedirectRefusedError):
        get(exchange)
    assert {one.service for one in exchange.requests} == {"yahoo"}


def test_a_body_is_limited_by_what_it_announces_and_by_what_arrives(exchange: Exchange) -> None:
    with pytest.raises(TooLargeError, match=r"announces \d+ bytes"):
        get(exchange, replace(ONCE, max_bytes=20))
    exchange.faults.set("yahoo", "compression_bomb", size=8 * 1024 * 1024)
    with pytest.raises(TooLargeError, match="larger than 1000000 bytes"):
        get(exchange)
    exchange.faults.clear()
    with pytest.raises(TooLargeError, match="nested deeper than 2"):
        get(exchange, replace(ONCE, max_depth=2))


def test_a_client_is_used_as_a_context(exchange: Exchange) -> None:
    client = HttpClient("made", exchange.yahoo_url, breaker=breaker_that_stays_closed(), limits=ONCE)
    with pytest.raises(RuntimeError, match="async with HttpClient"):
        asyncio.run(client.get(CHART, "NASDAQ:AAA"))
