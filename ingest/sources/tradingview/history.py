"""Fetch daily history over TradingView's charting websocket, several series on one connection."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection

from ingest.errors import Origin, RemoteError, TimedOutError, UnreadableError
from ingest.sources.tradingview.chart_series import ChartSeries, message
from ingest.sources.tradingview.connection import open_connection
from ingest.sources.tradingview.frames import FrameError, FrameReader, is_heartbeat, pack
from ingest.transport.bodies import TRY_LATER, quoted
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import host_of
from ingest.transport.retries import KEPT, RetryLimits, retrying

_ANONYMOUS = "unauthorized_user_token"
_BAR_MESSAGES = ("timescale_update", "du")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits(RetryLimits):
    """Limits of one connection in time, size and number of series.

    Attributes
    ----------
    silence_s : float
        Longest wait for a message about a series, in seconds; heartbeats do not count.
    total_s : float
        Deadline of one group of series, in seconds.
    most_bars : int
        Most bars of one series (about 5,000 without a subscription).
    sessions_at_once : int
        Chart sessions open at once on one connection; the other series wait.
    max_pages : int
        Most requests for bars of one series.
    """

    attempts: int = 3
    handshake_s: float = 10.0
    silence_s: float = 15.0
    total_s: float = 90.0
    max_bytes: int = 16 * 1024 * 1024
    most_bars: int = 5_000
    sessions_at_once: int = 8
    bars_per_page: int = 1_000
    max_pages: int = 12


class HistoryClient:
    """Client of the charting websocket.

    Attributes
    ----------
    n_requests : int
        Requests for bars so far (`create_series` and `request_more_data`).
    n_refused : int
        Packets of bars with the ids of no open series; nothing of them was read.
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

    async def fetch(self, depths: Mapping[str, int | None]) -> dict[str, ChartSeries | RemoteError]:
        """Fetch several series on one connection; after a broken connection the missing ones are fetched again.

        Parameters
        ----------
        depths : mapping of str to int or None
            Number of bars of each symbol, counted back from the newest; None fetches all.

        Returns
        -------
        dict
            Complete series, or the error, of each symbol.
        """
        found: dict[str, ChartSeries | RemoteError] = {}
        try:
            async for attempt in retrying(self.limits):
                with attempt:
                    missing = {symbol: depth for symbol, depth in depths.items() if symbol not in found}
                    await self._fetch_once(missing, found)
        except RemoteError as error:
            for symbol in depths:
                found.setdefault(symbol, error.with_subject(symbol))
        return found

    async def _fetch_once(self, depths: Mapping[str, int | None], found: dict[str, ChartSeries | RemoteError]) -> None:
        """Fetch on one connection; a series that is complete, or failed by itself, is added to `found`."""
        limits = self.limits
        subject = ", ".join(sorted(depths)[:3]) + (", ..." if len(depths) > 3 else "")
        origin = Origin(self.source, self.host, subject)
        connected = open_connection(
            self.url,
            origin,
            handshake_s=limits.handshake_s,
            max_bytes=limits.max_bytes,
            retry_after_cap_s=limits.retry_after_cap_s,
        )
        series: list[ChartSeries] = []
        try:
            async with (
                self.breaker.attempt(origin, limits.total_s),
                connected as connection,
                asyncio.timeout(limits.total_s),
            ):
                series = [self._series(index, *item) for index, item in enumerate(sorted(depths.items()), 1)]
                await self._receive_all(connection, series, origin)
        finally:
            for one in series:
                self.n_requests += one.n_requests
                self.n_refused += one.n_refused
                if not one.is_open:
                    found[one.symbol] = one.error or one

    def _series(self, index: int, symbol: str, depth: int | None) -> ChartSeries:
        limits = self.limits
        needed = None if depth is None else min(depth, limits.most_bars)
        return ChartSeries(
            symbol,
            Origin(self.source, self.host, symbol),
            index,
            n_first=min(needed or limits.bars_per_page, limits.bars_per_page),
            n_more=limits.bars_per_page,
            n_needed=needed if needed is not None else limits.most_bars,
            max_pages=limits.max_pages,
            last_received_s=time.monotonic(),
        )

    async def _receive_all(self, connection: ClientConnection, series: Sequence[ChartSeries], origin: Origin) -> None:
        """Open the series, a few at once, and receive messages until every one is complete, failed or silent."""
        token = _ANONYMOUS if self._token is None else self._token.get_secret_value()
        await connection.send(pack(message("set_auth_token", token)))
        reader, by_session = FrameReader(self.limits.max_bytes), {one.session: one for one in series}
        waiting, active = deque(series), list[ChartSeries]()
        while waiting or any(one.is_open for one in active):
            active = [one for one in active if one.is_open]
            while waiting and len(active) < self.limits.sessions_at_once:
                active.append(waiting.popleft())
                active[-1].last_received_s = time.monotonic()
                for payload in active[-1].opening_messages():
                    await connection.send(pack(payload))
            deadline = min(one.last_received_s for one in active) + self.limits.silence_s
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                    received = await connection.recv()
            except TimeoutError:
                for payload in self._end_silent(active):
                    await connection.send(pack(payload))
                continue
            for payload in _payloads(reader, received, origin):
                replies = [payload] if is_heartbeat(payload) else self._dispatch(payload, by_session, origin)
                for reply in replies:
                    await connection.send(pack(reply))

    def _dispatch(self, payload: str, by_session: Mapping[str, ChartSeries], origin: Origin) -> list[str]:
        """Pass a message to the series of its session and return the replies; other sessions are ignored."""
        kind, parts = _parse_message(payload, origin)
        if kind == "protocol_error":
            raise UnreadableError(origin, f"protocol_error: {quoted(parts)}", f"{TRY_LATER}; {KEPT}")
        if kind is None or not parts:
            return []
        one = by_session.get(str(parts[0]))
        if one is None:
            self.n_refused += kind in _BAR_MESSAGES
            return []
        was_open = one.is_open
        one.last_received_s = time.monotonic()
        reply = one.receive(kind, parts)
        if was_open and not one.is_open:
            return [one.closing_message()]
        return [] if reply is None else [reply]

    def _end_silent(self, series: Sequence[ChartSeries]) -> list[str]:
        """Fail the series that received nothing for too long and return their closing messages."""
        messages, limit_s = [], self.limits.silence_s
        for one in series:
            if one.is_open and time.monotonic() - one.last_received_s >= limit_s:
                received = f" after {len(one.bars)} bars" if one.bars else ""
                one.fail(TimedOutError(one.origin, f"no data for {limit_s:g} s{received}", f"{TRY_LATER}; {KEPT}"))
                messages.append(one.closing_message())
        return messages


def _payloads(reader: FrameReader, received: str | bytes, origin: Origin) -> list[str]:
    if isinstance(received, bytes):
        raise UnreadableError(origin, "received a binary message, frames are text", f"{TRY_LATER}; {KEPT}")
    try:
        return list(reader.feed(received))
    except FrameError as error:
        raise UnreadableError(origin, f"the frames are damaged: {error}", f"{TRY_LATER}; {KEPT}") from error


def _parse_message(payload: str, origin: Origin) -> tuple[str | None, list[Any]]:
    """Return kind and parameters of a message; the kind is None where it is not one of the protocol."""
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(origin, "a frame is not JSON", f"{TRY_LATER}; {KEPT}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("m"), str) or not isinstance(parsed.get("p"), list):
        return None, []
    return parsed["m"], parsed["p"]
