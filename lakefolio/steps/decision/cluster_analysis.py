"""Describe a run's winners and their partition for the reports; no later step decides by it.

See docs/method/03-dependence.md, docs/method/04-clusters.md.

The steps `factors` and `regime` commit these rows with their own tables.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.clustering.cluster_stability import SENSITIVITY_THRESHOLDS, cluster_drift, threshold_sensitivity
from analytics.clustering.clusters import Clustering
from analytics.clustering.factor_map import factor_map
from analytics.clustering.hedge_anchors import hedge_anchors
from analytics.errors import InputError, ShortHistoryError
from analytics.estimation.correlation_report import correlation_report
from analytics.panel import check_panel, unusable_columns
from analytics.policy import SelectedInstruments
from lakefolio.runs.grid_returns import GridReturns
from lakefolio.runs.run import Run
from lakehouse.schema.contracts import FLAG, FLOAT, INT, TEXT
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.writes import Write

WHOLE = 0
"""Cluster id of the row of `results.cluster_drift` for the whole partition."""

_KINDS = {TEXT: pl.String(), FLOAT: pl.Float64(), INT: pl.Int64(), FLAG: pl.Boolean()}


def factor_writes(run: Run, panel: GridReturns, chosen: SelectedInstruments, clustering: Clustering) -> list[Write]:
    """Correlations and map of the winners.

    See docs/method/03-dependence.md#3.1, 3.2.
    """
    mapped = factor_map(clustering)
    points = mapped.points.select("symbol", "x", "y").with_columns(
        pl.lit(mapped.explained[0]).alias("x_explained"), pl.lit(mapped.explained[1]).alias("y_explained")
    )
    frames = _correlations(run, panel, chosen)
    return [run.replace(f"results.{name}", frame) for name, frame in (frames | {"factor_map": points}).items()]


def anchor_writes(run: Run, panel: GridReturns, candidates: pl.DataFrame) -> list[Write]:
    """Hedge anchors of the run's universe, which is all its candidates.

    See docs/method/04-clusters.md#4.6.

    Parameters
    ----------
    panel
        Of the candidates, in their order.
    """
    usable = _moving(run, panel)
    classes = candidates["asset_class"].to_list()
    anchors = hedge_anchors(
        panel.returns[:, usable],
        [panel.symbols[column] for column in usable],
        [classes[column] for column in usable],
        min_overlap=run.settings.dependence.min_overlap_sessions,
    )
    return [run.replace("results.hedge_anchors", anchors)]


def partition_writes(run: Run, panel: GridReturns, chosen: SelectedInstruments, clustering: Clustering) -> list[Write]:
    """Cuts at other heights, and the change of the partition between the halves of the lookback.

    See docs/method/04-clusters.md#4.4, 4.5.
    """
    used = clustering.threshold
    is_listed = any(np.isclose(used, threshold) for threshold in SENSITIVITY_THRESHOLDS)
    thresholds = SENSITIVITY_THRESHOLDS if is_listed else tuple(sorted((*SENSITIVITY_THRESHOLDS, used)))
    return [
        run.replace("results.cluster_sensitivity", threshold_sensitivity(clustering, thresholds)),
        run.replace("results.cluster_drift", drift_rows(run, panel, chosen, clustering)),
    ]


def drift_rows(run: Run, panel: GridReturns, chosen: SelectedInstruments, clustering: Clustering) -> pl.DataFrame:
    """Rows of `results.cluster_drift`; where the halves are too short to compare, one row that says so."""
    schema = {column.name: _KINDS[column.type] for column in CONTRACTS["results.cluster_drift"].columns[1:]}
    try:
        drift = cluster_drift(
            panel.returns,
            clustering,
            chosen.directions,
            min_overlap=run.settings.dependence.min_overlap_sessions,
        )
    except (InputError, ShortHistoryError) as refusal:
        return pl.DataFrame([{"cluster_id": WHOLE, "message": str(refusal)}], schema=schema)
    whole = {
        "cluster_id": WHOLE,
        "n_members": drift.n_compared,
        "half_sessions": drift.half_sessions,
        "adjusted_rand": drift.adjusted_rand,
    }
    rows = [{**row, "half_sessions": drift.half_sessions} for row in drift.clusters.to_dicts()]
    return pl.DataFrame([whole, *rows], schema=schema)


def _correlations(run: Run, panel: GridReturns, chosen: SelectedInstruments) -> dict[str, pl.DataFrame]:
    usable = _moving(run, panel)
    report = correlation_report(
        panel.returns[:, usable],
        [panel.symbols[column] for column in usable],
        chosen.directions[usable],
        panel.session_dates,
        min_overlap=run.settings.dependence.min_overlap_sessions,
    )
    for symbol, reason in report.excluded:
        run.logger.info("%s takes no part in the correlations: %s", symbol, reason)
    return {
        "correlation_averages": report.rolling,
        "correlation_pairs": report.top_pairs.rename({"left": "symbol", "right": "other_symbol"}),
        "correlation_redundancy": report.redundancy.rename(
            {"nearest": "nearest_symbol", "correlation": "held_correlation"}
        ),
        "correlation_summary": report.summary,
    }


def _moving(run: Run, panel: GridReturns) -> list[int]:
    """Columns that have a correlation at all; the log names the others."""
    unusable = unusable_columns(check_panel(panel.returns, panel.symbols))
    for column, reason in unusable.items():
        run.logger.info("%s takes no part in the correlations: %s", panel.symbols[column], reason)
    return [column for column in range(len(panel.symbols)) if column not in unusable]
