"""Cluster instruments by how their held returns move together: linkage, cut and implied correlations.

See docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.clustering.linkage import LinkageMethod, cut_tree, implied_correlations, linkage_tree
from analytics.errors import InputError
from analytics.estimation.correlation import (
    DEFAULT_LOOKBACKS,
    MIN_OVERLAP,
    BlendedDistance,
    DenseSubset,
    blended_distance,
    exclude_sparse,
    integer_lookbacks,
)
from analytics.panel import Panel, check_directions, check_panel, refuse_unusable, unusable_columns

DEFAULT_THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"CRISIS": 0.30, "TURBULENT": 0.35, "NORMAL": 0.40, "QUIET": 0.50}
)
# The distance of rho = 0: nothing known about a pair is no evidence that it moves together or apart.
UNKNOWN_DISTANCE = float(np.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class Clustering:
    """Partition of N instruments and the tree it was cut from; N' of them are clustered, in K clusters.

    See docs/method/04-clusters.md#4.1.

    Attributes
    ----------
    symbols : tuple of N str
        All instruments in the order of the input.
    cluster_ids : (N,)
        1..K, numbered by size, largest first, ties by the smallest symbol; 0 = excluded.
    kept : (N',)
        Index into `symbols` of each leaf. Leaves are in symbol order, so the result does not depend on the input order.
    linkage : (N' - 1, 4)
        As SciPy's: left node, right node, height, size; nodes below N' are leaves.
    leaf_order : (N,)
        Position of each instrument in the drawn tree, 0..N'-1; -1 = excluded.
    threshold : float
        Height of the cut that made `cluster_ids`.
    method : str
        Linkage: `ward`, `average`, `complete` or `single`.
    distance, correlation : (N', N')
        Of held returns, rows and columns as the leaves; an unknown pair has NaN correlation and the distance of 0.
    min_correlation, mean_correlation : (K,)
        Over the known pairs of each cluster; NaN for a single instrument.
    lookbacks : tuple of int
        Lengths of the blended lookbacks in sessions.
    excluded : tuple of (str, str)
        Symbol and reason of each instrument with id 0, by symbol.
    n_unknown_pairs : int
        Pairs of leaves without correlation.
    """

    symbols: tuple[str, ...]
    cluster_ids: IntVector
    kept: IntVector
    linkage: FloatMatrix
    leaf_order: IntVector
    threshold: float
    method: LinkageMethod
    distance: FloatMatrix
    correlation: FloatMatrix
    min_correlation: FloatVector
    mean_correlation: FloatVector
    lookbacks: tuple[int, ...]
    excluded: tuple[tuple[str, str], ...]
    n_unknown_pairs: int

    @property
    def n_clusters(self) -> int:
        """K, excluded instruments not counted."""
        return self.min_correlation.size

    @property
    def leaf_symbols(self) -> tuple[str, ...]:
        """Symbols of the rows of `distance` and `correlation`."""
        return tuple(self.symbols[index] for index in self.kept)

    @property
    def leaf_cluster_ids(self) -> IntVector:
        """Cluster of each leaf (N',)."""
        return self.cluster_ids[self.kept]

    def members(self, cluster_id: int) -> tuple[str, ...]:
        """List the symbols of one cluster in symbol order.

        Parameters
        ----------
        cluster_id : int
            1..K.

        Returns
        -------
        tuple of str

        Raises
        ------
        InputError
            No such cluster.
        """
        if not 1 <= cluster_id <= self.n_clusters:
            raise InputError(f"There is no cluster {cluster_id}; clusters run from 1 to {self.n_clusters}.")
        return tuple(self.symbols[index] for index in self.kept if self.cluster_ids[index] == cluster_id)


def default_threshold(regime: str) -> float:
    """Look up the default cut height of a regime.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    regime : str
        `QUIET`, `NORMAL`, `TURBULENT` or `CRISIS`.

    Returns
    -------
    float
        In the unit of the distance.

    Raises
    ------
    InputError
        An unknown regime.

    Examples
    --------
    >>> from analytics.clustering.clusters import default_threshold
    >>> default_threshold("CRISIS")
    0.3
    """
    if regime not in DEFAULT_THRESHOLDS:
        raise InputError(f"Unknown regime {regime!r}; known: {', '.join(DEFAULT_THRESHOLDS)}.")
    return DEFAULT_THRESHOLDS[regime]


def cluster_instruments(
    past_returns: ArrayLike,
    symbols: Sequence[str],
    directions: ArrayLike,
    *,
    threshold: float,
    method: LinkageMethod = "ward",
    lookbacks: Sequence[int] = DEFAULT_LOOKBACKS,
    min_overlap: int = MIN_OVERLAP,
    unusable: Literal["refuse", "exclude"] = "refuse",
) -> Clustering:
    """Cluster instruments by the blended distance of their held returns.

    See docs/method/03-dependence.md#3.4, docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, the last row the most recent; NaN for NULL.
    symbols : sequence of N str
        Names of the columns.
    directions : (N,)
        +1 for long, -1 for short.
    threshold : float
        Height of the cut, above 0; `default_threshold(regime)` gives the one of a regime.
    method : str
        Linkage: `ward`, `average`, `complete` or `single`.
    lookbacks : sequence of int
        Lengths in sessions of the windows whose distances are averaged.
    min_overlap : int
        Common sessions that a pair needs within a lookback.
    unusable : str
        Treatment of an instrument without any return or variation: `refuse` raises, `exclude` gives it cluster 0 and
        the reason.

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        Fewer than two usable instruments, infinite returns, repeated symbols, a direction other than +1 or -1, an
        unusable instrument under `refuse`, an unknown method, a threshold that is not positive.
    ShortHistoryError
        Fewer than `min_overlap` sessions.

    References
    ----------
    Ward, J. H. (1963). Hierarchical grouping to optimize an objective function. JASA 58.

    Examples
    --------
    Two pairs that share a factor each; the last instrument is held short, so it leaves its pair.

    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (np.repeat(rng.normal(size=(60, 2)), 2, axis=1) + 0.3 * rng.normal(size=(60, 4)))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C", "D"], [1, 1, 1, -1], threshold=0.4)
    >>> clustering.cluster_ids
    array([1, 1, 2, 3])
    >>> clustering.members(1)
    ('A', 'B')
    >>> clustering.mean_correlation.round(3)
    array([0.944,   nan,   nan])
    """
    if method not in get_args(LinkageMethod):
        raise InputError(f"Unknown linkage {method!r}; known: {', '.join(get_args(LinkageMethod))}.")
    panel = check_panel(past_returns, symbols, min_sessions=max(2, min_overlap), min_instruments=2)
    signs = check_directions(directions, panel.symbols)
    usable, excluded = _usable_in_symbol_order(panel, unusable)
    names = [panel.symbols[index] for index in usable]
    window, read_lookbacks = _window_in_symbol_order(panel, usable, lookbacks)
    blended = blended_distance(window, signs[usable], read_lookbacks, min_overlap, names=names)
    dense = exclude_sparse(blended.correlation, names)
    kept = usable[dense.kept]
    excluded += dense.excluded
    _refuse_fewer_than_two(kept, len(panel.symbols), excluded)
    correlation, distance, n_unknown = _leaf_matrices(blended, dense)
    tree = linkage_tree(distance, method)
    uncut = Clustering(
        symbols=panel.symbols,
        cluster_ids=np.zeros(len(panel.symbols), dtype=np.int64),
        kept=kept,
        linkage=tree,
        leaf_order=_leaf_order(tree, kept, len(panel.symbols)),
        threshold=threshold,
        method=method,
        distance=distance,
        correlation=correlation,
        min_correlation=np.empty(0),
        mean_correlation=np.empty(0),
        lookbacks=blended.lookbacks,
        excluded=tuple(sorted(excluded)),
        n_unknown_pairs=n_unknown,
    )
    return recut(uncut, threshold)


def recut(clustering: Clustering, threshold: float) -> Clustering:
    """Cut the tree of a clustering at another height.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    clustering : Clustering
        Its tree, distances and exclusions are kept.
    threshold : float
        Height of the new cut, above 0.

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        A height that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments, recut
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    >>> clustering = cluster_instruments(returns, ["A", "B", "C"], [1, 1, 1], threshold=0.1)
    >>> clustering.n_clusters, recut(clustering, 2.0).n_clusters
    (3, 1)
    """
    leaf_ids = cut_tree(clustering.linkage, threshold)
    cluster_ids = np.zeros(len(clustering.symbols), dtype=np.int64)
    cluster_ids[clustering.kept] = leaf_ids
    lowest, mean = implied_correlations(clustering.correlation, leaf_ids)
    return replace(
        clustering, cluster_ids=cluster_ids, threshold=threshold, min_correlation=lowest, mean_correlation=mean
    )


def _usable_in_symbol_order(
    panel: Panel, unusable: Literal["refuse", "exclude"]
) -> tuple[IntVector, tuple[tuple[str, str], ...]]:
    """Columns with returns that vary (N'',) in symbol order, and symbol and reason of the others."""
    if unusable == "refuse":
        refuse_unusable(panel)
        reasons: dict[int, str] = {}
    else:
        reasons = unusable_columns(panel)
    usable = [index for index in range(len(panel.symbols)) if index not in reasons]
    if len(usable) < 2:
        raise InputError(f"Only {len(usable)} of {len(panel.symbols)} instruments have returns that vary.")
    usable.sort(key=panel.symbols.__getitem__)
    excluded = tuple((panel.symbols[index], reason) for index, reason in reasons.items())
    return np.asarray(usable, dtype=np.int64), excluded


def _window_in_symbol_order(
    panel: Panel, usable: IntVector, lookbacks: Sequence[int]
) -> tuple[FloatMatrix, tuple[int, ...]]:
    """Cut out the returns that some lookback reads, and list the lookbacks that fit; all of both where none fits.

    A longer past than the longest lookback is never read. One memory layout for every order of the input columns makes
    the sums, and with them the result, the same to the last bit.
    """
    lookbacks = integer_lookbacks(lookbacks)
    fitting = tuple(lookback for lookback in lookbacks if lookback <= panel.returns.shape[0])
    n_read = max(fitting, default=0)
    recent = panel.returns[-n_read:]
    is_sorted = usable.size == len(panel.symbols) and bool((np.diff(usable) > 0).all())
    window = np.ascontiguousarray(recent if is_sorted else recent[:, usable])
    return window, fitting if n_read else lookbacks


def _refuse_fewer_than_two(kept: IntVector, n_instruments: int, excluded: Sequence[tuple[str, str]]) -> None:
    if kept.size < 2:
        raise InputError(
            f"Only {kept.size} of {n_instruments} instruments can be clustered; excluded: "
            f"{'; '.join(f'{name} ({reason})' for name, reason in excluded[:5])}. Lengthen the window."
        )


def _leaf_matrices(blended: BlendedDistance, dense: DenseSubset) -> tuple[FloatMatrix, FloatMatrix, int]:
    """Correlation and distance (N', N') of the leaves, unknown pairs at the distance of 0, and their number."""
    correlation, distance = blended.correlation, blended.distance
    if dense.excluded:
        block = np.ix_(dense.kept, dense.kept)
        correlation, distance = correlation[block], distance[block]
    unknown = np.isnan(distance)
    n_unknown = int(unknown.sum()) // 2
    if n_unknown:
        distance = np.where(unknown, UNKNOWN_DISTANCE, distance)
    return correlation, distance, n_unknown


def _leaf_order(tree: FloatMatrix, kept: IntVector, n_instruments: int) -> IntVector:
    """Position of each instrument in the drawn tree (N,); -1 for those outside it."""
    order = np.full(n_instruments, -1, dtype=np.int64)
    order[kept[hierarchy.leaves_list(tree)]] = np.arange(kept.size)
    return order
