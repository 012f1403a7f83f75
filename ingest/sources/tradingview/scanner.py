"""The scanner over HTTP: pages counted against the total, fields against the catalogue, rows judged again here."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RemoteError,
    RequestRefusedError,
    ScannerInputError,
    nearest,
)
from ingest.reference.calendars import last_completed_session
from ingest.reference.venues import Venues
from ingest.screening.service_fields import DESCRIBING, USD_LIKE, class_of, root_of, word_of
from ingest.screening.service_query import Query, is_text
from ingest.sources.bar_series import with_sessions
from ingest.sources.instruments import with_pairs
from ingest.sources.protocol import INSTRUMENT_SCHEMA
from ingest.transport.bodies import shown
from ingest.transport.http import Http, Reply
from lakehouse.paths import SYMBOL_PATTERN

_LOGGER = logging.getLogger(__name__)
_KEPT = "nothing of the scan was used, run again"
PAGE = 500
MOST_ROWS = 20_000
_TICKERS_AT_ONCE = 250
_FRACTIONS = {
    "GBX": ("GBP", 0.01),
    "GBp": ("GBP", 0.01),
    "ILA": ("ILS", 0.01),
    "ZAC": ("ZAR", 0.01),
    "USX": ("USD", 0.01),
}


class ScannerClient:
    """Asks the scanner and reads what it says.

    Attributes
    ----------
    n_refused : int
        Rows that were left out because their symbol, venue or class is none of this house's.
    """

    def __init__(self, http: Http, venues: Venues, *, page: int = PAGE, most_rows: int = MOST_ROWS) -> None:
        self.http = http
        self.venues = venues
        self.page = page
        self.most_rows = most_rows
        self.n_refused = 0

    async def fields(self, market: str) -> frozenset[str]:
        """Ask which fields a market has.

        Raises
        ------
        RemoteError
            When the catalogue cannot be had.
        """
        reply = await self.http.get(f"/{market}/metainfo", f"fields of {market}")
        told = reply.value.get("fields") if isinstance(reply.value, dict) else None
        if not isinstance(told, list) or not all(
            isinstance(one, dict) and isinstance(one.get("n"), str) for one in told
        ):
            raise MalformedError(self._origin(f"fields of {market}"), "no list of fields", "run again")
        return frozenset(one["n"] for one in told)

    async def rows(self, query: Query, known: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Return every row that a query finds, as symbol and fields; all of them or an error.

        Raises
        ------
        IncompleteError
            When rows are missing against the total, a page comes twice, or there is no end.
        ScannerInputError
            When the service does not know a field; the message names the nearest that it has.
        """
        found: dict[str, dict[str, Any]] = {}
        origin = self._origin(query.subject)
        total = None
        while total is None or len(found) < total:
            first = len(found)
            try:
                reply = await self.http.post(
                    f"/{query.place}/scan", query.subject, query.body(first, first + self.page)
                )
            except RequestRefusedError as error:
                raise _of_field(error, query, known) from error
            total, rows = self._page(reply, query.columns, origin)
            if total > self.most_rows:
                raise IncompleteError(
                    origin, f"{total} rows match, {self.most_rows} are the most", "narrow the scanner"
                )
            if len(rows) > self.page:
                raise MalformedError(origin, f"a page of {len(rows)} rows, {self.page} were asked for", _KEPT)
            new: dict[str, dict[str, Any]] = {}
            for symbol, row in rows:
                if repr(new.setdefault(symbol, row)) != repr(row):
                    raise MalformedError(origin, f"{shown(symbol)} stands twice with different values", _KEPT)
            new = {symbol: row for symbol, row in new.items() if symbol not in found}
            if not new and len(found) < total:
                what = (
                    f"the page from {first} on repeats itself"
                    if rows
                    else f"totalCount is {total} and {first} rows came"
                )
                raise IncompleteError(origin, what, _KEPT)
            found.update(new)
        return list(found.values())

    async def described(self, symbols: Sequence[str], known: frozenset[str]) -> list[dict[str, Any]]:
        """Return the describing fields of symbols by name; one that the service does not have is not in the result."""
        found: list[dict[str, Any]] = []
        columns = [name for name in DESCRIBING if name in known]
        for start in range(0, len(symbols), _TICKERS_AT_ONCE):
            found += await self.tickers("global", symbols[start : start + _TICKERS_AT_ONCE], columns)
        return found

    async def tickers(self, market: str, symbols: Sequence[str], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return columns of symbols by name, in one request."""
        subject = ", ".join(symbols[:3]) + (", ..." if len(symbols) > 3 else "")
        body = {
            "symbols": {"tickers": list(symbols), "query": {"types": []}},
            "columns": list(columns),
            "range": [0, len(symbols)],
            "options": {"lang": "en"},
        }
        reply = await self.http.post(f"/{market}/scan", subject, body)
        total, rows = self._page(reply, columns, self._origin(subject))
        if total != len(rows):
            raise IncompleteError(self._origin(subject), f"totalCount is {total} and {len(rows)} rows came", _KEPT)
        strangers = sorted({symbol for symbol, _ in rows} - set(symbols))
        if strangers:
            raise MalformedError(self._origin(subject), f"{shown(strangers[0])} was not asked for", _KEPT)
        return [row for _, row in rows]

    def _page(
        self, reply: Reply, columns: Sequence[str], origin: Origin
    ) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
        told = reply.value
        if not isinstance(told, dict) or not isinstance(told.get("totalCount"), int) or told["totalCount"] < 0:
            raise MalformedError(origin, f"no totalCount: {shown(told)}", _KEPT)
        if told.get("error"):
            raise RequestRefusedError(origin, shown(told["error"]), _KEPT, payload=told)
        rows = told.get("data")
        if rows is None and told["totalCount"] == 0:
            rows = []
        if not isinstance(rows, list):
            raise MalformedError(origin, "data is no list of rows", _KEPT)
        return told["totalCount"], [self._row(row, columns, origin) for row in rows]

    def _row(self, row: Any, columns: Sequence[str], origin: Origin) -> tuple[str, dict[str, Any]]:
        symbol, values = (row.get("s"), row.get("d")) if isinstance(row, dict) else (None, None)
        if not isinstance(symbol, str) or not isinstance(values, list) or len(values) != len(columns):
            raise MalformedError(origin, f"a row does not have its {len(columns)} columns: {shown(row)}", _KEPT)
        return symbol, {"symbol": symbol, **dict(zip(columns, values, strict=True))}

    def _origin(self, subject: str) -> Origin:
        return Origin(self.http.source, self.http.host, subject)

    def placed(self, rows: Iterable[Mapping[str, Any]], as_of: dt.date) -> pl.DataFrame:
        """Describe rows as instruments of this house: `INSTRUMENT_SCHEMA` and session_date, sorted by symbol.

        A row whose symbol is outside the whitelist, whose venue has no calendar or whose class this house does not
        have is left out and counted; nothing is guessed for it.
        """
        found = []
        for row in rows:
            symbol = row["symbol"]
            venue, _, ticker = symbol.partition(":")
            kind = class_of(row.get("type"), row.get("typespecs"))
            if kind is None or venue not in self.venues.by_name or not _is_symbol(symbol):
                self.n_refused += 1
                _LOGGER.debug("left out %s: unknown class or venue", shown(symbol))
                continue
            minmov, pricescale = row.get("minmov"), row.get("pricescale")
            is_scaled = isinstance(minmov, int | float) and isinstance(pricescale, int | float) and pricescale > 0
            found.append(
                {
                    **dict.fromkeys(INSTRUMENT_SCHEMA),
                    "symbol": symbol,
                    "venue": venue,
                    "ticker": ticker,
                    "asset_class": kind[0],
                    "product": kind[1],
                    "name": _text(row.get("description")),
                    "root": root_of(kind[0], ticker),
                    "currency": _text(row.get("currency")),
                    "sector": _text(row.get("sector")),
                    "tick_size": minmov / pricescale if is_scaled and minmov and pricescale else None,
                    "is_close_only": False,
                    "session_date": self._session(row, venue, as_of),
                }
            )
        frame = pl.DataFrame(found, schema={**INSTRUMENT_SCHEMA, "session_date": pl.Date()})
        paired = with_pairs(frame.select(list(INSTRUMENT_SCHEMA)), self.venues)
        return paired.with_columns(frame["session_date"]).sort("symbol")

    def _session(self, row: Mapping[str, Any], venue: str, as_of: dt.date) -> dt.date:
        """Date the row by its last bar where the service says when that opened."""
        stamp = row.get("time")
        if not isinstance(stamp, int | float) or not 0 < stamp < 4e9:
            return as_of
        opened = dt.datetime.fromtimestamp(int(stamp), tz=dt.UTC).replace(tzinfo=None)
        frame = pl.DataFrame({"opened_at": [opened]}, schema={"opened_at": pl.Datetime("us")})
        day: dt.date = with_sessions(frame, self.venues.require(venue).calendar)["session_date"][0]
        return day

    def columns_frame(
        self,
        query: Query,
        rows: Sequence[Mapping[str, Any]],
        instruments: pl.DataFrame,
        rates: Mapping[str, float],
        as_of_at: dt.datetime,
        *,
        is_present: bool,
    ) -> pl.DataFrame:
        """Return the rows as scanner columns, for the same rules that judge `marts.scanner_columns`.

        A row older than the last session that was completed at `as_of_at` is stale and left out. A row of a session
        that was not is what the service shows now, and stays where now is the run's present.

        Raises
        ------
        MalformedError
            For a value that is no number, or a number that is not finite.
        ScannerInputError
            For a row of a session not completed at `as_of_at`, of a run that does not stand in the present.
        """
        by_symbol = {row["symbol"]: row for row in rows}
        found = []
        for one in instruments.select("symbol", "asset_class", "product", "venue", "session_date").iter_rows(
            named=True
        ):
            row = by_symbol[one["symbol"]]
            due = last_completed_session(self.venues.require(one["venue"]).calendar, as_of_at)
            if due is not None and one["session_date"] > due and not is_present:
                raise ScannerInputError(
                    f"{query.subject}: {one['symbol']} is of session {one['session_date']}, after {due}; the service "
                    "knows the present only: scan a past session from bars"
                )
            if due is not None and one["session_date"] < due:
                continue
            values: dict[str, Any] = {
                column: word_of(column, _text(row.get(name)))
                if is_text(column)
                else self._value(row.get(name), one["symbol"], name)
                for column, name in query.local.items()
            }
            close = values.get("close")
            if isinstance(close, float) and close <= 0:
                self.n_refused += 1
                _LOGGER.warning("%s: left out %s, its close is %s", query.subject, one["symbol"], close)
                continue
            values["value_traded_usd"] = _in_usd(values, _text(row.get("currency")), rates)
            if query.indexes:
                # The service answers with members of any of them and does not say of which.
                values["indexes"] = list(query.indexes)
            found.append({**one, **values})
        kinds = {column: pl.String() if is_text(column) else pl.Float64() for column in query.local}
        schema = {
            **{name: pl.String() for name in ("symbol", "asset_class", "product", "venue")},
            "session_date": pl.Date(),
            **kinds,
            "value_traded_usd": pl.Float64(),
            **({"indexes": pl.List(pl.String())} if query.indexes else {}),
        }
        return pl.DataFrame(found, schema=schema)

    def _value(self, value: object, symbol: str, name: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MalformedError(self._origin(symbol), f"{name} is {shown(value)} and no finite number", _KEPT)
        return float(value)

    async def usd_rates(self, currencies: Iterable[str]) -> dict[str, float]:
        """Return what one unit of each currency is in dollars; one without a rate is not in the result."""
        rates = dict.fromkeys(USD_LIKE, 1.0)
        wanted = {_FRACTIONS.get(name, (name, 1.0))[0] for name in currencies} - set(rates)
        pairs = {
            f"FX_IDC:{name}USD": name for name in sorted(wanted) if len(name) == 3 and name.isalpha() and name.isupper()
        }
        if pairs:
            for row in await self.tickers("forex", list(pairs), ("close",)):
                close = row["close"]
                if isinstance(close, int | float) and math.isfinite(close) and close > 0:
                    rates[pairs[row["symbol"]]] = float(close)
        for name, (whole, part) in _FRACTIONS.items():
            if whole in rates:
                rates[name] = rates[whole] * part
        return rates


def _in_usd(values: Mapping[str, Any], currency: str | None, rates: Mapping[str, float]) -> float | None:
    traded, close, volume = values.get("value_traded_usd"), values.get("close"), values.get("volume")
    if traded is None and close is not None and volume is not None:
        traded = close * volume
    rate = rates.get(currency) if currency is not None else None
    return None if traded is None or rate is None else float(traded * rate)


def _is_symbol(symbol: str) -> bool:
    return bool(pl.Series([symbol]).str.contains(SYMBOL_PATTERN)[0])


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _of_field(error: RequestRefusedError, query: Query, known: Iterable[str]) -> RemoteError | ScannerInputError:
    """Name the nearest field where the service says that it does not know one."""
    said = error.payload.get("error") if isinstance(error.payload, dict) else None
    quoted = str(said).split('"')
    if said is None or "nknown field" not in str(said) or len(quoted) < 3:
        return error
    hint = nearest(quoted[1], known) if known else "see its metainfo"
    return ScannerInputError(f"{error.origin.source} ({error.origin.host}), {query.subject}: {said}; {hint}")
