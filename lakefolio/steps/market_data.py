"""Steps 3 to 6, 8 and 9: land what the source says, let dbt say what is believed.

See docs/architecture.md#run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from ingest.landing.backfill import calendars_of, failed_requests, gap_requests
from ingest.landing.bars import LandingReport, land_bars, land_requests
from ingest.landing.discovery import discover, discover_at_source, land_scans, scan_columns
from ingest.landing.envelope import ScanOrigin, write_envelope
from ingest.landing.reference import instruments_of, land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner, load_scanners
from ingest.sources.protocol import BarRequest
from lakefolio.errors import HealthGateError, LakefolioError
from lakefolio.runs.grid_returns import benchmark_symbol
from lakefolio.runs.run import Run, StepReport
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult

CALENDAR_DAYS_PER_SESSION = 366 / 250
"""Calendar days that surely hold one business session, holidays included."""
COLUMN_SESSIONS = 260
"""Sessions that the slowest scanner column needs before its first value (an average over 200)."""


def discovery(run: Run) -> StepReport:
    """Run every scanner of the manifest: over the scanner columns of the source's bars, or at the source itself."""
    scanners = load_scanners(run.paths.configs, run.settings.discovery.scanners)
    lake = run.lake
    if run.source.scans_from_bars:
        land_market(run, "discovery")
        built(run.dbt("build", ["tag:columns"]))
        found = scan_bars(run, lake, scanners, [run.as_of])
    else:
        found = scan_source(run, scanners)
        land_described(run, "discovery", {*found["symbol"], run.settings.benchmark})
        built(run.dbt("build", ["tag:columns"]))
    land_scans(lake, found, run_id=run.run_id, step="discovery")
    origin = ScanOrigin(run.run_id, run.source_name, run.source.is_simulated, run.as_of, run.as_of_at)
    for scanner in scanners:
        rows = found.filter(pl.col("scanner") == scanner.name)
        write_envelope(run.paths, scanner, rows, origin)
        run.logger.info("%s found %s", scanner.name, rows.height)
    return StepReport(found.height, f"{found.height} finds of {len(scanners)} scanners")


def aggregation(run: Run) -> StepReport:
    """Merge venues into identities, settle conflicts of direction, score, and keep the class quotas."""
    built(run.dbt("build", ["tag:candidates"]))
    rows = run.query(
        "select count(*) as n, count_if(is_conflict) as conflicts from marts.candidates where run_id = ?", run.run_id
    )
    n_candidates, conflicts = rows.row(0)
    if n_candidates == 0:
        raise LakefolioError("the scanners found no candidate: see raw.scans and the thresholds in configs/presets")
    return StepReport(n_candidates, f"{n_candidates} identities, {conflicts} found both long and short")


def enrichment(run: Run) -> StepReport:
    """Describe every instrument as it was known at the run's clock."""
    lake = run.lake
    # A live source describes what it is asked about; the others know all that they have.
    asked = candidate_symbols(lake, run) if run.source.is_remote else None
    changed = land_instruments(lake, run.source, landing_of(run, "enrichment", asked))
    if changed is not None or not run.source.scans_from_bars:
        built(run.dbt("build", ["tag:enrichment"]))
    rows = run.query("select count(*) as n from marts.instruments")
    return StepReport(int(rows["n"][0]), "" if changed is not None else "unchanged since discovery")


def light_prep(run: Run) -> StepReport:
    """Recent history of the candidates, and its health."""
    window = run.settings.data.light_sessions
    lake = run.lake
    symbols = candidate_symbols(lake, run)
    fetched = fetch(run, lake, "light-prep", symbols, window)
    # Discovery on bars has built everything below the returns; a source that scans by itself has built nothing yet.
    is_ground_built = run.source.scans_from_bars and not has_landed(fetched)
    build_prices(run, window, ("tag:returns", "tag:window") if is_ground_built else ("tag:prices",))
    return record_health(run, "light", symbols, fetched)


def full_prep(run: Run) -> StepReport:
    """Full history of the winners and the benchmark."""
    window = run.settings.data.full_sessions
    lake = run.lake
    symbols = judged_symbols(lake, run)
    fetched = fetch(run, lake, "full-prep", symbols, window)
    build_prices(run, window, ("tag:prices",) if has_landed(fetched) else ("tag:window",))
    return record_health(run, "full", symbols, fetched)


