"""Step 3: run the scanners and land their finds.

See docs/method/05-discovery-selection.md#5.1.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

import polars as pl

from ingest.landing.bars import land_bars
from ingest.landing.discovery import discover_at_source, land_scans, read_screened, scope_writes
from ingest.landing.envelope import ScanOrigin, write_envelope
from ingest.landing.reference import instruments_of, land_instruments
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner, load_scanners
from ingest.screening.sql import compiled
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.market.landing import days_before, land_calendars, landing_of, log_failures

COLUMN_SESSIONS = 260
"""Sessions that the slowest scanner column needs before its first value (an average over 200)."""


def discovery(run: Run) -> StepReport:
    """Run every scanner of the manifest: on the bars of the source, or at the source itself."""
    scanners = load_scanners(run.paths.configs, run.settings.discovery.scanners)
    if run.source.scans_from_bars:
        land_market(run, "discovery")
        run.store("discovery", *scope_writes(scanners, moments_of(run, [run.as_of]), run_id=run.run_id))
        run.dbt("build", ["tag:columns"]).require()
        found = read_screened(run.lake, run.as_of, run_id=run.run_id)
        warn_missing(run, scanners)
    else:
        found = scan_source(run, scanners)
        land_described(run, "discovery", {*found["symbol"], run.settings.benchmark})
        run.dbt("build", ["tag:columns"]).require()
        land_scans(run.lake, found, run_id=run.run_id, step="discovery")
    origin = ScanOrigin(run.run_id, run.source_name, run.source.is_simulated, run.as_of, run.as_of_at)
    for scanner in scanners:
        rows = found.filter(pl.col("scanner") == scanner.name)
        write_envelope(run.paths, scanner, rows, origin)
        run.logger.info("%s found %s", scanner.name, rows.height)
    return StepReport(found.height, f"{counted(found.height, 'find')} of {counted(len(scanners), 'scanner')}")


def moments_of(run: Run, sessions: Sequence[date]) -> list[tuple[date, datetime]]:
    """Sessions, and the clock at which each is scanned: when all its markets have settled."""
    return [(session, as_of_clock(session, run.settings.data.settle_minutes)) for session in sessions]


def warn_missing(run: Run, scanners: Sequence[Scanner]) -> None:
    """Warn of scanners that find nothing on bars, since these lack a column that the scanner requires."""
    for scanner in scanners:
        missing = compiled(scanner).missing_columns
        if missing is not None:
            run.logger.warning("scanner %s finds nothing on these bars: missing columns %s", scanner.name, missing)


def land_market(run: Run, step: str) -> None:
    """Land calendars, instruments and bars of a source that is scanned from its bars; a remote one only as deep as needed."""
    depth = run.settings.data.full_sessions + COLUMN_SESSIONS
    landing = landing_of(run, step, first=days_before(run.as_of, depth) if run.source.is_remote else None)
    land_calendars(run, run.source.instruments(as_of=run.as_of), landing)
    land_instruments(run.lake, run.source, landing)
    report = land_bars(run.lake, run.source, Venues.of(run.paths), landing)
    run.logger.info("landed %s bars, quarantined %s", report.n_inserted, report.quarantined)
    log_failures(run, report)


def land_described(run: Run, step: str, symbols: Collection[str]) -> None:
    """Land calendars and instruments of what the source's own scanner found; bars follow when they are needed."""
    landing = landing_of(run, step, sorted(symbols))
    land_calendars(run, instruments_of(run.source, landing), landing)
    land_instruments(run.lake, run.source, landing)


def scan_source(run: Run, scanners: Sequence[Scanner]) -> pl.DataFrame:
    """Finds of the source's own scanner at the run's clock."""
    found = discover_at_source(run.source, scanners, as_of=run.as_of, as_of_at=run.as_of_at, run_id=run.run_id)
    return found.with_columns(pl.lit(run.as_of).alias("session_date"))
