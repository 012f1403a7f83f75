"""Daily history over the charting websocket: many series on one connection, none of which hears another's packets."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import stamina
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Origin as WebOrigin

from ingest.errors import (
    AccessDeniedError,
    IncompleteError,
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
from ingest.sources.tradingview.chart_series import ChartSeries, message
from ingest.sources.tradingview.frames import FrameError, FrameReader, is_heartbeat, pack
from ingest.transport.bodies import AGAIN, shown
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import host_of, is_loopback

_LOGGER = logging.getLogger(__name__)
# The library logs every frame at DEBUG, the one with the token among them.
logging.getLogger("websockets").setLevel(logging.INFO)

_PAGE = WebOrigin("https://www.tradingview.com")
_TOO_BIG = 1009
_ANONYMOUS = "unauthorized_user_token"
_KEPT = "what was complete is kept, the next run continues there"


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How long, how much and how often.

    Attributes
    ----------
    silence_s : float
        Longest wait for something that concerns a series; heartbeats do not count.
    total_s : float
        Deadline of one group of series.
    most_bars : int
        Bars that one request may ask for (about 5,000 without a subscription).
    sessions_at_once : int
        Chart sessions open on one connection; the others wait for their turn.
    """

    handshake_s: float = 10.0
    silence_s: float = 15.0
    total_s: float = 90.0
    attempts: int = 3
    wait_initial_s: float = 0.5
    wait_max_s: float = 10.0
    wait_jitter_s: float = 0.5
    retry_after_cap_s: float = 60.0
    max_bytes: int = 16 * 1024 * 1024
    most_bars: int = 5_000
    sessions_at_once: int = 8
    bars_per_page: int = 1_000
    max_pages: int = 12


@dataclass(frozen=True, slots=True)
class Depth:
    """How many bars of a symbol are wanted, counted back from the newest; None for all."""

    n_bars: int | None


