"""Divide clusters into sub-clusters by average linkage.

See docs/method/04-clusters.md#4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analytics._typing import FloatMatrix, IntVector
from analytics.clustering.clusters import Clustering
from analytics.clustering.linkage import cut_tree, linkage_tree

SUBCLUSTER_HEIGHT = 0.2
MAX_UNDIVIDED_SIZE = 5


@dataclass(frozen=True, slots=True)
class Subclusters:
    """Sub-clusters of the M members of one cluster.

    See docs/method/04-clusters.md#4.2.

    Attributes
    ----------
    cluster_id : int
        The cluster that was divided.
    symbols : tuple of M str
        Members in symbol order.
    subcluster_ids : (M,)
        1.., largest first, ties by the smallest symbol.
    linkage : (M - 1, 4)
        Average linkage, as SciPy's; no rows for a single member.
    height : float
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
    """Divide one cluster by average linkage, at any size.

    See docs/method/04-clusters.md#4.2.

    Parameters
    ----------
    clustering : Clustering
        Contains the cluster.
    cluster_id : int
        1..K.
    identities : mapping of str to str, optional
        Symbol to identity. Venues of one identity are at distance 0 of each other, so that they stay together even
        where the prices of a thin venue differ.
    height : float
        Of the cut, above 0.

    Returns
    -------
    Subclusters

    Raises
    ------
    InputError
        No such cluster, or a height that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.clustering.subclusters import zoom_cluster
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    >>> clustering = cluster_instruments(returns, ["X:A", "Y:A", "X:B"], [1, 1, 1], threshold=2.0)
    >>> zoom_cluster(clustering, 1, identities={"X:A": "A", "Y:A": "A"}).subcluster_ids
    array([1, 2, 1])
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
    """Number the sub-clusters of all clusters: those of more than 5 members are divided, the others stay whole.

    See docs/method/04-clusters.md#4.2.

    Parameters
    ----------
    clustering : Clustering
        N instruments.
    identities : mapping of str to str, optional
        Symbol to identity, as in `zoom_cluster`.
    height : float
        Of the cut, above 0.

    Returns
    -------
    (N,)
        In the order of `clustering.symbols`; 1.. within each cluster, 0 = excluded.

    Raises
    ------
    InputError
        A height that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.clustering.subclusters import subclusters
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (np.repeat(rng.normal(size=(60, 2)), 3, axis=1) + 0.05 * rng.normal(size=(60, 6)))
    >>> clustering = cluster_instruments(returns, list("ABCDEF"), np.ones(6), threshold=5.0)
    >>> subclusters(clustering)
    array([1, 1, 1, 2, 2, 2])
    """
    position = {symbol: index for index, symbol in enumerate(clustering.symbols)}
    ids = np.minimum(clustering.cluster_ids, 1)
    sizes = np.bincount(clustering.leaf_cluster_ids)
    for cluster_id in range(1, clustering.n_clusters + 1):
        if sizes[cluster_id] > MAX_UNDIVIDED_SIZE:
            parts = zoom_cluster(clustering, cluster_id, identities=identities, height=height)
            ids[[position[symbol] for symbol in parts.symbols]] = parts.subcluster_ids
    return ids
