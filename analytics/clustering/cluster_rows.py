"""A clustering as rows of results.clusters and of the tables that hold its tree, without run_id; and back.

See docs/architecture.md#lake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics._typing import IntVector
from analytics.clustering.clusters import Clustering, LinkageMethod
from analytics.errors import InputError


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


@dataclass(frozen=True, slots=True, eq=False)
class TreeRows:
    """An uncut tree as rows.

    Attributes
    ----------
    leaves
        One row per instrument: symbol, leaf (its row in the distances), leaf_order (its place in the drawn tree), reason;
        an instrument that was left out has neither leaf nor order, and its reason.
    links
        One row per link: link, left_node, right_node, height, size, as in `link_rows`.
    distances
        One row per pair of leaves: symbol, other_symbol, distance, correlation; null for an unknown correlation.
    """

    leaves: pl.DataFrame
    links: pl.DataFrame
    distances: pl.DataFrame


def tree_rows(clustering: Clustering) -> TreeRows:
    """The tree of a clustering as rows, whatever it was cut at."""
    leaf = np.full(len(clustering.symbols), -1, dtype=np.int64)
    leaf[clustering.kept] = np.arange(clustering.kept.size)
    reasons = pl.DataFrame(clustering.excluded, schema={"symbol": pl.String, "reason": pl.String}, orient="row")
    leaves = (
        pl.DataFrame({"symbol": clustering.symbols, "leaf": leaf, "leaf_order": clustering.leaf_order})
        .with_columns(pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name) for name in ("leaf", "leaf_order"))
        .join(reasons, on="symbol", how="left", maintain_order="left")
    )
    left, right = np.triu_indices(clustering.kept.size, k=1)
    names = np.array(clustering.leaf_symbols)
    distances = pl.DataFrame(
        {
            "symbol": names[left],
            "other_symbol": names[right],
            "distance": clustering.distance[left, right],
            "correlation": clustering.correlation[left, right],
        },
        schema={"symbol": pl.String, "other_symbol": pl.String, "distance": pl.Float64, "correlation": pl.Float64},
    ).with_columns(pl.col("correlation").fill_nan(None))
    return TreeRows(leaves, link_rows(clustering, stage="").drop("stage"), distances)


def tree_from_rows(rows: TreeRows, *, method: LinkageMethod, lookbacks: tuple[int, ...]) -> Clustering:
    """Rebuild a clustering from the rows of its tree, bit by bit, without a cut: `recut` cuts it.

    Parameters
    ----------
    rows
        In any order; instruments come out by symbol.
    method, lookbacks
        Linkage and lookbacks that made the tree.

    Raises
    ------
    InputError
        The rows do not make one whole tree.
    """
    leaves, links = rows.leaves.sort("symbol"), rows.links.sort("link")
    kept = leaves.with_row_index("position").drop_nulls("leaf").sort("leaf")
    n = kept.height
    if kept["leaf"].to_list() != list(range(n)) or links.height != n - 1 or rows.distances.height != n * (n - 1) // 2:
        raise InputError(
            f"{n} leaves, {links.height} links and {rows.distances.height} pairs are no whole tree: cluster again"
        )
    index = pl.DataFrame({"symbol": kept["symbol"], "at": np.arange(n)})
    pairs = rows.distances.join(index, on="symbol").join(
        index.rename({"symbol": "other_symbol", "at": "other_at"}), on="other_symbol"
    )
    distance, correlation = np.zeros((n, n)), np.eye(n)
    left, right = pairs["at"].to_numpy(), pairs["other_at"].to_numpy()
    for matrix, name in ((distance, "distance"), (correlation, "correlation")):
        values = pairs[name].fill_null(float("nan")).to_numpy()
        matrix[left, right] = values
        matrix[right, left] = values
    excluded = leaves.filter(pl.col("leaf").is_null())
    return Clustering(
        symbols=tuple(leaves["symbol"]),
        cluster_ids=np.zeros(leaves.height, dtype=np.int64),
        kept=kept["position"].cast(pl.Int64).to_numpy(),
        linkage=links.select("left_node", "right_node", "height", "size").cast(pl.Float64).to_numpy(),
        leaf_order=leaves["leaf_order"].fill_null(-1).cast(pl.Int64).to_numpy(),
        threshold=float("nan"),
        method=method,
        distance=distance,
        correlation=correlation,
        min_correlation=np.empty(0),
        mean_correlation=np.empty(0),
        lookbacks=lookbacks,
        excluded=tuple(sorted(zip(excluded["symbol"], excluded["reason"], strict=True))),
        n_unknown_pairs=int(np.isnan(correlation).sum()) // 2,
    )
