"""Landing what a source said: instruments, sessions, bars, quarantine, scans and the log of every attempt.

For the sessions up to the last requested one, what stands in `raw` afterwards depends on the source's answer alone,
not on what was landed before; and landing the same answer twice changes nothing but the log.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest.calendars import sessions
from ingest.errors import UnknownInstrumentError, nearest
from ingest.planning import plan_requests
from ingest.quarantine import Verdict, judge
from ingest.source import DAILY, BarBatch, BarRequest, Source
from ingest.venues import Venues
from ingest.versions import next_versions
from lakehouse.catalog import Lake
from lakehouse.paths import check_symbol
from lakehouse.tables import CONTRACTS
from lakehouse.writes import Write, WriteReceipt, write

_BAR_GRAIN = CONTRACTS["raw.bars"].grain


@dataclass(frozen=True, slots=True)
class Landing:
    """One call of the gate: what is landed, for which run, by which clocks (naive UTC).

    `fetched_at` is the moment of the fetch; by default now, which only decides what is a future session.
    """

    run_id: str
    step: str
    last: dt.date
    as_of_at: dt.datetime
    first: dt.date | None = None
    symbols: tuple[str, ...] | None = None
    settle_minutes: int = 10
    fetched_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None))

    def __post_init__(self) -> None:
        for symbol in self.symbols or ():
            check_symbol(symbol)


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
    """Fetch, judge and land bars: accepted ones to `raw.bars`, the others to `raw.quarantine` (quant.md 1.3, 1.7).

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
    started = time.perf_counter()
    told = instruments_of(source, landing)
    calendars = told.select(
        "symbol",
        pl.col("venue").replace_strict(venues.calendars_of(told["venue"]), return_dtype=pl.String).alias("calendar"),
    )
    selective = source.is_remote if is_selective is None else is_selective
    requests = (
        plan_requests(lake, source.name, calendars, landing) if selective else [whole_request(told["symbol"], landing)]
    )
    tally = _Tally()
    for request in requests:
        for batch in source.bars(request):
            tally.add(_land_batch(lake, source, calendars, landing, request, batch))
    n_requested = sum(len(request.symbols) for request in requests)
    return LandingReport(
        source.name,
        told.height,
        n_requested,
        told.height - n_requested,
        tally.n_accepted,
        tally.n_inserted,
        tally.n_deleted,
        tally.n_unfinished,
        tally.quarantined,
        tally.failures,
        lake.snapshot_id(),
        time.perf_counter() - started,
    )


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


def _land_batch(
    lake: Lake, source: Source, calendars: pl.DataFrame, landing: Landing, request: BarRequest, batch: BarBatch
) -> _Tally:
    verdict = judge(
        batch.bars,
        calendars,
        as_of_at=landing.as_of_at,
        fetched_at=landing.fetched_at,
        settle_minutes=landing.settle_minutes,
        last_accepted=_last_accepted(lake, source.name, request, batch.symbols),
    )
    refused = pl.concat([verdict.quarantined, batch.refused])
    attempts = _attempts(lake, source.name, landing, request, batch, verdict, refused)
    bars = _bar_rows(verdict.accepted, attempts, source.name, landing)
    dropped = _dropped_keys(lake, source, request, batch.symbols, bars, refused)
    writes = [Write("raw.bars", bars, mode="upsert")] if bars.height else []
    if dropped.height:
        writes.append(Write("raw.bars", dropped, mode="delete"))
    writes.append(_quarantine_write(refused, attempts, source, landing, request, batch.symbols))
    writes.append(Write("raw.fetches", attempts, mode="append"))
    receipt = write(lake, writes, run_id=landing.run_id, step=landing.step)
    counts = dict(refused.group_by("reason").len().sort("reason").iter_rows())
    return _Tally(
        bars.height,
        receipt.rows.get("raw.bars", 0),
        receipt.deleted.get("raw.bars", 0),
        verdict.n_unfinished,
        counts,
        dict(batch.failures),
    )


def _last_accepted(lake: Lake, source: str, request: BarRequest, symbols: Sequence[str]) -> pl.DataFrame | None:
    """Read the price before the requested span, which a jump at its start is measured against."""
    if request.first is None or not symbols:
        return None
    return lake.query(
        "select symbol, arg_max(coalesce(adj_close, close), session_date) as reference from raw.bars "
        "where source = ? and interval = ? and session_date < ? and symbol in (select unnest(?)) group by symbol",
        [source, request.interval, request.first, list(symbols)],
    )


