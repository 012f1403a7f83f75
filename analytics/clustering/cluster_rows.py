"""Lay out a clustering, and the tree below it, as rows of the results tables, without run_id.

See docs/architecture.md#lake, docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics._typing import IntVector
from analytics.clustering.clusters import Clustering
from analytics.clustering.linkage import LinkageMethod
from analytics.errors import InputError


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


@dataclass(frozen=True, slots=True, eq=False)
class TreeRows:
    """Rows of an uncut tree.

    Attributes
    ----------
    leaves : polars.DataFrame
        One row per instrument: symbol, leaf (its row in the distances), leaf_order (its position in the drawn tree),
        reason. An excluded instrument has a reason and neither leaf nor order.
    links : polars.DataFrame
        One row per link: link, left_node, right_node, height, size, as in `link_rows`.
    distances : polars.DataFrame
        One row per pair of leaves: symbol, other_symbol, distance, correlation; null for an unknown correlation.
    """

    leaves: pl.DataFrame
    links: pl.DataFrame
    distances: pl.DataFrame


def tree_rows(clustering: Clustering) -> TreeRows:
    """Lay out the tree of a clustering as rows; they do not depend on its cut.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    clustering : Clustering
        N instruments.

    Returns
    -------
    TreeRows
        Without run_id and stage.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.cluster_rows import tree_from_rows, tree_rows
    >>> from analytics.clustering.clusters import cluster_instruments, recut
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C"], [1, 1, 1], threshold=0.4)
    >>> rows = tree_rows(clustering)
    >>> rows.leaves.select("symbol", "leaf").rows()
    [('A', 0), ('B', 1), ('C', 2)]
    >>> tree = tree_from_rows(rows, method=clustering.method, lookbacks=clustering.lookbacks)
    >>> np.array_equal(recut(tree, 0.4).cluster_ids, clustering.cluster_ids)
    True
    """
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
    """Rebuild a clustering from the rows of its tree, bit-identical and without a cut; `recut` cuts it.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    rows : TreeRows
        In any order.
    method : str
        Linkage that made the tree.
    lookbacks : tuple of int
        Lookbacks, in sessions, that made its distances.

    Returns
    -------
    Clustering
        By symbol; cluster ids are 0 and the threshold is NaN until `recut`. The example of `tree_rows` shows its use.

    Raises
    ------
    InputError
        The rows do not make one complete tree.
    """
    leaves, links = rows.leaves.sort("symbol"), rows.links.sort("link")
    kept = leaves.with_row_index("position").drop_nulls("leaf").sort("leaf")
    n = kept.height
    if kept["leaf"].to_list() != list(range(n)) or links.height != n - 1 or rows.distances.height != n * (n - 1) // 2:
        raise InputError(
            f"{n} leaves, {links.height} links and {rows.distances.height} pairs are not one complete tree; cluster again"
        )
    index = pl.DataFrame({"symbol": kept["symbol"], "row": np.arange(n)})
    pairs = rows.distances.join(index, on="symbol").join(
        index.rename({"symbol": "other_symbol", "row": "other_row"}), on="other_symbol"
    )
    distance, correlation = np.zeros((n, n)), np.eye(n)
    left, right = pairs["row"].to_numpy(), pairs["other_row"].to_numpy()
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
