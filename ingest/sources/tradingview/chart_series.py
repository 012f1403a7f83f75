"""One request for one symbol's history on the charting websocket: what may be said to it, and when it is done."""

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
from ingest.sources.bar_series import Row, number
from ingest.transport.bodies import shown

_KEPT = "nothing of it was used, run again"
RESOLUTION = "1D"


@dataclass(slots=True)
class ChartSeries:
    """One series: ids of its own, checked on everything that claims to belong to it.

    Attributes
    ----------
    n_first, n_more : int
        Bars asked for at first, and by each further request.
    n_wanted : int or None
        Bars that suffice; None for all that there are.
    max_pages : int
        More requests than this are an endless series.
    last_heard : float
        When something for this series last came, on the connection's clock.
    n_refused : int
        Packets that claimed this series and did not belong to it.
    """

    symbol: str
    origin: Origin
    place: int
    n_first: int
    n_more: int
    n_wanted: int | None
    max_pages: int
    last_heard: float
    session: str = field(
        default_factory=lambda: "cs_" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
    )
    bars: dict[float, Row] = field(default_factory=dict)
    conflicts: list[Row] = field(default_factory=list)
    is_resolved: bool = False
    is_done: bool = False
    error: RemoteError | None = None
    n_refused: int = 0
    n_requests: int = 0
    _n_before_page: int = 0

    @property
    def symbol_id(self) -> str:
        """Id of the symbol in the chart session."""
        return f"sds_sym_{self.place}"

    @property
    def series_id(self) -> str:
        """Id of the series in the chart session."""
        return f"sds_{self.place}"

    @property
    def turnaround(self) -> str:
        """Id that every answer to the series repeats."""
        return f"s{self.place}"

    @property
    def is_open(self) -> bool:
        """Whether an answer is still to come."""
        return not self.is_done and self.error is None

    def opening(self) -> Iterator[str]:
        """Yield the messages that ask for the series."""
        asked = json.dumps({"adjustment": "splits", "session": "regular", "symbol": self.symbol}, separators=(",", ":"))
        yield message("chart_create_session", self.session, "")
        yield message("switch_timezone", self.session, "Etc/UTC")
        yield message("resolve_symbol", self.session, self.symbol_id, f"={asked}")
        self.n_requests += 1
        yield message(
            "create_series", self.session, self.series_id, self.turnaround, self.symbol_id, RESOLUTION, self.n_first, ""
        )

    def closing(self) -> str:
        """Return the message that ends the chart session."""
        return message("chart_delete_session", self.session)

    def hear(self, kind: str, parts: list[Any]) -> str | None:
        """Take one message of this session; return what to say in turn, if anything."""
        if not self.is_open:
            return None
        if kind == "symbol_resolved" and _is(parts, 1, self.symbol_id):
            self._resolve(parts[2] if len(parts) > 2 else None)
        elif kind == "symbol_error":
            said = shown(parts[2]) if len(parts) > 2 else "no reason given"
            self.error = SymbolUnknownError(
                self.origin, f"symbol_error: {said}", "check the symbol; a delisted one is no longer served"
            )
        elif kind == "critical_error" and "max sessions" in shown(parts[1:]):
            self.error = ThrottledError(
                self.origin, shown(parts[1:]), "open fewer sessions at once", retry_after_s=None, is_transient=True
            )
        elif kind in ("series_error", "critical_error"):
            self.error = RequestRefusedError(
                self.origin, f"{kind}: {shown(parts[1:])}", "check interval and depth; nothing of it was used"
            )
        elif kind in ("timescale_update", "du") and len(parts) > 1 and isinstance(parts[1], dict):
            self._update(parts[1])
        elif kind == "series_completed" and _is(parts, 1, self.series_id) and _is(parts, 3, self.turnaround):
            return self._complete()
        return None

    def fail(self, error: RemoteError) -> None:
        """End the series without an answer."""
        if self.is_open:
            self.error = error

    def rows(self) -> list[Row]:
        """Return all bars; two different bars of one packet with the same time both stand."""
        return [*self.bars.values(), *self.conflicts]

    def _resolve(self, told: Any) -> None:
        names: set[str] = set()
        if isinstance(told, dict):
            names = {str(told[key]) for key in ("full_name", "pro_name") if told.get(key)}
            for key in ("base_name", "aliases"):
                names |= {str(name) for name in told.get(key) or ()} if isinstance(told.get(key), list) else set()
        if self.symbol not in names:
            self.error = WrongSeriesError(
                self.origin,
                f"the service resolved it to {shown(sorted(names)) if names else 'no symbol'}",
                "name the symbol as the service does",
            )
        self.is_resolved = self.error is None

    def _update(self, updates: dict[str, Any]) -> None:
        for series_id, update in updates.items():
            is_mine = series_id == self.series_id and isinstance(update, dict) and update.get("t") == self.turnaround
            if not is_mine or not self.is_resolved:
                self.n_refused += 1
                continue
            try:
                self._take(update.get("s") or [])
            except MalformedError as error:
                self.error = error

    def _take(self, items: Any) -> None:
        """Take the bars of one packet; what an earlier packet said of the same time is replaced."""
        packet: dict[float, Row] = {}
        conflicts: list[Row] = []
        if not isinstance(items, list):
            raise MalformedError(self.origin, "the bars are no list", _KEPT)
        for item in items:
            values = item.get("v") if isinstance(item, dict) else None
            if not isinstance(values, list) or len(values) < 5:
                raise MalformedError(self.origin, f"a bar has no [time, open, high, low, close]: {shown(item)}", _KEPT)
            names = ("time", "open", "high", "low", "close", "volume")
            numbers = [number(value, self.origin, name) for name, value in zip(names, values, strict=False)]
            stamp = numbers[0]
            if stamp is None:
                raise MalformedError(self.origin, "a bar has no time", _KEPT)
            row: Row = (stamp, numbers[1], numbers[2], numbers[3], numbers[4], *_volume(numbers), None)
            if packet.setdefault(stamp, row) != row:
                conflicts.append(row)
        self.conflicts = [row for row in self.conflicts if row[0] not in packet] + conflicts
        self.bars.update(packet)

    def _complete(self) -> str | None:
        if not self.is_resolved:
            self.error = IncompleteError(self.origin, "series_completed came before symbol_resolved", _KEPT)
            return None
        if not self.bars:
            self.error = IncompleteError(self.origin, "series_completed came without a bar", _KEPT)
            return None
        has_grown = len(self.bars) > self._n_before_page
        is_enough = self.n_wanted is not None and len(self.bars) >= self.n_wanted
        if is_enough or not has_grown or len(self.bars) < self.n_first:
            self.is_done = True
            return None
        if self.n_requests >= self.max_pages:
            self.error = IncompleteError(
                self.origin, f"{self.n_requests} requests and no end ({len(self.bars)} bars)", "ask for a later start"
            )
            return None
        self._n_before_page = len(self.bars)
        self.n_requests += 1
        return message("request_more_data", self.session, self.series_id, self.n_more)


def message(kind: str, *parts: object) -> str:
    """Return one message as its JSON payload."""
    return json.dumps({"m": kind, "p": list(parts)}, separators=(",", ":"))


def _is(parts: list[Any], place: int, wanted: str) -> bool:
    return len(parts) > place and parts[place] == wanted


def _volume(numbers: list[float | None]) -> tuple[float | None]:
    return (numbers[5] if len(numbers) > 5 else None,)
