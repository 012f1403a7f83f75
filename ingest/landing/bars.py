"""Fetch, check and land bars, with the log of every attempt.

After a landing, the bars in `raw` up to its last session depend on the response of the source only, not on what was
landed before; landing the same response twice changes only the log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest.landing.checked_batch import CheckedBatch
from ingest.landing.planning import plan_requests
from ingest.landing.reference import instruments_of, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import FIRST_KNOWN
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest, Source
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, write


@dataclass(frozen=True, slots=True)
class LandingReport:
    """Counts of one landing of bars.

    Attributes
    ----------
    n_fresh : int
        Symbols that were not requested, because the lake has all their sessions.
    n_unfinished : int
        Bars of sessions that had not closed.
    quarantined : dict
        Rows in quarantine by reason, of what was requested.
    failures : dict
        Error message of each symbol without a complete series.
    """

    source: str
    n_symbols: int
    n_requested: int
    n_fresh: int
    n_accepted: int
    n_inserted: int
    n_deleted: int
    n_unfinished: int
    quarantined: dict[str, int]
    failures: dict[str, str]
    snapshot_id: int
    seconds: float

    @property
    def n_quarantined(self) -> int:
        """Rows in quarantine, of what was requested."""
        return sum(self.quarantined.values())


def land_bars(
    lake: Lake, source: Source, venues: Venues, landing: LandingScope, *, is_selective: bool | None = None
) -> LandingReport:
    """Fetch, check and land bars: accepted ones to `raw.bars`, the others to `raw.quarantine`.

    Each batch of the source is one transaction, so an interrupted landing resumes after the last complete one.

    See docs/method/01-time-sessions-bars.md#1.3, 1.7.

    Parameters
    ----------
    is_selective : bool, optional
        Whether to request only symbols that are stale, missing or incomplete. By default only for remote sources, since
        files and simulations are read at once and may have been corrected.

    Raises
    ------
    UnknownInstrumentError
        When the source does not have a named symbol.
    UnknownVenueError
        When a venue has no calendar.
    """
    instruments = instruments_of(source, landing)
    of_venue = venues.calendars_of(instruments["venue"])
    calendars = instruments.select(
        "symbol", pl.col("venue").replace_strict(of_venue, return_dtype=pl.String).alias("calendar")
    )
    selective = source.is_remote if is_selective is None else is_selective
    requests = (
        plan_requests(lake, source.name, calendars, landing)
        if selective
        else [landing.bar_request(instruments["symbol"], landing.first)]
    )
    return land_requests(lake, source, calendars, landing, requests)


def land_requests(
    lake: Lake, source: Source, calendars: pl.DataFrame, landing: LandingScope, requests: Sequence[BarRequest]
) -> LandingReport:
    """Fetch, check and land the requested bars, one transaction for each batch.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar of all symbols in scope, requested or not.
    """
    started = time.perf_counter()
    counts = _Counts()
    for request in requests:
        for batch in source.bars(request):
            checked = CheckedBatch.check(lake, landing, request, batch, source=source, calendars=calendars)
            counts.add(_land_batch(checked, source))
    if source.is_remote and requests:
        _land_sessions_of_bars(lake, source, calendars, landing)
    requested = {symbol for request in requests for symbol in request.symbols}
    return LandingReport(
        source.name,
        calendars.height,
        len(requested),
        calendars.height - len(requested),
        counts.n_accepted,
        counts.n_inserted,
        counts.n_deleted,
        counts.n_unfinished,
        counts.quarantined,
        counts.failures,
        lake.snapshot_id(),
        time.perf_counter() - started,
    )


def _land_sessions_of_bars(lake: Lake, source: Source, calendars: pl.DataFrame, landing: LandingScope) -> None:
    """Land the sessions since the first bar held, because remote sources rarely give listing dates."""
    names = calendars["calendar"].unique().to_list()
    held = lake.rows("select min(session_date) from raw.bars where source = ?", [source.name])
    first = held[0][0] if held else None
    if first is not None:
        land_sessions(lake, names, max(first, FIRST_KNOWN), landing.last, landing)


@dataclass(slots=True)
class _Counts:
    n_accepted: int = 0
    n_inserted: int = 0
    n_deleted: int = 0
    n_unfinished: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, more: _Counts) -> None:
        self.n_accepted += more.n_accepted
        self.n_inserted += more.n_inserted
        self.n_deleted += more.n_deleted
        self.n_unfinished += more.n_unfinished
        for reason, count in more.quarantined.items():
            self.quarantined[reason] = self.quarantined.get(reason, 0) + count
        self.failures.update(more.failures)


def _land_batch(checked: CheckedBatch, source: Source) -> _Counts:
    """Land one batch in one transaction."""
    landing, bars = checked.landing, checked.bar_rows()
    writes = [Write("raw.bars", bars, mode="upsert")] if bars.height else []
    dropped = checked.dropped_keys(bars)
    if dropped.height:
        writes.append(Write("raw.bars", dropped, mode="delete"))
    condition, params = checked.quarantine_span(is_every_symbol=landing.symbols is None and not source.is_remote)
    writes += [
        Write(
            "raw.quarantine",
            checked.quarantine_rows(),
            mode="replace_where",
            where=condition,
            params=params,
            skip_unchanged=True,
        ),
        Write("raw.fetches", checked.attempts, mode="append"),
    ]
    receipt = write(checked.lake, writes, run_id=landing.run_id, step=landing.step)
    return _Counts(
        bars.height,
        receipt.rows.get("raw.bars", 0),
        receipt.deleted.get("raw.bars", 0),
        checked.bars.n_unfinished,
        dict(checked.refused.group_by("reason").len().sort("reason").iter_rows()),
        dict(checked.batch.failures),
    )
