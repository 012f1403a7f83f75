"""Ask the run's source for calendars, instruments and bars, and land the answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from ingest.landing.backfill import calendars_of
from ingest.landing.bars import LandingReport, land_bars, land_requests
from ingest.landing.reference import land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest
from lakefolio.runs.run import Run

CALENDAR_DAYS_PER_SESSION = 366 / 250
"""Calendar days that surely hold one business session, holidays included."""


def landing_of(run: Run, step: str, symbols: Sequence[str] | None = None, first: date | None = None) -> LandingScope:
    """A landing request with this run's clock."""
    return LandingScope(
        run_id=run.run_id, step=step, last=run.as_of, as_of_at=run.as_of_at, first=first,
        symbols=tuple(symbols) if symbols is not None else None, settle_minutes=run.settings.data.settle_minutes,
        backfill=run.settings.data.backfill, gap_fill=run.settings.data.gap_fill,
    )  # fmt: skip


def land_calendars(run: Run, instruments: pl.DataFrame, landing: LandingScope) -> None:
    """Land the sessions of the instruments' calendars, from the first listing or as far back as the run looks."""
    calendars = sorted(set(Venues.of(run.paths).calendars_of(instruments["venue"]).values()))
    known = instruments["first_session"].min()
    first = known if isinstance(known, date) else days_before(run.as_of, run.settings.data.full_sessions)
    land_sessions(run.lake, calendars, first, run.as_of, landing)


def fetch(run: Run, step: str, symbols: Sequence[str], n_sessions: int) -> LandingReport:
    """Fetch what is stale, missing or incomplete of these symbols, and nothing else."""
    landing = landing_of(run, step, symbols, days_before(run.as_of, n_sessions))
    report = land_bars(run.lake, run.source, Venues.of(run.paths), landing, is_selective=True)
    log_failures(run, report)
    return report


def repair(run: Run, requests: Sequence[BarRequest]) -> LandingReport:
    """Fetch exactly what the requests name."""
    symbols = [symbol for request in requests for symbol in request.symbols]
    calendars = calendars_of(symbols, Venues.of(run.paths))
    report = land_requests(run.lake, run.source, calendars, landing_of(run, "health", symbols), requests)
    log_failures(run, report)
    return report


def log_failures(run: Run, report: LandingReport) -> None:
    """Write each series that the source did not answer in full to the step's log."""
    for symbol, reason in report.failures.items():
        run.logger.warning("%s was not answered in whole: %s", symbol, reason)


def has_landed(report: LandingReport) -> bool:
    """Tell whether a landing changed any bar."""
    return bool(report.n_inserted or report.n_deleted)


def days_before(session: date, n_sessions: int) -> date:
    """A day that surely lies `n_sessions` sessions of any calendar before a session."""
    return session - timedelta(days=int(n_sessions * CALENDAR_DAYS_PER_SESSION) + 10)
