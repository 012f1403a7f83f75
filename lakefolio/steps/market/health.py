"""Step 9: repair gaps of the winners, and stop the run where health problems are left.

See docs/method/05-discovery-selection.md#5.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ingest.landing.backfill import calendars_of, failed_requests, gap_requests
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest
from lakefolio.errors import HealthGateError
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.market.landing import days_before, has_landed, landing_of, repair
from lakefolio.steps.market.price_history import build_prices, record_health, winner_symbols
from lakehouse.dbt.runner import DbtResult

SHOWN_BARS = 5
"""Refused bars of a series that a message names."""


def health(run: Run) -> StepReport:
    """Repair the winners' gaps, check them again with the same strictness, and fail where problems are left.

    Raises
    ------
    HealthGateError
        Under `strict_health`, naming every symbol, its status and its sessions.
    """
    window = run.settings.data.full_sessions
    symbols = winner_symbols(run)
    requests = repair_requests(run, symbols, window)
    fetched = repair(run, requests) if requests else None
    if fetched is not None and has_landed(fetched):
        build_prices(run, window, ("tag:prices",))
    report = record_health(run, "full", symbols, fetched)
    gates = run.dbt("test", ["tag:gate"], window_sessions=window)
    left = unhealthy_series(run, symbols)
    unanswered = fetched.failures if fetched is not None else {}
    if run.settings.data.strict_health and (left.height or unanswered or not gates.success):
        missing = run.query(
            "select symbol, session_date from marts.gap_audit where run_id = ? and symbol in (select unnest(?))",
            run.run_id,
            symbols,
        )
        refused = refused_bars(run, left["symbol"].to_list())
        raise HealthGateError(describe_health_problems(left, missing, refused, unanswered, gates))
    note = f"{len(symbols)} checked, {fetched.n_requested if fetched else 0} asked for again, {left.height} unhealthy"
    return StepReport(report.rows, note)


def repair_requests(run: Run, symbols: Sequence[str], n_sessions: int) -> list[BarRequest]:
    """Requests for series that were not answered, and for the sessions that the unhealthy ones lack."""
    landing = landing_of(run, "health", symbols, days_before(run.as_of, n_sessions))
    unhealthy = unhealthy_series(run, symbols)["symbol"].to_list()
    failed = failed_requests(run.lake, run.source_name, landing, days=1, symbols=symbols)
    if not run.settings.data.gap_fill:
        return list(failed)
    calendars = calendars_of(unhealthy, Venues.of(run.paths))
    return [*failed, *gap_requests(run.lake, run.source_name, calendars, landing)]


def unhealthy_series(run: Run, symbols: Sequence[str]) -> pl.DataFrame:
    """Rows of `marts.data_health` on which no portfolio may be built."""
    return run.lake.query(
        "select * from marts.data_health where run_id = ? and symbol in (select unnest(?)) "
        "and status not in ('OK', 'SHORT') order by symbol",
        [run.run_id, list(symbols)],
    )


def refused_bars(run: Run, symbols: Sequence[str]) -> pl.DataFrame:
    """Read the bars of `symbols` that were set aside: symbol, session_date, reason and detail."""
    return run.query(
        "select distinct symbol, session_date, reason, detail from raw.quarantine "
        "where source = ? and symbol in (select unnest(?)) and coalesce(session_date <= ?, true) order by all",
        run.source_name,
        list(symbols),
        run.as_of,
    )


def describe_health_problems(
    left: pl.DataFrame, missing: pl.DataFrame, refused: pl.DataFrame, unanswered: Mapping[str, str], gates: DbtResult
) -> str:
    """Name every unhealthy symbol with its sessions, its refused bars, series not answered and gates that failed."""
    lines = ["health problems are left and data.strict_health is on:"]
    for row in left.to_dicts():
        sessions = missing.filter(pl.col("symbol") == row["symbol"])["session_date"].sort().to_list()
        named = ", ".join(str(session) for session in sessions[:5]) + (", ..." if len(sessions) > 5 else "")
        lines.append(
            f"  {row['symbol']} {row['status']}: {row['n_gaps']} gaps, {row['n_quarantined']} quarantined {named}".rstrip()
        )
        lines += [
            f"    {bar['session_date']} {bar['reason']}: {bar['detail'] or 'see raw.quarantine'}"
            for bar in refused.filter(pl.col("symbol") == row["symbol"]).head(SHOWN_BARS).to_dicts()
        ]
    lines += [f"  {symbol} was not answered: {reason}" for symbol, reason in sorted(unanswered.items())]
    lines += [f"  gate {node.name}: {node.message}" for node in gates.nodes if node.failures]
    lines.append(
        "repair the source and use --start-step health; or exclude the symbols with their reason, by "
        '--start-step discovery --set \'discovery.exclude_symbols={"SYMBOL":"reason"}\''
    )
    return "\n".join(lines)
