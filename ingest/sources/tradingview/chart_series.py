"""State of the history of one symbol on the charting websocket: ids, messages, bars and completeness."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RemoteError,
    RequestRefusedError,
    SymbolUnknownError,
    ThrottledError,
    WrongSeriesError,
)
from ingest.sources.bar_parsing import BarRow, number
from ingest.sources.rest import KEPT
from ingest.transport.bodies import quoted

RESOLUTION = "1D"


@dataclass(slots=True)
class ChartSeries:
    """Series of one symbol, with ids that are checked on every message.

    Attributes
    ----------
    index : int
        Number of the series on its connection, part of its ids.
    n_first, n_more : int
        Bars of the first request, and of each further one.
    n_needed : int or None
        Bars that suffice; None fetches all.
    max_pages : int
        Requests after which a series counts as endless.
    last_received_s : float
        Monotonic time of the last message about this series, in seconds.
    bars : dict of float to BarRow
        Bars by time; a later packet replaces an earlier one.
    conflicts : list of BarRow
        Further bars of the same packet and time with other values.
    n_refused : int
        Packets of this session with the ids of another series; nothing of them was read.
    """

    symbol: str
    origin: Origin
    index: int
    n_first: int
    n_more: int
    n_needed: int | None
    max_pages: int
    last_received_s: float
    session: str = field(
        default_factory=lambda: "cs_" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
    )
    bars: dict[float, BarRow] = field(default_factory=dict)
    conflicts: list[BarRow] = field(default_factory=list)
    is_resolved: bool = False
    is_done: bool = False
    error: RemoteError | None = None
    n_refused: int = 0
    n_requests: int = 0
    _n_before_page: int = 0

    @property
    def symbol_id(self) -> str:
        """Id of the symbol in the chart session."""
        return f"sds_sym_{self.index}"

    @property
    def series_id(self) -> str:
        """Id of the series in the chart session."""
        return f"sds_{self.index}"

    @property
    def turnaround(self) -> str:
        """Id that every message about the series repeats."""
        return f"s{self.index}"

    @property
    def is_open(self) -> bool:
        """True while messages are expected."""
        return not self.is_done and self.error is None

    def opening_messages(self) -> Iterator[str]:
        """Yield the messages that request the series."""
        spec = json.dumps({"adjustment": "splits", "session": "regular", "symbol": self.symbol}, separators=(",", ":"))
        yield message("chart_create_session", self.session, "")
        yield message("switch_timezone", self.session, "Etc/UTC")
        yield message("resolve_symbol", self.session, self.symbol_id, f"={spec}")
        self.n_requests += 1
        yield message(
            "create_series", self.session, self.series_id, self.turnaround, self.symbol_id, RESOLUTION, self.n_first, ""
        )

    def closing_message(self) -> str:
        """Return the message that ends the chart session."""
        return message("chart_delete_session", self.session)

    def receive(self, kind: str, parts: list[Any]) -> str | None:
        """Process one message of this session and return the reply, if any."""
        if not self.is_open:
            return None
        if kind == "symbol_resolved" and _is(parts, 1, self.symbol_id):
            self._resolve(parts[2] if len(parts) > 2 else None)
        elif kind == "symbol_error":
            reason = quoted(parts[2]) if len(parts) > 2 else "no reason given"
            self.error = SymbolUnknownError(
                self.origin, f"symbol_error: {reason}", "check the symbol; a delisted one is no longer served"
            )
        elif kind == "critical_error" and "max sessions" in quoted(parts[1:]):
            self.error = ThrottledError(
                self.origin, quoted(parts[1:]), "open fewer sessions at once", retry_after_s=None, is_transient=True
            )
        elif kind in ("series_error", "critical_error"):
            self.error = RequestRefusedError(
                self.origin, f"{kind}: {quoted(parts[1:])}", "check interval and depth; nothing of it was used"
            )
        elif kind in ("timescale_update", "du") and len(parts) > 1 and isinstance(parts[1], dict):
            self._update(parts[1])
        elif kind == "series_completed" and _is(parts, 1, self.series_id) and _is(parts, 3, self.turnaround):
            return self._complete()
        return None

    def fail(self, error: RemoteError) -> None:
        """End the series with an error."""
        if self.is_open:
            self.error = error

    def rows(self) -> list[BarRow]:
        """Return all bars, conflicting ones included."""
        return [*self.bars.values(), *self.conflicts]

    def _resolve(self, resolved: Any) -> None:
        names: set[str] = set()
        if isinstance(resolved, dict):
            names = {str(resolved[key]) for key in ("full_name", "pro_name") if resolved.get(key)}
            for key in ("base_name", "aliases"):
                names |= (
                    {str(name) for name in resolved.get(key) or ()} if isinstance(resolved.get(key), list) else set()
                )
        if self.symbol not in names:
            self.error = WrongSeriesError(
                self.origin,
                f"the service resolved it to {quoted(sorted(names)) if names else 'no symbol'}",
                "name the symbol as the service does",
            )
        self.is_resolved = self.error is None

    def _update(self, updates: dict[str, Any]) -> None:
        for series_id, update in updates.items():
            is_own = series_id == self.series_id and isinstance(update, dict) and update.get("t") == self.turnaround
            if not is_own or not self.is_resolved:
                self.n_refused += 1
                continue
            try:
                self._add(update.get("s") or [])
            except MalformedError as error:
                self.error = error

    def _add(self, items: Any) -> None:
        """Add the bars of one packet; they replace those of earlier packets with the same time."""
        packet: dict[float, BarRow] = {}
        conflicts: list[BarRow] = []
        if not isinstance(items, list):
            raise MalformedError(self.origin, "the bars are not a list", KEPT)
        for item in items:
            values = item.get("v") if isinstance(item, dict) else None
            if not isinstance(values, list) or len(values) < 5:
                raise MalformedError(self.origin, f"a bar has no [time, open, high, low, close]: {quoted(item)}", KEPT)
            names = ("time", "open", "high", "low", "close", "volume")
            numbers = [number(value, self.origin, name) for name, value in zip(names, values, strict=False)]
            stamp = numbers[0]
            if stamp is None:
                raise MalformedError(self.origin, "a bar has no time", KEPT)
            row: BarRow = (stamp, numbers[1], numbers[2], numbers[3], numbers[4], *_volume(numbers), None)
            if packet.setdefault(stamp, row) != row:
                conflicts.append(row)
        self.conflicts = [row for row in self.conflicts if row[0] not in packet] + conflicts
        self.bars.update(packet)

    def _complete(self) -> str | None:
        if not self.is_resolved:
            self.error = IncompleteError(self.origin, "received series_completed before symbol_resolved", KEPT)
            return None
        if not self.bars:
            self.error = IncompleteError(self.origin, "received series_completed without a bar", KEPT)
            return None
        has_grown = len(self.bars) > self._n_before_page
        is_enough = self.n_needed is not None and len(self.bars) >= self.n_needed
        if is_enough or not has_grown or len(self.bars) < self.n_first:
            self.is_done = True
            return None
        if self.n_requests >= self.max_pages:
            self.error = IncompleteError(
                self.origin,
                f"{self.n_requests} requests and more to come ({len(self.bars)} bars)",
                "request a later start",
            )
            return None
        self._n_before_page = len(self.bars)
        self.n_requests += 1
        return message("request_more_data", self.session, self.series_id, self.n_more)


def message(kind: str, *parts: object) -> str:
    """Return one message as its JSON payload."""
    return json.dumps({"m": kind, "p": list(parts)}, separators=(",", ":"))


def _is(parts: list[Any], index: int, expected: str) -> bool:
    return len(parts) > index and parts[index] == expected


def _volume(numbers: list[float | None]) -> tuple[float | None]:
    return (numbers[5] if len(numbers) > 5 else None,)
