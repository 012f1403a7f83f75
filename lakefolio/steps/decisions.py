"""Steps 7 and 10 to 12: read a mart, call the study, write a result table.

See docs/architecture.md#packages.
"""

from __future__ import annotations

import time

import polars as pl

from analytics.clustering.cluster_rows import link_rows
from analytics.estimation.instrument_risk import risk_measures
from analytics.policy import decide_clusters, decide_selection, decide_weights
from lakefolio.config.decision_settings import policy_of
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.run import Run, StepReport
from lakefolio.state.held_portfolios import held_portfolios
from lakefolio.steps.cluster_analysis import anchor_writes, factor_writes, partition_writes
from lakefolio.steps.decision_inputs import (
    describe_clusters,
    judge_regime,
    read_candidates,
    read_chosen,
    read_instruments,
    read_market,
    read_regime,
    read_terms,
    regime_rows,
    require_reported_cut,
)
from lakefolio.steps.portfolio_tables import PORTFOLIO_TABLES, PortfolioInputs, portfolio_tables
from lakefolio.steps.sentiment_exposure import read_exposures

LIGHT, FULL = "light", "full"


def selection(run: Run) -> StepReport:
    """Cluster the candidates on the light window and take the winners.

    See docs/method/05-discovery-selection.md.
    """
    policy = policy_of(run.settings)
    lake = run.lake
    candidates = read_candidates(lake, run.run_id)
    panel = read_panel(lake, candidates["symbol"].to_list(), run.as_of)
    market = read_market(lake, run, panel, candidates)
    instruments = read_instruments(lake)
    history, now = judge_regime(run, market, panel)
    clustering, selected = decide_selection(
        panel.returns, candidates, now, policy, periods_per_year=panel.periods_per_year
    )
    light = panel.last(policy.light_sessions)
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
    return StepReport(selected.height, f"{winners} of {selected.height} selected from {clustering.n_clusters} clusters")


def factors(run: Run) -> StepReport:
    """What the winners' full history says: tree and risk, before any cut.

    See docs/method/03-dependence.md, docs/method/06-risk.md.
    """
    lake = run.lake
    chosen = read_chosen(lake, run.run_id)
    panel = read_panel(lake, chosen.symbols, run.as_of).last(run.settings.data.full_sessions)
    candidates = read_candidates(lake, run.run_id)
    pool = read_panel(lake, candidates["symbol"].to_list(), run.as_of).last(run.settings.data.full_sessions)
    # The tree does not depend on where it is cut; the cut waits for the regime.
    clustering = decide_clusters(panel.returns, chosen, "NORMAL", policy_of(run.settings))
    risk = risk_measures(panel.returns, chosen.directions, chosen.symbols, periods_per_year=panel.periods_per_year)
    run.store(
        "factors",
        run.replace("results.cluster_links", link_rows(clustering, stage=FULL), stage=FULL),
        run.replace("results.risk", risk, stage=FULL),
        *factor_writes(run, panel, chosen, clustering),
        *anchor_writes(run, pool, candidates),
    )
    return StepReport(
        len(chosen.symbols), f"{len(chosen.symbols)} instruments over {len(panel.session_dates)} sessions"
    )


def regime(run: Run) -> StepReport:
    """The decision regime, and the clusters that its cut gives.

    See docs/method/04-clusters.md#4.1, docs/method/07-regime.md.
    """
    lake = run.lake
    chosen = read_chosen(lake, run.run_id)
    panel = read_panel(lake, chosen.symbols, run.as_of)
    instruments = read_instruments(lake)
    market = read_market(lake, run, panel, instruments)
    history, now = judge_regime(run, market, panel)
    policy = policy_of(run.settings)
    window = panel.last(run.settings.data.full_sessions)
    clustering = decide_clusters(window.returns, chosen, now, policy)
    run.store(
        "regime",
        run.replace("results.regimes", regime_rows(history, panel, FULL), stage=FULL),
        run.replace("results.clusters", describe_clusters(clustering, instruments, FULL, now), stage=FULL),
        *partition_writes(run, window, chosen, clustering),
    )
    return StepReport(
        len(history.scores),
        f"{now} at score {history.scores[-1]:.2f}: cut at {policy.threshold_for(now):.2f} gives {clustering.n_clusters} clusters",
    )


def optimize(run: Run) -> StepReport:
    """Allocate every risk profile over the clusters, and say what it takes to get there from what is held.

    See docs/method/08-allocation.md, docs/method/10-state-orders.md.
    """
    policy = policy_of(run.settings)
    lake = run.lake
    chosen = read_chosen(lake, run.run_id)
    panel = read_panel(lake, chosen.symbols, run.as_of).last(run.settings.data.full_sessions)
    now = read_regime(lake, run.run_id)
    stored = lake.query("select * from results.clusters where run_id = ? and stage = ?", [run.run_id, FULL])
    selected = lake.query("select * from results.selection where run_id = ?", [run.run_id])
    standing = PortfolioInputs(stored, selected, read_terms(lake, run.as_of))
    held = held_portfolios(lake, run.settings.allocation.risk_profiles, run.source_name, run.as_of)
    exposures = read_exposures(lake, run, chosen)
    clustering = decide_clusters(panel.returns, chosen, now, policy)
    require_reported_cut(clustering, stored)
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in PORTFOLIO_TABLES}
    risk_profiles = run.settings.allocation.risk_profiles
    with run.reporter.within("risk_profiles", len(risk_profiles)) as count:
        for number, risk_profile in enumerate(risk_profiles, start=1):
            began = time.perf_counter()
            allocation = decide_weights(
                panel.returns, chosen, clustering, risk_profile, now, policy, held[risk_profile].as_held(),
                periods_per_year=panel.periods_per_year, exposures=exposures,
            )  # fmt: skip
            seconds = time.perf_counter() - began
            run.logger.info(
                "%s: %s in %s iterations", risk_profile, allocation.solution.status, allocation.solution.iterations
            )
            for name, frame in portfolio_tables(
                run.settings, allocation, standing, held[risk_profile], seconds
            ).items():
                rows[name].append(frame)
            count(number, len(risk_profiles))
    run.store("optimize", *(run.replace(f"results.{name}", pl.concat(frames)) for name, frames in rows.items()))
    largest = max(row["weight"] for frame in rows["cluster_weights"] for row in frame.to_dicts())
    return StepReport(
        sum(frame.height for frame in rows["weights"]),
        f"{len(risk_profiles)} risk profiles, largest cluster {largest:.1%} under a cap of {policy.cap:.0%}",
    )
