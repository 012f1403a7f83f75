"""Step 10: measure correlations and risk of the winners, and link them into a tree.

See docs/method/03-dependence.md, docs/method/06-risk.md.
"""

from __future__ import annotations

from analytics.estimation.instrument_risk import risk_measures
from analytics.policy import link_winners
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decision.cluster_analysis import anchor_writes, factor_writes
from lakefolio.steps.decision.selection import read_winners
from lakefolio.steps.decision.stored_clusters import FULL, tree_writes
from lakefolio.steps.market.candidates import read_candidates


def factors(run: Run) -> StepReport:
    """Link the winners into a tree over their full history, and describe their correlations and risk."""
    chosen = read_winners(run.lake, run.run_id)
    n_sessions = run.settings.data.full_sessions
    panel = read_panel(run.lake, chosen.symbols, run.as_of).last(n_sessions)
    candidates = read_candidates(run.lake, run.run_id)
    pool = read_panel(run.lake, candidates["symbol"].to_list(), run.as_of).last(n_sessions)
    # The step `regime` cuts the tree.
    tree = link_winners(panel.returns, chosen, run.settings)
    risk = risk_measures(panel.returns, chosen.directions, chosen.symbols, periods_per_year=panel.periods_per_year)
    run.store(
        "factors",
        *tree_writes(run, tree),
        run.replace("results.risk", risk, stage=FULL),
        *factor_writes(run, panel, chosen, tree),
        *anchor_writes(run, pool, candidates),
    )
    return StepReport(
        len(chosen.symbols), f"{counted(len(chosen.symbols), 'instrument')} over {len(panel.session_dates)} sessions"
    )
