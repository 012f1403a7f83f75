"""Check one batch of bars and make the rows that it writes to the raw tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest.landing.quarantine import CheckedBars, check_bars
from ingest.landing.scope import LandingScope
from ingest.sources.protocol import BarBatch, BarRequest, Source
from lakehouse.connection.catalog import Lake
from lakehouse.schema.tables import CONTRACTS

_BAR_GRAIN = CONTRACTS["raw.bars"].grain
_VALUES = ("open", "high", "low", "close", "volume", "adj_close")
_ATTEMPT_SCHEMA = {
    **dict.fromkeys(("fetch_id", "run_id", "source", "symbol", "interval", "status"), pl.String()),
    **dict.fromkeys(("requested_from", "requested_to"), pl.Date()),
    **dict.fromkeys(("n_bars", "n_quarantined", "attempt"), pl.Int64()),
    "error": pl.String(),
    "started_at": pl.Datetime("us"),
    "seconds": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """Batch of bars after the checks of docs/method/01-time-sessions-bars.md#1.7.

    Attributes
    ----------
    bars : CheckedBars
        Accepted and quarantined bars.
    refused : pl.DataFrame
        All rows for quarantine: those that the source could not read as bars, and those that failed a check.
    attempts : pl.DataFrame
        Rows of `raw.fetches`: one for each symbol that was requested or refused.
    """

    lake: Lake
    landing: LandingScope
    request: BarRequest
    batch: BarBatch
    source: str
    is_remote: bool
    bars: CheckedBars
    refused: pl.DataFrame
    attempts: pl.DataFrame

    @classmethod
    def check(
        cls,
        lake: Lake,
        landing: LandingScope,
        request: BarRequest,
        batch: BarBatch,
        *,
        source: Source,
        calendars: pl.DataFrame,
    ) -> CheckedBatch:
        """Check the bars of a batch, against the last accepted price where they continue a series."""
        bars = check_bars(
            batch.bars,
            calendars,
            as_of_at=landing.as_of_at,
            fetched_at=landing.fetched_at,
            settle_minutes=landing.settle_minutes,
            last_accepted=_last_accepted(lake, source.name, request, batch.symbols),
        )
        refused = pl.concat([bars.quarantined, batch.refused])
        earlier = lake.rows(
            "select symbol, count(*) from raw.fetches where run_id = ? and source = ? group by symbol",
            [landing.run_id, source.name],
        )
        counts = {
            "n_bars": dict(bars.accepted.group_by("symbol").len().iter_rows()),
            "n_quarantined": dict(refused.group_by("symbol").len().iter_rows()),
            "attempt": dict(earlier),
        }
        attempts = _attempts(landing, request, batch, source.name, counts)
        return cls(lake, landing, request, batch, source.name, source.is_remote, bars, refused, attempts)

    def bar_rows(self) -> pl.DataFrame:
        """Return the accepted bars as rows of `raw.bars`."""
        at = pl.lit(self.landing.as_of_at, dtype=pl.Datetime("us"))
        return self._with_fetch_ids(self.bars.accepted).select(
            "symbol",
            pl.lit(self.request.interval).alias("interval"),
            "session_date",
            pl.lit(self.source).alias("source"),
            *_VALUES,
            "is_close_only",
            pl.lit(value=True).alias("is_final"),
            "fetch_id",
            at.alias("fetched_at"),
            at.alias("first_seen_at"),
        )

    def dropped_keys(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Return the keys of stored bars to delete: now in quarantine, or no longer in a source that is read completely.

        A remote source may serve a shorter history today than yesterday, so a bar that it does not repeat stays.
        """
        held = self.lake.query(
            "select symbol, interval, session_date, source from raw.bars where source = ? and interval = ? "
            "and session_date <= ? and (?::date is null or session_date >= ?) and symbol in (select unnest(?))",
            [
                self.source,
                self.request.interval,
                self.request.last,
                self.request.first,
                self.request.first,
                list(self.batch.symbols),
            ],
        )
        absent = held.join(bars, on=list(_BAR_GRAIN), how="anti")
        return absent.join(self.refused, on=["symbol", "session_date"], how="semi") if self.is_remote else absent

    def quarantine_rows(self) -> pl.DataFrame:
        """Return the refused rows as rows of `raw.quarantine`."""
        return self._with_fetch_ids(self.refused).select(
            "fetch_id",
            pl.lit(self.source).alias("source"),
            "symbol",
            pl.lit(self.request.interval).alias("interval"),
            *("session_date", "reason", "detail", *_VALUES, "row_number"),
            pl.lit(self.landing.as_of_at, dtype=pl.Datetime("us")).alias("fetched_at"),
        )

    def quarantine_span(self, *, is_every_symbol: bool) -> tuple[str, list[object]]:
        """Return the SQL condition, and its parameters, of the quarantine rows that this batch replaces."""
        request = self.request
        span = "session_date <= ?" if request.first is None else "session_date <= ? and session_date >= ?"
        condition = f"source = ? and interval = ? and (session_date is null or reason = 'future_session' or ({span}))"
        params: list[object] = [self.source, request.interval, request.last]
        if request.first is not None:
            params.append(request.first)
        if not is_every_symbol:
            condition += " and symbol in (select unnest(?))"
            params.append(sorted(set(self.batch.symbols) | set(self.refused["symbol"])))
        return condition, params

    def _with_fetch_ids(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(self.attempts.select("symbol", "fetch_id"), on="symbol", how="left", maintain_order="left")


def _last_accepted(lake: Lake, source: str, request: BarRequest, symbols: Sequence[str]) -> pl.DataFrame | None:
    """Return the last price before the requested span, against which a jump at its start is measured."""
    if request.first is None or not symbols:
        return None
    return lake.query(
        "select symbol, arg_max(coalesce(adj_close, close), session_date) as reference from raw.bars "
        "where source = ? and interval = ? and session_date < ? and symbol in (select unnest(?)) group by symbol",
        [source, request.interval, request.first, list(symbols)],
    )


def _attempts(
    landing: LandingScope, request: BarRequest, batch: BarBatch, source: str, counts: dict[str, dict[str, int]]
) -> pl.DataFrame:
    complete, failed = set(batch.symbols), batch.failures
    rows = [
        {
            "fetch_id": uuid.uuid4().hex,
            "run_id": landing.run_id,
            "source": source,
            "symbol": symbol,
            "interval": request.interval,
            "status": "failed" if symbol in failed else "ok" if symbol in complete else "refused",
            "requested_from": request.first,
            "requested_to": request.last,
            "n_bars": counts["n_bars"].get(symbol, 0),
            "n_quarantined": counts["n_quarantined"].get(symbol, 0),
            "attempt": counts["attempt"].get(symbol, 0) + 1,
            "error": failed.get(symbol),
            "started_at": landing.fetched_at,
            "seconds": batch.seconds,
        }
        for symbol in sorted(complete | set(failed) | set(counts["n_quarantined"]))
    ]
    return pl.DataFrame(rows, schema=_ATTEMPT_SCHEMA)