def _attempts(
    lake: Lake,
    source: str,
    landing: Landing,
    request: BarRequest,
    batch: BarBatch,
    verdict: Verdict,
    refused: pl.DataFrame,
) -> pl.DataFrame:
    """Write one row of `raw.fetches` for each symbol that was asked for or refused."""
    answered, failed = set(batch.symbols), batch.failures
    strangers = set(refused["symbol"]) - answered - set(failed)
    every = sorted(answered | set(failed) | strangers)
    earlier = dict(
        lake.rows(
            "select symbol, count(*) from raw.fetches where run_id = ? and source = ? group by symbol",
            [landing.run_id, source],
        )
    )
    accepted = dict(verdict.accepted.group_by("symbol").len().iter_rows())
    aside = dict(refused.group_by("symbol").len().iter_rows())
    status = {
        **dict.fromkeys(answered, "ok"),
        **dict.fromkeys(strangers, "refused"),
        **dict.fromkeys(failed, "failed"),
    }
    return pl.DataFrame(
        {
            "fetch_id": [uuid.uuid4().hex for _ in every],
            "run_id": [landing.run_id] * len(every),
            "source": [source] * len(every),
            "symbol": every,
            "interval": [request.interval] * len(every),
            "status": [status[symbol] for symbol in every],
            "requested_from": [request.first] * len(every),
            "requested_to": [request.last] * len(every),
            "n_bars": [accepted.get(symbol, 0) for symbol in every],
            "n_quarantined": [aside.get(symbol, 0) for symbol in every],
            "attempt": [int(earlier.get(symbol, 0)) + 1 for symbol in every],
            "error": [failed.get(symbol) for symbol in every],
            "started_at": [landing.fetched_at] * len(every),
            "seconds": [batch.seconds] * len(every),
        },
        schema_overrides={
            **dict.fromkeys(("fetch_id", "run_id", "source", "symbol", "interval", "status", "error"), pl.String),
            **dict.fromkeys(("requested_from", "requested_to"), pl.Date),
            **dict.fromkeys(("n_bars", "n_quarantined", "attempt"), pl.Int64),
            "started_at": pl.Datetime("us"),
            "seconds": pl.Float64,
        },
    )


def _bar_rows(accepted: pl.DataFrame, attempts: pl.DataFrame, source: str, landing: Landing) -> pl.DataFrame:
    at = pl.lit(landing.as_of_at, dtype=pl.Datetime("us"))
    return accepted.join(attempts.select("symbol", "fetch_id"), on="symbol", how="left", maintain_order="left").select(
        "symbol",
        pl.lit(DAILY).alias("interval"),
        "session_date",
        pl.lit(source).alias("source"),
        *("open", "high", "low", "close", "volume", "adj_close"),
        "is_close_only",
        pl.lit(value=True).alias("is_final"),
        "fetch_id",
        at.alias("fetched_at"),
        at.alias("first_seen_at"),
    )


def _dropped_keys(
    lake: Lake, source: Source, request: BarRequest, symbols: Sequence[str], bars: pl.DataFrame, refused: pl.DataFrame
) -> pl.DataFrame:
    """Find stored bars that must go: now in quarantine, or (where the source tells all it has) no longer told.

    A remote source may serve a shorter past today than yesterday, so a bar that it does not repeat stays.
    """
    held = lake.query(
        f"select {', '.join(_BAR_GRAIN)} from raw.bars where source = ? and interval = ? and session_date <= ? "
        "and (?::date is null or session_date >= ?) and symbol in (select unnest(?))",
        [source.name, request.interval, request.last, request.first, request.first, list(symbols)],
    )
    unconfirmed = held.join(bars, on=list(_BAR_GRAIN), how="anti")
    if source.is_remote:
        unconfirmed = unconfirmed.join(refused, on=["symbol", "session_date"], how="semi")
    return unconfirmed


def _quarantine_write(
    refused: pl.DataFrame,
    attempts: pl.DataFrame,
    source: Source,
    landing: Landing,
    request: BarRequest,
    symbols: Sequence[str],
) -> Write:
    """Replace what was in quarantine for the span and symbols of one answer."""
    rows = refused.join(attempts.select("symbol", "fetch_id"), on="symbol", how="left", maintain_order="left").select(
        "fetch_id",
        pl.lit(source.name).alias("source"),
        "symbol",
        pl.lit(request.interval).alias("interval"),
        *("session_date", "reason", "detail", "open", "high", "low", "close", "volume", "adj_close", "row_number"),
        pl.lit(landing.as_of_at, dtype=pl.Datetime("us")).alias("fetched_at"),
    )
    where = "source = ? and interval = ? and (session_date is null or reason = 'future_session' or (session_date <= ?"
    params: list[object] = [source.name, request.interval, request.last]
    where += " and session_date >= ?))" if request.first else "))"
    params += [request.first] if request.first else []
    if landing.symbols is not None or source.is_remote:
        where += " and symbol in (select unnest(?))"
        params.append(sorted(set(symbols) | set(refused["symbol"])))
    return Write("raw.quarantine", rows, mode="replace_where", where=where, params=params, skip_unchanged=True)