def health(run: Run) -> StepReport:
    """Repair the winners' gaps, audit again with the same strictness, and fail where problems are left.

    See docs/method/05-discovery-selection.md#5.8.

    Raises
    ------
    HealthGateError
        Under `strict_health`, naming every symbol, its status and its sessions.
    """
    window = run.settings.data.full_sessions
    lake = run.lake
    symbols = judged_symbols(lake, run)
    requests = repairs(run, lake, symbols, window)
    fetched = repair(run, lake, requests) if requests else None
    if fetched is not None and has_landed(fetched):
        build_prices(run, window, ("tag:prices",))
    report = record_health(run, "full", symbols, fetched)
    gates = run.dbt("test", ["tag:gate"], window_sessions=window)
    left = unhealthy(lake, symbols)
    unanswered = fetched.failures if fetched is not None else {}
    if run.settings.data.strict_health and (left.height or unanswered or not gates.success):
        missing = lake.query(
            "select symbol, session_date from marts.gap_audit where symbol in (select unnest(?))", [symbols]
        )
        raise HealthGateError(describe_health_problems(left, missing, unanswered, gates))
    note = f"{len(symbols)} judged, {fetched.n_requested if fetched else 0} asked again, {left.height} left"
    return StepReport(report.rows, note)


def land_market(run: Run, step: str) -> None:
    """Calendars, instruments and bars of a source that is scanned from its bars; as deep as needed where asking costs."""
    venues = Venues.of(run.paths)
    depth = run.settings.data.full_sessions + COLUMN_SESSIONS
    landing = landing_of(run, step, first=days_before(run.as_of, depth) if run.source.is_remote else None)
    land_calendars(run, run.source.instruments(as_of=run.as_of), landing)
    land_instruments(run.lake, run.source, landing)
    report = land_bars(run.lake, run.source, venues, landing)
    run.logger.info("landed %s bars, quarantined %s", report.n_inserted, report.quarantined)
    warn_of(run, report)


def land_described(run: Run, step: str, symbols: Collection[str]) -> None:
    """Calendars and instruments of what the source's own scanner found; their bars follow when they are needed."""
    landing = landing_of(run, step, sorted(symbols))
    land_calendars(run, instruments_of(run.source, landing), landing)
    land_instruments(run.lake, run.source, landing)


def land_calendars(run: Run, instruments: pl.DataFrame, landing: LandingScope) -> None:
    """The sessions of the instruments' calendars, since the first was listed or as far back as the run looks."""
    calendars = sorted(set(Venues.of(run.paths).calendars_of(instruments["venue"]).values()))
    known = instruments["first_session"].min()
    first = known if isinstance(known, date) else days_before(run.as_of, run.settings.data.full_sessions)
    land_sessions(run.lake, calendars, first, run.as_of, landing)


def landing_of(run: Run, step: str, symbols: Sequence[str] | None = None, first: date | None = None) -> LandingScope:
    """One call of the gate with this run's clock."""
    return LandingScope(
        run_id=run.run_id, step=step, last=run.as_of, as_of_at=run.as_of_at, first=first,
        symbols=tuple(symbols) if symbols is not None else None, settle_minutes=run.settings.data.settle_minutes,
    )  # fmt: skip


def fetch(run: Run, lake: Lake, step: str, symbols: Sequence[str], n_sessions: int) -> LandingReport:
    """Ask the source for what is stale, missing or incomplete of these symbols, and for nothing else."""
    landing = landing_of(run, step, symbols, days_before(run.as_of, n_sessions))
    report = land_bars(lake, run.source, Venues.of(run.paths), landing, is_selective=True)
    warn_of(run, report)
    return report


def repairs(run: Run, lake: Lake, symbols: Sequence[str], n_sessions: int) -> list[BarRequest]:
    """What must be asked again: series that were not answered, and the sessions that the unhealthy ones lack."""
    landing = landing_of(run, "health", symbols, days_before(run.as_of, n_sessions))
    ill = unhealthy(lake, symbols)["symbol"].to_list()
    failed = failed_requests(lake, run.source_name, landing, days=1, symbols=symbols)
    return [*failed, *gap_requests(lake, run.source_name, calendars_of(ill, Venues.of(run.paths)), landing)]


def repair(run: Run, lake: Lake, requests: Sequence[BarRequest]) -> LandingReport:
    """Ask for what the repairs name, and for nothing that is held."""
    symbols = [symbol for request in requests for symbol in request.symbols]
    calendars = calendars_of(symbols, Venues.of(run.paths))
    report = land_requests(lake, run.source, calendars, landing_of(run, "health", symbols), requests)
    warn_of(run, report)
    return report


def warn_of(run: Run, report: LandingReport) -> None:
    """Note in the step's log what the source did not answer."""
    for symbol, reason in report.failures.items():
        run.logger.warning("%s was not answered in whole: %s", symbol, reason)


def days_before(session: date, n_sessions: int) -> date:
    """A day that surely lies `n_sessions` sessions of any calendar before a session."""
    return session - timedelta(days=int(n_sessions * CALENDAR_DAYS_PER_SESSION) + 10)


