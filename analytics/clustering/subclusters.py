"""A closer look into one cluster.

See docs/method/04-clusters.md#4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analytics._typing import FloatMatrix, IntVector
from analytics.clustering.clusters import Clustering, cut_tree, linkage_tree

SUBCLUSTER_HEIGHT = 0.2
MAX_UNDIVIDED_SIZE = 5


@dataclass(frozen=True, slots=True)
class Subclusters:
    """One cluster taken apart.

    Attributes
    ----------
    symbols
        The M members in symbol order.
    subcluster_ids : (M,)
        1.., largest first, ties by the smallest symbol.
    linkage : (M - 1, 4)
        Average linkage; no rows for a single member.
    height
        Of the cut.
    """

    cluster_id: int
    symbols: tuple[str, ...]
    subcluster_ids: IntVector
    linkage: FloatMatrix
    height: float


def zoom_cluster(
    clustering: Clustering,
    cluster_id: int,
    *,
    identities: Mapping[str, str] | None = None,
    height: float = SUBCLUSTER_HEIGHT,
) -> Subclusters:
    """Take one cluster apart by average linkage, whatever its size.

    Parameters
    ----------
    identities
        Symbol to identity. Venues of one identity are at distance 0 of each other, so that they fall together even
        where a thin venue's prices say otherwise.

    Raises
    ------
    InputError
        No such cluster, or a height that is not positive.
    """
    symbols = clustering.members(cluster_id)
    rows = np.flatnonzero(clustering.leaf_cluster_ids == cluster_id)
    if rows.size == 1:
        return Subclusters(cluster_id, symbols, np.ones(1, dtype=np.int64), np.empty((0, 4)), height)
    distance = clustering.distance[np.ix_(rows, rows)]
    if identities is not None:
        identity_ids = np.unique([identities.get(symbol, symbol) for symbol in symbols], return_inverse=True)[1]
        distance[identity_ids[:, None] == identity_ids[None, :]] = 0.0
    tree = linkage_tree(distance, "average")
    return Subclusters(cluster_id, symbols, cut_tree(tree, height), tree, height)


def subclusters(
    clustering: Clustering,
    *,
    identities: Mapping[str, str] | None = None,
    height: float = SUBCLUSTER_HEIGHT,
) -> IntVector:
    """Sub-cluster of every instrument: clusters of more than 5 members are taken apart, the others stay whole.

    Returns
    -------
    (N,)
        In the order of `clustering.symbols`; 1.. within each cluster, 0 = excluded.
    """
    position = {symbol: index for index, symbol in enumerate(clustering.symbols)}
    ids = np.minimum(clustering.cluster_ids, 1)
    sizes = np.bincount(clustering.leaf_cluster_ids)
    for cluster_id in range(1, clustering.n_clusters + 1):
        if sizes[cluster_id] > MAX_UNDIVIDED_SIZE:
            parts = zoom_cluster(clustering, cluster_id, identities=identities, height=height)
            ids[[position[symbol] for symbol in parts.symbols]] = parts.subcluster_ids
    return ids
