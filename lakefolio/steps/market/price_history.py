"""Steps 6 and 8: fetch bars, build the price models, and record the health of the series.

See docs/method/01-time-sessions-bars.md, docs/method/05-discovery-selection.md#5.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ingest.landing.bars import LandingReport
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import benchmark_symbol
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.market.candidates import candidate_symbols
from lakefolio.steps.market.landing import fetch, has_landed
from lakehouse.storage.writes import Write


def light_prep(run: Run) -> StepReport:
    """Fetch recent bars of the candidates and check their health."""
    window = run.settings.data.light_sessions
    symbols = candidate_symbols(run)
    fetched = fetch(run, "light-prep", symbols, window)
    # Discovery on bars has built everything below the returns; a source that scans by itself has built nothing yet.
    is_built_below = run.source.scans_from_bars and not has_landed(fetched)
    select = ("tag:returns", "tag:window") if is_built_below else ("tag:prices",)
    # The matrix shows the winners, who are not selected yet.
    build_prices(run, window, select, exclude=("returns_matrix+",))
    return record_health(run, "light", symbols, fetched)


def full_prep(run: Run) -> StepReport:
    """Fetch the full history of the winners and the benchmark, and check its health."""
    window = run.settings.data.full_sessions
    symbols = winner_symbols(run)
    run.store("full-prep", _scope_write(run))
    fetched = fetch(run, "full-prep", symbols, window)
    build_prices(run, window, ("tag:prices",) if has_landed(fetched) else ("tag:window",))
    return record_health(run, "full", symbols, fetched)


def build_prices(run: Run, window: int, select: Sequence[str], *, exclude: Sequence[str] = ()) -> None:
    """Build the price models, or those of them that depend on the window alone."""
    run.dbt("build", select, window_sessions=window, exclude=exclude).require()


def record_health(run: Run, stage: str, symbols: Sequence[str], fetched: LandingReport | None) -> StepReport:
    """Store the health of `symbols` as this stage found it."""
    rows = run.lake.query(
        "select symbol, status, n_expected, n_present, n_gaps, n_quarantined, n_stale_sessions, first_session, "
        "last_session, true as is_judged from marts.data_health where run_id = ? and symbol in (select unnest(?)) "
        "order by symbol",
        [run.run_id, list(symbols)],
    )
    missing = sorted(set(symbols) - set(rows["symbol"]))
    if missing:
        raise LakefolioError(f"marts.data_health does not know {', '.join(missing[:5])}: rebuild with dbt build")
    run.store(stage, run.replace("results.health", rows, stage=stage))
    return StepReport(rows.height, describe_health(rows, fetched))


def describe_health(rows: pl.DataFrame, fetched: LandingReport | None) -> str:
    """Counts by status, and how many series were asked for."""
    counts = ", ".join(
        f"{row['status']} {row['len']}" for row in rows["status"].value_counts(sort=True, name="len").to_dicts()
    )
    requested = f", {fetched.n_requested} asked for" if fetched is not None else ""
    return f"{counts}{requested}"


def _scope_write(run: Run) -> Write:
    """The write that names the winners to the models: the matrix shows them, and the gate checks their health."""
    chosen = run.query("select symbol from results.selection where run_id = ? and is_selected", run.run_id)
    return run.replace("scope.winners", chosen)


def winner_symbols(run: Run) -> list[str]:
    """Symbols whose health the gate checks: the winners and the benchmark."""
    rows = run.lake.rows("select symbol from results.selection where run_id = ? and is_selected", [run.run_id])
    return sorted({str(symbol) for (symbol,) in rows} | {benchmark_symbol(run.lake, run.run_id)})
