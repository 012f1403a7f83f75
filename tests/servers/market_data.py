"""Bars, instruments and scanner columns of the exchange as of its clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast

import polars as pl

from tests.servers.catalogue import Catalogue
from tests.servers.settings import Settings

DAY = dt.timedelta(days=1)
# Series kept as bars; the others stay in their tables, which are a tenth of the size.
RECENT = 16
CELLS = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
Value = Any  # a cell of the scanner: number, text, bool, list or None

MARKET_OF_TYPE = {
    "stock": "america",
    "fund": "america",
    "dr": "america",
    "structured": "america",
    "spot": "crypto",
    "swap": "crypto",
    "forex": "forex",
    "futures": "futures",
    "commodity": "cfd",
    "index": "cfd",
    "bond": "bond",
    "economic": "economics2",
    "option": "options",
}


@dataclass(slots=True)
class Bar:
    """One bar as a source sends it; a fault may put anything into a field."""

    opened: float
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any
    adj_close: Any = None
    dividend: float | None = None
    split: float | None = None


class MarketData:
    """Bars by symbol, instruments and scanner rows.

    Parameters
    ----------
    bars : frame
        symbol, session_date, opened_at (naive UTC), open, high, low, close, volume; optional adj_close, dividend
        (amount on the session) and split (new shares per old).
    instruments : frame
        symbol, type, currency, description; optional market, exchange, typespecs, timezone, yahoo, indexes (list of
        `SP:SPX`), country, update_mode.
    columns : frame
        symbol and one column per scanner field.
    listed : frame, optional
        market, field, type: the scanner's catalogue.
    """

    def __init__(
        self,
        bars: pl.DataFrame,
        instruments: pl.DataFrame,
        columns: pl.DataFrame,
        settings: Settings,
        listed: pl.DataFrame | None = None,
    ) -> None:
        ordered = bars.sort("symbol", "opened_at")
        opened = ordered["opened_at"].dt.replace_time_zone(None)
        last = cast("dt.datetime | None", opened.max())
        self.now = settings.now or ((last or dt.datetime(1970, 1, 1)) + DAY)  # noqa: DTZ001 naive UTC, as in the lake
        self.instruments: dict[str, dict[str, Value]] = {row["symbol"]: row for row in instruments.to_dicts()}
        self._tables = _tables(ordered.with_columns(opened.alias("opened_at")))
        self._recent: dict[str, list[Bar]] = {}
        self._columns = {row.pop("symbol"): row for row in columns.to_dicts()}
        self.rows = self._scanner_rows()
        self.catalogue = Catalogue.of(columns, self.rows.values(), listed)

    def advance(self, now: dt.datetime) -> None:
        """Move the clock of the exchange; fields derived from bars follow."""
        self.now = now
        self._recent.clear()
        self.rows = self._scanner_rows()

    @property
    def symbols(self) -> list[str]:
        """Symbols of all instruments, in the order given."""
        return list(self.instruments)

    def bars(self, symbol: str) -> list[Bar]:
        """Bars that opened by now, oldest first."""
        held = self._recent.get(symbol)
        if held is None:
            table = self._tables.get(symbol)
            held = [] if table is None else _bars(table.filter(pl.col("opened") <= epoch(self.now)))
            if len(self._recent) >= RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[symbol] = held
        return list(held)

    def is_open(self, bar: Bar) -> bool:
        """Return whether a daily bar is unfinished at the clock of the exchange."""
        return bar.opened + DAY.total_seconds() > epoch(self.now)

    def market(self, symbol: str) -> str:
        """The scanner market an instrument is listed in."""
        instrument = self.instruments[symbol]
        return str(instrument.get("market") or MARKET_OF_TYPE.get(str(instrument.get("type")), "america"))

    def text(self, symbol: str, name: str, default: str = "") -> str:
        """A text attribute of an instrument."""
        value = self.instruments.get(symbol, {}).get(name)
        return default if value is None else str(value)

    def _scanner_rows(self) -> dict[str, dict[str, Value]]:
        rows: dict[str, dict[str, Value]] = {}
        for symbol in self.instruments:
            row = self._base_row(symbol)
            # A null in the table means that the scanner does not know the value, so it replaces the value of the bars.
            row.update(self._columns.get(symbol, {}))
            rows[symbol] = {name: _clean(value) for name, value in row.items()}
        return rows

    def _base_row(self, symbol: str) -> dict[str, Value]:
        venue, _, ticker = symbol.partition(":")
        instrument = self.instruments[symbol]
        row: dict[str, Value] = {
            "name": ticker,
            "description": instrument.get("description"),
            "type": instrument.get("type"),
            "typespecs": instrument.get("typespecs") or [],
            "exchange": instrument.get("exchange") or venue,
            "currency": instrument.get("currency"),
            "country": instrument.get("country"),
            "market": self.market(symbol),
            "is_primary": True,
            "active_symbol": True,
            "update_mode": instrument.get("update_mode") or "endofday",
        }
        table = self._tables.get(symbol)
        held = [] if table is None else _bars(table.filter(pl.col("opened") <= epoch(self.now)).tail(2))
        for name in ("open", "high", "low", "close", "volume"):
            row[name] = getattr(held[-1], name) if held else None
            row[f"{name}[1]"] = getattr(held[-2], name) if len(held) > 1 else None
        row["change"] = (row["close"] / row["close[1]"] - 1) * 100 if row["close[1]"] and row["close"] else None
        both = row["close"] is not None and row["volume"] is not None
        row["Value.Traded"] = row["close"] * row["volume"] if both else None
        return row


def epoch(moment: dt.datetime) -> float:
    """Seconds since 1970 of a naive UTC time."""
    return moment.replace(tzinfo=dt.UTC).timestamp()


def _tables(ordered: pl.DataFrame) -> dict[str, pl.DataFrame]:
    # One row per bar in the order of `Bar`, so that a series becomes bars without a look at its cells.
    opened = (pl.col("opened_at").dt.epoch("us") / 1e6).alias("opened")
    known = [name for name in CELLS if name in ordered.columns]
    cells = [
        pl.col(name).cast(pl.Float64).fill_nan(None) if name in known else pl.lit(None).alias(name) for name in CELLS
    ]
    parts = ordered.select("symbol", opened, *cells).partition_by("symbol", as_dict=True, include_key=False)
    return {str(key[0]): part for key, part in parts.items()}


def _bars(table: pl.DataFrame) -> list[Bar]:
    return [Bar(*row) for row in table.rows()]


def _clean(value: Value) -> Value:
    # The scanner and the history write null where they know nothing; NaN on the wire is a fault, never the rule.
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124