def scan_bars(run: Run, lake: Lake, scanners: Sequence[Scanner], sessions: Sequence[date]) -> pl.DataFrame:
    """What the scanners find on `marts.scanner_columns` at each session.

    That session stands in `session_date`, whatever day an instrument last traded.
    """
    settle_minutes = run.settings.data.settle_minutes
    moments = [(session, as_of_clock(session, settle_minutes)) for session in sessions]
    columns = scan_columns(lake, moments, settle_minutes=settle_minutes)
    return pl.concat(
        discover(
            scanners, judged, source=run.source_name, run_id=run.run_id, scanned_at=run.as_of_at
        ).scans.with_columns(pl.lit(session).alias("session_date"))
        for session, judged in zip(sessions, columns, strict=True)
    )


def scan_source(run: Run, scanners: Sequence[Scanner]) -> pl.DataFrame:
    """What the source's own scanner finds at the run's clock."""
    found = discover_at_source(run.source, scanners, as_of=run.as_of, as_of_at=run.as_of_at, run_id=run.run_id)
    return found.with_columns(pl.lit(run.as_of).alias("session_date"))


def has_landed(report: LandingReport) -> bool:
    """Whether a landing changed any bar."""
    return bool(report.n_inserted or report.n_deleted)


def build_prices(run: Run, window: int, select: Sequence[str]) -> None:
    """Rebuild the price marts, or those of them that depend on the window alone."""
    built(run.dbt("build", select, window_sessions=window))


def record_health(run: Run, stage: str, symbols: Sequence[str], fetched: LandingReport | None) -> StepReport:
    """Keep the health of `symbols` as this stage saw it."""
    lake = run.lake
    rows = lake.query(
        "select symbol, status, n_expected, n_present, n_gaps, n_quarantined, n_stale_sessions, first_session, "
        "last_session, true as is_judged from marts.data_health where symbol in (select unnest(?)) order by symbol",
        [list(symbols)],
    )
    missing = sorted(set(symbols) - set(rows["symbol"]))
    if missing:
        raise LakefolioError(f"marts.data_health does not know {', '.join(missing[:5])}: rebuild with dbt build")
    run.store(stage, run.replace("results.health", rows, stage=stage))
    counts = ", ".join(
        f"{row['status']} {row['len']}" for row in rows["status"].value_counts(sort=True, name="len").to_dicts()
    )
    asked = f", {fetched.n_requested} asked for" if fetched is not None else ""
    return StepReport(rows.height, f"{counts}{asked}")


def candidate_symbols(lake: Lake, run: Run) -> list[str]:
    """The run's candidates and the benchmark."""
    rows = lake.rows("select symbol from marts.candidates where run_id = ?", [run.run_id])
    return sorted({str(symbol) for (symbol,) in rows} | {benchmark_symbol(lake)})


def judged_symbols(lake: Lake, run: Run) -> list[str]:
    """Those whose health the gate judges: the winners and the benchmark."""
    rows = lake.rows("select symbol from results.selection where run_id = ? and is_selected", [run.run_id])
    return sorted({str(symbol) for (symbol,) in rows} | {benchmark_symbol(lake)})


def unhealthy(lake: Lake, symbols: Sequence[str]) -> pl.DataFrame:
    """Rows of `marts.data_health` that may not be built upon."""
    return lake.query(
        "select * from marts.data_health where symbol in (select unnest(?)) and status not in ('OK', 'SHORT') order by symbol",
        [list(symbols)],
    )


def describe_health_problems(
    left: pl.DataFrame, missing: pl.DataFrame, unanswered: Mapping[str, str], gates: DbtResult
) -> str:
    """Name every unhealthy symbol with its sessions, every series not answered, and every gate that failed."""
    lines = ["health problems are left and strict_health is on:"]
    for row in left.to_dicts():
        sessions = missing.filter(pl.col("symbol") == row["symbol"])["session_date"].sort().to_list()
        named = ", ".join(str(session) for session in sessions[:5]) + (", ..." if len(sessions) > 5 else "")
        lines.append(
            f"  {row['symbol']} {row['status']}: {row['n_gaps']} gaps, {row['n_quarantined']} quarantined {named}".rstrip()
        )
    lines += [f"  {symbol} was not answered: {reason}" for symbol, reason in sorted(unanswered.items())]
    lines += [f"  gate {node.name}: {node.message}" for node in gates.nodes if node.failures]
    lines.append(
        "repair the source, or name the symbols in discovery.exclude_symbols with the reason, and resume at health"
    )
    return "\n".join(lines)


def built(result: DbtResult) -> None:
    """Raise where a model or a test that is no gate failed."""
    result.require()
