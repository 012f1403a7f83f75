"""The winners' tree and its cut as rows of the lake, and back.

See docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.clustering.cluster_rows import TreeRows, cluster_rows, tree_from_rows, tree_rows
from analytics.clustering.clusters import Clustering
from analytics.clustering.labels import label_clusters
from analytics.clustering.subclusters import subclusters
from lakefolio.errors import LakefolioError
from lakefolio.runs.run import Run
from lakehouse.storage.writes import Write

FULL = "full"
TREE_TABLES = {
    "leaves": "results.cluster_leaves",
    "links": "results.cluster_links",
    "distances": "results.cluster_distances",
}


def tree_writes(run: Run, clustering: Clustering) -> list[Write]:
    """Writes that store the winners' tree."""
    rows = tree_rows(clustering)
    return [run.replace(table, getattr(rows, part), stage=FULL) for part, table in TREE_TABLES.items()]


def read_tree(run: Run, n_sessions: int) -> Clustering:
    """Read the winners' tree, which is not cut yet.

    Parameters
    ----------
    n_sessions
        Sessions of the returns that the tree was made from: a lookback takes part where it is no longer.

    Raises
    ------
    LakefolioError
        The run has no tree.
    """
    parts = {
        part: run.lake.read(table, "run_id = ? and stage = ?", [run.run_id, FULL])
        for part, table in TREE_TABLES.items()
    }
    if parts["leaves"].is_empty():
        raise LakefolioError(f"run {run.run_id} was never clustered: --start-step factors")
    dependence = run.settings.dependence
    fitting = tuple(sorted({lookback for lookback in dependence.lookback_sessions if lookback <= n_sessions}))
    return tree_from_rows(TreeRows(**parts), method=dependence.linkage, lookbacks=fitting or (n_sessions,))


def describe_clusters(clustering: Clustering, instruments: pl.DataFrame, stage: str, regime: str) -> pl.DataFrame:
    """Rows of `results.clusters`: clusters, sub-clusters and labels."""
    identities = dict(zip(instruments["symbol"], instruments["identity"], strict=True))
    within = {symbol: identities[symbol] for symbol in clustering.symbols}
    labels = label_clusters(clustering, instruments.filter(pl.col("symbol").is_in(clustering.symbols)))
    return cluster_rows(clustering, labels, subclusters(clustering, identities=within), stage=stage, regime=regime)


def read_clusters(run: Run) -> pl.DataFrame:
    """Read the clusters of the winners, as the regime cut them.

    Raises
    ------
    LakefolioError
        The run has none.
    """
    clusters = run.query("select * from results.clusters where run_id = ? and stage = 'full'", run.run_id)
    if clusters.is_empty():
        raise LakefolioError(f"run {run.run_id} has no clusters: --start-step regime")
    return clusters


def cluster_ids_of(clusters: pl.DataFrame, symbols: Sequence[str]) -> NDArray[np.int64]:
    """Cluster of each symbol (N,), in their order; 0 for one that was left out of the tree."""
    ids: dict[str, int] = dict(zip(clusters["symbol"], clusters["cluster_id"], strict=True))
    return np.array([ids[symbol] for symbol in symbols], dtype=np.int64)
