"""Measure how much a partition depends on its threshold and how it changed within the lookback.

See docs/method/04-clusters.md#4.4, 4.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy
from scipy.spatial import distance as condensed

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.clustering.clusters import Clustering, cluster_instruments
from analytics.clustering.linkage import cut_tree
from analytics.errors import InputError, ShortHistoryError
from analytics.estimation.correlation import MIN_OVERLAP, held_correlation, window_correlation
from analytics.panel import check_directions, check_panel

SENSITIVITY_THRESHOLDS: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(2, 19))
DRIFT_ALERT = 0.3


@dataclass(frozen=True, slots=True)
class ClusterDrift:
    """Change of the clusters between the halves of the lookback.

    See docs/method/04-clusters.md#4.5.

    Attributes
    ----------
    clusters : polars.DataFrame
        One row per cluster: cluster_id, n_members, drift in [0, 2] (null without a pair known in both halves),
        is_alert.
    adjusted_rand : float
        Of the partitions of the two halves, over instruments that both contain.
    n_compared : int
        Number of these instruments.
    half_sessions : int
        Sessions of each half.
    """

    clusters: pl.DataFrame
    adjusted_rand: float
    n_compared: int
    half_sessions: int


def threshold_sensitivity(
    clustering: Clustering, thresholds: tuple[float, ...] = SENSITIVITY_THRESHOLDS
) -> pl.DataFrame:
    """Cut the tree of a clustering at several heights and compare the partitions.

    See docs/method/04-clusters.md#4.4.

    Parameters
    ----------
    clustering : Clustering
        The tree that is cut.
    thresholds : tuple of float
        Heights, above 0.

    Returns
    -------
    polars.DataFrame
        One row per threshold: threshold, n_clusters, largest_share, mean_intra_correlation (over all known pairs inside
        clusters; null where none), cophenetic_correlation (of tree and distances, the same for every cut), is_used.

    Raises
    ------
    InputError
        A height that is not positive.

    References
    ----------
    Sokal, R. R., Rohlf, F. J. (1962). The comparison of dendrograms by objective methods. Taxon 11.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.cluster_stability import threshold_sensitivity
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (np.repeat(rng.normal(size=(60, 2)), 2, axis=1) + 0.3 * rng.normal(size=(60, 4)))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C", "D"], [1, 1, 1, 1], threshold=0.4)
    >>> threshold_sensitivity(clustering, (0.1, 0.4, 0.9)).select("threshold", "n_clusters", "is_used").rows()
    [(0.1, 4, False), (0.4, 2, True), (0.9, 1, False)]
    """
    tree, correlation = clustering.linkage, clustering.correlation
    pairwise = condensed.squareform(clustering.distance, checks=False)
    cophenetic = _correlate(np.asarray(hierarchy.cophenet(tree)), pairwise)
    known = np.isfinite(correlation)
    values = np.where(known, correlation, 0.0)
    rows = []
    for threshold in thresholds:
        ids = cut_tree(tree, threshold)
        onehot = (ids[:, None] == np.arange(1, ids.max() + 1)).astype(np.float64)
        # The diagonal has N' ones, each counted once; every pair is counted twice in both sums.
        total = float(np.einsum("ik,ik->", values @ onehot, onehot)) - ids.size
        n_pairs = float(np.einsum("ik,ik->", known @ onehot, onehot)) - ids.size
        rows.append(
            {
                "threshold": threshold,
                "n_clusters": int(ids.max()),
                "largest_share": float((ids == 1).mean()),
                "mean_intra_correlation": total / n_pairs if n_pairs else None,
                "cophenetic_correlation": cophenetic,
                "is_used": bool(np.isclose(threshold, clustering.threshold)),
            }
        )
    schema = {
        "threshold": pl.Float64,
        "n_clusters": pl.Int64,
        "largest_share": pl.Float64,
        "mean_intra_correlation": pl.Float64,
        "cophenetic_correlation": pl.Float64,
        "is_used": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema)


def cluster_drift(
    past_returns: ArrayLike,
    clustering: Clustering,
    directions: ArrayLike,
    *,
    alert: float = DRIFT_ALERT,
    min_overlap: int = MIN_OVERLAP,
) -> ClusterDrift:
    """Compare the correlations and partitions of the two halves of the longest lookback that a clustering used.

    See docs/method/04-clusters.md#4.5.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns that were clustered, as fractions, columns as `clustering.symbols`; NaN for NULL.
    clustering : Clustering
        The clusters to compare.
    directions : (N,)
        +1 for long, -1 for short.
    alert : float
        Drift above which a cluster is an alert.
    min_overlap : int
        Common sessions that a pair needs in each half.

    Returns
    -------
    ClusterDrift

    Raises
    ------
    ShortHistoryError
        A half is shorter than `min_overlap`.
    InputError
        As `cluster_instruments`; or fewer than two instruments are known in both halves.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.cluster_stability import cluster_drift
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (np.repeat(rng.normal(size=(60, 2)), 2, axis=1) + 0.3 * rng.normal(size=(60, 4)))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C", "D"], [1, 1, 1, 1], threshold=0.4)
    >>> drift = cluster_drift(returns, clustering, [1, 1, 1, 1])
    >>> drift.adjusted_rand, drift.n_compared, drift.half_sessions
    (1.0, 4, 30)
    >>> drift.clusters["is_alert"].to_list()
    [False, False]
    """
    panel = check_panel(past_returns, clustering.symbols)
    signs = check_directions(directions, panel.symbols)[clustering.kept]
    half = min(max(clustering.lookbacks), panel.returns.shape[0]) // 2
    if half < min_overlap:
        raise ShortHistoryError(f"Halves of {half} sessions are shorter than the overlap of {min_overlap} needed.")
    window = panel.returns[-2 * half :, clustering.kept]
    halves = [window[:half], window[half:]]
    correlations = [held_correlation(window_correlation(part, min_overlap), signs) for part in halves]
    ids = clustering.leaf_cluster_ids
    drift = _vector_drift(correlations[0], correlations[1], ids)
    partitions = [
        cluster_instruments(
            part,
            clustering.leaf_symbols,
            signs,
            threshold=clustering.threshold,
            method=clustering.method,
            lookbacks=(half,),
            min_overlap=min_overlap,
            unusable="exclude",
        ).cluster_ids
        for part in halves
    ]
    both = (partitions[0] > 0) & (partitions[1] > 0)
    table = pl.DataFrame(
        {
            "cluster_id": np.arange(1, drift.size + 1),
            "n_members": np.bincount(ids)[1:],
            "drift": drift,
            "is_alert": np.nan_to_num(drift) > alert,
        }
    ).with_columns(pl.col("drift").fill_nan(None))
    return ClusterDrift(table, adjusted_rand(partitions[0][both], partitions[1][both]), int(both.sum()), half)


def adjusted_rand(left: ArrayLike, right: ArrayLike) -> float:
    """Compute the adjusted Rand index of two partitions of the same instruments.

    See docs/method/04-clusters.md#4.5.

    Parameters
    ----------
    left, right : (N,)
        Group of each instrument, by any labels.

    Returns
    -------
    float
        1 for equal partitions, 0 in the mean of random ones.

    Raises
    ------
    InputError
        Different lengths or fewer than two instruments.

    References
    ----------
    Hubert, L., Arabie, P. (1985). Comparing partitions. Journal of Classification 2.

    Examples
    --------
    >>> from analytics.clustering.cluster_stability import adjusted_rand
    >>> adjusted_rand([1, 1, 2, 2], [7, 7, 3, 3])
    1.0
    >>> round(adjusted_rand([1, 1, 2, 2], [1, 2, 1, 2]), 3)
    -0.5
    """
    first, second = np.asarray(left), np.asarray(right)
    if first.ndim != 1 or first.shape != second.shape or first.size < 2:
        raise InputError(
            f"Two partitions of the same instruments, at least two, are needed: {first.size}, {second.size}."
        )
    rows = np.unique(first, return_inverse=True)[1]
    columns = np.unique(second, return_inverse=True)[1]
    table = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    together = _pairs(table.ravel())
    in_first, in_second = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    expected = in_first * in_second / _pairs(np.array([first.size]))
    highest = (in_first + in_second) / 2.0
    # Both partitions are trivial in the same way (all single, or all in one): they are equal.
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def _pairs(counts: IntVector) -> float:
    """Number of pairs inside groups of these sizes."""
    return float((counts * (counts - 1) // 2).sum())


def _vector_drift(early: FloatMatrix, late: FloatMatrix, ids: IntVector) -> FloatVector:
    """One minus the cosine of each cluster's pair correlations before and after; NaN without a pair known in both."""
    drift = np.full(int(ids.max()), np.nan)
    for cluster in range(1, drift.size + 1):
        members = np.flatnonzero(ids == cluster)
        rows, columns = np.triu_indices(members.size, k=1)
        before, after = early[members[rows], members[columns]], late[members[rows], members[columns]]
        known = np.isfinite(before) & np.isfinite(after)
        norm = float(np.linalg.norm(before[known]) * np.linalg.norm(after[known]))
        if norm > 0.0:
            drift[cluster - 1] = max(1.0 - float(before[known] @ after[known]) / norm, 0.0)
    return drift


def _correlate(left: FloatVector, right: FloatVector) -> float | None:
    """Pearson's correlation of two vectors; None where one is constant."""
    if np.ptp(left) == 0.0 or np.ptp(right) == 0.0:
        return None
    return float(np.corrcoef(left, right)[0, 1])
