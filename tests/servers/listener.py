"""Serve HTTP on a loopback port that can refuse connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from tests.servers.broken_responses import break_answer, break_body
from tests.servers.fault_cases import ANSWER, BODY
from tests.servers.faults import Faults
from tests.servers.raw_http import Line, RequestError, Service
from tests.servers.traffic import TrafficLog

HOST = "127.0.0.1"


class Port:
    """A bound port: it accepts while it listens, and refuses while it is only bound."""

    def __init__(self) -> None:
        self.socket = _bound(0)
        self.number: int = self.socket.getsockname()[1]

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.number}"

    def rebind(self) -> socket.socket:
        """A fresh socket on the same port, not listening yet: connections are refused."""
        self.socket.close()
        self.socket = _bound(self.number)
        return self.socket

    def close(self) -> None:
        """Release the port."""
        self.socket.close()


class HttpListener:
    """Listener that serves one service over HTTP, with the faults of its name."""

    def __init__(self, name: str, service: Service, faults: Faults, log: TrafficLog, latency_seconds: float) -> None:
        self.name = name
        self.service = service
        self.port = Port()
        self.elsewhere: Callable[[], str] = lambda: "http://127.0.0.1:1"
        self._faults = faults
        self._log = log
        self._latency_seconds = latency_seconds
        self._stopped = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start accepting."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, sock=self.port.socket, limit=1 << 20, backlog=512
            )

    async def refuse(self) -> None:
        """Stop accepting; the port stays bound. Open connections end too."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self.port.rebind()
            self._drop()

    async def close(self) -> None:
        """Stop for good."""
        self._stopped.set()
        if self._server is not None:
            self._server.close()
        self._drop()
        await asyncio.gather(*self._lines, return_exceptions=True)
        self.port.close()

    def _drop(self) -> None:
        for task in self._lines:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._lines.add(task)
            task.add_done_callback(self._lines.discard)
        line = Line(reader, writer)
        try:
            while not self._stopped.is_set() and await self._exchange(line):
                pass
        except (ConnectionError, RequestError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client disconnected or sent no HTTP, or the exchange stops; no response is possible.
            pass
        finally:
            writer.close()

    async def _exchange(self, line: Line) -> bool:
        request = await line.read()
        if request is None:
            return False
        entry = line.entry = self._log.add(self.name, f"{request.method} {request.target}", request.body)
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        words = request.words + "\n" + self.service.names(request)
        fault = self._faults.take(self.name, ANSWER, words)
        if fault is not None:
            entry.fault = fault.case
            await break_answer(line, fault, self.service, self.elsewhere(), self._stopped)
            return not line.writer.transport.is_closing()
        reply = self.service.answer(request)
        fault = self._faults.take(self.name, BODY, words)
        if fault is not None:
            entry.fault = fault.case
            await break_body(line, fault, reply, self.service, self._stopped)
            return not line.writer.transport.is_closing()
        await line.send(reply, accepts_gzip="gzip" in request.headers.get("accept-encoding", ""))
        return request.headers.get("connection", "").lower() != "close"


def _bound(port: int) -> socket.socket:
    # The protocol is named so that asyncio switches off Nagle's delay on what is accepted.
    fresh = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    fresh.bind((HOST, port))
    fresh.setblocking(False)
    return fresh
