"""Convert rows of TradingView's scanner into instruments and scanner columns."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest.errors import MalformedError, Origin, ScannerInputError
from ingest.reference.calendars import last_completed_session
from ingest.reference.venues import Venues
from ingest.screening.service_fields import class_of, root_of, word_of
from ingest.screening.service_query import Query, is_text
from ingest.sources.bar_parsing import with_sessions
from ingest.sources.instruments import instrument_row, with_pairs
from ingest.sources.protocol import INSTRUMENT_SCHEMA
from ingest.sources.rest import KEPT
from ingest.transport.bodies import quoted
from lakehouse.paths import SYMBOL_PATTERN

_LOGGER = logging.getLogger(__name__)
_IDENTITY = ("symbol", "asset_class", "product", "venue", "session_date")


def instruments_of_rows(rows: Iterable[Mapping[str, Any]], venues: Venues, as_of: dt.date) -> pl.DataFrame:
    """Describe rows as instruments: `INSTRUMENT_SCHEMA` and session_date, sorted by symbol.

    A row is left out when its symbol is outside the whitelist, its venue has no calendar, or its class is not one of
    `ASSET_CLASSES`.
    """
    found = []
    for row in rows:
        symbol = row["symbol"]
        venue, _, ticker = symbol.partition(":")
        kind = class_of(row.get("type"), row.get("typespecs"))
        if kind is None or venue not in venues.by_name or not _is_symbol(symbol):
            _LOGGER.debug("left out %s: unknown class or venue", quoted(symbol))
            continue
        minmov, pricescale = row.get("minmov"), row.get("pricescale")
        is_scaled = isinstance(minmov, int | float) and isinstance(pricescale, int | float) and pricescale > 0
        found.append(
            instrument_row(
                symbol,
                *kind,
                name=_text(row.get("description")),
                root=root_of(kind[0], ticker),
                currency=_text(row.get("currency")),
                sector=_text(row.get("sector")),
                tick_size=minmov / pricescale if is_scaled and minmov and pricescale else None,
                session_date=_session_of(row, venues.calendar_of(symbol), as_of),
            )
        )
    frame = pl.DataFrame(found, schema={**INSTRUMENT_SCHEMA, "session_date": pl.Date()})
    paired = with_pairs(frame.select(list(INSTRUMENT_SCHEMA)), venues)
    return paired.with_columns(frame["session_date"]).sort("symbol")


def _session_of(row: Mapping[str, Any], calendar: str, as_of: dt.date) -> dt.date:
    """Return the session of the row's last bar, `as_of` where the service does not give its time."""
    stamp = row.get("time")
    if not isinstance(stamp, int | float) or not 0 < stamp < 4e9:
        return as_of
    opened = dt.datetime.fromtimestamp(int(stamp), tz=dt.UTC).replace(tzinfo=None)
    frame = pl.DataFrame({"opened_at": [opened]}, schema={"opened_at": pl.Datetime("us")})
    day: dt.date = with_sessions(frame, calendar)["session_date"][0]
    return day


@dataclass(frozen=True, slots=True)
class ColumnConversion:
    """Conversion of the rows of one query into scanner columns, as they are computed from bars.

    Attributes
    ----------
    rates : mapping of str to float
        Value of one unit of each currency in US dollars.
    as_of_at : datetime
        Clock of the run, naive UTC.
    is_present : bool
        Whether the run is about the present; only then may a row be of a session that has not closed.
    origin : callable
        Makes the origin of a symbol, for error messages.
    """

    query: Query
    venues: Venues
    rates: Mapping[str, float]
    as_of_at: dt.datetime
    is_present: bool
    origin: Callable[[str], Origin]

    def frame(self, rows: Sequence[Mapping[str, Any]], instruments: pl.DataFrame) -> pl.DataFrame:
        """Return the scanner columns of the instruments.

        A row older than the last session completed at `as_of_at` is stale and left out, and so is one whose close is
        not positive.

        Raises
        ------
        MalformedError
            When a value is not a finite number.
        ScannerInputError
            When a row is of a later session than the run: the service shows the present only.
        """
        by_symbol = {row["symbol"]: row for row in rows}
        found = []
        for instrument in instruments.select(*_IDENTITY).iter_rows(named=True):
            row = by_symbol[instrument["symbol"]]
            if self._is_stale(instrument):
                continue
            values = self._values(row, instrument["symbol"])
            close = values.get("close")
            if isinstance(close, float) and close <= 0:
                _LOGGER.warning("%s: left out %s, its close is %s", self.query.subject, instrument["symbol"], close)
                continue
            found.append({**instrument, **values})
        kinds = {column: pl.String() if is_text(column) else pl.Float64() for column in self.query.fields}
        schema = {
            **{name: pl.String() for name in ("symbol", "asset_class", "product", "venue")},
            "session_date": pl.Date(),
            **kinds,
            "value_traded_usd": pl.Float64(),
            **({"indexes": pl.List(pl.String())} if self.query.indexes else {}),
        }
        return pl.DataFrame(found, schema=schema)

    def _is_stale(self, instrument: Mapping[str, Any]) -> bool:
        session = instrument["session_date"]
        due = last_completed_session(self.venues.calendar_of(instrument["symbol"]), self.as_of_at)
        if due is not None and session > due and not self.is_present:
            raise ScannerInputError(
                f"{self.query.subject}: {instrument['symbol']} is of session {session}, after {due}; the service "
                "shows the present only: scan a past session from bars"
            )
        return due is not None and session < due

    def _values(self, row: Mapping[str, Any], symbol: str) -> dict[str, Any]:
        values: dict[str, Any] = {
            column: word_of(column, _text(row.get(name)))
            if is_text(column)
            else self._number(row.get(name), symbol, name)
            for column, name in self.query.fields.items()
        }
        values["value_traded_usd"] = _value_traded_usd(values, _text(row.get("currency")), self.rates)
        if self.query.indexes:
            # The service returns the members of any of the indices, and not of which one.
            values["indexes"] = list(self.query.indexes)
        return values

    def _number(self, value: object, symbol: str, name: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MalformedError(self.origin(symbol), f"{name} is {quoted(value)} and no finite number", KEPT)
        return float(value)


def _value_traded_usd(values: Mapping[str, Any], currency: str | None, rates: Mapping[str, float]) -> float | None:
    """Return the value traded in US dollars; without a value traded, close times volume counts."""
    traded, close, volume = values.get("value_traded_usd"), values.get("close"), values.get("volume")
    if traded is None and close is not None and volume is not None:
        traded = close * volume
    rate = rates.get(currency) if currency is not None else None
    return None if traded is None or rate is None else float(traded * rate)


def _is_symbol(symbol: str) -> bool:
    return bool(pl.Series([symbol]).str.contains(SYMBOL_PATTERN)[0])


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
