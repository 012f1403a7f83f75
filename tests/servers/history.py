"""Serve the history over a websocket: handshake, hello message, heartbeats and chart protocol."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.servers.broken_responses import HEADERS_ARRIVE_SECONDS, status_reply
from tests.servers.chart_protocol import ChartProtocol, Packet, ProtocolError
from tests.servers.fault_cases import ANSWER, HISTORY
from tests.servers.faults import Fault, Faults
from tests.servers.frames import HEARTBEAT, FrameError, framed, packed, payloads
from tests.servers.listener import Port
from tests.servers.market_data import MarketData
from tests.servers.packet_delivery import Delivery
from tests.servers.settings import Settings
from tests.servers.traffic import Traffic, TrafficLog

PATH = "/socket.io/websocket"

# Broken handshakes are this server's trade; its logger has nothing to add to the traffic log.
_SILENT = logging.getLogger("tests.servers.history")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class HistoryListener:
    """Listener that serves the chart protocol, with the faults of `history`."""

    def __init__(self, data: MarketData, faults: Faults, log: TrafficLog, settings: Settings) -> None:
        self.port = Port()
        self.elsewhere: Callable[[], str] = lambda: "http://127.0.0.1:1"
        self._data = data
        self._faults = faults
        self._log = log
        self._settings = settings
        self._stopped = asyncio.Event()
        self._server: Server | None = None
        self._doomed: set[ServerConnection] = set()

    async def open(self) -> None:
        """Start accepting."""
        if self._server is None:
            self._server = await serve(
                self._connected,
                sock=self.port.socket,
                process_request=self._handshake,
                ping_interval=None,
                open_timeout=None,
                close_timeout=0.5,
                logger=_SILENT,
                backlog=512,
            )

    async def refuse(self) -> None:
        """Stop accepting and drop open connections; the port stays bound."""
        if self._server is not None:
            # Closed at once, before the port is bound again; what websockets does later finds nothing left to close.
            self._server.server.close()
            self._drop()
            self._server.close(close_connections=False)
            self._server = None
            self.port.rebind()

    async def close(self) -> None:
        """Stop for good."""
        self._stopped.set()
        if self._server is not None:
            self._drop()
            self._server.close(close_connections=False)
            await self._server.wait_closed()
        self.port.close()

    def _drop(self) -> None:
        for connection in self._server.connections if self._server is not None else ():
            connection.transport.abort()

    async def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        entry = self._log.add(HISTORY, f"CONNECT {request.path}", b"")
        # Some clients send their origin twice; the real service accepts that.
        origins = request.headers.get_all("Origin")
        if len(origins) > 1:
            del request.headers["Origin"]
            request.headers["Origin"] = origins[0]
        fault = self._faults.take(HISTORY, ANSWER, request.path)
        if fault is not None:
            entry.fault = fault.case
            response = await self._broken(connection, fault)
        elif not request.path.startswith(PATH):
            response = _response(404, b"Not Found")
        elif self._is_full():
            response = _response(429, b"Too Many Requests", (("Retry-After", "1"),))
        else:
            response = None
        entry.status = 101 if response is None else response.status_code
        return response

    async def _broken(self, connection: ServerConnection, fault: Fault) -> Response | None:
        if fault.case == "accept_then_silent":
            await self._stopped.wait()
        if fault.case == "reset_after_headers":
            self._doomed.add(connection)
            return None
        if fault.case in {"accept_then_silent", "reset_before_headers"}:
            connection.transport.abort()
            return _response(503, b"")
        reply = status_reply(fault, self.elsewhere())
        return _response(500, b"") if reply is None else _response(reply.status, reply.body, reply.headers)

    def _is_full(self) -> bool:
        most = self._settings.max_connections
        return most is not None and self._server is not None and len(self._server.connections) >= most

    async def _connected(self, connection: ServerConnection) -> None:
        if connection in self._doomed:
            self._doomed.discard(connection)
            await asyncio.sleep(HEADERS_ARRIVE_SECONDS)
            connection.transport.abort()
            return
        talk = ChartConnection(connection, self._data, self._faults, self._log, self._settings, self._stopped)
        beat = asyncio.create_task(talk.beat())
        try:
            await talk.run()
        except ConnectionClosed:
            # The client disconnected within a response.
            pass
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)


class CountedSink:
    """Connection that records what is sent in the entry of the message that it answers."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.entry: Traffic | None = None

    def note(self, fault: str) -> None:
        """Record the fault of the response."""
        if self.entry is not None:
            self.entry.fault = fault

    async def send(self, message: str | AsyncIterator[str]) -> None:
        """Send one message, fragmented where it comes in parts."""
        await self._connection.send(self._counted(message) if isinstance(message, str) else self._parts(message))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        await self._connection.close(code, reason)

    async def _parts(self, parts: AsyncIterator[str]) -> AsyncIterator[str]:
        async for part in parts:
            yield self._counted(part)

    def _counted(self, text: str) -> str:
        if self.entry is not None:
            self.entry.bytes_out += len(text)
        return text


