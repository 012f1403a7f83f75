"""Lay out a clustering as rows of results.clusters and results.cluster_links, without run_id.

See docs/architecture.md#lake, docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics._typing import IntVector
from analytics.clustering.clusters import Clustering


def cluster_rows(
    clustering: Clustering, labels: pl.DataFrame, subcluster_ids: IntVector, *, stage: str, regime: str
) -> pl.DataFrame:
    """Build the rows of results.clusters: one per instrument, excluded ones with cluster 0 and their reason.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    clustering : Clustering
        N instruments.
    labels : polars.DataFrame
        Of `label_clusters` for the same clustering.
    subcluster_ids : (N,)
        Of `subclusters` for the same clustering.
    stage : str
        `light` for the candidates, `full` for the winners.
    regime : str
        Regime whose cut height was used.

    Returns
    -------
    polars.DataFrame
        In the order of `clustering.symbols`. Label, purity and correlations are null for excluded instruments; the
        correlations are null for a cluster of one, too.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> from analytics.clustering.cluster_rows import cluster_rows
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.clustering.labels import label_clusters
    >>> from analytics.clustering.subclusters import subclusters
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 2))
    >>> clustering = cluster_instruments(returns, ["A", "B"], [1, 1], threshold=0.1)
    >>> instruments = pl.DataFrame(
    ...     {"symbol": ["A", "B"], "asset_class": ["fx"] * 2, "sector": [None] * 2, "value_traded_usd": [2.0, 1.0]}
    ... )
    >>> labels = label_clusters(clustering, instruments)
    >>> rows = cluster_rows(clustering, labels, subclusters(clustering), stage="light", regime="NORMAL")
    >>> rows.select("symbol", "cluster_id", "label", "threshold", "mean_correlation").rows()
    [('A', 1, 'fx', 0.1, None), ('B', 2, 'fx', 0.1, None)]
    """
    by_cluster = pl.DataFrame(
        {
            "cluster_id": np.arange(1, clustering.n_clusters + 1),
            "min_correlation": clustering.min_correlation,
            "mean_correlation": clustering.mean_correlation,
        }
    ).with_columns(pl.col("min_correlation", "mean_correlation").fill_nan(None))
    reasons = pl.DataFrame(clustering.excluded, schema={"symbol": pl.String, "reason": pl.String}, orient="row")
    rows = pl.DataFrame(
        {
            "symbol": clustering.symbols,
            "cluster_id": clustering.cluster_ids,
            "subcluster_id": subcluster_ids,
            "leaf_order": clustering.leaf_order,
        }
    )
    return (
        rows.join(labels.select("cluster_id", "label", "purity"), on="cluster_id", how="left", maintain_order="left")
        .join(by_cluster, on="cluster_id", how="left", maintain_order="left")
        .join(reasons, on="symbol", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("leaf_order") >= 0).then(pl.col("leaf_order")).alias("leaf_order"),
            pl.lit(stage).alias("stage"),
            pl.lit(clustering.threshold).alias("threshold"),
            pl.lit(clustering.method).alias("linkage"),
            pl.lit(regime).alias("regime"),
        )
        .select(
            *("stage", "symbol", "cluster_id", "subcluster_id", "leaf_order", "label", "purity", "threshold"),
            *("min_correlation", "mean_correlation", "linkage", "regime", "reason"),
        )
    )


def link_rows(clustering: Clustering, *, stage: str) -> pl.DataFrame:
    """Build the rows of results.cluster_links: one per link of the tree, in its order.

    See docs/method/04-clusters.md#4.1.

    Nodes below N' are leaves in symbol order of the clustered instruments; node N' + i is link i.

    Parameters
    ----------
    clustering : Clustering
        With N' clustered instruments.
    stage : str
        `light` for the candidates, `full` for the winners.

    Returns
    -------
    polars.DataFrame
        N' - 1 rows: stage, link, left_node, right_node, height, size.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.cluster_rows import link_rows
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C"], [1, 1, 1], threshold=0.4)
    >>> link_rows(clustering, stage="full").select("link", "left_node", "right_node", "size").rows()
    [(0, 0, 2, 2), (1, 1, 3, 3)]
    """
    tree = clustering.linkage
    return pl.DataFrame(
        {
            "stage": [stage] * tree.shape[0],
            "link": np.arange(tree.shape[0]),
            "left_node": tree[:, 0].astype(np.int64),
            "right_node": tree[:, 1].astype(np.int64),
            "height": tree[:, 2],
            "size": tree[:, 3].astype(np.int64),
        }
    )
