"""A clustering as rows of results.clusters and results.cluster_links, without run_id.

See docs/architecture.md#lake.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics._typing import IntVector
from analytics.clustering.clusters import Clustering


def cluster_rows(
    clustering: Clustering, labels: pl.DataFrame, subcluster_ids: IntVector, *, stage: str, regime: str
) -> pl.DataFrame:
    """One row per instrument, excluded ones with cluster 0 and their reason.

    Parameters
    ----------
    labels
        Of `label_clusters`.
    subcluster_ids : (N,)
        Of `subclusters`.
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
    """One row per link of the tree, in its order.

    Nodes below N' are leaves in symbol order of the clustered instruments, node N' + i is link i.
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
