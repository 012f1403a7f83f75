"""Steps 4 and 5: merge the finds into candidates, and describe their instruments.

See docs/method/05-discovery-selection.md#5.2 to 5.4.
"""

from __future__ import annotations

import polars as pl

from ingest.landing.reference import land_instruments
from lakefolio.errors import UsageError
from lakefolio.runs.grid_returns import benchmark_symbol
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.market.landing import landing_of
from lakehouse.connection.catalog import Lake

NO_CANDIDATE = (
    "the scanners found no candidate: see intermediate.int_scans_of_run and the thresholds in configs/presets"
)


def aggregation(run: Run) -> StepReport:
    """Merge venues into identities, settle conflicts of direction, score, and keep the class quotas."""
    run.dbt("build", ["tag:candidates"]).require()
    rows = run.query(
        "select count(*) as n, count_if(is_conflict) as conflicts from marts.candidates where run_id = ?", run.run_id
    )
    n_candidates, conflicts = rows.row(0)
    if n_candidates == 0:
        raise UsageError(NO_CANDIDATE)
    return StepReport(
        n_candidates, f"{counted(n_candidates, 'identity', 'identities')}, {conflicts} found both long and short"
    )


def enrichment(run: Run) -> StepReport:
    """Describe every instrument as it was known at the run's clock."""
    symbols = candidate_symbols(run)
    # A live source describes what it is asked about; the others describe all that they have.
    landing = landing_of(run, "enrichment", symbols if run.source.is_remote else None)
    changed = land_instruments(run.lake, run.source, landing)
    if changed is not None or not run.source.scans_from_bars:
        run.dbt("build", ["tag:enrichment"]).require()
    rows = run.query(
        "select count(*) as n, count_if(symbol in (select unnest(?))) as described from marts.instruments where run_id = ?",
        symbols,
        run.run_id,
    )
    n_instruments, described = rows.row(0)
    note = "" if changed is not None else ", unchanged since discovery"
    return StepReport(int(n_instruments), f"{described} of {len(symbols)} candidates described{note}")


def candidate_symbols(run: Run) -> list[str]:
    """Symbols of the run's candidates, and of the benchmark."""
    rows = run.lake.rows("select symbol from marts.candidates where run_id = ?", [run.run_id])
    return sorted({str(symbol) for (symbol,) in rows} | {benchmark_symbol(run.lake, run.run_id)})


def read_candidates(lake: Lake, run_id: str) -> pl.DataFrame:
    """Read the run's candidates with the health of their light window, by symbol.

    Raises
    ------
    UsageError
        There is none.
    """
    candidates = lake.query(
        "select candidates.*, health.status as health_status from marts.candidates as candidates "
        "left join results.health as health on health.symbol = candidates.symbol and health.run_id = candidates.run_id "
        "and health.stage = 'light' where candidates.run_id = ? order by candidates.symbol",
        [run_id],
    )
    if candidates.is_empty():
        raise UsageError(NO_CANDIDATE)
    return candidates
