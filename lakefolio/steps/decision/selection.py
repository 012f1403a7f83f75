"""Step 7: cluster the candidates and select the winners of each cluster.

See docs/method/05-discovery-selection.md#5.5 to 5.9.
"""

from __future__ import annotations

import polars as pl

from analytics.estimation.instrument_risk import risk_measures
from analytics.policy import SelectedInstruments, decide_selection
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decision.instruments import read_instruments
from lakefolio.steps.decision.market_regime import detect_run_regime, read_market, regime_rows
from lakefolio.steps.decision.stored_clusters import describe_clusters
from lakefolio.steps.market.candidates import read_candidates
from lakehouse.connection.catalog import Lake

LIGHT = "light"


def selection(run: Run) -> StepReport:
    """Cluster the candidates on the light window and take the winners of each cluster."""
    candidates = read_candidates(run.lake, run.run_id)
    panel = read_panel(run.lake, candidates["symbol"].to_list(), run.as_of)
    market = read_market(run, panel, candidates)
    instruments = read_instruments(run.lake, run.run_id)
    history, now = detect_run_regime(run, market, panel)
    clustering, selected = decide_selection(
        panel.returns, candidates, now, run.settings, periods_per_year=panel.periods_per_year
    )
    light = panel.last(run.settings.data.light_sessions)
    risk = risk_measures(
        light.returns, candidates["direction"].to_numpy(), light.symbols, periods_per_year=panel.periods_per_year
    )
    run.store(
        "selection",
        run.replace("results.selection", selected),
        run.replace("results.clusters", describe_clusters(clustering, instruments, LIGHT, now), stage=LIGHT),
        run.replace("results.risk", risk, stage=LIGHT),
        run.replace("results.regimes", regime_rows(history, panel, LIGHT), stage=LIGHT),
    )
    winners = selected.filter(pl.col("is_selected")).height
    if winners == 0:
        reasons = ", ".join(
            f"{row['reason']} {row['len']}" for row in selected["reason"].value_counts(name="len").to_dicts()
        )
        raise LakefolioError(f"none of {selected.height} candidates was selected ({reasons}): see results.selection")
    return StepReport(
        selected.height, f"{winners} of {selected.height} selected from {counted(clustering.n_clusters, 'cluster')}"
    )


def read_winners(lake: Lake, run_id: str) -> SelectedInstruments:
    """Read the winners of the run, by symbol."""
    return SelectedInstruments.of(lake.query("select * from results.selection where run_id = ?", [run_id]))
