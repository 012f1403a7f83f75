"""Read and write HTTP over asyncio streams, so that a response can be broken at any byte."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from tests.servers.traffic import Traffic

JSON = "application/json; charset=utf-8"
MAX_REQUEST = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The decoded path."""
        return urllib.parse.unquote(urllib.parse.urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's last value by name, empty values kept."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query, keep_blank_values=True))

    @property
    def words(self) -> str:
        """Target and body as one decoded text."""
        return urllib.parse.unquote(self.target) + "\n" + self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Reply:
    """Response before it is written."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON

    def head(self, length: int | None, extra: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Status line and headers; `length` None announces a chunked body."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", f"Content-Type: {self.content_type}"]
        lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in (*self.headers, *extra)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Service(Protocol):
    """Service behind a port."""

    def answer(self, request: Request) -> Reply:
        """Return the reply when no fault is on."""

    def names(self, request: Request) -> str:
        """Return the symbols of a request, as `VENUE:TICKER`, for faults that match."""

    def refusal(self, case: str) -> Reply:
        """Return the reply of the service to the faults `unknown_field` and `error_object`."""


class RequestError(Exception):
    """The bytes that arrived are no HTTP request."""


@dataclass(slots=True)
class Line:
    """One open connection, and the entry of the request it is answering."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    entry: Traffic | None = None

    async def read(self) -> Request | None:
        """Return the next request, None when the client has disconnected."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *rest = head.rstrip("\r\n").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3:
            raise RequestError(f"no request line: {first[:80]!r}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        return Request(parts[0], parts[1], headers, await self._body(headers))

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", ""):
            body = bytearray()
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
            return bytes(body)
        length = int(headers.get("content-length", "0"))
        if length > MAX_REQUEST:
            raise RequestError(f"a request of {length} bytes")
        return await self.reader.readexactly(length)

    async def write(self, data: bytes) -> None:
        """Write and wait until the buffer of the client has space."""
        # The log is written first, so that a client that has read a response finds it in the log.
        if self.entry is not None:
            self.entry.bytes_out += len(data)
        self.writer.write(data)
        await self.writer.drain()

    def promise(self, status: int) -> None:
        """Note the status that is about to be written."""
        if self.entry is not None:
            self.entry.status = status

    async def send(self, reply: Reply, *, accepts_gzip: bool) -> None:
        """Write an intact response, compressed where the client accepts it and it is large enough."""
        body: bytes = reply.body
        extra: tuple[tuple[str, str], ...] = ()
        self.promise(reply.status)
        if accepts_gzip and len(body) > 4096:
            body, extra = gzip.compress(body, 1), (("Content-Encoding", "gzip"),)
        await self.write(reply.head(len(body), extra) + body)

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def encode(document: object) -> bytes:
    """Compact JSON; the faults' numbers that Python cannot hold are spelled out."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return text.replace(f'"{INFINITE}"', "1e400").encode()


# Stands in the rows for a number that is valid JSON and too large for a double.
INFINITE = "\u22651e400"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
