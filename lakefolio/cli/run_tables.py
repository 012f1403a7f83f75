"""Read clusters and correlations of a run for the command line, and split one cluster further."""

from __future__ import annotations

import polars as pl

from analytics.clustering.clusters import recut
from analytics.clustering.subclusters import zoom_cluster
from analytics.errors import InputError
from lakefolio.errors import LakefolioError, UsageError
from lakefolio.runs.run import Run
from lakefolio.steps.decision.instruments import read_instruments
from lakefolio.steps.decision.selection import read_winners
from lakefolio.steps.decision.stored_clusters import read_clusters, read_tree
from lakehouse.connection.catalog import Lake

Tables = dict[str, pl.DataFrame]
"""Frames by the title that stands over each."""

_CLUSTERS = {
    "clusters": "select cluster_id, any_value(label) as label, any_value(purity) as purity, count(*) as n_members, "
    "count(distinct subcluster_id) as n_subclusters, any_value(mean_correlation) as mean_correlation, "
    "any_value(min_correlation) as min_correlation, string_agg(symbol, ', ' order by leaf_order) as members "
    "from results.clusters where run_id = ? and stage = 'full' and cluster_id > 0 group by cluster_id order by 1",
    "left out": "select symbol, reason from results.clusters "
    "where run_id = ? and stage = 'full' and cluster_id = 0 order by symbol",
    "drift": "select * exclude (run_id) from results.cluster_drift where run_id = ? order by cluster_id",
    "hedge anchors": "select * exclude (run_id) from results.hedge_anchors where run_id = ? "
    "order by reference desc, rank",
}
_CORRELATIONS = {
    "all pairs": "select * exclude (run_id) from results.correlation_summary where run_id = ? order by stream desc",
    "rolling averages": "select session_date, "
    "max(average_correlation) filter (where window_sessions = 20) as over_20_sessions, "
    "max(average_correlation) filter (where window_sessions = 60) as over_60_sessions, "
    "max(average_correlation) filter (where window_sessions = 180) as over_180_sessions "
    "from results.correlation_averages where run_id = ? group by session_date order by session_date desc limit 20",
    "top pairs": "select * exclude (run_id) from results.correlation_pairs where run_id = ? order by kind, rank",
    "redundancy": "select * exclude (run_id) from results.correlation_redundancy where run_id = ? "
    "order by n_redundant desc, held_correlation desc nulls last, symbol",
}
_SENSITIVITY = {
    "threshold sensitivity": "select * exclude (run_id) from results.cluster_sensitivity where run_id = ? "
    "order by threshold"
}


def clusters_of(lake: Lake, run_id: str) -> Tables:
    """Clusters, their drift and the hedge anchors of the universe.

    See docs/method/04-clusters.md.
    """
    return _read(lake, _CLUSTERS, run_id, step="regime")


def correlations_of(lake: Lake, run_id: str) -> Tables:
    """Rolling averages, top pairs, redundancy, and held against physical correlation.

    See docs/method/03-dependence.md#3.1, 3.2.
    """
    return _read(lake, _CORRELATIONS, run_id, step="factors")


def sensitivity_of(lake: Lake, run_id: str) -> Tables:
    """Read the clusters that every other cut would give.

    See docs/method/04-clusters.md#4.4.
    """
    return _read(lake, _SENSITIVITY, run_id, step="regime")


def zoom(run: Run, cluster_id: int) -> Tables:
    """Split one cluster of a run by average linkage, whatever its size.

    See docs/method/04-clusters.md#4.2.

    Its members are those of `results.clusters`, its distances those of the stored tree.

    Raises
    ------
    UsageError
        The run has no such cluster.
    LakefolioError
        The run was never clustered.
    """
    clusters = read_clusters(run)
    chosen = read_winners(run.lake, run.run_id)
    instruments = read_instruments(run.lake, run.run_id)
    clustering = recut(read_tree(run, run.settings.data.full_sessions), float(clusters["threshold"][0]))
    identities = dict(zip(chosen.symbols, chosen.identities, strict=True))
    try:
        found = zoom_cluster(clustering, cluster_id, identities=identities)
    except InputError as refusal:
        raise UsageError(f"--cluster {cluster_id}: {refusal}") from None
    facts = instruments.select("symbol", "name", "venue", "asset_class", "sector")
    members = pl.DataFrame({"symbol": found.symbols, "subcluster_id": found.subcluster_ids}).with_columns(
        pl.col("symbol").replace_strict(identities).alias("identity")
    )
    links = pl.DataFrame(found.linkage, schema=["left_node", "right_node", "height", "size"], orient="row")
    title = f"cluster {cluster_id}, average linkage, cut at {found.height:.2f}"
    return {
        title: members.join(facts, on="symbol", how="left", maintain_order="left").sort("subcluster_id", "symbol"),
        "links of its tree": links.with_columns(pl.col("left_node", "right_node", "size").cast(pl.Int64)),
    }


def _read(lake: Lake, queries: dict[str, str], run_id: str, *, step: str) -> Tables:
    tables = {title: lake.query(sql, [run_id]) for title, sql in queries.items()}
    if all(frame.is_empty() for frame in tables.values()):
        raise LakefolioError(f"run {run_id} has no row of these tables: --start-step {step}")
    return tables
