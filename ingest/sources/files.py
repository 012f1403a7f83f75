"""Read bars from a Parquet or CSV file, or a folder of them, as the source `files`.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from ingest.reference.calendars import session_date_of
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.bar_files import UNKNOWN_SYMBOL, missing_columns, normalized, read_metadata, read_table, table_files
from ingest.sources.instruments import classify, describe, with_pairs
from ingest.sources.protocol import BAR_SCHEMA, INSTRUMENT_SCHEMA, REFUSED_SCHEMA, BarBatch, BarRequest, no_scanner
from lakehouse.paths import SYMBOL_PATTERN

_VALUES = ("open", "high", "low", "close", "volume", "adj_close")


class FilesSource:
    """Bars of a file or a folder.

    Rows that cannot be a bar (missing required column, symbol outside the whitelist, unknown asset class) are returned as
    refused. An instrument without open, high and low is marked close-only.

    Raises
    ------
    NotATableError
        At the first use, when the path has no table.
    UnknownVenueError
        When a symbol's venue has no calendar (docs/method/01-time-sessions-bars.md#1.2).
    """

    name = "files"
    is_simulated = False
    scans_from_bars = True
    is_remote = False

    def __init__(self, path: Path, venues: Venues) -> None:
        self.path = path
        self.venues = venues
        self._described: dict[dt.date, pl.DataFrame] = {}

    @cached_property
    def _tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Usable and refused rows of all files; each file is read once."""
        usable: list[pl.DataFrame] = []
        refused: list[pl.DataFrame] = []
        n_rows = 0
        for file in table_files(self.path):
            raw = read_table(file)
            absent = missing_columns(raw)
            rows = normalized(raw).with_columns(
                pl.int_range(n_rows + 1, n_rows + raw.height + 1, dtype=pl.Int64).alias("row_number")
            )
            n_rows += raw.height
            if absent:
                refused.append(
                    _refuse(rows, "missing_column", pl.lit(f"{file.name} has no column {', '.join(absent)}"))
                )
                continue
            is_bad = ~pl.col("symbol").str.contains(SYMBOL_PATTERN).fill_null(value=False)
            bad = rows.filter(is_bad)
            if bad.height:
                refused.append(
                    _refuse(
                        bad, "bad_symbol", pl.format("{} is not VENUE:TICKER", pl.col("symbol").fill_null("(none)"))
                    )
                )
            usable.append(rows.filter(~is_bad) if bad.height else rows)
        rows = pl.concat(usable) if usable else pl.DataFrame()
        unclassified = pl.DataFrame(schema=REFUSED_SCHEMA)
        if rows.height:
            rows, unclassified = self._with_sessions(rows)
        return rows, pl.concat([*refused, unclassified])

    def _with_sessions(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Add calendar, session and class to each row; rows of unknown class or without a date are returned apart."""
        venue = rows.select(pl.col("symbol").unique()).with_columns(
            pl.col("symbol").str.split_exact(":", 1).struct.field("field_0").alias("venue")
        )
        calendars = self.venues.calendars_of(venue["venue"])
        kinds = {name: self.venues.require(name).kind for name in calendars}
        venue = venue.with_columns(
            pl.col("venue").replace_strict(calendars, return_dtype=pl.String).alias("calendar"),
            pl.col("venue").replace_strict(kinds, return_dtype=pl.String).alias("kind"),
        )
        dated = classify(rows.join(venue, on="symbol", how="left", maintain_order="left")).with_columns(
            session_date_of(pl.col("opened_at"), pl.col("calendar")).alias("session_date")
        )
        is_unknown, is_undated = pl.col("asset_class").is_null(), pl.col("session_date").is_null()
        unknown, undated = dated.filter(is_unknown), dated.filter(~is_unknown & is_undated)
        refused = pl.concat(
            [
                _refuse(unknown, "bad_symbol", pl.format("asset class {} is unknown", "asset_class_given")),
                _refuse(undated, "missing_column", pl.lit("the row has no readable date")),
            ]
        )
        return dated.filter(~is_unknown & ~is_undated) if refused.height else dated, refused

    @cached_property
    def _metadata(self) -> pl.DataFrame | None:
        return read_metadata(self.path)

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the instruments that have a bar at or before `as_of`."""
        if as_of not in self._described:
            self._described[as_of] = self._describe(as_of)
        every = self._described[as_of]
        return every if symbols is None else every.filter(pl.col("symbol").is_in(list(symbols)))

    def _describe(self, as_of: dt.date) -> pl.DataFrame:
        rows, _ = self._tables
        if rows.is_empty():
            return pl.DataFrame(schema=INSTRUMENT_SCHEMA)
        instruments = describe(rows.lazy().filter(pl.col("session_date") <= as_of))
        if self._metadata is not None:
            instruments = _enrich(instruments, self._metadata)
        return with_pairs(instruments, self.venues)

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield all requested bars in one batch."""
        rows, refused = self._tables
        date, future_after = pl.col("session_date"), max(request.fetched_at.date(), request.last)
        in_span = (date <= request.last) if request.first is None else date.is_between(request.first, request.last)
        # A row outside the span is not replaced in quarantine, so every batch would add it again.
        refused = refused.filter(date.is_null() | in_span)
        if rows.is_empty():
            yield BarBatch((), pl.DataFrame(schema=BAR_SCHEMA), refused, _absent(request.symbols, ()))
            return
        is_requested = pl.col("symbol").is_in(list(request.symbols))
        found = rows.filter(is_requested & (in_span | (date > future_after)))
        # A symbol with future bars only is not among the instruments and so never requested; its rows are refused here.
        future = rows.filter(~is_requested & (date > future_after))
        available = set(rows["symbol"].unique()) & set(request.symbols)
        yield BarBatch(
            tuple(sorted(available)),
            found.select(list(BAR_SCHEMA)),
            pl.concat([refused, _refuse(future, "future_session", pl.lit(f"later than {future_after}"))]),
            _absent(request.symbols, available),
        )

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Refuse the scan, since bars of files are scanned in the lake."""
        raise no_scanner(self.name, scanner, as_of_at or as_of)


def _absent(requested: Sequence[str], available: Sequence[str] | set[str]) -> dict[str, str]:
    return {symbol: "the files have no such symbol" for symbol in requested if symbol not in set(available)}


def _refuse(rows: pl.DataFrame, reason: str, detail: pl.Expr) -> pl.DataFrame:
    session_date = pl.col("session_date") if "session_date" in rows.columns else pl.col("opened_at").dt.date()
    return rows.select(
        pl.col("symbol").fill_null(UNKNOWN_SYMBOL),
        session_date.alias("session_date"),
        *_VALUES,
        "row_number",
        pl.lit(reason).alias("reason"),
        detail.alias("detail"),
    ).select(list(REFUSED_SCHEMA))


def _enrich(instruments: pl.DataFrame, metadata: pl.DataFrame) -> pl.DataFrame:
    """Fill missing metadata of the instruments from symbols.csv."""
    fields = [
        name
        for name in metadata.columns
        if name in INSTRUMENT_SCHEMA and name not in ("symbol", "asset_class", "product")
    ]
    joined = instruments.join(
        metadata.select("symbol", *fields), on="symbol", how="left", suffix="_listed", maintain_order="left"
    )
    return joined.with_columns(pl.coalesce(name, f"{name}_listed").alias(name) for name in fields).drop(
        f"{name}_listed" for name in fields
    )
