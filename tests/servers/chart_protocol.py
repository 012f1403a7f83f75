"""Answer the messages of the chart protocol over the websocket.

See docs/protocols.md#tradingview-history.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.bad_rows import DAY_SECONDS, Rows, bars_with_faults
from tests.servers.fault_cases import HISTORY, PACKETS
from tests.servers.faults import Faults
from tests.servers.market_data import Bar, MarketData, epoch
from tests.servers.periods import MONTH, WEEK, gathered
from tests.servers.settings import Settings
from tests.servers.symbols import quote, resolved

RESOLUTIONS = {"D": None, "1D": None, "W": WEEK, "1W": WEEK, "M": MONTH, "1M": MONTH}
# Number of bars already sent that a response to request_more_data repeats.
RESENT = 2


@dataclass(slots=True)
class Packet:
    """One server message; `series` is set on those that carry bars."""

    method: str
    params: list[Any]
    series: Series | None = None


@dataclass(slots=True)
class Series:
    """Series that a client has opened, and how far back it has been sent."""

    session: str
    name: str
    turn: str
    symbol: str
    resolution: str
    n_requested: int
    sent: int = 0
    invented: int = 0
    is_silent: bool = False


@dataclass(slots=True)
class Session:
    """A chart session: resolved symbols and series by their names."""

    symbols: dict[str, str] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)


class ParamsError(Exception):
    """The parameters of a client message are invalid; the text is that of the service."""


class ProtocolError(Exception):
    """The client does not follow the protocol; the connection ends."""


class ChartProtocol:
    """Sessions of one connection and the replies to its messages."""

    def __init__(self, data: MarketData, faults: Faults, settings: Settings) -> None:
        self._data = data
        self._faults = faults
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._quotes: dict[str, list[str]] = {}
        self._methods: dict[str, Callable[..., list[Packet]]] = {
            "set_auth_token": self._set_auth_token,
            "set_locale": self._nothing,
            "set_data_quality": self._nothing,
            "switch_timezone": self._nothing,
            "chart_create_session": self._create_session,
            "chart_delete_session": self._delete_session,
            "resolve_symbol": self._resolve_symbol,
            "create_series": self._create_series,
            "modify_series": self._modify_series,
            "remove_series": self._remove_series,
            "request_more_data": self._request_more_data,
            "quote_create_session": self._create_quotes,
            "quote_delete_session": self._delete_quotes,
            "quote_set_fields": self._set_fields,
            "quote_add_symbols": self._add_symbols,
            "quote_fast_symbols": self._nothing,
            "quote_remove_symbols": self._nothing,
            "quote_hibernate_all": self._nothing,
        }

    def answer(self, method: str, params: list[Any]) -> list[Packet]:
        """Return the packets that answer a message, in order."""
        handler = self._methods.get(method)
        if handler is None:
            raise ProtocolError(f"unknown method {method}")
        try:
            return handler(*params)
        except (ParamsError, TypeError) as error:
            text = "invalid parameters" if isinstance(error, TypeError) else str(error)
            args = json.dumps(params, separators=(",", ":"))
            return [Packet("critical_error", [params[0] if params else "", text, f'method: {method}. args: "{args}"'])]

    def symbol_of(self, params: list[Any]) -> str:
        """Return the symbol of a message, empty where it names none."""
        session, name = (self._sessions.get(str(params[0])), str(params[1])) if len(params) > 1 else (None, "")
        if session is None:
            return ""
        return session.series[name].symbol if name in session.series else session.symbols.get(name, "")

    def _nothing(self, *_params: Any) -> list[Packet]:
        return []

    def _set_auth_token(self, token: str) -> list[Packet]:
        if token not in self._settings.tokens:
            raise ProtocolError("wrong or expired token")
        return []

    def _create_session(self, name: str, _kind: str = "") -> list[Packet]:
        if len(self._sessions) >= self._settings.max_sessions:
            raise ParamsError("max sessions limit exceeded")
        self._sessions[name] = Session()
        return []

    def _delete_session(self, name: str) -> list[Packet]:
        self._sessions.pop(name, None)
        return []

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            raise ParamsError("invalid parameters")
        return self._sessions[name]

    def _resolve_symbol(self, session: str, name: str, spec: str) -> list[Packet]:
        held = self._session(session)
        symbol = _symbol(spec)
        silenced = self._faults.take(HISTORY, PACKETS, symbol, frozenset({"symbol_error_silence"}))
        if symbol not in self._data.instruments or silenced is not None:
            held.symbols[name] = ""
            return [Packet("symbol_error", [session, name, "invalid symbol"])]
        held.symbols[name] = symbol
        return [Packet("symbol_resolved", [session, name, resolved(self._data, symbol)])]

    def _create_series(
        self, session: str, name: str, turn: str, symbol_name: str, resolution: str, count: Any, span: Any = ""
    ) -> list[Packet]:
        held = self._session(session)
        until = _reference(span) if isinstance(span, list) else _reference(count)
        n_requested = count[2] if isinstance(count, list) and len(count) == 3 else count
        if (
            symbol_name not in held.symbols
            or not isinstance(n_requested, int)
            or n_requested < 1
            or name in held.series
        ):
            raise ParamsError("invalid parameters")
        symbol = held.symbols[symbol_name]
        if not symbol:
            # After symbol_error nothing is said about the symbol again.
            return []
        series = Series(session, name, turn, symbol, resolution, n_requested)
        if resolution not in RESOLUTIONS:
            return [Packet("series_error", [session, name, turn, "custom_resolution"])]
        held.series[name] = series
        return self._load(series, min(n_requested, self._settings.max_bars), until)

    def _modify_series(
        self, session: str, name: str, turn: str, symbol_name: str, resolution: str, _span: Any = ""
    ) -> list[Packet]:
        old = self._series(session, name)
        held = self._session(session)
        del held.series[name]
        return self._create_series(session, name, turn, symbol_name, resolution, old.n_requested)

    def _remove_series(self, session: str, name: str) -> list[Packet]:
        self._session(session).series.pop(name, None)
        return []

    def _series(self, session: str, name: str) -> Series:
        series = self._session(session).series.get(name)
        if series is None:
            raise ParamsError("invalid parameters")
        return series

    def _bars(self, series: Series) -> list[Bar]:
        period = RESOLUTIONS[series.resolution]
        bars = self._data.bars(series.symbol)
        return bars if period is None else gathered(bars, period)

    def _load(self, series: Series, count: int, until: float | None) -> list[Packet]:
        bars = self._bars(series)
        if until is not None:
            bars = [bar for bar in bars if bar.opened <= until]
        chosen = bars[-count:]
        series.sent = len(chosen)
        rows = bars_with_faults(self._faults, HISTORY, series.symbol, chosen, epoch(self._data.now))
        return [Packet("series_loading", [series.session, series.name, series.turn]), *self._carried(series, rows, 0)]

    def _request_more_data(self, session: str, name: str, count: Any) -> list[Packet]:
        series = self._series(session, name)
        if not isinstance(count, int) or count < 1:
            raise ParamsError("invalid parameters")
        bars = self._bars(series)
        room = max(0, self._settings.max_bars - series.sent)
        end = len(bars) - series.sent
        start = max(0, end - min(count, room))
        rows = bars_with_faults(self._faults, HISTORY, series.symbol, bars[start:end], epoch(self._data.now))
        if rows.is_endless and start == end and bars:
            rows = Rows(_invented(bars[0], series.invented, count))
            series.invented += count
        series.sent += end - start
        again = bars[end : end + RESENT] if rows.bars else []
        rows = Rows([*rows.bars, *again])
        return self._carried(series, rows, len(again) - len(rows.bars) if rows.bars else 0)

    def _carried(self, series: Series, rows: Rows, first_index: int) -> list[Packet]:
        data, last = self._data, self._data.bars(series.symbol)[-1:]
        live = bool(last) and data.is_open(last[0])
        mode = data.text(series.symbol, "update_mode", "endofday")
        end = [series.session, series.name, "streaming" if live else mode, series.turn]
        return [
            Packet("timescale_update", timescale(series, rows.bars, first_index), series),
            Packet("series_completed", end, series),
        ]

    def _create_quotes(self, name: str) -> list[Packet]:
        self._quotes[name] = []
        return []

    def _delete_quotes(self, name: str) -> list[Packet]:
        self._quotes.pop(name, None)
        return []

    def _set_fields(self, name: str, *fields: str) -> list[Packet]:
        self._quotes[name] = list(fields)
        return []

    def _add_symbols(self, name: str, *symbols: Any) -> list[Packet]:
        if name not in self._quotes:
            raise ParamsError("invalid parameters")
        packets = []
        # Older clients send flags along with the symbols.
        for spec in (one for one in symbols if isinstance(one, str)):
            packets.append(Packet("qsd", [name, quote(self._data, spec, _symbol(spec), self._quotes[name])]))
            packets.append(Packet("quote_completed", [name, spec]))
        return packets


def timescale(series: Series, bars: list[Bar], first_index: int) -> list[Any]:
    """The parameters of a timescale_update."""
    rows = [{"i": first_index + at, "v": _values(bar)} for at, bar in enumerate(bars)]
    closes = {"bar_close_time": int(bars[-1].opened + DAY_SECONDS)} if bars else {}
    body = {"node": "loopback-1", "s": rows, "ns": {"d": "", "indexes": []}, "t": series.turn, "lbs": closes}
    scale = {"index": first_index + len(bars) - 1, "zoffset": 0, "changes": [], "marks": [], "index_diff": []}
    return [series.session, {series.name: body}, scale]


def _values(bar: Bar) -> list[Any]:
    # A series that knows only closes is drawn as a line: its four prices are the same.
    prices = [bar.close if price is None else price for price in (bar.open, bar.high, bar.low)]
    values = [bar.opened, *prices, bar.close]
    # Without a volume (FX, indices) an element is missing, not null.
    return values if bar.volume is None else [*values, bar.volume]


def _invented(first: Bar, before: int, count: int) -> list[Bar]:
    days = range(before + count, before, -1)
    return [
        Bar(first.opened - day * DAY_SECONDS, first.open, first.high, first.low, first.close, first.volume)
        for day in days
    ]


def _reference(span: Any) -> float | None:
    if isinstance(span, list) and len(span) == 3 and span[0] == "bar_count":
        return float(span[1])
    return None


def _symbol(spec: Any) -> str:
    text = str(spec)
    if not text.startswith("="):
        return text
    try:
        document = json.loads(text[1:])
    except ValueError:
        raise ParamsError("invalid parameters") from None
    return str(document.get("symbol", "")) if isinstance(document, dict) else ""
