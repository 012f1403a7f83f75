"""Compute hierarchical weights: HRP, HERC and NCO.

See docs/method/08-allocation.md#8.2.

The distance is d = sqrt((1 - rho) / 2). Nothing here optimises over caps; `cap_feasibility` imposes them afterwards.
"""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.solvers.mean_risk import minimize_variance
from analytics.allocation.solvers.risk_problem import RiskProblem

#: Blocks of the bisection up to this length are summed together, longer ones one by one.
BATCHED_LENGTH = 32
#: Decimals of a distance that decide a merge. Rounding beyond them would break ties between equally distant assets,
#: so that the unit of the returns could change the tree.
DECIMALS = 10
#: Squared distance, relative to the largest there could be, that is rounding alone.
NO_DISTANCE = 1e-14


def correlation_distance(covariance: FloatMatrix) -> FloatMatrix:
    """Compute the distance d = sqrt((1 - rho) / 2) of a covariance.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal, any unit.

    Returns
    -------
    (N, N)
        In [0, 1], with a zero diagonal.

    Examples
    --------
    >>> correlation_distance(np.array([[0.04, 0.01], [0.01, 0.25]])).round(4).tolist()
    [[0.0, 0.6708], [0.6708, 0.0]]
    """
    inverse = 1.0 / np.sqrt(covariance.diagonal())
    distance = covariance * (-0.5 * inverse)[:, None]
    distance *= inverse[None, :]
    distance += 0.5
    distance[distance < NO_DISTANCE] = 0.0
    np.sqrt(distance, out=distance)
    np.fill_diagonal(distance, 0.0)
    return distance


def _between_columns(distance: FloatMatrix) -> FloatVector:
    """Euclidean distance between the columns of the distance matrix, condensed, from one matrix product."""
    # Written as A @ A.T so that NumPy computes half of the product and mirrors it.
    squared = distance @ distance.T
    norms = squared.diagonal() * -0.5
    squared += norms[:, None]
    squared += norms[None, :]
    condensed = squareform(squared, checks=False)
    condensed *= -2.0
    condensed[condensed < NO_DISTANCE * max(-4.0 * float(norms.min()), 1.0)] = 0.0
    np.sqrt(condensed, out=condensed)
    return np.asarray(np.round(condensed, DECIMALS, out=condensed))


def _between_assets(distance: FloatMatrix) -> FloatVector:
    """Condensed form of the distance matrix itself."""
    return np.asarray(np.round(squareform(distance, checks=False), DECIMALS))


def _diagonal_block_sums(matrix: FloatMatrix, starts: IntVector, stops: IntVector) -> FloatVector:
    """Sum of matrix[a:b, a:b] for each pair of starts and stops."""
    sums = np.empty(starts.size)
    lengths = stops - starts
    width = int(lengths.max())
    if width > BATCHED_LENGTH:
        for block, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            sums[block] = matrix[start:stop, start:stop].sum()
        return sums
    offsets = np.arange(width)
    index = np.minimum(starts[:, None] + offsets, matrix.shape[0] - 1)
    inside = offsets < lengths[:, None]
    blocks = matrix[index[:, :, None], index[:, None, :]]
    return np.asarray((blocks * (inside[:, :, None] & inside[:, None, :])).sum(axis=(1, 2)))


def bisect_recursively(covariance: FloatMatrix, order: IntVector) -> FloatVector:
    """Split weight down an ordered list, halving it, in inverse proportion to the variances of the halves.

    The variance of a half is that of its inverse-variance portfolio (Lopez de Prado 2016, snippet 4).

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.
    order : (N,)
        Positions of the assets in the list.

    Returns
    -------
    (N,)
        Sum 1, in the order of the covariance.

    Examples
    --------
    >>> bisect_recursively(np.diag([0.01, 0.04, 0.01]), np.array([0, 2, 1])).round(4).tolist()
    [0.4444, 0.1111, 0.4444]
    """
    inverse = 1.0 / covariance.diagonal()[order]
    weighted = covariance[np.ix_(order, order)]
    weighted *= inverse[:, None]
    weighted *= inverse[None, :]
    cumulative = np.concatenate([[0.0], np.cumsum(inverse)])
    weights = np.ones(order.size)
    starts, stops = np.array([0]), np.array([order.size])
    while starts.size:
        splits = starts + (stops - starts) // 2
        edges = np.concatenate([starts, splits]), np.concatenate([splits, stops])
        sums = _diagonal_block_sums(weighted, *edges)
        variances = sums / (cumulative[edges[1]] - cumulative[edges[0]]) ** 2
        left, right = np.split(variances, 2)
        to_left = right / (left + right)
        factor = np.zeros(order.size + 1)
        shares = np.concatenate([to_left, 1.0 - to_left])
        np.add.at(factor, edges[0], shares - 1.0)
        np.add.at(factor, edges[1], 1.0 - shares)
        weights *= 1.0 + np.cumsum(factor)[:-1]
        keep = edges[1] - edges[0] > 1
        starts, stops = edges[0][keep], edges[1][keep]
    unordered = np.empty_like(weights)
    unordered[order] = weights
    return np.asarray(unordered / unordered.sum())