class HistoryClient:
    """Asks for daily series over the websocket.

    Attributes
    ----------
    n_requests : int
        Requests for bars so far (`create_series` and `request_more_data`).
    n_refused : int
        Packets that claimed to belong to a series and did not; nothing of them was read.
    """

    def __init__(
        self,
        source: str,
        url: str,
        *,
        breaker: Breaker,
        limits: HistoryLimits | None = None,
        token: SecretStr | None = None,
    ) -> None:
        self.source = source
        self.url = url
        self.host = host_of(url)
        self.limits = limits or HistoryLimits()
        self.breaker = breaker
        self._token = token
        self.n_requests = 0
        self.n_refused = 0

    async def fetch(self, wanted: Mapping[str, Depth]) -> dict[str, ChartSeries | RemoteError]:
        """Ask for several symbols at once, on one connection, again for what a broken connection left open.

        Returns
        -------
        dict
            For each symbol its whole series, or why there is none.
        """
        answers: dict[str, ChartSeries | RemoteError] = {}
        limits = self.limits
        try:
            async for attempt in stamina.retry_context(
                on=_pause_before_next,
                attempts=limits.attempts,
                timeout=None,
                wait_initial=limits.wait_initial_s,
                wait_max=limits.wait_max_s,
                wait_jitter=limits.wait_jitter_s,
            ):
                with attempt:
                    left = {symbol: depth for symbol, depth in wanted.items() if symbol not in answers}
                    await self._converse(left, answers)
        except RemoteError as error:
            for symbol in wanted:
                answers.setdefault(symbol, error.about(symbol))
        return answers

    async def _converse(self, wanted: Mapping[str, Depth], answers: dict[str, ChartSeries | RemoteError]) -> None:
        """Hold one connection; what ended well, or with an error of its own, is put into `answers`."""
        origin = Origin(self.source, self.host, ", ".join(sorted(wanted)[:3]) + (", ..." if len(wanted) > 3 else ""))
        self.breaker.check(origin)
        series: list[ChartSeries] = []
        try:
            async with self._connected(origin) as connection, asyncio.timeout(self.limits.total_s):
                series = [
                    self._series(place, one, depth) for place, (one, depth) in enumerate(sorted(wanted.items()), 1)
                ]
                await self._listen(connection, series, origin)
        except TimeoutError as error:
            told = TimedOutError(origin, f"no whole answer within {self.limits.total_s:g} s", f"{AGAIN}; {_KEPT}")
            self.breaker.note_failure(told)
            raise told from error
        except RemoteError as error:
            self.breaker.note_failure(error, _long_pause(error))
            raise
        except asyncio.CancelledError:
            self.breaker.release()
            raise
        else:
            self.breaker.note_success()
        finally:
            for one in series:
                self.n_requests += one.n_requests
                self.n_refused += one.n_refused
                if not one.is_open:
                    answers[one.symbol] = one.error or one

    def _series(self, place: int, symbol: str, depth: Depth) -> ChartSeries:
        limits = self.limits
        wanted = None if depth.n_bars is None else min(depth.n_bars, limits.most_bars)
        n_first = min(wanted or limits.bars_per_page, limits.bars_per_page)
        return ChartSeries(
            symbol,
            Origin(self.source, self.host, symbol),
            place,
            n_first,
            limits.bars_per_page,
            wanted if wanted is not None else limits.most_bars,
            limits.max_pages,
            time.monotonic(),
        )

    @asynccontextmanager
    async def _connected(self, origin: Origin) -> AsyncIterator[ClientConnection]:
        """Open a connection; what goes wrong on it, then or later, becomes an error of this house."""
        try:
            async with _Connect(
                f"{self.url}?from=chart&type=chart",
                origin=_PAGE,
                open_timeout=self.limits.handshake_s,
                close_timeout=1.0,
                ping_interval=None,
                max_size=self.limits.max_bytes,
                proxy=None if is_loopback(self.url) else True,
            ) as connection:
                yield connection
        except InvalidStatus as error:
            raise self._of_handshake(error, origin) from error
        except ConnectionClosed as error:
            if _TOO_BIG in {said.code for said in (error.sent, error.rcvd) if said is not None}:
                raise TooLargeError(
                    origin, f"a message is larger than {self.limits.max_bytes} bytes", "nothing of it was used"
                ) from error
            raise IncompleteError(origin, "the connection was closed before the end", f"{AGAIN}; {_KEPT}") from error
        except InvalidHandshake as error:
            raise UnreadableError(origin, f"no websocket ({type(error).__name__})", f"{AGAIN}; {_KEPT}") from error
        except TimeoutError as error:
            if "handshake" in str(error):
                raise TimedOutError(origin, "no handshake in time", f"{AGAIN}; {_KEPT}") from error
            raise
        except (OSError, EOFError, WebSocketException) as error:
            raise UnreachableError(
                origin, f"not reached ({type(error).__name__})", f"check the network and {AGAIN}"
            ) from error

    async def _listen(self, connection: ClientConnection, series: Sequence[ChartSeries], origin: Origin) -> None:
        """Ask for the series, a few at once, and listen until none is left; one that hears nothing ends with that."""
        token = _ANONYMOUS if self._token is None else self._token.get_secret_value()
        await connection.send(pack(message("set_auth_token", token)))
        reader, by_session = FrameReader(self.limits.max_bytes), {one.session: one for one in series}
        waiting, asked = deque(series), list[ChartSeries]()
        while waiting or any(one.is_open for one in asked):
            asked = [one for one in asked if one.is_open]
            while waiting and len(asked) < self.limits.sessions_at_once:
                asked.append(waiting.popleft())
                asked[-1].last_heard = time.monotonic()
                for payload in asked[-1].opening():
                    await connection.send(pack(payload))
            deadline = min(one.last_heard for one in asked) + self.limits.silence_s
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                    received = await connection.recv()
            except TimeoutError:
                for payload in self._end_silent(asked):
                    await connection.send(pack(payload))
                continue
            for payload in _payloads(reader, received, origin):
                replies = [payload] if is_heartbeat(payload) else self._dispatch(payload, by_session, origin)
                for reply in replies:
                    await connection.send(pack(reply))

    def _dispatch(self, payload: str, by_session: Mapping[str, ChartSeries], origin: Origin) -> list[str]:
        """Give a message to the series of its session; one of a stranger's session is refused unread."""
        kind, parts = _message_of(payload, origin)
        if kind == "protocol_error":
            raise UnreadableError(origin, f"protocol_error: {shown(parts)}", f"{AGAIN}; {_KEPT}")
        if kind is None or not parts:
            return []
        one = by_session.get(str(parts[0]))
        if one is None:
            self.n_refused += kind in ("timescale_update", "du")
            return []
        was_open = one.is_open
        one.last_heard = time.monotonic()
        reply = one.hear(kind, parts)
        if was_open and not one.is_open:
            return [one.closing()]
        return [] if reply is None else [reply]

    def _end_silent(self, series: Sequence[ChartSeries]) -> list[str]:
        """End what heard nothing for too long; return what to say to the service about it."""
        farewells, limit_s = [], self.limits.silence_s
        for one in series:
            if one.is_open and time.monotonic() - one.last_heard >= limit_s:
                got = f" after {len(one.bars)} bars" if one.bars else ""
                one.fail(TimedOutError(one.origin, f"silent for {limit_s:g} s{got}", f"{AGAIN}; {_KEPT}"))
                farewells.append(one.closing())
        return farewells

    def _of_handshake(self, error: InvalidStatus, origin: Origin) -> RemoteError:
        status = error.response.status_code
        said = f"handshake status {status}"
        if status in (418, 429):
            text = error.response.headers.get("Retry-After", "")
            pause = float(text) if text.isascii() and text.isdigit() else None
            is_short = status == 429 and (pause is None or pause <= self.limits.retry_after_cap_s)
            return ThrottledError(
                origin, said, f"open fewer connections; {_KEPT}", retry_after_s=pause, is_transient=is_short
            )
        if 300 <= status < 400:
            return RedirectRefusedError(origin, f"{said} points elsewhere", "set the endpoint to the service's own")
        if status >= 500:
            return ServerFaultError(origin, said, f"{AGAIN}; {_KEPT}")
        if status not in (401, 403, 451):
            return RequestRefusedError(origin, said, "check the endpoint of the history")
        return AccessDeniedError(origin, said, "give a token by environment, or ask from where it is allowed")


class _Connect(connect):
    """Connects without following redirects, which would carry the token along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _long_pause(error: RemoteError) -> float | None:
    """Return the pause of a refusal that is not waited for."""
    return error.retry_after_s if isinstance(error, ThrottledError) and not error.is_transient else None


def _pause_before_next(error: Exception) -> bool | float:
    if isinstance(error, ThrottledError) and error.is_transient and error.retry_after_s is not None:
        return error.retry_after_s
    return isinstance(error, RemoteError) and error.is_transient


def _payloads(reader: FrameReader, received: str | bytes, origin: Origin) -> list[str]:
    if isinstance(received, bytes):
        raise UnreadableError(origin, "a binary message came, frames are text", f"{AGAIN}; {_KEPT}")
    try:
        return list(reader.feed(received))
    except FrameError as error:
        raise UnreadableError(origin, f"the frames are damaged: {error}", f"{AGAIN}; {_KEPT}") from error


def _message_of(payload: str, origin: Origin) -> tuple[str | None, list[Any]]:
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(origin, "a frame holds no JSON", f"{AGAIN}; {_KEPT}") from error
    if not isinstance(told, dict) or not isinstance(told.get("m"), str) or not isinstance(told.get("p"), list):
        return None, []
    return told["m"], told["p"]
