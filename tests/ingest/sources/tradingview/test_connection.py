from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ingest.errors import Origin, RemoteError
from ingest.sources.tradingview.connection import open_connection
from tests.ingest.live.loopback_market import exchange_of
from tests.servers.exchange import Exchange

ORIGIN = Origin("made", "host", "BINANCE:ONEUSDT")


@pytest.fixture(scope="module")
def opened() -> Iterator[Exchange]:
    with exchange_of(["BINANCE:ONEUSDT"]) as exchange:
        yield exchange


@pytest.fixture
def exchange(opened: Exchange) -> Iterator[Exchange]:
    yield opened
    opened.faults.clear()


async def first_message(url: str, *, max_bytes: int = 1_000_000, handshake_s: float = 10.0) -> str | bytes:
    async with open_connection(
        url, ORIGIN, handshake_s=handshake_s, max_bytes=max_bytes, retry_after_cap_s=60.0
    ) as connection:
        return await connection.recv()


def test_the_service_greets_a_connection_that_says_where_it_comes_from(exchange: Exchange) -> None:
    greeting = asyncio.run(first_message(exchange.history_url))
    assert isinstance(greeting, str)
    assert greeting.startswith("~m~")
    assert "session_id" in greeting


@pytest.mark.parametrize(
    ("case", "error", "problem"),
    [
        ("refuse", "UnreachableError", "not reached (ConnectionRefusedError)"),
        ("too_many_absurd", "ThrottledError", "handshake status 429"),
        ("server_error_502", "ServerFaultError", "handshake status 502"),
        ("forbidden", "AccessDeniedError", "handshake status 403"),
        ("redirect", "RedirectRefusedError", "handshake status 302"),
        ("accept_then_silent", "TimedOutError", "no handshake in time"),
    ],
)
def test_each_failure_of_the_handshake_has_its_error(exchange: Exchange, case: str, error: str, problem: str) -> None:
    exchange.faults.set("history", case)
    with pytest.raises(RemoteError) as caught:
        asyncio.run(first_message(exchange.history_url, handshake_s=0.3 if case == "accept_then_silent" else 10.0))
    assert type(caught.value).__name__ == error
    assert problem in caught.value.problem
    assert caught.value.origin is ORIGIN


def test_a_message_beyond_the_limit_ends_the_connection(exchange: Exchange) -> None:
    with pytest.raises(RemoteError, match="a message is larger than 10 bytes") as caught:
        asyncio.run(first_message(exchange.history_url, max_bytes=10))
    assert type(caught.value).__name__ == "TooLargeError"


def test_a_deadline_of_the_caller_is_not_taken_for_one_of_the_handshake(exchange: Exchange) -> None:
    async def wait() -> None:
        async with open_connection(
            exchange.history_url, ORIGIN, handshake_s=10.0, max_bytes=1_000_000, retry_after_cap_s=60.0
        ):
            raise TimeoutError("the caller's own")

    with pytest.raises(TimeoutError, match="the caller's own"):
        asyncio.run(wait())