def hierarchical_risk_parity(covariance: FloatMatrix, *, is_plain: bool = False) -> FloatVector:
    """Compute HRP weights (Lopez de Prado 2016).

    See docs/method/08-allocation.md#8.2.

    As published: single linkage on the Euclidean distance between columns of the distance matrix, the leaf order of the
    linkage, bisection at half the list. With `is_plain`: single linkage on the distance itself and the optimal leaf
    order (Bar-Joseph and others 2001), which current libraries compute under the same name.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.
    is_plain : bool

    Returns
    -------
    (N,)
        Sum 1.

    Examples
    --------
    >>> hierarchical_risk_parity(np.diag([0.01, 0.04, 0.01, 0.04])).round(4).tolist()
    [0.4, 0.1, 0.4, 0.1]
    """
    if covariance.shape[0] == 1:
        return np.ones(1)
    distance = correlation_distance(covariance)
    condensed = _between_assets(distance) if is_plain else _between_columns(distance)
    tree = linkage(condensed, method="single")
    if is_plain:
        tree = optimal_leaf_ordering(tree, condensed)
    return bisect_recursively(covariance, leaves_list(tree).astype(np.int64))


def _members(tree: FloatMatrix) -> list[IntVector]:
    """Leaves under every node of a linkage (n leaves, then n - 1 merges)."""
    count = tree.shape[0] + 1
    nodes = [np.array([leaf]) for leaf in range(count)]
    for left, right in tree[:, :2].astype(int):
        nodes.append(np.concatenate([nodes[left], nodes[right]]))
    return nodes


def _cut(tree: FloatMatrix, count: int) -> list[int]:
    """Nodes that remain when the last count - 1 merges are undone."""
    size = tree.shape[0] + 1
    undone = range(2 * size - count, 2 * size - 1)
    children = tree[[node - size for node in undone], :2].astype(int).ravel().tolist()
    return sorted(set(children) - set(undone)) if count > 1 else [2 * size - 2]


def _count_clusters(tree: FloatMatrix, distance: FloatMatrix) -> int:
    """Number of clusters by the gap statistic of the within-cluster dispersion (Yue, Wang and Wei 2008).

    The dispersion W_k is the sum over clusters of their squared distances over twice their size. The result is the k
    from 2 to about sqrt(N) that maximises W_(k-1) - 2 W_k + W_(k+1), and 1 for fewer than three assets.
    """
    size = distance.shape[0]
    if size < 3:
        return 1
    most = min(int(np.ceil(np.sqrt(size))) + 1, size - 1)
    nodes, squared = _members(tree), distance**2
    dispersion = [
        sum(float(squared[np.ix_(nodes[node], nodes[node])].sum()) / (2.0 * nodes[node].size) for node in _cut(tree, k))
        for k in range(1, most + 2)
    ]
    return int(np.argmax(np.diff(dispersion, n=2))) + 2


def _ward_clusters(covariance: FloatMatrix) -> tuple[FloatMatrix, list[IntVector], list[int]]:
    """Ward linkage of the assets, the leaves under each of its nodes, and the nodes of the clusters."""
    distance = correlation_distance(covariance)
    tree = linkage(_between_assets(distance), method="ward")
    return tree, _members(tree), _cut(tree, _count_clusters(tree, distance))


