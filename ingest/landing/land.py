"""Landing what a source said: instruments, sessions, bars, quarantine, scans and the log of every attempt.

For the sessions up to the last requested one, what stands in `raw` afterwards depends on the source's answer alone,
not on what was landed before; and landing the same answer twice changes nothing but the log.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest.errors import UnknownInstrumentError, nearest
from ingest.landing.batches import Answer
from ingest.landing.instrument_versions import next_versions
from ingest.landing.planning import plan_requests
from ingest.reference.calendars import FIRST_KNOWN, sessions
from ingest.reference.venues import Venues
from ingest.sources.landing_request import Landing
from ingest.sources.protocol import BarRequest, Source
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, WriteReceipt, write


@dataclass(frozen=True, slots=True)
class LandingReport:
    """What one landing of bars did.

    Attributes
    ----------
    n_fresh : int
        Symbols that were not asked for, because nothing could be new.
    n_unfinished : int
        Bars of sessions that had not closed.
    quarantined : dict
        Rows in quarantine by reason, for what was asked.
    failures : dict
        Symbols that the source did not answer in whole, with its message.
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
        """Rows in quarantine for what was asked."""
        return sum(self.quarantined.values())


def land_instruments(lake: Lake, source: Source, landing: Landing) -> WriteReceipt | None:
    """Land the source's instruments as versions (SCD2): unchanged metadata make no new version.

    Returns
    -------
    WriteReceipt or None
        None when nothing changed.

    Raises
    ------
    UnknownInstrumentError
        When a symbol is asked for by name and the source does not have it.
    """
    return _land_versions(lake, source, landing, instruments_of(source, landing))


def _land_versions(lake: Lake, source: Source, landing: Landing, told: pl.DataFrame) -> WriteReceipt | None:
    held = lake.read("raw.instruments", "source = ?", [source.name])
    is_complete = landing.symbols is None and not source.is_remote
    changed, gone = next_versions(told, held, source=source.name, at=landing.as_of_at, is_complete=is_complete)
    writes = [Write("raw.instruments", changed, mode="upsert")] if changed.height else []
    if gone.height:
        writes.append(Write("raw.instruments", gone, mode="delete"))
    return write(lake, writes, run_id=landing.run_id, step=landing.step) if writes else None


def instruments_of(source: Source, landing: Landing) -> pl.DataFrame:
    """Return the instruments that a landing is about.

    Raises
    ------
    UnknownInstrumentError
        When a symbol is asked for by name and the source does not have it.
    """
    told = source.instruments(landing.symbols, as_of=landing.last)
    absent = sorted(set(landing.symbols or ()) - set(told["symbol"]))
    if absent:
        every = source.instruments(as_of=landing.last)["symbol"].to_list() if not source.is_remote else absent[1:]
        raise UnknownInstrumentError(
            f"source {source.name} has no {absent[0]} up to {landing.last}"
            + (f" (nor {len(absent) - 1} others)" if len(absent) > 1 else "")
            + (f": {nearest(absent[0], every)}" if len(every) > 0 else "")
        )
    return told


def land_sessions(
    lake: Lake, calendars: Sequence[str], first: dt.date, last: dt.date, landing: Landing
) -> WriteReceipt | None:
    """Land the sessions of the calendars for whole years, from that of `first` to that of `last`.

    Returns
    -------
    WriteReceipt or None
        None when they stand already.
    """
    span = dt.date(first.year, 1, 1), dt.date(last.year, 12, 31)
    if not calendars:
        return None
    wanted = pl.concat([sessions(name, *span) for name in sorted(set(calendars))])
    held = lake.read("raw.sessions", "calendar in (select unnest(?))", [sorted(set(calendars))])
    new = wanted.join(held, on=wanted.columns, how="anti")
    if new.is_empty():
        return None
    return write(lake, Write("raw.sessions", new, mode="upsert"), run_id=landing.run_id, step=landing.step)


def land_scans(lake: Lake, scans: pl.DataFrame, *, run_id: str, step: str) -> WriteReceipt:
    """Land the rows that a run's scanners found, in place of those that the run had before."""
    return write(lake, Write("raw.scans", scans, mode="replace_run"), run_id=run_id, step=step)


