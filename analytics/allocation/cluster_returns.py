"""Blend the instruments of each cluster and compute the returns of the clusters.

See docs/method/08-allocation.md#8.1.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from analytics._typing import BoolMatrix, FloatMatrix, FloatVector, IntVector
from analytics.allocation.errors import AllocationInputError
from analytics.panel import moves


def blend_members(
    past_returns: FloatMatrix,
    directions: IntVector,
    cluster_ids: IntVector,
    symbols: tuple[str, ...],
    *,
    alpha_weighting: bool = True,
) -> FloatMatrix:
    """Blend the members of each cluster by inverse variance and momentum.

    See docs/method/08-allocation.md#8.1.

    The share is 0.5 * inverse variance + 0.5 * momentum rank, each normalised to 1 over the members. Momentum is the
    mean return of the held position, ranked 1, 2, ... among the members with ties averaged. Without `alpha_weighting`
    the share is the inverse variance alone.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns, NaN where there is none; each instrument counts with its own history
        (docs/method/02-returns.md#2.4).
    directions : (N,)
        +1 for long, -1 for short.
    cluster_ids : (N,)
    symbols : (N,)
        For messages.
    alpha_weighting : bool

    Returns
    -------
    (N, K)
        B: columns in ascending order of cluster id, each summing to 1.

    Raises
    ------
    AllocationInputError
        When a member has fewer than two returns or a constant series.

    Examples
    --------
    >>> past_returns = np.array([[0.01, 0.02, 0.00], [-0.01, -0.02, 0.01], [0.01, 0.02, 0.03]])
    >>> blend_members(past_returns, np.array([1, 1, 1]), np.array([1, 1, 2]), ("A", "B", "C")).round(4).tolist()
    [[0.5667, 0.0], [0.4333, 0.0], [0.0, 1.0]]
    """
    known = np.isfinite(past_returns)
    counts = known.sum(axis=0)
    if np.any(counts < 2):
        column = int(np.argmin(counts))
        message = f"{symbols[column]} has {counts[column]} returns in the window; two are the least a variance needs"
        raise AllocationInputError(message)
    filled = np.where(known, past_returns, 0.0)
    means = filled.sum(axis=0) / counts
    variances = (np.where(known, past_returns - means, 0.0) ** 2).sum(axis=0) / (counts - 1)
    constant = np.flatnonzero(~moves(np.fmin.reduce(past_returns), np.fmax.reduce(past_returns)))
    if constant.size:
        message = (
            f"the returns of {symbols[constant[0]]} never change, so it has no inverse variance; "
            "leave it out of the selection"
        )
        raise AllocationInputError(message)
    clusters = np.unique(cluster_ids)
    blend = np.zeros((cluster_ids.size, clusters.size))
    for column, cluster in enumerate(clusters):
        members = np.flatnonzero(cluster_ids == cluster)
        share = _normalized(1.0 / variances[members])
        if alpha_weighting:
            ranks = rankdata(means[members] * directions[members])
            share = 0.5 * share + 0.5 * _normalized(ranks)
        blend[members, column] = share / share.sum()
    return blend


def _normalized(values: FloatVector) -> FloatVector:
    return values / float(values.sum())


def lifetimes(past_returns: FloatMatrix) -> BoolMatrix:
    """Mark the sessions between the first and the last return of each column.

    Parameters
    ----------
    past_returns : (T, N)
        NaN where there is no return.

    Returns
    -------
    (T, N)
        True from the first to the last return, both included.

    Examples
    --------
    >>> nan = float("nan")
    >>> lifetimes(np.array([[nan], [0.01], [nan], [0.02], [nan]]))[:, 0].tolist()
    [False, True, True, True, False]
    """
    known = np.isfinite(past_returns)
    begun = np.logical_or.accumulate(known, axis=0)
    unfinished = np.logical_or.accumulate(known[::-1], axis=0)[::-1]
    return np.asarray(begun & unfinished)


def compute_cluster_returns(past_returns: FloatMatrix, directions: IntVector, blend: FloatMatrix) -> FloatMatrix:
    """Compute the return of the held members of each cluster.

    See docs/method/08-allocation.md#8.1.

    A member earns 0 on a missing return within its lifetime, because its market was closed and the next return spans
    the gap (docs/method/02-returns.md#2.3). Before its listing and after its end the other members carry the cluster in
    proportion. The return is NaN where no member has one.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns, NaN where there is none.
    directions : (N,)
        +1 for long, -1 for short.
    blend : (N, K)
        B of `blend_members`.

    Returns
    -------
    (T, K)
        Simple returns of the clusters as held, fractions.

    Examples
    --------
    >>> past_returns = np.array([[0.01, -0.02], [0.03, float("nan")], [0.00, 0.01]])
    >>> compute_cluster_returns(past_returns, np.array([1, -1]), np.array([[0.5], [0.5]])).round(4).tolist()
    [[0.015], [0.015], [-0.005]]
    """
    known = np.isfinite(past_returns)
    held = np.where(known, past_returns * directions, 0.0)
    if known.all():
        return held @ blend
    present = lifetimes(past_returns) @ blend
    traded = known.astype(np.float64) @ (blend > 0.0)
    cluster_returns = np.full(present.shape, np.nan)
    np.divide(held @ blend, present, out=cluster_returns, where=(present > 0.0) & (traded > 0.0))
    return cluster_returns
