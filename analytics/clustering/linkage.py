"""Build the tree of agglomerative clustering, cut it at a height and find the correlations that the cut implies.

See docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial import distance as condensed

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.errors import InputError

LinkageMethod = Literal["ward", "average", "complete", "single"]


def linkage_tree(distance: FloatMatrix, method: LinkageMethod) -> FloatMatrix:
    """Build the tree of agglomerative clustering from a square distance matrix.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    distance : (N, N)
        Symmetric, no NaN.
    method : str
        Linkage: `ward`, `average`, `complete` or `single`.

    Returns
    -------
    (N - 1, 4)
        As `scipy.cluster.hierarchy.linkage`: left node, right node, height, size.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.linkage import linkage_tree
    >>> linkage_tree(np.array([[0.0, 0.2, 0.8], [0.2, 0.0, 0.6], [0.8, 0.6, 0.0]]), "average").round(3)
    array([[0. , 1. , 0.2, 2. ],
           [2. , 3. , 0.7, 3. ]])
    """
    return np.asarray(hierarchy.linkage(condensed.squareform(distance, checks=False), method=method), dtype=np.float64)


def cut_tree(linkage: FloatMatrix, threshold: float) -> IntVector:
    """Cut a tree at a height and number the clusters by size, ties by the first leaf.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    linkage : (N' - 1, 4)
        As SciPy's.
    threshold : float
        Height, above 0: leaves that are joined at or below it share a cluster.

    Returns
    -------
    (N',)
        1..K, the largest cluster 1.

    Raises
    ------
    InputError
        A height that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.linkage import cut_tree, linkage_tree
    >>> tree = linkage_tree(np.array([[0.0, 0.9, 0.8], [0.9, 0.0, 0.2], [0.8, 0.2, 0.0]]), "average")
    >>> cut_tree(tree, 0.5)
    array([2, 1, 1])
    """
    if not (np.isfinite(threshold) and threshold > 0.0):
        raise InputError(f"The cut height is {threshold}; it must be a positive number.")
    raw = hierarchy.fcluster(linkage, t=threshold, criterion="distance")
    _, first, inverse, sizes = np.unique(raw, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(sizes.size, dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(1, sizes.size + 1)
    return rank[inverse]


def implied_correlations(correlation: FloatMatrix, leaf_ids: IntVector) -> tuple[FloatVector, FloatVector]:
    """Find the smallest and the mean correlation over the known pairs of each cluster.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    correlation : (N', N')
        Held correlations; NaN for unknown pairs.
    leaf_ids : (N',)
        Cluster of each leaf, 1..K.

    Returns
    -------
    lowest, mean : (K,)
        NaN for a cluster without a known pair.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.linkage import implied_correlations
    >>> correlation = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.7], [0.6, 0.7, 1.0]])
    >>> lowest, mean = implied_correlations(correlation, np.array([1, 1, 1]))
    >>> lowest.round(3), mean.round(3)
    (array([0.6]), array([0.7]))
    """
    order = np.argsort(leaf_ids, kind="stable")
    ends = np.cumsum(np.bincount(leaf_ids)[1:])
    lowest, mean = np.full(ends.size, np.nan), np.full(ends.size, np.nan)
    for cluster, (start, end) in enumerate(zip(ends - np.diff(ends, prepend=0), ends, strict=True)):
        size = int(end - start)
        if size < 2:
            continue
        members = order[start:end]
        block = correlation[members][:, members]
        # Both halves and the diagonal of ones: a sum over all of it needs no mask.
        total = float(block.sum())
        if np.isfinite(total):
            lowest[cluster], mean[cluster] = block.min(), (total - size) / (size * (size - 1))
            continue
        pairs = block[np.tri(size, k=-1, dtype=bool)]
        pairs = pairs[np.isfinite(pairs)]
        if pairs.size:
            lowest[cluster], mean[cluster] = pairs.min(), pairs.mean()
    return lowest, mean