def land_bars(
    lake: Lake, source: Source, venues: Venues, landing: Landing, *, is_selective: bool | None = None
) -> LandingReport:
    """Fetch, judge and land bars: accepted ones to `raw.bars`, the others to `raw.quarantine`.

    See docs/method/01-time-sessions-bars.md#1.3, 1.7.

    Each answer of the source is one transaction, so an interrupted landing resumes behind the last complete one.

    Parameters
    ----------
    is_selective : bool, optional
        Ask only for symbols that are stale, missing or incomplete. Default: for remote sources only, since a file or
        a simulation costs nothing to ask and may have been corrected.

    Raises
    ------
    UnknownInstrumentError, UnknownVenueError
        For symbols that the source does not have, and venues without a calendar.
    """
    told = instruments_of(source, landing)
    calendars = told.select(
        "symbol",
        pl.col("venue").replace_strict(venues.calendars_of(told["venue"]), return_dtype=pl.String).alias("calendar"),
    )
    selective = source.is_remote if is_selective is None else is_selective
    requests = (
        plan_requests(lake, source.name, calendars, landing) if selective else [whole_request(told["symbol"], landing)]
    )
    return land_requests(lake, source, calendars, landing, requests)


def land_requests(
    lake: Lake, source: Source, calendars: pl.DataFrame, landing: Landing, requests: Sequence[BarRequest]
) -> LandingReport:
    """Ask, judge and land what is requested, one transaction for each answer.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar of everything that the landing is about, asked for or not.
    """
    started = time.perf_counter()
    tally = _Tally()
    for request in requests:
        for batch in source.bars(request):
            answer = Answer.judged(lake, landing, request, batch, source=source, calendars=calendars)
            tally.add(_land_answer(answer, source))
    if source.is_remote and requests:
        _land_sessions_of_bars(lake, source, calendars, landing)
    asked = {symbol for request in requests for symbol in request.symbols}
    return LandingReport(
        source.name,
        calendars.height,
        len(asked),
        calendars.height - len(asked),
        tally.n_accepted,
        tally.n_inserted,
        tally.n_deleted,
        tally.n_unfinished,
        tally.quarantined,
        tally.failures,
        lake.snapshot_id(),
        time.perf_counter() - started,
    )


def _land_sessions_of_bars(lake: Lake, source: Source, calendars: pl.DataFrame, landing: Landing) -> None:
    """Land the sessions since the first bar held: a remote source rarely says when an instrument was listed."""
    names = calendars["calendar"].unique().to_list()
    held = lake.rows("select min(session_date) from raw.bars where source = ?", [source.name])
    first = held[0][0] if held else None
    if first is not None:
        land_sessions(lake, names, max(first, FIRST_KNOWN), landing.last, landing)


def whole_request(symbols: pl.Series, landing: Landing) -> BarRequest:
    """Ask for every bar of the landing's span."""
    return BarRequest(tuple(symbols.to_list()), landing.first, landing.last, landing.as_of_at, landing.fetched_at)


@dataclass(slots=True)
class _Tally:
    n_accepted: int = 0
    n_inserted: int = 0
    n_deleted: int = 0
    n_unfinished: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, more: _Tally) -> None:
        self.n_accepted += more.n_accepted
        self.n_inserted += more.n_inserted
        self.n_deleted += more.n_deleted
        self.n_unfinished += more.n_unfinished
        for reason, count in more.quarantined.items():
            self.quarantined[reason] = self.quarantined.get(reason, 0) + count
        self.failures.update(more.failures)


def _land_answer(answer: Answer, source: Source) -> _Tally:
    """Land one answer of the source in one transaction."""
    landing, bars = answer.landing, answer.bar_rows()
    writes = [Write("raw.bars", bars, mode="upsert")] if bars.height else []
    dropped = answer.dropped_keys(bars)
    if dropped.height:
        writes.append(Write("raw.bars", dropped, mode="delete"))
    condition, params = answer.quarantine_span(is_every_symbol=landing.symbols is None and not source.is_remote)
    writes += [
        Write(
            "raw.quarantine",
            answer.quarantine_rows(),
            mode="replace_where",
            where=condition,
            params=params,
            skip_unchanged=True,
        ),
        Write("raw.fetches", answer.attempts, mode="append"),
    ]
    receipt = write(answer.lake, writes, run_id=landing.run_id, step=landing.step)
    return _Tally(
        bars.height,
        receipt.rows.get("raw.bars", 0),
        receipt.deleted.get("raw.bars", 0),
        answer.verdict.n_unfinished,
        dict(answer.refused.group_by("reason").len().sort("reason").iter_rows()),
        dict(answer.batch.failures),
    )
