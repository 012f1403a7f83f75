"""Asking a service over HTTP, and believing nothing about its answer. The only module that knows `httpx`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpx
import stamina

from ingest.errors import (
    AccessDeniedError,
    Origin,
    RedirectRefusedError,
    RemoteError,
    RequestRefusedError,
    ServerFaultError,
    ThrottledError,
    TimedOutError,
    TooLargeError,
    UnreachableError,
    UnreadableError,
)
from ingest.transport.bodies import AGAIN, Body, parse_json, shown
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import host_of, is_loopback

# Each request at level INFO of the library would carry the whole address into the log.
logging.getLogger("httpx").setLevel(logging.WARNING)

_KEPT = "what was complete is kept, the next run continues there"
_TEAPOT_BAN = 418
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long, how much and how often.

    Attributes
    ----------
    silence_s : float
        Longest wait for the next byte.
    total_s : float
        Deadline of one request from start to last byte.
    retry_after_cap_s : float
        A pause asked for by the service is kept to; one that is longer than this is not waited for at all.
    """

    connect_s: float = 5.0
    silence_s: float = 15.0
    total_s: float = 45.0
    max_bytes: int = 32 * 1024 * 1024
    max_depth: int = 32
    attempts: int = 4
    wait_initial_s: float = 0.5
    wait_max_s: float = 10.0
    wait_jitter_s: float = 0.5
    retry_after_cap_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed answer, its headers (lower case) and how long it took."""

    value: Any
    headers: Mapping[str, str]
    seconds: float


class Http:
    """One service over HTTP; used as an asynchronous context.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    base_url : str
        Address that paths are relative to.
    breaker : Breaker
        The host's; it outlives this object.
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

    async def __aenter__(self) -> Http:
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

    async def get(self, path: str, subject: str, params: Mapping[str, str | int] | None = None) -> Reply:
        """Ask with GET; see `ask`."""
        return await self.ask("GET", path, subject, params=params)

    async def post(self, path: str, subject: str, body: Any) -> Reply:
        """Ask with POST and a JSON body; see `ask`."""
        return await self.ask("POST", path, subject, body=body)

    async def ask(
        self,
        method: str,
        path: str,
        subject: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Any = None,
    ) -> Reply:
        """Ask until there is an answer, a refusal, or no attempt left.

        Raises
        ------
        RemoteError
            Which one says what happened; see errors.py.
        """
        limits = self.limits
        origin = Origin(self.source, self.host, subject)
        async for attempt in stamina.retry_context(
            on=_pause_before_next,
            attempts=limits.attempts,
            timeout=None,
            wait_initial=limits.wait_initial_s,
            wait_max=limits.wait_max_s,
            wait_jitter=limits.wait_jitter_s,
        ):
            with attempt:
                return await self._once(method, path, origin, params, body)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    async def _once(
        self, method: str, path: str, origin: Origin, params: Mapping[str, str | int] | None, body: Any
    ) -> Reply:
        self.breaker.check(origin)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.limits.total_s):
                value, headers = await self._exchange(method, path, origin, params, body)
        except TimeoutError as error:
            told = TimedOutError(origin, f"no whole answer within {self.limits.total_s:g} s", f"{AGAIN}; {_KEPT}")
            self.breaker.note_failure(told)
            raise told from error
        except httpx.HTTPError as error:
            told_in_http = _of_transport(error, origin)
            self.breaker.note_failure(told_in_http)
            raise told_in_http from error
        except ThrottledError as error:
            self.breaker.note_failure(error, None if error.is_transient else error.retry_after_s)
            raise
        except RemoteError as error:
            self.breaker.note_failure(error)
            raise
        except asyncio.CancelledError:
            self.breaker.release()
            raise
        self.breaker.note_success()
        return Reply(value, headers, time.perf_counter() - started)

    async def _exchange(
        self, method: str, path: str, origin: Origin, params: Mapping[str, str | int] | None, body: Any
    ) -> tuple[Any, Mapping[str, str]]:
        if self._client is None:
            raise RuntimeError("Http is used as a context: async with Http(...) as http")
        async with self._client.stream(method, path, params=params, json=body) as response:
            status = response.status_code
            if 300 <= status < 400:
                raise RedirectRefusedError(
                    origin, f"status {status} points elsewhere", "set the endpoint to the service's own address"
                )
            read = Body(response.headers.get("content-encoding", ""), self.limits.max_bytes, origin)
            announced = response.headers.get("content-length", "")
            if announced.isdigit() and int(announced) > self.limits.max_bytes:
                raise TooLargeError(
                    origin, f"the answer announces {announced} bytes", f"more than {self.limits.max_bytes} are refused"
                )
            async for piece in response.aiter_raw():
                read.feed(piece)
            content = read.whole()
            if status != httpx.codes.OK:
                raise self._of_status(response, content, origin)
            return parse_json(content, origin, max_depth=self.limits.max_depth), response.headers

    def _of_status(self, response: httpx.Response, content: bytes, origin: Origin) -> RemoteError:
        status = response.status_code
        try:
            payload = parse_json(content, origin, max_depth=self.limits.max_depth)
        except RemoteError:
            payload = None
        said = f"status {status}" + (f", {shown(_words(payload))}" if payload else "")
        if status in (_TEAPOT_BAN, _TOO_MANY):
            return self._throttled(response, said, origin)
        if status >= 500:
            return ServerFaultError(origin, said, f"{AGAIN}; {_KEPT}")
        if status in (401, 403, 451):
            return AccessDeniedError(origin, said, "give credentials by environment, or ask from where it is allowed")
        return RequestRefusedError(origin, said, "check the symbol and the fields that were asked for", payload=payload)

    def _throttled(self, response: httpx.Response, said: str, origin: Origin) -> ThrottledError:
        pause, cap = _retry_after(response.headers), self.limits.retry_after_cap_s
        is_ban = response.status_code == _TEAPOT_BAN
        is_short = not is_ban and (pause is None or pause <= cap)
        wait = "" if pause is None else f", it asks for a pause of {pause:.0f} s"
        action = f"ask fewer at once; {_KEPT}" if is_short else f"run again after the pause; {_KEPT}"
        return ThrottledError(origin, said + wait, action, retry_after_s=pause, is_transient=is_short)


def _pause_before_next(error: Exception) -> bool | float:
    """Say whether to ask again, and after how many seconds where the service named them."""
    if isinstance(error, ThrottledError) and error.is_transient and error.retry_after_s is not None:
        return error.retry_after_s
    return isinstance(error, RemoteError) and error.is_transient


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, as seconds or as a date against the service's own clock; None where it cannot be read."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _of_transport(error: httpx.HTTPError, origin: Origin) -> RemoteError:
    if isinstance(error, httpx.TimeoutException):
        return TimedOutError(origin, f"silent ({type(error).__name__})", f"{AGAIN}; {_KEPT}")
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return UnreadableError(origin, "the connection ended within the answer, or it is no HTTP", f"{AGAIN}; {_KEPT}")
    return UnreachableError(origin, f"not reached ({type(error).__name__})", f"check the network and {AGAIN}; {_KEPT}")


def _words(payload: Any) -> Any:
    """Return the part of an error object that says what is wrong."""
    if isinstance(payload, dict):
        for name in ("error", "msg", "message", "description", "finance", "chart"):
            if payload.get(name):
                return _words(payload[name]) if isinstance(payload[name], dict) else payload[name]
    return payload
