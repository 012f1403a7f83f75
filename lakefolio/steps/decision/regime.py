"""Step 11: detect the regime, and cut the winners' tree where the regime says.

See docs/method/04-clusters.md#4.1, docs/method/07-regime.md.
"""

from __future__ import annotations

from analytics.clustering.clusters import recut
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decision.cluster_analysis import partition_writes
from lakefolio.steps.decision.instruments import read_instruments
from lakefolio.steps.decision.market_regime import detect_run_regime, read_market, regime_rows
from lakefolio.steps.decision.selection import read_winners
from lakefolio.steps.decision.stored_clusters import FULL, describe_clusters, read_tree


def regime(run: Run) -> StepReport:
    """Detect the regime of every session, and cut the winners' tree at the height of the last one."""
    chosen = read_winners(run.lake, run.run_id)
    panel = read_panel(run.lake, chosen.symbols, run.as_of)
    instruments = read_instruments(run.lake, run.run_id)
    market = read_market(run, panel, instruments)
    history, now = detect_run_regime(run, market, panel)
    window = panel.last(run.settings.data.full_sessions)
    clustering = recut(read_tree(run, len(window.session_dates)), run.settings.cut_height(now))
    run.store(
        "regime",
        run.replace("results.regimes", regime_rows(history, panel, FULL), stage=FULL),
        run.replace("results.clusters", describe_clusters(clustering, instruments, FULL, now), stage=FULL),
        *partition_writes(run, window, chosen, clustering),
    )
    return StepReport(
        len(history.scores),
        f"{now} at score {history.score:.2f} by {history.deciding_components[-1]}: cut at {clustering.threshold:.2f} gives "
        f"{counted(clustering.n_clusters, 'cluster')}",
    )
