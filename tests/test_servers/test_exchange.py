from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.servers.exchange import Exchange
from tests.servers.market import Market
from tests.servers.settings import Settings
from tests.servers.traffic import Traffic
from tests.test_servers.http_client import client, post

ROOT = Path(__file__).resolve().parents[2]


def opened(market: Market, settings: Settings | None = None) -> Exchange:
    return Exchange(market.bars, market.instruments, market.columns, settings=settings)


def ports(exchange: Exchange) -> list[int]:
    urls = (exchange.scanner_url, exchange.history_url, exchange.binance_spot_url)
    urls = (*urls, exchange.binance_futures_url, exchange.yahoo_url, exchange.elsewhere_url)
    assert all(httpx.URL(url).host == "127.0.0.1" for url in urls)
    return [int(httpx.URL(url).port or 0) for url in urls]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_service_has_a_port_and_all_close_with_the_block(market: Market) -> None:
    before = threading.active_count()
    with opened(market) as running:
        numbers = ports(running)
        assert len(set(numbers)) == 6
        assert all(answers(port) for port in numbers)
    assert not any(answers(port) for port in numbers)
    assert threading.active_count() == before


def test_two_exchanges_run_beside_each_other(market: Market) -> None:
    with opened(market) as first, opened(market) as second:
        assert not set(ports(first)) & set(ports(second))


def test_a_forgotten_exchange_stops_by_itself(market: Market) -> None:
    running = opened(market, Settings(lifetime_seconds=0.1)).start()
    deadline = time.monotonic() + 5
    while answers(ports(running)[0]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not answers(ports(running)[0])
    running.stop()


def test_an_interpreter_that_forgets_it_still_ends() -> None:
    program = (
        "from tests.servers.exchange import Exchange\nfrom tests.servers.market import made_market\n"
        "market = made_market(3)\nExchange(market.bars, market.instruments, market.columns).start()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_log_records_request_time_and_size(exchange: Exchange) -> None:
    before = time.monotonic()
    answer = post(f"{exchange.scanner_url}/america/scan", content=b'{"range":[0,1]}')
    entry: Traffic
    (entry,) = exchange.requests.of("scanner")
    assert (entry.service, entry.what, entry.body) == ("scanner", "POST /america/scan", b'{"range":[0,1]}')
    assert (entry.bytes_in, entry.status, entry.fault) == (15, 200, "")
    assert entry.bytes_out > len(answer.content)
    assert before <= entry.at <= time.monotonic()


def test_refused_ports_open_again_where_they_were(exchange: Exchange) -> None:
    for _ in range(3):
        exchange.faults.set("scanner", "refuse")
        with pytest.raises(httpx.ConnectError):
            post(f"{exchange.scanner_url}/america/scan", content=b"{}")
        exchange.faults.clear("scanner")
        assert post(f"{exchange.scanner_url}/america/scan", content=b"{}").status_code == 200
    for other in (exchange.yahoo_url, exchange.binance_spot_url):
        assert answers(int(httpx.URL(other).port or 0))


def test_a_connection_serves_many_requests_and_many_are_served_at_once(exchange: Exchange) -> None:
    with client(base_url=exchange.scanner_url) as line:
        assert {line.post("/america/scan", content=b"{}").status_code for _ in range(20)} == {200}

    def ask(_turn: int) -> int:
        return post(f"{exchange.scanner_url}/america/scan", content=b"{}", timeout=5).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(64))) == {200}


def test_bytes_that_are_no_request_do_not_hurt(exchange: Exchange) -> None:
    port = int(httpx.URL(exchange.scanner_url).port or 0)
    with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(b"nonsense\r\n\r\n")
        assert line.recv(100) == b""
    assert post(f"{exchange.scanner_url}/america/scan", content=b"{}").status_code == 200


def test_latency_can_be_set(market: Market) -> None:
    with opened(market, Settings(latency_seconds=0.2)) as running:
        before = time.monotonic()
        post(f"{running.scanner_url}/america/scan", content=b"{}")
        assert time.monotonic() - before >= 0.2
