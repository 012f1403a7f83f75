"""Step 12: allocate every risk profile, and list the trades from what is held.

See docs/method/08-allocation.md, docs/method/10-state-orders.md.
"""

from __future__ import annotations

import time

import polars as pl

from analytics.policy import decide_weights
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.state.held_portfolios import held_portfolios
from lakefolio.steps.decision.instruments import read_order_terms
from lakefolio.steps.decision.market_regime import read_regime
from lakefolio.steps.decision.portfolio_tables import PORTFOLIO_TABLES, PortfolioInputs, portfolio_tables
from lakefolio.steps.decision.selection import read_winners
from lakefolio.steps.decision.sentiment_exposure import read_exposures
from lakefolio.steps.decision.stored_clusters import cluster_ids_of, read_clusters


def optimize(run: Run) -> StepReport:
    """Allocate every risk profile over the clusters, and list the trades that lead there from what is held."""
    settings, risk_profiles = run.settings, run.settings.allocation.risk_profiles
    chosen = read_winners(run.lake, run.run_id)
    panel = read_panel(run.lake, chosen.symbols, run.as_of).last(settings.data.full_sessions)
    now = read_regime(run.lake, run.run_id)
    clusters = read_clusters(run)
    selected = run.query("select * from results.selection where run_id = ?", run.run_id)
    inputs = PortfolioInputs(clusters, selected, read_order_terms(run.lake, run.run_id))
    held = held_portfolios(run.lake, risk_profiles, run.source_name, run.as_of)
    exposures = read_exposures(run, chosen)
    cluster_ids = cluster_ids_of(clusters, chosen.symbols)
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in PORTFOLIO_TABLES}
    with run.reporter.within("risk_profiles", len(risk_profiles)) as count:
        for number, risk_profile in enumerate(risk_profiles, start=1):
            began = time.perf_counter()
            allocation = decide_weights(
                panel.returns, chosen, cluster_ids, risk_profile, now, settings, held[risk_profile].as_held(),
                periods_per_year=panel.periods_per_year, exposures=exposures,
            )  # fmt: skip
            seconds = time.perf_counter() - began
            solution = allocation.solution
            run.logger.info("%s: %s in %s iterations", risk_profile, solution.status, solution.iterations)
            frames = portfolio_tables(settings, allocation, inputs, held[risk_profile], seconds)
            for name, frame in frames.items():
                rows[name].append(frame)
            count(number, len(risk_profiles))
    run.store("optimize", *(run.replace(f"results.{name}", pl.concat(frames)) for name, frames in rows.items()))
    largest = max(row["weight"] for frame in rows["cluster_weights"] for row in frame.to_dicts())
    return StepReport(
        sum(frame.height for frame in rows["weights"]),
        f"{counted(len(risk_profiles), 'risk profile')}, largest cluster {largest:.1%} under a cap of "
        f"{settings.allocation.cap:.0%}",
    )