def _inverse_variance_risk(covariance: FloatMatrix, members: IntVector) -> tuple[FloatVector, float]:
    """Inverse-variance weights of the members and the variance of that portfolio."""
    block = covariance[np.ix_(members, members)]
    weights = 1.0 / block.diagonal()
    weights /= weights.sum()
    return weights, float(weights @ block @ weights)


def hierarchical_equal_risk(covariance: FloatMatrix) -> FloatVector:
    """Compute HERC weights (Raffinot 2018).

    See docs/method/08-allocation.md#8.2.

    Ward linkage on the distance, and as many clusters as the second difference of their dispersion gives (Yue, Wang and
    Wei 2008). Weight goes down the tree to the clusters in inverse proportion to the sum of the variances of the
    clusters on either side; inside a cluster it is inverse to variance.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.

    Returns
    -------
    (N,)
        Sum 1.

    Examples
    --------
    >>> covariance = np.kron(np.diag([1.0, 4.0]), np.array([[0.04, 0.03], [0.03, 0.04]]))
    >>> hierarchical_equal_risk(covariance).round(4).tolist()
    [0.4, 0.4, 0.1, 0.1]
    """
    size = covariance.shape[0]
    if size == 1:
        return np.ones(1)
    tree, nodes, clusters = _ward_clusters(covariance)
    inside, risk = {}, np.zeros(2 * size - 1)
    for node in clusters:
        inside[node], risk[node] = _inverse_variance_risk(covariance, nodes[node])
    above = [node for node in range(size, 2 * size - 1) if node not in inside]
    for node in above:
        left, right = tree[node - size, :2].astype(int)
        risk[node] = risk[left] + risk[right]
    share = np.zeros(2 * size - 1)
    share[2 * size - 2] = 1.0
    for node in sorted((node for node in above if risk[node] > 0.0), reverse=True):
        left, right = tree[node - size, :2].astype(int)
        share[left] = share[node] * risk[right] / (risk[left] + risk[right])
        share[right] = share[node] - share[left]
    weights = np.zeros(size)
    for node in clusters:
        weights[nodes[node]] = share[node] * inside[node]
    return weights


def nested_clusters(covariance: FloatMatrix) -> FloatVector:
    """Compute NCO weights (Lopez de Prado 2019): minimum variance inside clusters, then between them.

    See docs/method/08-allocation.md#8.2.

    Clusters as in `hierarchical_equal_risk`; long-only, without caps.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.

    Returns
    -------
    (N,)
        Sum 1.

    Examples
    --------
    >>> nested_clusters(np.diag([0.01, 0.04])).round(4).tolist()
    [0.8, 0.2]
    """
    size = covariance.shape[0]
    if size < 3:
        return _minimum_variance(covariance)
    _, nodes, clusters = _ward_clusters(covariance)
    inner = np.zeros((size, 0))
    for node in clusters:
        column = np.zeros((size, 1))
        column[nodes[node], 0] = _minimum_variance(covariance[np.ix_(nodes[node], nodes[node])])
        inner = np.hstack([inner, column])
    between = inner.T @ covariance @ inner
    return inner @ _minimum_variance(0.5 * (between + between.T))


def _minimum_variance(covariance: FloatMatrix) -> FloatVector:
    if covariance.shape[0] == 1:
        return np.ones(1)
    problem = RiskProblem("min_variance", np.ascontiguousarray(covariance), np.ones(covariance.shape[0]))
    return minimize_variance(problem, 1.0).weights


def refuse_constant(covariance: FloatMatrix, names: tuple[str, ...], risk_profile: str) -> None:
    """Raise where an asset has no variance.

    Parameters
    ----------
    covariance : (N, N)
    names : N names
    risk_profile : str
        Used in the message.

    Raises
    ------
    AllocationInputError
        When an asset has no variance; the message names it.

    Examples
    --------
    >>> refuse_constant(np.diag([0.04, 0.0]), ("A", "B"), "hrp")
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.AllocationInputError: hrp divides by volatility, and 1 of 2 have none: B. Leave ...
    """
    constant = np.flatnonzero(covariance.diagonal() <= 0.0)
    if constant.size:
        listed = ", ".join(names[column] for column in constant[:5])
        message = (
            f"{risk_profile} divides by volatility, and {constant.size} of {len(names)} have none: {listed}. Leave constant "
            "series out, or take min_variance"
        )
        raise AllocationInputError(message)
