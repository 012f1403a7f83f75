"""Handshakes, frames and packets that are broken on the websocket."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, InvalidURI

from tests.servers.exchange import Exchange
from tests.servers.fault_cases import ANSWER, BODY, CASES, HISTORY
from tests.servers.market import Market
from tests.test_servers.chart_client import ChartClient, bars_of, talk
from tests.test_servers.fault_probe import STATUS

HANDSHAKES = [name for name, case in CASES.items() if case.stage == ANSWER and HISTORY in case.services]


@pytest.mark.parametrize("case", HANDSHAKES)
def test_a_handshake(exchange: Exchange, case: str) -> None:
    async def script(client: ChartClient) -> str:
        await client.open_series("NASDAQ:MADE1", 1)
        return (await client.until("series_completed"))[-1]["m"]

    exchange.faults.set("history", case, times=1)
    if case == "accept_then_silent":
        with pytest.raises(TimeoutError):
            talk(exchange.history_url, script, open_timeout=0.2)
    elif case == "reset_after_headers":
        with pytest.raises(ConnectionClosed):
            talk(exchange.history_url, script)
    elif case == "reset_before_headers":
        with pytest.raises((InvalidMessage, ConnectionError, EOFError)):
            talk(exchange.history_url, script)
    elif case == "redirect":
        # This client library follows by itself, and finds no websocket there.
        with pytest.raises(InvalidURI, match="moved"):
            talk(exchange.history_url, script)
    else:
        with pytest.raises(InvalidStatus) as refused:
            talk(exchange.history_url, script)
        assert refused.value.response.status_code == STATUS[case]
    assert exchange.requests.of("history")[0].fault == case
    assert talk(exchange.history_url, script) == "series_completed"


@pytest.mark.parametrize("case", [name for name, one in CASES.items() if one.stage == BODY and HISTORY in one.services])
def test_a_series_frame(exchange: Exchange, case: str) -> None:
    async def script(client: ChartClient) -> Any:
        await client.open_series("NASDAQ:MADE2", 20)
        heard = await client.until("series_loading")
        heard += await client.until("series_completed", 0.5)
        return heard

    exchange.faults.set("history", case, times=1, match="NASDAQ:MADE2", size=2_000_000, seconds=0.1, depth=20_000)
    outcomes: dict[str, type[BaseException] | tuple[type[BaseException], ...]] = {
        "stall_mid_body": TimeoutError,
        "drip": TimeoutError,
        "truncated_json": ValueError,
        "html": TimeoutError,
        "empty_body": ValueError,
        "error_object": TimeoutError,
        "deep_json": RecursionError,
        "huge_body": ConnectionClosed,
        "compression_bomb": ConnectionClosed,
    }
    with pytest.raises(outcomes[case]):
        talk(exchange.history_url, script, max_size=2**20)
    assert exchange.requests.of("history", "create_series")[0].fault == case
    assert talk(exchange.history_url, script)[-1]["m"] == "series_completed"


class TestPackets:
    def heard(self, exchange: Exchange, market: Market, seconds: float = 0.3) -> tuple[list[Any], list[Any]]:
        """Return the received messages until silence or the end, and the expected bars."""
        heard: list[dict[str, Any]] = []

        async def script(client: ChartClient) -> None:
            await client.open_series("NASDAQ:MADE2", 20)
            while True:
                heard.append(await client.hear(seconds))

        try:
            talk(exchange.history_url, script)
        except (TimeoutError, ConnectionClosed) as error:
            heard.append({"m": type(error).__name__, "p": []})
        rows = market.bars.filter(symbol="NASDAQ:MADE2").sort("opened_at").tail(20)
        return heard, rows["close"].to_list()

    def test_bad_length(self, exchange: Exchange) -> None:
        exchange.faults.set("history", "bad_length", match="NASDAQ:MADE2", delta=-3)

        async def script(client: ChartClient) -> None:
            await client.open_series("NASDAQ:MADE2", 20)
            await client.until("series_completed", 0.3)

        with pytest.raises((ValueError, TimeoutError)):
            talk(exchange.history_url, script)

    def test_split_frames(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "split_frames", match="NASDAQ:MADE2")
        heard, expected = self.heard(exchange, market)
        assert [row[4] for row in bars_of(heard)] == expected

    def test_interleaved_series(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "interleaved_series", match="NASDAQ:MADE2")
        heard, expected = self.heard(exchange, market)
        mine = [
            row["v"][4]
            for one in heard
            if one["m"] == "timescale_update" and one["p"][0] == "cs_a"
            for row in one["p"][1].get("sds_1", {"s": [], "t": ""})["s"]
            if one["p"][1]["sds_1"]["t"] == "s1"
        ]
        assert mine == expected
        assert len(bars_of(heard)) >= 60, "under the same series name come other bars as well"
        ends = [tuple(one["p"]) for one in heard if one["m"] == "series_completed"]
        assert ends.index(("cs_a", "sds_1", "endofday", "s1")) == 3, "three foreign ends come before the true one"

    def test_heartbeat_only(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "heartbeat_only", match="NASDAQ:MADE2")
        heard, _ = self.heard(exchange, market)
        assert [one["m"] for one in heard] == ["symbol_resolved", "series_loading", "TimeoutError"]

    def test_symbol_error_silence(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "symbol_error_silence", match="NASDAQ:MADE2", times=1)
        heard, _ = self.heard(exchange, market)
        assert [one["m"] for one in heard] == ["symbol_error", "TimeoutError"]
        heard, expected = self.heard(exchange, market)
        assert [row[4] for row in bars_of(heard)] == expected

    def test_close_mid_series(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "close_mid_series", match="NASDAQ:MADE2")
        heard, expected = self.heard(exchange, market)
        assert [row[4] for row in bars_of(heard)] == expected[:10]
        assert heard[-1]["m"] == "ConnectionClosedError"

    def test_late_duplicate_bars(self, exchange: Exchange, market: Market) -> None:
        exchange.faults.set("history", "late_duplicate_bars", match="NASDAQ:MADE2")
        heard, expected = self.heard(exchange, market)
        rows = bars_of(heard)
        assert len(rows) == 23
        assert [row[4] for row in rows[:17] + rows[20:]] == expected
        assert [row[4] for row in rows[17:20]] != expected[17:]
        assert heard[-2]["m"] == "du"