class ChartConnection:
    """One open connection."""

    def __init__(
        self,
        connection: ServerConnection,
        data: MarketData,
        faults: Faults,
        log: TrafficLog,
        settings: Settings,
        stopped: asyncio.Event,
    ) -> None:
        self._connection = connection
        self._protocol = ChartProtocol(data, faults, settings)
        self._sink = CountedSink(connection)
        self._delivery = Delivery(self._sink, data, faults, stopped)
        self._log = log
        self._settings = settings
        self._echoed = 0

    async def run(self) -> None:
        """Send the hello message, then answer until the client disconnects."""
        await self._connection.send(framed(_hello()))
        async for message in self._connection:
            try:
                for payload in payloads(message if isinstance(message, str) else message.decode()):
                    await self._hear(payload)
            except (FrameError, ProtocolError, ValueError) as error:
                await self._connection.send(framed(packed("protocol_error", [str(error)], time.time())))
                await self._connection.close(1000)
                return

    async def beat(self) -> None:
        """Send heartbeats; a client that does not echo one by the next is disconnected."""
        number = 0
        while True:
            await asyncio.sleep(self._settings.heartbeat_seconds)
            if self._echoed < number:
                await self._connection.close(1000, "no heartbeat")
                return
            number += 1
            await self._connection.send(framed(f"{HEARTBEAT}{number}"))

    async def _hear(self, payload: str) -> None:
        if payload.startswith(HEARTBEAT):
            self._echoed = max(self._echoed, int(payload.removeprefix(HEARTBEAT)))
            return
        message = json.loads(payload)
        method, params = _parts(message)
        entry = self._log.add(HISTORY, f"{method} {self._protocol.symbol_of(params)}".strip(), payload.encode())
        entry.status = 101
        if self._settings.latency_seconds:
            await asyncio.sleep(self._settings.latency_seconds)
        packets = self._protocol.answer(method, params)
        entry.what = f"{method} {_symbol(packets) or self._protocol.symbol_of(params)}".strip()
        self._sink.entry = entry
        await self._delivery.send(packets)


def _parts(message: Any) -> tuple[str, list[Any]]:
    if not isinstance(message, dict) or not isinstance(message.get("p"), list):
        raise ProtocolError("a message holds a method m and a list of parameters p")
    return str(message.get("m")), message["p"]


def _symbol(packets: list[Packet]) -> str:
    return next((packet.series.symbol for packet in packets if packet.series is not None), "")


def _hello() -> str:
    now = time.time()
    hello = {
        "session_id": f"0.{int(now * 1000) % 100_000}.1_loopback-charts-free-1",
        "timestamp": int(now),
        "timestampMs": int(now * 1000),
        "release": "release_208-91",
        "studies_metadata_hash": "0" * 40,
        "auth_scheme_vsn": 2,
        "protocol": "json",
        "via": "127.0.0.1:443",
        "javastudies": ["3.66"],
    }
    return json.dumps(hello, separators=(",", ":"))


def _response(status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    held = Headers([("Content-Length", str(len(body))), ("Connection", "close"), *headers])
    return Response(status, HTTPStatus(status).phrase, held, body)
