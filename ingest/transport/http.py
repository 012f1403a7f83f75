"""Send requests to a service over HTTP, with limits, retries and a circuit breaker; the only module that uses `httpx`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from ingest.errors import Origin, RemoteError, TimedOutError, TooLargeError, UnreachableError, UnreadableError
from ingest.transport.bodies import TRY_LATER, Body, parse_json, quoted
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import host_of, is_loopback
from ingest.transport.retries import KEPT, RetryLimits, retrying
from ingest.transport.status_errors import is_redirect, status_error

# At level INFO the library logs the whole address of each request.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits(RetryLimits):
    """Limits of one request in time, size and attempts.

    Attributes
    ----------
    silence_s : float
        Longest wait for the next byte, in seconds.
    total_s : float
        Deadline of one request from start to last byte, in seconds.
    max_bytes, max_depth : int
        Largest body after decompression, and deepest nesting of its JSON.
    """

    connect_s: float = 5.0
    silence_s: float = 15.0
    total_s: float = 45.0
    max_bytes: int = 32 * 1024 * 1024
    max_depth: int = 32


@dataclass(frozen=True, slots=True)
class Response:
    """Parsed JSON body, headers (lower case) and duration of a successful request."""

    value: Any
    headers: Mapping[str, str]
    seconds: float


class HttpClient:
    """Client of one service, used as an asynchronous context.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    base_url : str
        Address that paths are relative to.
    breaker : Breaker
        Circuit breaker of the host; it outlives this client.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        breaker: Breaker,
        limits: HttpLimits | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.base_url = base_url
        self.host = host_of(base_url)
        self.limits = limits or HttpLimits()
        self.breaker = breaker
        self.headers = {"accept": "application/json", "accept-encoding": "gzip", **(headers or {})}
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> HttpClient:
        limits = self.limits
        self._client = httpx.AsyncClient(
            base_url=self.base_url,
            headers=self.headers,
            follow_redirects=False,
            trust_env=not is_loopback(self.base_url),
            timeout=httpx.Timeout(limits.silence_s, connect=limits.connect_s, pool=limits.total_s),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def origin(self, subject: str) -> Origin:
        """Return the origin of a request about `subject`, for error messages."""
        return Origin(self.source, self.host, subject)

    async def get(self, path: str, subject: str, params: Mapping[str, str | int] | None = None) -> Response:
        """Send a GET request; see `request`."""
        return await self.request("GET", path, subject, params=params)

    async def post(self, path: str, subject: str, body: Any) -> Response:
        """Send a POST request with a JSON body; see `request`."""
        return await self.request("POST", path, subject, body=body)

    async def request(
        self,
        method: str,
        path: str,
        subject: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Any = None,
    ) -> Response:
        """Send a request, again after transient failures, and parse the JSON of its response.

        Parameters
        ----------
        subject : str
            Symbol or description of the request, for error messages.

        Raises
        ------
        RemoteError
            When the service does not answer completely; the subclass says what happened.
        """
        origin = self.origin(subject)
        async for attempt in retrying(self.limits):
            with attempt:
                return await self._send(method, path, origin, params, body)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    async def _send(
        self, method: str, path: str, origin: Origin, params: Mapping[str, str | int] | None, body: Any
    ) -> Response:
        started, total_s = time.perf_counter(), self.limits.total_s
        async with self.breaker.attempt(origin, total_s), asyncio.timeout(total_s):
            try:
                value, headers = await self._exchange(method, path, origin, params, body)
            except httpx.HTTPError as error:
                raise _connection_error(error, origin) from error
        return Response(value, headers, time.perf_counter() - started)

    async def _exchange(
        self, method: str, path: str, origin: Origin, params: Mapping[str, str | int] | None, body: Any
    ) -> tuple[Any, Mapping[str, str]]:
        if self._client is None:
            raise RuntimeError("HttpClient is a context: async with HttpClient(...) as http")
        async with self._client.stream(method, path, params=params, json=body) as response:
            status = response.status_code
            if is_redirect(status):
                raise self._status_error(response, b"", origin)
            received = Body(response.headers.get("content-encoding", ""), self.limits.max_bytes, origin)
            announced = response.headers.get("content-length", "")
            if announced.isdigit() and int(announced) > self.limits.max_bytes:
                raise TooLargeError(
                    origin,
                    f"the response announces {announced} bytes",
                    f"more than {self.limits.max_bytes} are refused",
                )
            async for piece in response.aiter_raw():
                received.feed(piece)
            content = received.whole()
            if status != httpx.codes.OK:
                raise self._status_error(response, content, origin)
            return parse_json(content, origin, max_depth=self.limits.max_depth), response.headers

    def _status_error(self, response: httpx.Response, content: bytes, origin: Origin) -> RemoteError:
        status = response.status_code
        try:
            payload = parse_json(content, origin, max_depth=self.limits.max_depth)
        except RemoteError:
            payload = None
        description = f"status {status}" + (f", {quoted(_reason(payload))}" if payload else "")
        return status_error(
            status, response.headers, origin, description, pause_cap_s=self.limits.retry_after_cap_s, payload=payload
        )


def _connection_error(error: httpx.HTTPError, origin: Origin) -> RemoteError:
    kind = type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return TimedOutError(origin, f"no data in time ({kind})", f"{TRY_LATER}; {KEPT}")
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return UnreadableError(
            origin, "the connection ended within the response, or it is not HTTP", f"{TRY_LATER}; {KEPT}"
        )
    return UnreachableError(origin, f"not reached ({kind})", f"check the network and {TRY_LATER}; {KEPT}")


def _reason(payload: Any) -> Any:
    """Return the part of an error object that states the reason."""
    if isinstance(payload, dict):
        for name in ("error", "msg", "message", "description", "finance", "chart"):
            if payload.get(name):
                return _reason(payload[name]) if isinstance(payload[name], dict) else payload[name]
    return payload
