"""Minimal chart client for the tests of the exchange: it sends given messages and keeps what it receives."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

MARK = re.compile(r"~m~(\d+)~m~")


class ChartClient:
    """One connection; messages are cut by their length."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.text = ""
        self.echoes = True

    async def say(self, method: str, *params: Any) -> None:
        payload = json.dumps({"m": method, "p": list(params)})
        await self.connection.send(f"~m~{len(payload)}~m~{payload}")

    async def hear(self, seconds: float = 2.0) -> dict[str, Any]:
        """The next message that is no heartbeat."""
        async with asyncio.timeout(seconds):
            while True:
                payload = await self._payload()
                if not payload.startswith("~h~"):
                    message: dict[str, Any] = json.loads(payload)
                    return message
                if self.echoes:
                    await self.connection.send(f"~m~{len(payload)}~m~{payload}")

    async def until(self, method: str, seconds: float = 2.0) -> list[dict[str, Any]]:
        """Messages up to the first with a method."""
        heard = [await self.hear(seconds)]
        while heard[-1].get("m") != method:
            heard.append(await self.hear(seconds))
        return heard

    async def open_series(self, symbol: str, count: int, session: str = "cs_a") -> None:
        await self.say("set_auth_token", "unauthorized_user_token")
        await self.say("chart_create_session", session, "")
        await self.say("resolve_symbol", session, "sym_1", "=" + json.dumps({"symbol": symbol}))
        await self.say("create_series", session, "sds_1", "s1", "sym_1", "1D", count, "")

    async def _payload(self) -> str:
        while True:
            head = MARK.match(self.text)
            if head is not None and len(self.text) >= head.end() + int(head.group(1)):
                end = head.end() + int(head.group(1))
                payload, self.text = self.text[head.end() : end], self.text[end:]
                return payload
            self.text += str(await self.connection.recv())


def talk(url: str, script: Callable[[ChartClient], Awaitable[Any]], **options: Any) -> Any:
    """Run a script over one connection, the hello already read."""

    async def run() -> Any:
        async with connect(url, max_size=options.pop("max_size", 2**22), **options) as connection:
            client = ChartClient(connection)
            hello = await client.hear()
            assert hello["protocol"] == "json"
            return await script(client)

    return asyncio.run(run())


def bars_of(messages: list[dict[str, Any]], series: str = "sds_1") -> list[list[Any]]:
    """The values of a series in the messages, in the order sent."""
    rows: list[list[Any]] = []
    for message in messages:
        if message.get("m") == "timescale_update" and series in message["p"][1]:
            rows += [row["v"] for row in message["p"][1][series]["s"]]
    return rows
